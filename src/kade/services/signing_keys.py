"""Signing keys: which one signs, which ones count, and their change.

A key signs for its time; the first token after that is signed by a new one, made in the transaction that
finds none. Two processes may each make one then: both are good. A retired key is published, and counts, until
every token that it signed is over.
"""

import asyncio
from collections.abc import Callable

from kade.core.clock import Millis, now
from kade.core.errors import KadeError, SigningKeyReason
from kade.core.events import Event
from kade.core.ids import Id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller
from kade.core.signing_keys import SigningKey
from kade.services import tenants

_PAUSE_MS = 1000  # between two looks at the catalog for keys that are not known here


def current(tx: Tx, at: Millis) -> SigningKey | None:
    """The newest key that signs at that moment."""
    return next((key for key in tx.signing_keys.all() if key.signs(at)), None)


def ensure(tx: Tx, caller: Caller, fresh: SigningKey) -> SigningKey:
    """The key that signs by now: *fresh*, when there is none."""
    found = current(tx, fresh.created_at)
    if found is None:
        _add(tx, caller, fresh)
    return found or fresh


def rotate(tx: Tx, caller: Caller, fresh: SigningKey) -> None:
    """Sign with *fresh* from now on; tokens of the keys before it stay good."""
    tenants.require_operator(tx, caller)
    for key in tx.signing_keys.all():
        if key.signs(fresh.created_at):
            tx.journal.append(Event.by(caller, "signing_key.retired", key.id))
    tx.signing_keys.retire_all(fresh.created_at)
    _add(tx, caller, fresh)


def revoke(tx: Tx, caller: Caller, key_id: Id, at: Millis) -> None:
    """Refuse every token of a key from now on.

    Raises:
        KadeError: ``SigningKeyReason.UNKNOWN`` when there is no such key, or it was revoked before.
    """
    tenants.require_operator(tx, caller)
    if not tx.signing_keys.revoke(key_id, at):
        raise KadeError(SigningKeyReason.UNKNOWN, key_id)
    tx.journal.append(Event.by(caller, "signing_key.revoked", key_id))


def published(tx: Tx, at: Millis) -> list[SigningKey]:
    """The keys whose tokens may count at that moment, newest first."""
    return [key for key in tx.signing_keys.all() if key.verifies(at)]


class KeyRing:
    """The keys as one process knows them.

    *mint* makes a key pair that signs from a moment on and is not yet in the catalog. Keys are remembered;
    whether one was revoked since is for whoever relies on it to ask.
    """

    def __init__(
        self, catalog: Catalog, mint: Callable[[Millis], SigningKey], clock: Callable[[], Millis] = now
    ) -> None:
        self._catalog = catalog
        self.mint = mint
        self._clock = clock
        self._known: dict[str, SigningKey] = {}
        self._looked_at: Millis | None = None
        self._looking = asyncio.Lock()

    async def signing(self, caller: Caller) -> SigningKey:
        """The key that a token for *caller* is to be signed with: a new one when the last has retired."""
        found = await self._catalog.glance(current, self._clock())
        if found is None:
            fresh = self.mint(self._clock())
            found = await self._catalog.write(ensure, caller, fresh)
        self._known[found.id] = found
        return found

    async def find(self, key_id: str) -> SigningKey | None:
        """The key of that id, while its tokens may count.

        Ids that are not known here are looked for once a second at most, however many come.
        """
        if key_id not in self._known:
            await self._look()
        found = self._known.get(key_id)
        return found if found is not None and found.verifies(self._clock()) else None

    async def published(self) -> list[SigningKey]:
        """What ``published`` says, as it was within the last second; newest first."""
        await self._look()
        at = self._clock()
        return sorted((key for key in self._known.values() if key.verifies(at)), key=_age, reverse=True)

    async def _look(self) -> None:
        async with self._looking:  # whoever waits here sees what the one before saw
            await self._look_after_a_pause()

    async def _look_after_a_pause(self) -> None:
        at = self._clock()
        if self._looked_at is None or not 0 <= at - self._looked_at < _PAUSE_MS:
            self._known = {key.id: key for key in await self._catalog.glance(published, at)}
            self._looked_at = at


def _age(key: SigningKey) -> tuple[int, str]:
    return key.created_at, key.id


def _add(tx: Tx, caller: Caller, fresh: SigningKey) -> None:
    tx.signing_keys.add(fresh)
    tx.journal.append(Event.by(caller, "signing_key.created", fresh.id, retires_at=fresh.retires_at))

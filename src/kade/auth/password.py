"""Names and passwords (HTTP Basic, RFC 7617), kept as argon2id hashes.

Checking one takes tens of milliseconds of processor time and some memory on purpose, so it is done outside
of transactions and in a thread.
"""

import asyncio
import hashlib

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kade.auth.client_certificate import caller_of
from kade.core import names
from kade.core.clock import now
from kade.core.errors import AccessReason, KadeError
from kade.core.ids import Id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller, Credential, CredentialKind, Origin, Principal

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's argon2id minimum
_REMEMBERED_MS = 60_000
_REMEMBERED = 1024
_AT_ONCE = 2  # hashes that are computed at the same time: each takes 19 MiB


class Passwords:
    """Checks passwords; one that was right is remembered for a minute, keyed by a hash of it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._right: dict[tuple[Id, bytes], int] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def authenticate(self, name: str, password: str, origin: Origin) -> Caller:
        """The principal of that name, when the password is right.

        Raises:
            KadeError: ``AccessReason.UNKNOWN_CREDENTIAL`` for an unknown name and a wrong password
                alike, ``REVOKED_CREDENTIAL`` or ``EXPIRED_CREDENTIAL``.
        """
        found = await self._catalog.glance(_proven, fingerprint(name))
        await self._check(found[0] if found else None, password)
        return caller_of(found, origin)

    async def _check(self, credential: Credential | None, password: str) -> None:
        key = (credential.id if credential else Id(""), hashlib.sha256(password.encode()).digest())
        if credential is not None and self._right.get(key, 0) > now():
            return
        async with self._slots:
            # An unknown name costs the same time as a wrong password.
            stored = (credential.secret if credential else None) or _DUMMY
            right = await asyncio.to_thread(matches, stored, password)
        if credential is None or not right:
            raise KadeError(AccessReason.UNKNOWN_CREDENTIAL)
        if len(self._right) >= _REMEMBERED:
            self._right.clear()
        self._right[key] = now() + _REMEMBERED_MS


def fingerprint(name: str) -> str:
    """What a password is looked up by: the folded name of its principal."""
    return names.fold(name)


def hashed(password: str) -> str:
    """The argon2id hash to keep."""
    return _HASHER.hash(password)


def matches(stored: str, password: str) -> bool:
    """Whether the password is the one that ``hashed`` made *stored* of; takes tens of milliseconds."""
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _proven(tx: Tx, name: str) -> tuple[Credential, Principal] | None:
    return tx.credentials.proven(CredentialKind.PASSWORD, name)


_DUMMY = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$Zm9yIG5vYm9keSwgZXZlciwgYXQgYWxsISEhISEhISE"

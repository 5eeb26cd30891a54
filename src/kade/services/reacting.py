"""Durable reactions: what follows from the journal after commit, at least once, also after a crash.

Each reaction has a cursor in the catalog. It reads entries behind the cursor, does its work and moves the
cursor in one transaction; so on one catalog its work is done once, by whichever process comes first.
"""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from kade.core.errors import KadeError
from kade.core.events import Event, JournalEntry, Outcome
from kade.core.ports import Catalog, Tx

_log = structlog.get_logger("kade.services.reacting")
_BATCH = 100
_PAUSE_S = 5.0  # when nobody woke it
_RETRY_S = 1.0

Reaction = Callable[[Tx, JournalEntry], None]


class Reacting:
    """Runs one reaction; it must not mind seeing an entry twice."""

    def __init__(self, catalog: Catalog, name: str, reaction: Reaction) -> None:
        self._catalog = catalog
        self._name = name
        self._reaction = reaction
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the journal soon."""
        self._woken.set()

    async def run(self) -> None:
        """React until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.catch_up()
            except (KadeError, OSError):
                await asyncio.sleep(_RETRY_S)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_S):
                    await self._woken.wait()

    async def catch_up(self) -> None:
        """React to everything that is in the journal by now.

        An entry that the reaction fails on is logged and noted, and left behind: those after it must not
        wait for ever. Raises KadeError when the catalog refuses.
        """
        size = _BATCH
        while True:
            try:
                seen = await self._catalog.write(self._follow, size)
            except KadeError:
                raise
            except Exception:
                if size == 1:
                    _log.exception("a reaction failed", reaction=self._name)
                    await self._catalog.write(self._skip)
                size = 1  # to find out which entry it was
                continue
            if seen == 0:
                return
            size = _BATCH

    async def lag(self) -> int:
        """How many entries of the journal it has not seen yet."""

        def behind(tx: Tx) -> int:
            return tx.journal.last_position() - (tx.cursors.lock(self._name) or 0)

        return await self._catalog.write(behind)

    def _follow(self, tx: Tx, size: int) -> int:
        entries = tx.journal.tail(tx.cursors.lock(self._name) or 0, size)
        for entry in entries:
            self._reaction(tx, entry)
        if entries:
            tx.cursors.move(self._name, entries[-1].position)
        return len(entries)

    def _skip(self, tx: Tx) -> None:
        entries = tx.journal.tail(tx.cursors.lock(self._name) or 0, 1)
        for entry in entries:
            failed = Event("reaction.failed", entry.subject, Outcome.FAILED, detail={"reaction": self._name})
            tx.journal.append(failed)
            tx.cursors.move(self._name, entry.position)

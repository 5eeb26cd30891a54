"""Durable reactions: what follows from the journal after commit, at least once, also after a crash.

Each reaction has a cursor in the catalog. It reads entries behind the cursor, does its work and moves the
cursor in one transaction; so on one catalog its work is done once, by whichever process comes first.
"""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from kade.core.errors import KadeError, Reason, RequestReason, UploadReason
from kade.core.events import Event, JournalEntry, Outcome
from kade.core.ports import Catalog, Tx

_log = structlog.get_logger("kade.services.reacting")
_BATCH = 100
_FAILED = "reaction.failed"
# What the catalog refuses now it may do later; any other refusal is the reaction's own.
_NOT_NOW: tuple[Reason, ...] = (
    RequestReason.CATALOG_UNAVAILABLE,
    RequestReason.SHUTTING_DOWN,
    UploadReason.DISK_FULL,
)

Reaction = Callable[[Tx, JournalEntry], None]


class Reacting:
    """Runs one reaction; it must not mind seeing an entry twice.

    It looks at the journal when it is woken, and every *pause_s* seconds; *retry_s* after a failure.
    """

    def __init__(
        self, catalog: Catalog, name: str, reaction: Reaction, *, pause_s: float = 5.0, retry_s: float = 1.0
    ) -> None:
        self._catalog = catalog
        self._name = name
        self._reaction = reaction
        self._pause_s = pause_s
        self._retry_s = retry_s
        self._woken = asyncio.Event()
        self._at: int | None = None  # the entry that is reacted to
        self._before = 0  # how many were reacted to before it, in the same transaction

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
                await asyncio.sleep(self._retry_s)
                continue
            except Exception:
                _log.exception("the journal could not be followed; it is tried again", reaction=self._name)
                await asyncio.sleep(self._retry_s)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await self._woken.wait()

    async def catch_up(self) -> None:
        """React to everything that is in the journal by now.

        An entry that the reaction fails on twice is logged and noted, and left behind: those after it must
        not wait for ever. What goes wrong with the catalog itself is raised, and leaves nothing behind.
        """
        size, failed = _BATCH, None
        while True:
            try:
                seen = await self._catalog.write(self._follow, size)
            except Exception as error:
                if self._at is None or (isinstance(error, KadeError) and error.reason in _NOT_NOW):
                    raise
                if failed == self._at and self._before == 0:
                    _log.exception("a reaction failed", reaction=self._name, position=self._at)
                    await self._catalog.write(self._leave_behind, self._at)
                failed, size = self._at, max(self._before, 1)
                continue
            if seen == 0:
                return
            size = _BATCH

    async def lag(self) -> int:
        """How many entries of the journal it has not seen yet."""
        return await self._catalog.read(
            lambda tx: tx.journal.last_position() - tx.cursors.get(self._name),
        )

    def _follow(self, tx: Tx, size: int) -> int:
        self._at = None
        entries = tx.journal.tail(tx.cursors.lock(self._name), size)
        for self._before, entry in enumerate(entries):
            self._at = entry.position
            if entry.kind != _FAILED:  # else a failure could lead to the next one, for ever
                self._reaction(tx, entry)
        self._at = None
        if entries:
            tx.cursors.move(self._name, entries[-1].position)
        return len(entries)

    def _leave_behind(self, tx: Tx, position: int) -> None:
        """Unless another process got past it meanwhile."""
        if tx.cursors.lock(self._name) != position - 1:
            return
        (entry,) = tx.journal.tail(position - 1, 1)
        failed = Event(_FAILED, entry.subject, Outcome.FAILED, detail={"reaction": self._name})
        tx.journal.append(failed)
        tx.cursors.move(self._name, position)

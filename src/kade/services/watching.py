"""Tailing the journal: each process reacts, within a second, to what any process changed.

It starts at the end of the journal: what a process holds in memory was read after that.
"""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from kade.core.errors import KadeError
from kade.core.events import JournalEntry
from kade.core.ports import Catalog

_log = structlog.get_logger("kade.services.watching")
_PAUSE_S = 0.25
_BATCH = 1000

Reaction = Callable[[JournalEntry], None]


class Watching:
    """Calls reactions with every entry that the journal gains."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._reactions: list[Reaction] = []
        self._task: asyncio.Task[None] | None = None
        self._position = 0

    def react(self, reaction: Reaction) -> None:
        """Have *reaction* called, in the event loop, in order, from the next start on.

        What it raises is logged: neither the other reactions nor the entries that follow wait for it.
        """
        self._reactions.append(reaction)

    async def start(self) -> None:
        """Begin at the end of the journal as it is now."""
        self._position = await self._catalog.read(lambda tx: tx.journal.last_position())
        self._task = asyncio.create_task(self._tail_forever())

    async def close(self) -> None:
        """Stop reacting."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def catch_up(self) -> None:
        """React to everything that is in the journal by now."""
        while entries := await self._catalog.read(lambda tx: tx.journal.tail(self._position, _BATCH)):
            for entry in entries:
                self._show(entry)
            self._position = entries[-1].position

    def _show(self, entry: JournalEntry) -> None:
        for reaction in self._reactions:
            try:
                reaction(entry)
            except Exception:
                _log.exception("a reaction failed", kind=entry.kind, position=entry.position)

    async def _tail_forever(self) -> None:
        while True:
            with contextlib.suppress(KadeError, OSError):
                await self.catch_up()
            await asyncio.sleep(_PAUSE_S)

"""Receipts: a delivery counts as downloaded once every byte of it was handed over (spec 1(c) 15).

What was sent is noted after it was sent, never before: a broken transfer must not hide a file. A list waits
for notes of its own application that are just being written, so that what was downloaded is not new again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import structlog

from kade.core.ids import Id
from kade.core.ports import Catalog
from kade.core.principals import Caller
from kade.core.ranges import Span
from kade.services import deliveries

_log = structlog.get_logger("kade.receipts")


class Receipts:
    """Writes them, and knows which are being written."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._writing: defaultdict[Id, set[asyncio.Task[None]]] = defaultdict(set)

    async def write(self, caller: Caller, file_id: Id, sent: Sequence[Span]) -> None:
        """Note what the caller was sent. It is seen to its end also when nobody waits for it any longer."""
        task = asyncio.create_task(self._write(caller, file_id, sent))
        mine = self._writing[caller.principal_id]
        mine.add(task)
        task.add_done_callback(lambda done: self._written(caller.principal_id, done))
        await asyncio.shield(task)

    async def written(self, caller: Caller) -> None:
        """Wait until what the caller was sent is noted."""
        if tasks := self._writing.get(caller.principal_id):
            await asyncio.wait(tasks)

    async def _write(self, caller: Caller, file_id: Id, sent: Sequence[Span]) -> None:
        try:
            await self._catalog.write(deliveries.fetched, caller, file_id, sent)
        except Exception:  # the bytes are there; the file stays on the list, to be fetched once more
            _log.exception("a receipt was not written", file=file_id)

    def _written(self, principal_id: Id, task: asyncio.Task[None]) -> None:
        tasks = self._writing[principal_id]
        tasks.discard(task)
        if not tasks:
            del self._writing[principal_id]

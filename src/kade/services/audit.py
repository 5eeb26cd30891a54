"""The audit trail of what changes nothing: reads and refusals.

Changes leave their events in their own transactions. Reads and refusals are noted here and written
together, a moment later: they are no part of what was acknowledged.
"""

import asyncio
import contextlib

from kade.core.errors import Code, KadeError
from kade.core.events import Event, Outcome
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller, Origin

_PAUSE_S = 0.05
_BATCH = 2000
_BACKLOG = 100_000  # notes in memory at most; the oldest are dropped, and counted, beyond


class Audit:
    """Collects notes and writes them in batches."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._notes: list[Event] = []
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()  # two flushes at once would write the same notes twice
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def note(self, event: Event) -> None:
        """Have *event* written soon."""
        if len(self._notes) >= _BACKLOG:
            self.dropped += 1
            return
        self._notes.append(event)
        self._wake.set()

    def refused(self, error: KadeError, caller: Caller | None, origin: Origin) -> None:
        """Note that an operation was refused, by which rule, to whom."""
        self.note(
            Event(
                kind="request.refused",
                subject=error.subject,
                outcome=Outcome.FAILED if error.code is Code.INTERNAL else Outcome.REFUSED,
                reason=str(error.reason),
                tenant_id=caller.tenant_id if caller else None,
                principal_id=caller.principal_id if caller else None,
                credential_id=caller.credential_id if caller else None,
                origin=origin,
            )
        )

    def start(self) -> None:
        """Write notes from now on."""
        self._task = asyncio.create_task(self._write_forever())

    async def close(self) -> None:
        """Write what is left and end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.flush()

    async def flush(self) -> None:
        """Write every note that is waiting."""
        async with self._flushing:
            while self._notes:
                batch = self._notes[:_BATCH]
                await self._catalog.write(_append, batch)
                del self._notes[: len(batch)]

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(_PAUSE_S)
            self._wake.clear()
            # A full disk must not end the trail: the notes wait until there is room again.
            with contextlib.suppress(KadeError):
                await self.flush()


def _append(tx: Tx, events: list[Event]) -> None:
    for event in events:
        tx.journal.append(event)

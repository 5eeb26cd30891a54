"""The audit trail of what changes nothing: reads and refusals.

Changes leave their events in their own transactions. Reads and refusals are noted here and written
together, a moment later: they are no part of what was acknowledged.
"""

import asyncio
import contextlib
from collections import deque

from kade.core.errors import Code, KadeError
from kade.core.events import Event, Outcome
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller, Origin

_PAUSE_S = 0.05
_BATCH = 200  # a transaction should be short
_BACKLOG = 100_000  # notes in memory at most; the oldest are dropped, and counted, beyond


class Audit:
    """Collects notes and writes them in batches."""

    def __init__(self, catalog: Catalog, backlog: int = _BACKLOG) -> None:
        self._catalog = catalog
        self._notes: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._backlog = backlog
        self._flushing = asyncio.Lock()  # two flushes at once would write the same notes twice
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def note(self, event: Event) -> None:
        """Have *event* written soon."""
        if len(self._notes) >= self._backlog:
            self._notes.popleft()
            self.dropped += 1
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
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task  # not cancelled: what it is writing would be written again
        await self.flush()

    async def flush(self) -> None:
        """Write every note that is waiting."""
        async with self._flushing:
            while self._notes:
                batch = [self._notes.popleft() for _ in range(min(len(self._notes), _BATCH))]
                try:
                    await self._catalog.write(_append, batch)
                except Exception:
                    self._notes.extendleft(reversed(batch))
                    raise

    async def _write_forever(self) -> None:
        while not self._closing:
            await self._wake.wait()
            await asyncio.sleep(_PAUSE_S)
            self._wake.clear()
            # A full disk must not end the trail: the notes wait until there is room again.
            with contextlib.suppress(KadeError):
                await self.flush()


def _append(tx: Tx, events: list[Event]) -> None:
    for event in events:
        tx.journal.append(event)

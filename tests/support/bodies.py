"""A body as a test wants it: implements ``core.ports.Source`` on pieces given beforehand."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Piece

Step = bytes | KadeError | Callable[[], Awaitable[None]]


class HeldBytes:
    """Implements ``core.ports.Piece``; *leased* counts those that were not released yet."""

    leased = 0

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self._held = True
        HeldBytes.leased += 1

    def release(self) -> None:
        assert self._held, "released twice"
        self._held = False
        HeldBytes.leased -= 1


class Body:
    """Gives each step in turn: bytes (none: a pause), an error, or a call that is awaited first."""

    def __init__(
        self, steps: Iterable[Step], remaining: int | None = -1, trailers: dict[str, str] | None = None
    ) -> None:
        self._steps = list(steps)
        total = sum(len(step) for step in self._steps if isinstance(step, bytes))
        self._remaining = total if remaining == -1 else remaining
        self.trailers = trailers or {}

    @property
    def remaining(self) -> int | None:
        return self._remaining

    async def read(self, patience: float) -> Piece | None:
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, KadeError):
                raise step
            if isinstance(step, bytes):
                if self._remaining is not None:
                    self._remaining -= len(step)
                return HeldBytes(step)
            await step()
        return None


class Stream:
    """A body that a test feeds while it is being read."""

    def __init__(self, remaining: int | None = None) -> None:
        self._queue: asyncio.Queue[bytes | KadeError | None] = asyncio.Queue()
        self.remaining = remaining
        self.trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> None:
        self._queue.put_nowait(data)

    def end(self) -> None:
        self._queue.put_nowait(None)

    def cut(self) -> None:
        self._queue.put_nowait(KadeError(RequestReason.LINE_CUT))

    async def read(self, patience: float) -> Piece | None:
        try:
            async with asyncio.timeout(min(patience, 0.02)):
                given = await self._queue.get()
        except TimeoutError:
            return HeldBytes(b"")
        if isinstance(given, KadeError):
            raise given
        if given is None:
            return None
        if self.remaining is not None:
            self.remaining -= len(given)
        return HeldBytes(given)

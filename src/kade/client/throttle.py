"""How fast bytes go, together for all transfers to one destination."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

_SMOOTH_S = 0.25  # a piece is not larger than what may go in this time, so that nothing seems to stand still
_SMALLEST = 1 << 10


class Throttle:
    """A token bucket of `rate` bytes per second, with room for one second; both directions draw from it.

    `clock` and `sleep` are in seconds. Whoever takes comes in turn; none is let past for being small.
    """

    def __init__(
        self,
        rate: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if rate < 1:
            raise ValueError("a rate is one byte per second or more")
        self.rate = rate
        self._clock, self._sleep = clock, sleep
        self._tokens = float(rate)
        self._filled = clock()

    @property
    def piece(self) -> int:
        """How many bytes to take at once at most."""
        return max(_SMALLEST, int(self.rate * _SMOOTH_S))

    async def take(self, count: int) -> None:
        """Wait until `count` bytes may go; whoever comes later waits for them as well."""
        now = self._clock()
        self._tokens = min(self.rate, self._tokens + (now - self._filled) * self.rate)
        self._filled = now
        self._tokens -= count
        if self._tokens < 0:
            await self._sleep(-self._tokens / self.rate)

    def cut(self, piece: bytes) -> Iterator[bytes]:
        """The piece in smaller ones of at most `piece` bytes."""
        for start in range(0, len(piece), self.piece):
            yield piece[start : start + self.piece]

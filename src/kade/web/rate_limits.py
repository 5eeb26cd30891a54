"""How often, and how much at once, one caller may ask; each process counts for itself, in memory.

The rate is smoothed: calls are spread over the minute instead of being counted by it (the generic cell rate
algorithm of ITU-T I.371). What is refused does not count.
"""

import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kade.core.errors import KadeError, RequestReason

_MINUTE = 60.0
_DAY = 24 * 60 * 60.0
_AGAIN = 1.0  # when a caller who has too much running may ask again
_STACK = "kade.until_sent"


@dataclass(frozen=True, slots=True)
class Rates:
    """What one caller may; 0 is without limit.

    *per_minute* calls, of which *burst* (1 or more) may come together after a pause; *per_day* within 24
    hours from the first; *parallel* at once.
    """

    per_minute: float = 0
    burst: int = 1
    per_day: int = 0
    parallel: int = 0


@dataclass(slots=True)
class _Calls:
    """What one caller has had: when the next call is due at the smoothed rate, the day's count, running."""

    due: float
    day_began: float
    in_day: int = 0
    running: int = 0


class RateLimits:
    """Counts the calls of each key, such as a principal's id.

    It remembers *callers* of them; beyond that the one that was silent for longest is forgotten, and starts
    anew. *clock* tells seconds that never go back.
    """

    def __init__(
        self, rates: Rates, *, callers: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = rates
        self._limit = callers
        self._clock = clock
        self._interval = _MINUTE / rates.per_minute if rates.per_minute else 0.0
        self._calls: OrderedDict[str, _Calls] = OrderedDict()

    def __len__(self) -> int:
        return len(self._calls)

    def take(self, key: str) -> None:
        """Count one call.

        Raises:
            KadeError: ``RequestReason.RATE_LIMITED``, with the fact *retry_after* in seconds, 1 or more.
        """
        calls, at = self._of(key), self._clock()
        self._require(key, calls, at)
        calls.due = max(calls.due, at) + self._interval
        calls.in_day += 1

    @property
    def burst(self) -> int:
        """How many calls may come together after a pause."""
        return self._rates.burst

    def left(self, key: str) -> tuple[int, float]:
        """How many calls may come together now, and in how many seconds there is one more."""
        calls = self._calls.get(key)
        ahead = max(0.0, calls.due - self._clock()) if calls is not None else 0.0
        if ahead == 0.0 or not self._interval:
            return self._rates.burst, 0.0
        taken = math.ceil(ahead / self._interval - 1e-6)  # sums of floats
        return max(0, self._rates.burst - taken), ahead - (taken - 1) * self._interval

    def require(self, key: str) -> None:
        """Raise as ``take`` would, and count nothing."""
        calls = self._calls.get(key)
        if calls is not None:
            self._require(key, calls, self._clock())

    @asynccontextmanager
    async def parallel(self, key: str) -> AsyncIterator[None]:
        """One call of those that may run at once, while the context lasts. Raises as ``take`` does."""
        calls = self._of(key)
        if 0 < self._rates.parallel <= calls.running:
            raise _limited(key, _AGAIN)
        calls.running += 1
        try:
            yield
        finally:
            calls.running -= 1

    def _require(self, key: str, calls: _Calls, at: float) -> None:
        if at - calls.day_began >= _DAY:
            calls.day_began, calls.in_day = at, 0
        early = calls.due - at - (self._rates.burst - 1) * self._interval
        if early > 1e-6:  # sums of floats
            raise _limited(key, early)
        if 0 < self._rates.per_day <= calls.in_day:
            raise _limited(key, calls.day_began + _DAY - at)

    def _of(self, key: str) -> _Calls:
        calls = self._calls.get(key)
        if calls is None:
            self._make_room()
            at = self._clock()
            calls = self._calls[key] = _Calls(due=at, day_began=at)
        self._calls.move_to_end(key)
        return calls

    def _make_room(self) -> None:
        """Forget who was silent for longest; whoever has something running is kept."""
        for _ in range(len(self._calls)):
            if len(self._calls) < self._limit:
                return
            key, calls = self._calls.popitem(last=False)
            if calls.running:
                self._calls[key] = calls


class UntilSent:
    """Wraps an application: what a handler holds by ``hold`` is let go of when its answer was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            scope[_STACK] = stack
            await self._app(scope, receive, send)


async def hold(request: Request, context: AbstractAsyncContextManager[None]) -> None:
    """Enter *context*, and leave it when the request was answered or given up."""
    stack: AsyncExitStack = request.scope[_STACK]
    await stack.enter_async_context(context)


def _limited(key: str, wait: float) -> KadeError:
    return KadeError(RequestReason.RATE_LIMITED, key, retry_after=max(1, math.ceil(wait)))

"""How often, and how much at once: by a clock that the test sets."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Scope

from kade.core.errors import KadeError, RequestReason
from kade.web.operation import AnyMethod
from kade.web.rate_limits import RateLimits, Rates, UntilSent, hold


class Clock:
    """Seconds that the test lets pass."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def limits_of(clock: Clock, callers: int = 100, **rates: int) -> RateLimits:
    return RateLimits(Rates(**rates), callers=callers, clock=clock)


def wait(act: Callable[[], object]) -> int:
    """After how many seconds a refused call may be tried again; 0 for one that was let through."""
    try:
        act()
    except KadeError as error:
        assert error.reason is RequestReason.RATE_LIMITED
        seconds = error.facts["retry_after"]
        assert isinstance(seconds, int) and seconds >= 1
        return seconds
    return 0


def test_calls_are_spread_over_the_minute() -> None:
    clock = Clock()
    limits = limits_of(clock, per_minute=100)
    let_through = []
    for step in range(600):  # a minute of ten calls a second
        clock.at = 1000 + step / 10
        if wait(lambda: limits.take("a")) == 0:
            let_through.append(step)
    assert let_through == list(range(0, 600, 6))  # one for each 0.6 s


def test_a_burst_is_let_through_after_a_pause_and_paid_back() -> None:
    clock = Clock()
    limits = limits_of(clock, per_minute=60, burst=5)
    for _ in range(3):
        assert [wait(lambda: limits.take("a")) for _ in range(7)] == [0] * 5 + [1, 1]
        clock.at += 2
        assert [wait(lambda: limits.take("a")) for _ in range(3)] == [0, 0, 1]
        clock.at += 1000  # however long the pause: no more than one burst is saved up


def test_it_is_told_when_to_come_back() -> None:
    clock = Clock()
    limits = limits_of(clock, per_minute=4, burst=2)
    assert [wait(lambda: limits.take("a")) for _ in range(3)] == [0, 0, 15]
    clock.at += 14.5
    assert wait(lambda: limits.take("a")) == 1
    clock.at += 0.5
    assert wait(lambda: limits.take("a")) == 0
    assert wait(lambda: limits.take("a")) == 15


def test_a_days_calls_are_counted_from_the_first() -> None:
    clock = Clock()
    limits = limits_of(clock, per_day=3)
    assert [wait(lambda: limits.take("a")) for _ in range(3)] == [0, 0, 0]
    clock.at += 3600
    assert wait(lambda: limits.take("a")) == 23 * 3600
    clock.at += 23 * 3600 - 1
    assert wait(lambda: limits.take("a")) == 1
    clock.at += 1
    assert [wait(lambda: limits.take("a")) for _ in range(4)] == [0, 0, 0, 24 * 3600]


def test_what_is_refused_does_not_count() -> None:
    clock = Clock()
    limits = limits_of(clock, per_minute=60, per_day=2)
    assert wait(lambda: limits.take("a")) == 0
    for _ in range(50):
        assert wait(lambda: limits.take("a")) == 1
    clock.at += 1
    assert wait(lambda: limits.take("a")) == 0
    clock.at += 1
    assert wait(lambda: limits.take("a")) > 3600


def test_each_caller_has_its_own() -> None:
    limits = limits_of(Clock(), per_minute=1)
    assert [wait(lambda key=key: limits.take(key)) for key in "abab"] == [0, 0, 60, 60]  # type: ignore[misc]


def test_asking_whether_one_may_counts_nothing() -> None:
    clock = Clock()
    limits = limits_of(clock, per_minute=1, burst=2)
    for _ in range(10):
        assert wait(lambda: limits.require("a")) == 0
    assert len(limits) == 0
    assert [wait(lambda: limits.take("a")) for _ in range(2)] == [0, 0]
    assert wait(lambda: limits.require("a")) == 60
    clock.at += 60
    assert wait(lambda: limits.require("a")) == 0


def test_without_limits_nothing_is_refused() -> None:
    limits = limits_of(Clock())
    assert [wait(lambda: limits.take("a")) for _ in range(1000)] == [0] * 1000


@given(
    st.integers(1, 600),
    st.integers(1, 20),
    st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=60),
)
def test_in_no_span_of_time_there_are_more_than_allowed(
    per_minute: int, burst: int, gaps: list[float]
) -> None:
    clock = Clock()
    limits = limits_of(clock, per_minute=per_minute, burst=burst)
    let_through: list[float] = []
    for gap in gaps:
        clock.at += gap
        if wait(lambda: limits.take("a")) == 0:
            let_through.append(clock.at)
        else:
            assert let_through  # the first is never refused
    for number, begin in enumerate(let_through):
        for count, end in enumerate(let_through[number:], 1):
            assert count <= burst + (end - begin) * per_minute / 60 + 0.001


def test_it_remembers_so_many_callers_and_no_more() -> None:
    limits = limits_of(Clock(), callers=3, per_minute=1)
    for key in "abcab":
        wait(lambda key=key: limits.take(key))  # type: ignore[misc]
    assert wait(lambda: limits.take("d")) == 0
    assert len(limits) == 3
    # c was silent for longest, and is forgotten; the others are known.
    assert [wait(lambda key=key: limits.require(key)) for key in "abdc"] == [60, 60, 60, 0]  # type: ignore[misc]
    for number in range(10_000):
        limits.take(f"caller {number}")
    assert len(limits) == 3


async def test_so_many_run_at_once() -> None:
    limits = limits_of(Clock(), parallel=2)
    async with limits.parallel("a"), limits.parallel("b"):
        async with limits.parallel("a"):
            with pytest.raises(KadeError) as refused:
                async with limits.parallel("a"):
                    raise AssertionError("one too many")
            assert (refused.value.reason, refused.value.facts) == (
                RequestReason.RATE_LIMITED,
                {"retry_after": 1},
            )
        with pytest.raises(ZeroDivisionError):
            async with limits.parallel("a"):
                _ = 1 / 0
        async with limits.parallel("a"):
            pass


async def test_whoever_has_something_running_is_not_forgotten() -> None:
    limits = limits_of(Clock(), callers=2, parallel=1)
    async with limits.parallel("a"), limits.parallel("b"), limits.parallel("c"):
        for number in range(20):
            limits.take(f"caller {number}")
        for key in "abc":
            with pytest.raises(KadeError):
                async with limits.parallel(key):
                    pass
        assert len(limits) == 4
    limits.take("another")
    assert len(limits) == 2


class Client:
    """Speaks ASGI to an application, and takes the answer's pieces when it likes."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self.messages: list[Message] = []
        self.may_send = asyncio.Event()
        self.sending = asyncio.Event()

    async def ask(self, path: str = "/") -> int:
        scope: Scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
        await self._app(scope, self._receive, self._send)
        status: int = self.messages[0]["status"]
        return status

    async def _receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.body":
            self.sending.set()
            await self.may_send.wait()


async def test_what_runs_at_once_ends_when_the_answer_was_sent() -> None:
    limits = limits_of(Clock(), parallel=1)

    async def handle(request: Request) -> Response:
        try:
            await hold(request, limits.parallel("a"))
        except KadeError:
            return Response(status_code=429)
        if request.url.path == "/broken":
            raise ZeroDivisionError

        async def pieces() -> Any:
            yield b"piece"

        return StreamingResponse(pieces())

    app = UntilSent(AnyMethod(handle))
    slow, other, later = Client(app), Client(app), Client(app)
    other.may_send.set()
    later.may_send.set()
    downloading = asyncio.create_task(slow.ask())
    await slow.sending.wait()
    assert await other.ask() == 429
    slow.may_send.set()
    assert await downloading == 200
    with pytest.raises(ZeroDivisionError):
        await later.ask("/broken")
    assert await later.ask() == 200

    given_up = Client(app)
    downloading = asyncio.create_task(given_up.ask())
    await given_up.sending.wait()
    downloading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await downloading
    again = Client(app)
    again.may_send.set()
    assert await again.ask() == 200

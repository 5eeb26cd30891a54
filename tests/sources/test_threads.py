"""Blocking work: what hangs is given up, what fails is told, and generators end where they live."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from kade.core.errors import KadeError, SourceReason
from kade.sources.threads import Threads


async def test_what_hangs_is_given_up_and_holds_up_nobody() -> None:
    go_on = threading.Event()
    threads = Threads("hanging", 2, patience=0.2)
    try:
        with pytest.raises(KadeError) as caught:
            await threads.run(go_on.wait, 30)
        assert caught.value.reason is SourceReason.UNREACHABLE
        assert await threads.run(lambda: 1) == 1
    finally:
        go_on.set()
        threads.close()


async def test_an_error_of_the_work_is_its_own_even_if_it_is_about_time() -> None:
    def late() -> None:
        raise TimeoutError("mine")

    threads = Threads("failing", 1)
    with pytest.raises(TimeoutError, match="mine"):
        await threads.run(late)
    threads.close()


async def test_a_generator_is_closed_in_its_threads_however_it_ends() -> None:
    ended: list[str] = []
    go_on = threading.Event()

    def work(kind: str) -> Generator[int, None, None]:
        try:
            yield 1
            if kind == "cancelled":
                go_on.wait(10)
            if kind == "raises":
                raise OSError(kind)
            yield 2
        finally:
            ended.append(f"{kind} {threading.current_thread().name.startswith('source-')}")

    threads = Threads("work", 2)
    assert [item async for item in threads.iterate(lambda: work("whole"), batch=1)] == [1, 2]
    with pytest.raises(OSError, match="raises"):
        _ = [item async for item in threads.iterate(lambda: work("raises"), batch=1)]
    iteration = threads.iterate(lambda: work("given up"), batch=1)
    async for _item in iteration:
        break
    await iteration.aclose()  # type: ignore[attr-defined]
    iteration = threads.iterate(lambda: work("cancelled"), batch=1)
    await anext(iteration)
    waiting = asyncio.ensure_future(anext(iteration))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    for _ in range(100):
        if len(ended) == 4:
            break
        await asyncio.sleep(0.02)
    threads.close()
    assert sorted(ended) == ["cancelled True", "given up True", "raises True", "whole True"]

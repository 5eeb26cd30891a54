"""Blocking work of a place in threads of its own, so that one that hangs holds up nobody else."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from kade.core.errors import KadeError, SourceReason

T = TypeVar("T")

_BATCH = 500  # items that a thread hands over at once, …
_BATCH_S = 0.2  # … or what it found in this time


class Threads:
    """So many threads for one place; *patience* is how many seconds one step may take."""

    def __init__(self, name: str, count: int, patience: float = 120.0) -> None:
        self._name = name
        self._executor = ThreadPoolExecutor(count, f"source-{name[:20]}")
        self._patience = patience

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """Run *fn* in a thread.

        Raises:
            KadeError: ``SourceReason.UNREACHABLE`` when it takes longer than the patience; it goes on then,
                and what it does is lost.
        """
        return await self._result(self._executor.submit(fn, *args))

    async def iterate(
        self, make: Callable[[], Generator[T, None, None]], batch: int = _BATCH
    ) -> AsyncIterator[T]:
        """What the generator yields; it lives in the threads and is closed there, however this ends."""
        generator = make()
        job: Future[list[T]] | None = None
        try:
            while True:
                job = self._executor.submit(_take, generator, batch)
                found = await self._result(job)
                for item in found:
                    yield item
                if not found:
                    return
        finally:
            if job is None or job.done():
                self._later(generator.close)
            else:
                job.add_done_callback(lambda _: generator.close())

    def close(self) -> None:
        """No more work is taken; what runs comes to its end."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _later(self, fn: Callable[[], None]) -> None:
        try:
            self._executor.submit(fn)
        except RuntimeError:  # closed: then here
            fn()

    async def _result(self, job: "Future[T]") -> T:
        waiting = asyncio.wrap_future(job)
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(waiting)
        except TimeoutError:
            if job.done():
                return job.result()  # it is the job's own error
            raise KadeError(SourceReason.UNREACHABLE, f"{self._name}: no answer for too long") from None
        finally:
            # Whoever gave up does not hear how it ended.
            waiting.add_done_callback(_forget)


def _take(generator: Generator[T, None, None], most: int) -> list[T]:
    """Up to so many items, at least one unless it is at its end."""
    found: list[T] = []
    end = time.monotonic() + _BATCH_S
    for item in generator:
        found.append(item)
        if len(found) >= most or time.monotonic() > end:
            break
    return found


def _forget(job: "asyncio.Future[T]") -> None:
    with contextlib.suppress(BaseException):
        job.exception()

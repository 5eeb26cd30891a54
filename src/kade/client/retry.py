"""Trying again: how often, and after which pauses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kade.client.errors import Interrupted, TransferError
from kade.client.progress import Progress


@dataclass(frozen=True)
class Retry:
    """How patient a transfer is. Attempts are counted anew whenever bytes got through.

    `attempts` are those without progress before it gives up (1: never again); pauses in seconds begin
    with `first`, double, and never exceed `longest`, not even when the server asks for more. `stall` is
    how long a connection may stand still, `answer` how long the server may take to answer a request that
    it has received completely (it may be computing digests).
    """

    attempts: int = 8
    first: float = 0.5
    longest: float = 30.0
    stall: float = 60.0
    answer: float = 600.0

    def pause(self, failures: int, asked: float | None) -> float:
        """Seconds to wait after so many failures in a row, 1 or more."""
        if asked is not None:
            return min(asked, self.longest)
        backoff = min(self.first * 2.0 ** (failures - 1), self.longest)
        # A quarter of chance, so that clients cut off together do not all come back together.
        return backoff * random.uniform(0.75, 1.0)  # noqa: S311


async def persist(
    retry: Retry, progress: Progress, position: Callable[[], int], attempt: Callable[[], Awaitable[None]]
) -> None:
    """Run `attempt` until it returns, again after each Interrupted as `retry` says.

    `position` tells how far the transfer is. Raises TransferError when patience has run out.
    """
    failures = 0
    while True:
        before = position()
        try:
            await attempt()
            return
        except Interrupted as error:
            failures = 1 if position() > before else failures + 1
            if failures >= retry.attempts:
                raise TransferError(
                    f"{error}, after {failures} attempts without progress",
                    error.status,
                    retry_after=error.wait or None,
                ) from None
            pause = retry.pause(failures, error.wait)
            progress.waiting(str(error), pause)
            await asyncio.sleep(pause)

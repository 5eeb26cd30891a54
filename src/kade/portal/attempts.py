"""How often somebody may try what may go wrong; each process counts for itself, in memory."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from kade.core.errors import KadeError, RequestReason

MOST = 10
WINDOW_S = 600.0
_REMEMBERED = 10_000


class Attempts:
    """Counts failures by key, such as an address: *most* within *window* seconds, then one has to wait.

    It remembers so many keys at most; beyond that the one that failed longest ago is forgotten.
    """

    def __init__(
        self,
        most: int = MOST,
        window: float = WINDOW_S,
        *,
        remembered: int = _REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._window = window
        self._remembered = remembered
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, *keys: str) -> None:
        """Somebody tries; it counts as a failure until ``succeeded`` says otherwise: many may try at once.

        Raises:
            KadeError: ``RequestReason.RATE_LIMITED``, with the fact *retry_after* in seconds, 1 or more.
        """
        at = self._clock()
        for key in keys:
            failures = self._failures.get(key, deque[float]())
            if len(failures) == self._most and at - failures[0] < self._window:
                wait = math.ceil(failures[0] + self._window - at)
                raise KadeError(RequestReason.RATE_LIMITED, retry_after=max(1, wait))
        for key in keys:
            failures = self._failures.setdefault(key, deque(maxlen=self._most))
            failures.append(at)
            self._failures.move_to_end(key)
        while len(self._failures) > self._remembered:
            self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        """Whoever tried last was right."""
        for key in keys:
            failures = self._failures.get(key)
            if failures:
                failures.pop()

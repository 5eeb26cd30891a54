"""Who is wrong too often has to wait."""

import pytest

from kade.core.errors import KadeError, RequestReason
from kade.portal.attempts import Attempts


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def refused(attempts: Attempts, *keys: str) -> int:
    """How long the keys have to wait; 0: not at all."""
    try:
        attempts.begin(*keys)
    except KadeError as error:
        assert error.reason is RequestReason.RATE_LIMITED
        return int(error.facts["retry_after"])
    attempts.succeeded(*keys)
    return 0


def test_ten_within_ten_minutes() -> None:
    clock = Clock()
    attempts = Attempts(clock=clock)
    for _ in range(10):
        assert refused(attempts, "link", "address") == 0
        attempts.begin("link", "address")
        clock.now += 10
    assert refused(attempts, "link") == refused(attempts, "address") == 500
    assert refused(attempts, "other", "address") == 500
    assert refused(attempts, "other") == 0
    clock.now += 500
    assert refused(attempts, "link") == 0
    attempts.begin("link")
    assert refused(attempts, "link") == 10


@pytest.mark.parametrize("remembered", [1, 3])
def test_it_forgets_who_failed_longest_ago(remembered: int) -> None:
    attempts = Attempts(most=1, remembered=remembered, clock=Clock())
    for key in range(10):
        attempts.begin(str(key))
    assert all(refused(attempts, str(key)) for key in range(10 - remembered, 10))
    assert refused(attempts, str(9 - remembered)) == 0

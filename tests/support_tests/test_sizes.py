"""The environment chooses how much the tests move."""

import pytest
from tests.support.sizes import FULL, SMALL, choose


def test_small_unless_asked() -> None:
    assert choose({}) is SMALL
    assert choose({"KADE_TEST_SIZES": ""}) is SMALL
    assert choose({"KADE_TEST_SIZES": "full"}) is FULL


def test_asked_rounds_are_all_run() -> None:
    chosen = choose({"KADE_CRASH_ROUNDS": "7"})
    assert chosen.crash_rounds == 7
    assert chosen.crash_seconds > FULL.crash_seconds
    assert chosen.body == SMALL.body


def test_an_unknown_size_stops_the_run() -> None:
    with pytest.raises(ValueError, match="huge"):
        choose({"KADE_TEST_SIZES": "huge"})

"""Sizes, durations and masks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kade.config import Duration, Secret, Size


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [
        *[(0, 0), (17, 17), ("17", 17), ("17B", 17), ("48MiB", 48 << 20), ("48 mib", 48 << 20)],
        *[("1GB", 10**9), ("1.5KiB", 1536), ("2TiB", 2 << 40), ("9007199254740993", 9007199254740993)],
    ],
)
def test_a_size_is_read(written: object, bytes_: int) -> None:
    assert Size(written) == bytes_


@pytest.mark.parametrize("bad", ["", "x", "1XB", "-1", -1, True, 1.5, None, "1.0000001KiB", "٣", "1e3", [1]])
def test_what_is_no_size_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="not a"):
        Size(bad)


@given(st.integers(min_value=0, max_value=2**60))
def test_a_size_reads_back_as_written(count: int) -> None:
    assert Size(str(Size(count))) == count


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0),
        (1.5, 1.5),
        ("1.5", 1.5),
        ("500ms", 0.5),
        ("8s", 8),
        ("5m", 300),
        ("24h", 86400),
        ("30d", 2592000),
    ],
)
def test_a_duration_is_read(written: object, seconds: float) -> None:
    assert Duration(written) == seconds


@pytest.mark.parametrize("bad", ["", "s", "1 week", "-1s", -0.1, True, None, float("nan"), float("inf")])
def test_what_is_no_duration_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="not a"):
        Duration(bad)


@given(st.integers(min_value=0, max_value=10**12))
def test_a_duration_of_whole_milliseconds_reads_back_as_written(milliseconds: int) -> None:
    duration = Duration(milliseconds / 1000)
    assert round(Duration(str(duration)) * 1000) == milliseconds


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://kade:hush@db/kade", "postgresql://kade:***@db/kade"),
        ("postgresql://kade:hu@sh@db/kade", "postgresql://kade:***@db/kade"),
        ("postgresql://kade@db/kade?password=hush", "postgresql://kade@db/kade?***"),
        ("postgresql://[hush", "***"),
        ("", ""),
    ],
)
def test_a_password_in_a_url_is_masked(url: str, shown: str) -> None:
    assert Secret.URL.mask(url) == shown


def test_a_whole_secret_shows_only_whether_it_is_set() -> None:
    assert (Secret.WHOLE.mask("hush"), Secret.WHOLE.mask("")) == ("***", "")

"""Byte ranges, against a model that has no idea of merging or limits."""

import sys
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kade.core.errors import FileReason, KadeError
from kade.core.ranges import Span, parse

Item = tuple[int | None, int | None]


def asked(items: list[Item], total: int) -> set[int]:
    """The positions that the items name, one by one (RFC 9110, 14.1.2)."""
    positions: set[int] = set()
    for first, last in items:
        if first is None:
            positions |= set(range(max(total - (last or 0), 0), total))
        else:
            positions |= set(range(first, total if last is None else min(last + 1, total)))
    return positions


@st.composite
def an_item(draw: st.DrawFn) -> Item:
    first = draw(st.none() | st.integers(0, 60))
    if first is None:
        return None, draw(st.integers(0, 60))
    return first, draw(st.none() | st.integers(first, 70))


def text(items: list[Item]) -> str:
    return "bytes=" + ", ".join(
        f"{'' if first is None else first}-{'' if last is None else last}" for first, last in items
    )


@given(st.lists(an_item(), min_size=1, max_size=12), st.integers(0, 50))
def test_the_spans_are_what_was_asked_for_and_never_a_byte_twice(items: list[Item], total: int) -> None:
    wanted = asked(items, total)
    try:
        spans = parse(text(items), total)
    except KadeError as error:
        assert error.reason is FileReason.RANGE_NOT_SATISFIABLE and error.facts == {"total": total}
        assert not wanted
        return
    if not spans:
        assert total == 0
        return
    covered = [position for span in spans for position in range(span.start, span.stop)]
    assert len(covered) == len(set(covered)) == sum(span.length for span in spans)
    assert set(covered) == wanted
    assert all(span.length > 0 for span in spans)


@given(st.lists(an_item(), min_size=2, max_size=12), st.integers(1, 50))
def test_spans_come_in_the_order_asked_unless_they_touch(items: list[Item], total: int) -> None:
    singles = [sorted(asked([item], total)) for item in items]
    spans = [Span(each[0], each[-1] + 1) for each in singles if each]
    apart = all(one.stop < two.start for one, two in pairwise(sorted(spans)))
    if not spans:
        return
    parsed = parse(text(items), total)
    if apart:
        assert parsed == spans
    else:
        assert all(one.stop < two.start for one, two in pairwise(parsed))


@given(st.text(alphabet="bytes=-,0123456789 xé٣", max_size=40), st.integers(0, 50))
def test_no_header_makes_it_fail_otherwise(header: str, total: int) -> None:
    try:
        spans = parse(header, total)
    except KadeError as error:
        assert error.reason is FileReason.RANGE_NOT_SATISFIABLE
    else:
        assert all(0 <= span.start < span.stop <= total for span in spans)


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "items=0-1", "0-5", "bytes=0-1" * 20],
)
def test_what_asks_for_nothing_readable_gets_everything(header: str | None) -> None:
    assert parse(header, 100) == []


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("Bytes = 5-", [(5, 100)]),
        ("bytes=-5", [(95, 100)]),
        ("bytes=-500", [(0, 100)]),
        ("bytes=90-100", [(90, 100)]),  # one past the last byte, as the File Client asks
        ("bytes=0-9223372036854775807", [(0, 100)]),
        ("bytes=x,3-4", [(3, 5)]),
        ("bytes=10-19,0-4", [(10, 20), (0, 5)]),
        ("bytes=10-19,0-9", [(0, 20)]),
        ("bytes=0-4,4-9,20-29", [(0, 10), (20, 30)]),
        ("bytes=0-1,200-300", [(0, 2)]),
    ],
)
def test_examples(header: str, spans: list[tuple[int, int]]) -> None:
    assert parse(header, 100) == [Span(*span) for span in spans]


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0", "bytes=100-200,300-"])
def test_nothing_within_the_bytes_is_not_satisfiable(header: str) -> None:
    with pytest.raises(KadeError):
        parse(header, 100)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5", "bytes=0-99"])
def test_of_an_empty_file_everything_is_sent(header: str) -> None:
    assert parse(header, 0) == []


def _work(header: str, limit: int) -> int:
    """How many lines of Python it takes."""
    lines = 0

    def count(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        parse(header, 10**9, limit)
    finally:
        sys.settrace(before)
    return lines


def test_ten_thousand_ranges_cost_next_to_nothing() -> None:
    header = "bytes=" + ",".join(f"{n * 3}-{n * 3 + 1}" for n in range(10_000))
    assert parse(header, 10**9) == []
    assert _work(header, 64) < 20


def test_the_work_is_linear_in_the_number_of_ranges() -> None:
    def overlapping(count: int) -> str:
        return "bytes=" + ",".join(f"{n}-{n + 5}" for n in range(count))

    thousand, ten_thousand = (_work(overlapping(count), 10**6) for count in (1000, 10_000))
    assert ten_thousand < 11 * thousand

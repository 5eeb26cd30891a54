"""Delivery: a file that was published for one subscriber, and what became of it there."""

from enum import IntEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.ranges import Span


class DeliveryState(IntEnum):
    """available → fetched; dismissed when the subscriber wants it no more, lapsed when the bytes went first.

    Lists that are sorted by state come in this order.
    """

    AVAILABLE = 0
    FETCHED = 1
    LAPSED = 2
    DISMISSED = 3


class Delivery(NamedTuple):
    """*name_folded* and *arrived_at* are the file's: a list need not look at the files that it leaves out.

    *fetched_spans* are the bytes that were sent so far, until all of them were.
    """

    subscriber_id: Id
    tenant_id: Id
    arrived_at: Millis
    file_id: Id
    space_id: Id
    name_folded: str
    state: int
    fetched_spans: str
    fetched_at: Millis | None
    dismissed_at: Millis | None


def spans_of(text: str) -> list[Span]:
    """The spans that ``Delivery.fetched_spans`` holds: ``0-50 100-120``, ends excluded."""
    pairs = (each.split("-") for each in text.split())
    return [Span(int(start), int(stop)) for start, stop in pairs]


def text_of(spans: list[Span]) -> str:
    """The form in which spans are kept."""
    return " ".join(f"{span.start}-{span.stop}" for span in spans)

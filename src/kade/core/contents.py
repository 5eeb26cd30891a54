"""Content: immutable bytes, as extents of segments or inline; Segment: one stored file."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.ranges import Span


class ContentState(StrEnum):
    """growing → live → condemned → (row removed); references are only added to a live row."""

    GROWING = "growing"
    LIVE = "live"
    CONDEMNED = "condemned"


class Content(NamedTuple):
    """Bytes with a random id; *sha256* and *md5* are lower-case hex, None while pending."""

    id: Id
    tenant_id: Id
    state: str
    length: int
    inline: bytes | None
    sha256: str | None
    md5: str | None
    detected_type: str | None
    changed_at: Millis

    @property
    def etag(self) -> str:
        """A strong validator (RFC 9110, 8.8.3): contents never change, so their id serves."""
        return f'"{self.id}"'


class Extent(NamedTuple):
    """*length* bytes from *start* of a segment."""

    segment_id: Id
    start: int
    length: int


class Segment(NamedTuple):
    """One stored file: *length* bytes of it are proven to be on disk."""

    id: Id
    length: int
    created_at: Millis


def cut(extents: Iterable[Extent], span: Span) -> Iterator[Extent]:
    """The parts of *extents* that hold the bytes of *span*, in order."""
    begin = 0
    for extent in extents:
        start, stop = max(span.start, begin), min(span.stop, begin + extent.length)
        if start < stop:
            yield Extent(extent.segment_id, extent.start + start - begin, stop - start)
        begin += extent.length
        if begin >= span.stop:
            return


def grown(extents: list[Extent], addition: Extent) -> list[Extent]:
    """*extents* with *addition* at the end; an addition that continues the last one is merged into it."""
    if extents:
        last = extents[-1]
        if last.segment_id == addition.segment_id and last.start + last.length == addition.start:
            return [*extents[:-1], last._replace(length=last.length + addition.length)]
    return [*extents, addition]

"""Byte-range arithmetic (RFC 9110, section 14), pure and linear in the length of the header."""

import re
from typing import NamedTuple

from kade.core.errors import FileReason, KadeError


class Span(NamedTuple):
    """Bytes *start* up to but not including *stop*."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes the span covers."""
        return self.stop - self.start


_SPEC = re.compile(r"([0-9]{0,19})-([0-9]{0,19})")


def parse(header: str | None, total: int, limit: int = 64) -> list[Span]:
    """The spans that a ``Range`` header asks for of a representation of *total* bytes.

    An empty list means: send everything (no header, another unit, nothing readable in it, or more than
    *limit* items: a server may ignore a Range, RFC 9110 14.2; nor can a 206 send none of an empty file, which
    clients that always send a Range fetch, too). An end past the last byte is clamped.
    Overlapping and adjacent spans are merged when there are several, so that no request makes the server
    send a byte twice.

    Raises:
        KadeError: ``FileReason.RANGE_NOT_SATISFIABLE`` when no readable span lies within the bytes.
    """
    specs = _specs(header, limit)
    if not specs or total == 0:
        return []
    spans = [span for span in (_resolve(first, last, total) for first, last in specs) if span]
    if not spans:
        raise KadeError(FileReason.RANGE_NOT_SATISFIABLE, total=total)
    return spans if len(spans) == 1 else _merge(spans)


def union(spans: list[Span]) -> list[Span]:
    """The same bytes by the fewest spans, in order; empty ones are left out."""
    joined: list[Span] = []
    for span in sorted(each for each in spans if each.length > 0):
        if joined and span.start <= joined[-1].stop:
            joined[-1] = Span(joined[-1].start, max(joined[-1].stop, span.stop))
        else:
            joined.append(span)
    return joined


def _specs(header: str | None, limit: int) -> list[tuple[str, str]]:
    unit, separator, items = (header or "").partition("=")
    if not separator or unit.strip().lower() != "bytes" or items.count(",") >= limit:
        return []
    matches = (_SPEC.fullmatch(item.strip()) for item in items.split(","))
    specs = [(match[1], match[2]) for match in matches if match and (match[1] or match[2])]
    return [(a, b) for a, b in specs if not (a and b) or int(a) <= int(b)]


def _resolve(first: str, last: str, total: int) -> Span | None:
    if not first:
        start, stop = max(total - int(last), 0), total
    else:
        start, stop = int(first), min(int(last) + 1, total) if last else total
    return Span(start, stop) if start < stop else None


def _merge(spans: list[Span]) -> list[Span]:
    """Join spans that touch; the order of first appearance is kept when nothing overlaps."""
    joined = union(spans)
    return spans if len(joined) == len(spans) else joined

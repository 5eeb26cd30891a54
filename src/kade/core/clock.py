"""Time as the catalog keeps it: integer milliseconds since 1970 in UTC."""

import time
from datetime import UTC, datetime
from typing import NewType

Millis = NewType("Millis", int)


def now() -> Millis:
    """The present moment."""
    return Millis(time.time_ns() // 1_000_000)


def to_datetime(moment: Millis) -> datetime:
    """*moment* as an aware datetime in UTC."""
    return datetime.fromtimestamp(moment / 1000, UTC)


def from_datetime(moment: datetime) -> Millis:
    """*moment*, which must be aware, as milliseconds.

    Raises:
        ValueError: it has no year of four digits in UTC, and so could not be told to anybody.
    """
    found = Millis(round(moment.timestamp() * 1000))
    to_datetime(found)
    return found


def to_iso(moment: Millis) -> str:
    """ISO 8601 in UTC with milliseconds: ``2026-11-22T12:00:00.123Z``."""
    return to_datetime(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")

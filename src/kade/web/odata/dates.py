"""Dates: ``2020-05-19T08:42:47.4000000Z``, finer than the catalog keeps them."""

import re
from datetime import datetime, timedelta

TICKS = 10_000  # in a millisecond: OData tells times by 100 nanoseconds

_DATE = re.compile(
    r"""(?P<day> \d{4}-\d\d-\d\d )
        (?: (?P<minute> T\d\d:\d\d ) (?: (?P<second> :\d\d ) (?: \. (?P<fraction> \d{1,7} ) )? )?
            (?P<zone> Z | [+-] (?: 0\d | 1[0-4] ) : [0-5]\d )?
        )?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001, all that is compared with it is in UTC as well


def ticks_of(text: str) -> int | None:
    """Ticks of 100 ns since 1970 in UTC, which is also the zone where none is told; None for what is no date.

    A day alone is its midnight. The fraction has up to seven digits; none of them is lost.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    minute, second = found["minute"] or "T00:00", found["second"] or ":00"
    try:
        moment = datetime.fromisoformat(found["day"] + minute + second)
    except ValueError:  # no such day or time
        return None
    seconds = (moment - _EPOCH) // timedelta(seconds=1) - 60 * _minutes_of(found["zone"] or "Z")
    return seconds * 1000 * TICKS + int((found["fraction"] or "").ljust(7, "0"))


def _minutes_of(zone: str) -> int:
    """How far the zone is ahead of UTC."""
    if zone in "Zz":
        return 0
    hours, minutes = zone[1:].split(":")
    return (int(hours) * 60 + int(minutes)) * (-1 if zone[0] == "-" else 1)

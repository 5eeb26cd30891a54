"""The kinds of values that settings have: sizes, durations, and what a key says about itself."""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass
from typing import Annotated, Self
from urllib.parse import urlsplit, urlunsplit

from msgspec import Meta

_SIZE_UNITS = {
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KIB": 1 << 10,
    "MIB": 1 << 20,
    "GIB": 1 << 30,
    "TIB": 1 << 40,
}
_SIZE_NAMES = ("TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB", "KB")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")

MASK = "***"


class Size(int):
    """A number of bytes, 0 or more; written as a whole number or as text: "48MiB" (1024²), "1GB" (1000³).

    Raises ValueError for anything else.
    """

    def __new__(cls, value: object = 0) -> Self:
        if isinstance(value, str):
            value = _bytes(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"not a size: {value!r}")
        return super().__new__(cls, value)

    def __str__(self) -> str:
        for name in _SIZE_NAMES:
            count, rest = divmod(int(self), _SIZE_UNITS[name.upper()])
            if count and not rest:
                return f"{count}{name}"
        return int.__repr__(self)


class Duration(float):
    """A time span in seconds, 0 or more and finite; written as a number or as text: "500ms", "8s", "24h".

    Raises ValueError for anything else.
    """

    def __new__(cls, value: object = 0.0) -> Self:
        if isinstance(value, str):
            value = _seconds(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"not a duration: {value!r}")
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"not a duration: {value!r}")
        return super().__new__(cls, value)

    def __str__(self) -> str:
        milliseconds = round(float(self) * 1000)
        if milliseconds == 0 or not math.isclose(milliseconds / 1000, float(self)):
            return f"{float(self):g}"
        for unit, length in _MILLISECONDS.items():
            if milliseconds % length == 0:
                return f"{milliseconds // length}{unit}"
        raise AssertionError("every whole number of milliseconds is a multiple of one")


class Secret(enum.Enum):
    """Marks a key whose value must not be shown: all of it, or the password inside a URL."""

    WHOLE = "whole"
    URL = "url"

    def mask(self, value: str) -> str:
        """The value as it may be shown."""
        if self is Secret.WHOLE or not value:
            return MASK if value else ""
        return _without_password(value)


@dataclass(frozen=True)
class Allowed:
    """Marks a key with what it allows in words, for when its type does not say it well enough."""

    words: str


@dataclass(frozen=True)
class AtLeast:
    """Marks a size or duration with the smallest value that makes sense, written as in the file."""

    value: str


@dataclass(frozen=True)
class AtMost:
    """Marks a size or duration with the largest value that makes sense, written as in the file."""

    value: str


UrlPath = Annotated[
    str,
    Meta(pattern=r"^/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-]$"),
    Allowed("a path that begins with a slash and does not end with one"),
]
"""Where something is mounted."""


def _bytes(text: str) -> int:
    number, unit = _quantity(text)
    factor = _SIZE_UNITS.get(unit.upper() or "B")
    if factor is None:
        raise ValueError(f"not a size: {text!r}")
    # Whole numbers are computed as such: above 2⁵³ a float would lose bytes.
    exact = int(number) * factor if number.isdigit() else float(number) * factor
    if exact != int(exact):
        raise ValueError(f"not a whole number of bytes: {text!r}")
    return int(exact)


def _seconds(text: str) -> float:
    number, unit = _quantity(text)
    factor = _SECONDS.get(unit or "s")
    if factor is None:
        raise ValueError(f"not a duration: {text!r}")
    return float(number) * factor


def _quantity(text: str) -> tuple[str, str]:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or not match[1].isascii():
        raise ValueError(f"not a number with a unit: {text!r}")
    return match[1], match[2]


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    netloc = f"{name}{colon}{MASK if colon else ''}{at}{host}"
    # A query may carry a password as well (libpq allows it), and nothing in it is worth showing.
    return urlunsplit((parts.scheme, netloc, parts.path, MASK if parts.query else "", ""))

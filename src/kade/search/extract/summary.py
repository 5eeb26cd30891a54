"""What an Office 97-2003 document says about itself: title, author, time ([MS-OLEPS], section 2.21)."""

import struct
from typing import NamedTuple

from kade.core.clock import Millis
from kade.search.extract.decoding import known

_TITLE, _AUTHOR, _SAVED_AT, _CODEPAGE = 2, 4, 13, 1
_TEXT, _WIDE_TEXT, _SHORT, _TIME = 30, 31, 2, 64
_EPOCH = 11_644_473_600_000  # milliseconds from 1601, where FILETIME begins, to 1970
_LAST = 253_402_300_799_999  # the end of the year 9999


class Summary(NamedTuple):
    title: str = ""
    author: str = ""
    saved_at: Millis | None = None


def parse(data: bytes) -> Summary:
    """The stream ``\\x05SummaryInformation``; what cannot be read of it is left out."""
    try:
        values = _values(data)
    except (struct.error, ValueError, IndexError):
        return Summary()
    saved = values.get(_SAVED_AT)
    saved_at = Millis(saved) if isinstance(saved, int) else None
    return Summary(_said(values, _TITLE), _said(values, _AUTHOR), saved_at)


def from_filetime(ticks: int) -> Millis | None:
    """A FILETIME, 100 ns each since 1601; None where it is not set, or stands for no time at all."""
    moment = ticks // 10_000 - _EPOCH
    return Millis(moment) if 0 < moment <= _LAST else None


def _said(values: dict[int, object], key: int) -> str:
    value = values.get(key, "")
    return value if isinstance(value, str) else ""


def _values(data: bytes) -> dict[int, object]:
    (start,) = struct.unpack_from("<I", data, 44)
    _, count = struct.unpack_from("<II", data, start)
    places = dict(struct.iter_unpack("<II", data[start + 8 : start + 8 + 8 * min(count, 200)]))
    codepage = 1252
    if _CODEPAGE in places:
        (codepage,) = struct.unpack_from("<H", data, start + places[_CODEPAGE] + 4)
    encoding = codepage_name(codepage)
    return {key: _value(data, start + at, encoding) for key, at in places.items() if key != _CODEPAGE}


def codepage_name(codepage: int) -> str:
    """How Python calls a code page of Windows; Windows 1252 if it has none."""
    named = {65001: "utf-8", 1200: "utf-16-le", 10000: "mac-roman", 20127: "cp1252", 28591: "cp1252"}
    named |= {28605: "iso8859-15", 20866: "koi8-r", 51932: "euc_jp", 54936: "gb18030", 0: "cp1252"}
    return named.get(codepage) or known(f"cp{codepage}") or "cp1252"


def _value(data: bytes, at: int, encoding: str) -> object:
    kind, length = struct.unpack_from("<II", data, at)
    if kind == _TEXT:
        return data[at + 8 : at + 8 + length].decode(encoding, "replace").partition("\0")[0]
    if kind == _WIDE_TEXT:
        return data[at + 8 : at + 8 + 2 * length].decode("utf-16-le", "replace").partition("\0")[0]
    if kind == _TIME:
        return from_filetime(struct.unpack_from("<Q", data, at + 4)[0])
    return None

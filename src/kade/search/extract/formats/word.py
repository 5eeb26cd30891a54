"""Word 97-2003 ([MS-DOC]): the text of every part of the document, and what is embedded.

The text lies in pieces, each of one or two bytes per character; a table in another stream says where. Behind
the main text follow, in the same way, footnotes, headers, comments, endnotes and text boxes.
"""

import struct
from collections.abc import Iterator

from kade.core.extraction import RemarkKind
from kade.search.extract import blips, summary
from kade.search.extract.compound import Compound
from kade.search.extract.formats.package import attach_storage
from kade.search.extract.gathering import Gathering, Part, Unreadable

_FLAGS, _LENGTHS, _TABLE = (
    0x0A,
    0x4C,
    0x1A2,
)  # places in the head of the document (sections 2.5.1, 2.5.4, 2.5.6)
_ENCRYPTED, _OTHER_TABLE = 0x0100, 0x0200
_IN_BYTES = 0x40000000  # of a piece: one byte per character
_ROW_END = "\x07\x07"  # the end of the last cell, and that of the row
_FIELD, _RESULT, _FIELD_END = "\x13", "\x14", "\x15"
_SHOWN = str.maketrans(
    {"\x07": "\t", "\r": "\n", "\x0b": "\n", "\x0c": "\n", "\x0e": "\n", "\x1e": "-", "\x1f": "", "\xa0": " "}
    | dict.fromkeys("\x00\x01\x02\x03\x04\x05\x06\x08\x15", "")
)


def read(part: Part, gathering: Gathering) -> None:
    """Say all text, and attach pictures and objects."""
    try:
        container = Compound(part.stream)
        about = summary.parse(container.read(container.root.find("\x05SummaryInformation")))
        gathering.describe(title=about.title, author=about.author, modified_at=about.saved_at)
        for text in _pieces(container):
            gathering.say(text)
        gathering.say("\n")
        data = container.read(container.root.find("Data"))
    except (ValueError, struct.error):
        raise Unreadable(RemarkKind.DAMAGED) from None
    for number, picture in enumerate(_pictures(data, gathering.limits.expanded), 1):
        gathering.attach(f"image{number}.{picture.suffix}", [picture.data])
    pool = container.root.find("ObjectPool")
    for number, storage in enumerate(pool.children if pool else (), 1):
        attach_storage(container, storage, f"object{number}", gathering)


def _pieces(container: Compound) -> Iterator[str]:
    document = container.read(container.root.find("WordDocument"))
    (magic,) = struct.unpack_from("<H", document)
    (flags,) = struct.unpack_from("<H", document, _FLAGS)
    if magic != 0xA5EC:
        raise Unreadable(RemarkKind.UNSUPPORTED)  # Word 6 or 95
    if flags & _ENCRYPTED:
        raise Unreadable(RemarkKind.ENCRYPTED)
    table = container.read(container.root.find("1Table" if flags & _OTHER_TABLE else "0Table"))
    start, length = struct.unpack_from("<II", document, _TABLE)
    left = sum(max(0, count) for count in struct.unpack_from("<8i", document, _LENGTHS))
    shown = _Shown()
    for count, place in _placed(table[start : start + length]):
        count = min(count, left)
        left -= count
        if place & _IN_BYTES:
            at = (place & ~_IN_BYTES) // 2
            yield shown.of(document[at : at + count].decode("cp1252", "replace"))
        else:
            yield shown.of(document[place : place + 2 * count].decode("utf-16-le", "replace"))


def _placed(pieces: bytes) -> Iterator[tuple[int, int]]:
    """How many characters each piece has, and where: the table of pieces (section 2.9.38)."""
    at = 0
    while pieces[at : at + 1] == b"\x01":  # properties that pieces refer to
        at += 3 + struct.unpack_from("<H", pieces, at + 1)[0]
    if pieces[at : at + 1] != b"\x02":
        raise ValueError("no table of pieces")
    (length,) = struct.unpack_from("<I", pieces, at + 1)
    count = (min(length, len(pieces) - at - 5) - 4) // 12
    ends = struct.unpack_from(f"<{count + 1}I", pieces, at + 5)
    for number in range(count):
        (place,) = struct.unpack_from("<I", pieces, at + 5 + 4 * (count + 1) + 8 * number + 2)
        yield max(0, ends[number + 1] - ends[number]), place


class _Shown:
    """Leaves out what a field is made of and keeps what it shows; fields lie within one another."""

    def __init__(self) -> None:
        self._hidden: list[bool] = []

    def of(self, text: str) -> str:
        if not self._hidden and _FIELD not in text:
            return _in_lines(text)
        kept = []
        for char in text:
            if char == _FIELD:
                self._hidden.append(True)
            elif char == _RESULT and self._hidden:
                self._hidden[-1] = False
            elif char == _FIELD_END and self._hidden:
                self._hidden.pop()
            elif not any(self._hidden):
                kept.append(char)
        return _in_lines("".join(kept))


def _in_lines(text: str) -> str:
    return text.replace(_ROW_END, "\n").translate(_SHOWN)


def _pictures(data: bytes, most: int) -> Iterator[blips.Picture]:
    """Pictures in the stream *Data*: blocks (section 2.9.190) with a drawing behind a head and a name."""
    at = 0
    while at + 68 <= len(data):
        length, head, kind = struct.unpack_from("<IHH", data, at)
        if length <= head or head < 68:
            at += 4
            continue
        body = data[at + head : at + length]
        if kind == 0x66:  # a linked picture, whose name goes before
            body = body[1 + body[0] :] if body else b""
        yield from blips.pictures(body, most)
        at += length

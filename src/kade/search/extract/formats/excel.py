"""Excel 97-2003 ([MS-XLS]) and binary workbooks: cells by kreuzberg, the rest from the records themselves."""

import struct
from collections.abc import Iterator

from kade.core.extraction import RemarkKind
from kade.search.extract import blips, kinds, native, summary
from kade.search.extract.compound import Compound
from kade.search.extract.formats.package import attach_storage
from kade.search.extract.formats.pdf import whole
from kade.search.extract.gathering import Gathering, Part, Unreadable

_DRAWINGS, _CONTINUED, _TEXT, _LOCKED, _BEGIN = 0x00EB, 0x003C, 0x01B6, 0x002F, 0x0809
_EMBEDDED = "MBD"  # how storages of objects are called


def read(part: Part, gathering: Gathering) -> None:
    """Say the cells of all sheets, comments and text boxes, and attach pictures and objects."""
    if part.media_type == kinds.XLSB:
        gathering.say(_cells(whole(part, gathering), part.media_type))
        return
    try:
        container = Compound(part.stream)
        about = summary.parse(container.read(container.root.find("\x05SummaryInformation")))
        gathering.describe(title=about.title, author=about.author, modified_at=about.saved_at)
        root = container.root
        book = _Book(container.read(root.find("Workbook") or root.find("Book"), gathering.limits.whole))
    except (ValueError, struct.error):
        raise Unreadable(RemarkKind.DAMAGED) from None
    part.stream.seek(0)
    gathering.say(_cells(whole(part, gathering), part.media_type) + "\n")
    for text in book.texts:
        gathering.say(f"{text}\n")
    for number, picture in enumerate(blips.pictures(bytes(book.drawings), gathering.limits.expanded), 1):
        gathering.attach(f"image{number}.{picture.suffix}", [picture.data])
    embedded = [entry for entry in root.children if entry.is_storage and entry.name.startswith(_EMBEDDED)]
    for number, storage in enumerate(embedded, 1):
        attach_storage(container, storage, f"object{number}", gathering)


def _cells(data: bytes, media_type: str) -> str:
    content: str = native.extract(data, media_type).content
    return content.replace(" 00:00:00", "")


class _Book:
    """What kreuzberg does not tell: texts of comments and boxes, and drawings.

    Raises:
        Unreadable: it is encrypted.
    """

    def __init__(self, data: bytes) -> None:
        self.texts: list[str] = []
        self.drawings = bytearray()
        awaited = 0  # characters of a text that is to follow
        last = 0
        for kind, body in _records(data):
            if kind == _LOCKED:
                raise Unreadable(RemarkKind.ENCRYPTED)
            if kind == _DRAWINGS or (kind == _CONTINUED and last == _DRAWINGS):
                self.drawings += body
            elif kind == _TEXT and len(body) >= 12:
                (awaited,) = struct.unpack_from("<H", body, 10)
            elif kind == _CONTINUED and awaited and body:
                text = body[1:].decode("utf-16-le" if body[0] & 1 else "latin-1", "ignore")[:awaited]
                awaited -= len(text)
                self.texts.append(text)
            if kind != _CONTINUED:
                last = kind
                awaited = awaited if kind == _TEXT else 0


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        yield kind, data[at + 4 : at + 4 + length]
        at += 4 + length

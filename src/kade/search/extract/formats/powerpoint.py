"""PowerPoint 97-2003 ([MS-PPT]): the text of slides and notes, and what is embedded.

The file grows when it is saved again: only objects that the latest directory names are alive. A slide's
texts lie in the slide, or, for those in its outline, in the document.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from kade.core.extraction import RemarkKind
from kade.search.extract import blips, summary
from kade.search.extract.compound import Compound
from kade.search.extract.formats.package import attach_object, unpacked
from kade.search.extract.gathering import Gathering, Part, Unreadable

_DOCUMENT, _MASTER, _OUTLINE, _HANDOUT, _OBJECT = 1000, 1016, 4080, 4041, 4113
_WIDE_TEXT, _TEXT, _COMMENT, _COMMENT_TEXT = 4000, 4008, 12000, 4026
_EDIT, _DIRECTORY, _LOCKED = 4085, 6002, 12052
_ENCRYPTED_TOKEN = 0xF3D1C4DF
_CONTAINER, _DEEPEST = 0xF, 30
_FILLED_IN = "*"  # stands for a date or a slide's number


def read(part: Part, gathering: Gathering) -> None:
    """Say all text, and attach pictures and objects."""
    try:
        container = Compound(part.stream)
        root = container.root
        about = summary.parse(container.read(root.find("\x05SummaryInformation")))
        gathering.describe(title=about.title, author=about.author, modified_at=about.saved_at)
        user = container.read(root.find("Current User"))
        document = container.read(root.find("PowerPoint Document"))
        places = _living(document, user)
    except (ValueError, struct.error):
        raise Unreadable(RemarkKind.DAMAGED) from None
    for place in places:
        _say(document, place, gathering)
    pictures = blips.pictures(container.read(root.find("Pictures")), gathering.limits.expanded)
    for number, picture in enumerate(pictures, 1):
        gathering.attach(f"image{number}.{picture.suffix}", [picture.data])
    for number, place in enumerate((p for p in places if _head(document, p).kind == _OBJECT), 1):
        _attach_object(document, place, f"object{number}", gathering)


class _Head(NamedTuple):
    version: int
    instance: int
    kind: int
    start: int
    end: int


def _head(document: bytes, at: int) -> _Head:
    """The record there, and where its content lies.

    Raises:
        struct.error: there is none.
    """
    mark, kind, length = struct.unpack_from("<HHI", document, at)
    return _Head(mark & 0xF, mark >> 4, kind, at + 8, min(at + 8 + length, len(document)))


def _living(document: bytes, user: bytes) -> list[int]:
    """Where the objects are that count, the document first: by the directory of each edit, newest first."""
    token, edit = struct.unpack_from("<II", user, 12)
    if token == _ENCRYPTED_TOKEN:
        raise Unreadable(RemarkKind.ENCRYPTED)
    first = None
    places: dict[int, int] = {}
    seen: set[int] = set()
    while edit not in seen and _head(document, edit).kind == _EDIT:
        seen.add(edit)
        before, directory, main = struct.unpack_from("<III", document, edit + 16)
        first = main if first is None else first
        for number, place in _directory(document, _head(document, directory)):
            places.setdefault(number, place)
        edit = before
    inside = [places.pop(first)] if first in places else []
    inside += [place for _, place in sorted(places.items())]
    if any(_head(document, place).kind == _LOCKED for place in inside if place + 8 <= len(document)):
        raise Unreadable(RemarkKind.ENCRYPTED)
    return [place for place in inside if place + 8 <= len(document)]


def _directory(document: bytes, head: _Head) -> Iterator[tuple[int, int]]:
    """Numbers and places: runs of places, each behind its first number and how many there are (2.3.4)."""
    at = head.start
    while head.kind == _DIRECTORY and at + 4 <= head.end:
        (run,) = struct.unpack_from("<I", document, at)
        count = min(run >> 20, (head.end - at - 4) // 4)
        yield from enumerate(struct.unpack_from(f"<{count}I", document, at + 4), run & 0xFFFFF)
        at += 4 + 4 * count


def _say(document: bytes, place: int, gathering: Gathering, depth: int = 0, *, comment: bool = False) -> None:
    head = _head(document, place)
    if head.kind in (_MASTER, _HANDOUT) or (head.kind == _OUTLINE and head.instance == 1):
        return  # what masters say is how to fill them in
    if head.version == _CONTAINER and depth < _DEEPEST:
        at = head.start
        while at + 8 <= head.end:
            _say(document, at, gathering, depth + 1, comment=head.kind == _COMMENT)
            at = _head(document, at).end
    elif head.kind == _WIDE_TEXT or (comment and head.kind == _COMMENT_TEXT and head.instance == 1):
        _say_text(document[head.start : head.end].decode("utf-16-le", "replace"), gathering)
    elif head.kind == _TEXT:
        _say_text(document[head.start : head.end].decode("latin-1"), gathering)


def _say_text(text: str, gathering: Gathering) -> None:
    if text != _FILLED_IN:
        gathering.say(text.replace("\r", "\n").replace("\x0b", "\n") + "\n")


def _attach_object(document: bytes, place: int, name: str, gathering: Gathering) -> None:
    """An embedded object, a compound file; packed, behind its length, if its instance says so (2.10.34)."""
    head = _head(document, place)
    data = document[head.start : head.end]
    if head.instance:
        most = min(gathering.limits.whole, int.from_bytes(data[:4], "little"))
        try:
            data = zlib.decompressobj().decompress(data[4:], max(1, most))
        except zlib.error:
            gathering.remark(RemarkKind.DAMAGED, name)
            return
    try:
        container = Compound(io.BytesIO(data))
        packed = unpacked(container, container.root)
    except ValueError:
        packed = None
    attach_object(packed.data if packed else data, name, gathering, packed.name if packed else "")

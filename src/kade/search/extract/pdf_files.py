"""Files embedded in a PDF (ISO 32000-1, section 7.11.4).

No cross-reference table is followed: objects are found by what they look like, so a broken table hides none,
and nothing can go in a circle. Of two objects with one number the later counts, as in a file that was saved
again.
"""

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from kade.core.clock import Millis, from_datetime
from kade.core.extraction import RemarkKind
from kade.search.extract.gathering import Unreadable

_PIECE = 1 << 16
_DEEPEST = 30
_LONGEST = 1 << 16  # bytes of a string, items of a list
_OBJECT = re.compile(rb"(?<!\d)(\d{1,9})\s+\d{1,5}\s+obj\b")
_STREAM = re.compile(rb"\s*stream(?:\r\n|\n|\r)")
_TOKEN = re.compile(
    rb"[\x00\s]*(?:%[^\r\n]*[\x00\s]*)*"
    rb"(?:(<<|>>|\[|\])|/([^\x00\s()<>\[\]{}/%]*)|<([0-9A-Fa-f\s]*)>|(\()|(\d+)\s+(\d+)\s+R\b|([^\x00\s()<>\[\]{}/%]+))"
)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_IN_STRING = re.compile(rb"\\([0-7]{1,3}|\r\n|.)|([()])|[^\\()]+", re.DOTALL)
_HEX = re.compile(r"#([0-9A-Fa-f]{2})")
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-])(\d\d)'?(\d\d)?)?")


class File(NamedTuple):
    """A file that is embedded; *pieces* raises ``Unreadable``."""

    name: str
    media_type: str
    created_at: Millis | None
    pieces: Iterator[bytes]


class _Ref(NamedTuple):
    number: int


class _Name(str):
    __slots__ = ()


def hints(data: bytes) -> bool:
    """Whether it says outright that files are embedded."""
    return b"/EmbeddedFile" in data


def embedded(data: bytes, most: int) -> Iterator[File]:
    """The files in the PDF *data*; *most* bytes are unpacked to find them."""
    objects = _Objects(data, most)
    encrypted = re.search(rb"/Encrypt\s+\d+\s+\d+\s+R", data) is not None
    seen: set[int] = set()
    for value in list(objects.values()):
        streams = objects.follow(value.get("EF")) if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(streams, dict):
            continue
        ref = streams.get("UF") or streams.get("F")
        if isinstance(ref, _Ref) and ref.number not in seen:
            seen.add(ref.number)
            name = objects.follow(value.get("UF")) or objects.follow(value.get("F"))
            yield _file(objects, _text(name), ref, encrypted)


def _file(objects: "_Objects", name: str, ref: _Ref, encrypted: bool) -> File:
    head = objects.follow(ref)
    head = head if isinstance(head, dict) else {}
    about = objects.follow(head.get("Params"))
    date = about.get("ModDate") or about.get("CreationDate") if isinstance(about, dict) else None
    kind = objects.follow(head.get("Subtype"))
    media_type = (
        re.sub(r"#([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), kind)
        if isinstance(kind, _Name)
        else ""
    )
    return File(
        name, media_type, _moment(_text(objects.follow(date))), _pieces(objects, ref, head, encrypted)
    )


def _pieces(objects: "_Objects", ref: _Ref, head: dict[str, object], encrypted: bool) -> Iterator[bytes]:
    if encrypted:
        raise Unreadable(RemarkKind.ENCRYPTED)
    packed = objects.stream(ref.number)
    filters = objects.follow(head.get("Filter"))
    filters = (
        [objects.follow(each) for each in filters]
        if isinstance(filters, list)
        else [filters]
        if filters
        else []
    )
    if filters not in ([], ["FlateDecode"], ["Fl"]):
        raise Unreadable(RemarkKind.UNSUPPORTED)
    unpacker = zlib.decompressobj() if filters else None
    for at in range(0, len(packed), _PIECE):
        piece = packed[at : at + _PIECE]
        while piece:
            if unpacker is None:
                yield piece
                break
            try:
                yield unpacker.decompress(piece, _PIECE * 4)
            except zlib.error:
                raise Unreadable(RemarkKind.DAMAGED) from None
            piece = unpacker.unconsumed_tail


class _Objects:
    """The objects of a file by number."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data = data
        self._values: dict[int, object] = {}
        self._bodies: dict[int, int] = {}
        left = most
        for found in _OBJECT.finditer(data):
            number = int(found[1])
            value, end = _Reading(data, found.end()).value()
            self._values[number] = value
            self._bodies[number] = end
        for number, value in list(self._values.items()):
            if isinstance(value, dict) and value.get("Type") == "ObjStm":
                left -= self._unpack(number, value, left)

    def values(self) -> Iterator[object]:
        """Every object, and the dictionaries within them."""
        for value in self._values.values():
            yield from _dictionaries(value, 0)

    def follow(self, value: object) -> object:
        """What a reference stands for; anything else as it is."""
        for _ in range(_DEEPEST):
            if not isinstance(value, _Ref):
                return value
            value = self._values.get(value.number)
        return None

    def stream(self, number: int) -> bytes:
        """The bytes of an object that is a stream, as they stand."""
        head = self._values.get(number)
        opening = _STREAM.match(self._data, self._bodies.get(number, len(self._data)))
        if opening is None or not isinstance(head, dict):
            raise Unreadable(RemarkKind.DAMAGED)
        length = self.follow(head.get("Length"))
        start = opening.end()
        if isinstance(length, int) and self._data[start + length : start + length + 20].lstrip().startswith(
            b"endstream"
        ):
            return self._data[start : start + length]
        return self._data[start : max(start, self._data.find(b"endstream", start))]

    def _unpack(self, number: int, head: dict[str, object], most: int) -> int:
        """Take the objects of a stream of objects (section 7.5.7); how many bytes it had."""
        count, first = head.get("N"), head.get("First")
        if head.get("Filter") != "FlateDecode" or not isinstance(count, int) or not isinstance(first, int):
            return 0
        try:
            data = zlib.decompressobj().decompress(self.stream(number), max(1, most))
            numbers = [int(word) for word in data[:first].split()[: 2 * count]]
        except (zlib.error, ValueError, Unreadable):
            return 0
        for which, at in zip(numbers[::2], numbers[1::2], strict=False):
            self._values.setdefault(which, _Reading(data, first + at).value()[0])
        return len(data)


def _dictionaries(value: object, depth: int) -> Iterator[object]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list) and depth < _DEEPEST:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _dictionaries(inner, depth + 1)


class _Reading:
    """Reads one object from where it begins (section 7.3); what makes no sense is None."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def value(self, depth: int = 0) -> tuple[object, int]:
        """The object, and where it ends."""
        return self._value(depth), self._at

    def _value(self, depth: int) -> object:
        found = _TOKEN.match(self._data, self._at)
        if found is None or depth > _DEEPEST:
            return None
        self._at = found.end()
        bracket, name, digits, opening, number, _, word = found.groups()
        if bracket == b"<<":
            items = self._items(b">>", depth)
            keys, values = items[::2], items[1::2]
            return {key: value for key, value in zip(keys, values, strict=False) if isinstance(key, _Name)}
        if bracket == b"[":
            return self._items(b"]", depth)
        if name is not None:
            return _Name(name.decode("latin-1"))
        if digits is not None:
            plain = b"".join(digits.split())
            return bytes.fromhex((plain + b"0" * (len(plain) % 2)).decode())
        if opening:
            return self._string()
        if number:
            return _Ref(int(number))
        return int(word) if word and word.isdigit() and len(word) < 12 else None

    def _items(self, closing: bytes, depth: int) -> list[object]:
        items: list[object] = []
        while len(items) < _LONGEST:
            found = _TOKEN.match(self._data, self._at)
            if found is None or found[1] in (b">>", b"]"):
                if found is not None and found[1] == closing:
                    self._at = found.end()
                break
            before = self._at
            items.append(self._value(depth + 1))
            if self._at == before:
                break
        return items

    def _string(self) -> bytes:
        depth, said = 1, bytearray()
        for found in _IN_STRING.finditer(self._data, self._at, self._at + _LONGEST):
            self._at = found.end()
            if found[2]:
                depth += 1 if found[2] == b"(" else -1
                if not depth:
                    break
                said += found[2]
            elif found[1]:
                said += (
                    bytes([int(found[1], 8) & 255])
                    if found[1].isdigit()
                    else _ESCAPES.get(found[1], found[1])
                )
            else:
                said += found[0]
        return bytes(said)


def _text(value: object) -> str:
    """A text string (section 7.9.2.2): UTF-16 or UTF-8 with a mark, else much like Windows 1252."""
    if not isinstance(value, bytes):
        return ""
    if value.startswith((b"\xfe\xff", b"\xff\xfe")):
        return value.decode("utf-16", "replace")
    if value.startswith(b"\xef\xbb\xbf"):
        return value.decode("utf-8-sig", "replace")
    return value.decode("cp1252", "replace")


def _moment(text: str) -> Millis | None:
    """``D:20240305093000+01'00'``; what is not said of it is the first there is, or UTC."""
    found = _DATE.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (
        int(part or least) for part, least in zip(found.groups()[:6], (0, 1, 1, 0, 0, 0), strict=True)
    )
    ahead = timedelta(hours=int(found[8] or 0), minutes=int(found[9] or 0))
    try:
        zone = timezone(-ahead if found[7] == "-" else ahead) if found[7] else UTC
        return from_datetime(datetime(year, month, day, hour, minute, second, tzinfo=zone))
    except ValueError:
        return None

"""Pictures in Office 97-2003 documents: records of the drawing format ([MS-ODRAW], section 2.2.23)."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_CONTAINER = 0xF
_DEEPEST = 20
# Type of record → suffix, and which instance has two identifiers (16 bytes each) instead of one.
_BITMAPS = {
    0xF01D: ("jpg", (0x46B, 0x6E3)),
    0xF02A: ("jpg", (0x46B, 0x6E3)),
    0xF01E: ("png", (0x6E1,)),
    0xF01F: ("dib", (0x7A9,)),
    0xF029: ("tif", (0x6E5,)),
}
_METAFILES = {0xF01A: ("emf", (0x3D5,)), 0xF01B: ("wmf", (0x217,)), 0xF01C: ("pict", (0x543,))}
_ENTRY = 0xF007  # a picture's entry, with the picture behind 36 bytes and its name


class Picture(NamedTuple):
    suffix: str
    data: bytes


def pictures(data: bytes, most: int, depth: int = 0) -> Iterator[Picture]:
    """The pictures in a run of records; a packed one gives *most* bytes at most."""
    at = 0
    while at + 8 <= len(data):
        head, kind, length = struct.unpack_from("<HHI", data, at)
        body = data[at + 8 : at + 8 + length]
        at += 8 + length
        if kind == _ENTRY and len(body) > 36:
            body, head = body[36 + body[33] :], _CONTAINER
        if kind in _BITMAPS:
            suffix, doubles = _BITMAPS[kind]
            yield Picture(suffix, body[33 if head >> 4 in doubles else 17 :])
        elif kind in _METAFILES:
            suffix, doubles = _METAFILES[kind]
            yield Picture(suffix, _unpacked(body[32 if head >> 4 in doubles else 16 :], most))
        elif head & 0xF == _CONTAINER and depth < _DEEPEST:
            yield from pictures(body, most, depth + 1)


def _unpacked(data: bytes, most: int) -> bytes:
    """Behind a header of 34 bytes, whose last but one says whether they are packed."""
    if len(data) < 34 or data[32] != 0:
        return data[34:]
    try:
        return zlib.decompressobj().decompress(data[34:], most)
    except zlib.error:
        return b""

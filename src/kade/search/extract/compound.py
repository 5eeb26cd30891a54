"""Compound files, in which Office 97-2003 and Outlook keep what they write ([MS-CFB]).

A compound file is a small file system: storages (folders) hold streams (files), which lie in chains of
sectors. Nothing that it says of itself is trusted: a chain is never longer than the file, and a name leads to
one entry only.
"""

import array
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST = 0xFFFFFFFA  # from here on a sector number has another meaning
_NONE = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_ENTRY = struct.Struct("<64sHBBIII16sIQQIQ")
_Row = tuple[bytes, int, int, int, int, int, int, bytes, int, int, int, int, int]


@dataclass(slots=True)
class Entry:
    """A storage with its *children*, or a stream of *length* bytes."""

    name: str
    is_storage: bool
    start: int = 0
    length: int = 0
    class_id: bytes = bytes(16)
    children: "list[Entry]" = field(default_factory=list)

    def find(self, *path: str) -> "Entry | None":
        """What lies there, names in any case."""
        entry: Entry | None = self
        for name in path:
            entry = (
                next((e for e in entry.children if e.name.lower() == name.lower()), None) if entry else None
            )
        return entry


class Compound:
    """The compound file in *stream*; its *root* is a storage.

    Raises:
        ValueError: it is not one, or too damaged to find anything in it.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._size = stream.seek(0, 2)
        stream.seek(0)
        header = stream.read(512)
        if len(header) < 512 or not header.startswith(_MAGIC):
            raise ValueError("no compound file")
        shift, small_shift = struct.unpack_from("<HH", header, 30)
        if shift not in (9, 12) or small_shift != 6:
            raise ValueError("sectors of an unknown size")
        self._sector = 1 << shift
        fats, first, _, self._cutoff, small_first, small_count, more, more_count = struct.unpack_from(
            "<I I I I I I I I", header, 44
        )
        self._fat = self._read_fat(list(struct.unpack_from("<109I", header, 76)), fats, more, more_count)
        self._small_fat = _numbers(b"".join(self._chain(small_first, small_count * self._sector)))
        self.root = self._read_tree(b"".join(self._chain(first, self._size)))
        self._small = b""

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of a stream.

        Raises:
            ValueError: some are missing.
        """
        left = entry.length
        for piece in (
            self._small_chain(entry) if entry.length < self._cutoff else self._chain(entry.start, left)
        ):
            yield piece[:left]
            left -= len(piece[:left])
        if left:
            raise ValueError(f"{left} bytes of {entry.name} are missing")

    def read(self, entry: Entry | None, most: int = 1 << 28) -> bytes:
        """The bytes of a stream, *most* of them at most; none of one that is not there."""
        data = bytearray()
        if entry is not None and not entry.is_storage:
            for piece in self.pieces(entry):
                data += piece
                if len(data) >= most:
                    break
        return bytes(data[:most])

    def _read_fat(self, sectors: list[int], count: int, more: int, more_count: int) -> "array.array[int]":
        """Which sector follows each one. The list of the sectors that say so goes on in other sectors."""
        limit = self._size // self._sector + 1
        per_sector = self._sector // 4
        while more < _LAST and more_count > 0 and len(sectors) <= limit:
            numbers = _numbers(self._at(more))
            sectors += numbers[: per_sector - 1]
            more, more_count = (
                numbers[per_sector - 1] if len(numbers) == per_sector else _NONE,
                more_count - 1,
            )
        if count > limit:
            raise ValueError("more sectors than bytes")
        fat = array.array("I")
        for sector in sectors[:count]:
            if sector < _LAST:
                fat.extend(_numbers(self._at(sector)))
        return fat

    def _at(self, sector: int) -> bytes:
        self._stream.seek((sector + 1) * self._sector)
        return self._stream.read(self._sector)

    def _chain(self, sector: int, length: int) -> Iterator[bytes]:
        """The sectors from that one on, for *length* bytes; fewer when the chain ends or goes in a circle."""
        most = min(length, self._size) // self._sector + 1
        while sector < len(self._fat) and most > 0 and length > 0:
            piece = self._at(sector)
            yield piece
            length, most = length - len(piece), most - 1
            sector = self._fat[sector]

    def _small_chain(self, entry: Entry) -> Iterator[bytes]:
        if not self._small:
            self._small = b"".join(self._chain(self.root.start, self.root.length))
        sector, most = entry.start, entry.length // 64 + 1
        while sector < len(self._small_fat) and most > 0:
            yield self._small[sector * 64 : sector * 64 + 64]
            sector, most = self._small_fat[sector], most - 1

    def _read_tree(self, directory: bytes) -> Entry:
        rows = [_ENTRY.unpack_from(directory, at) for at in range(0, len(directory) - 127, 128)]
        if not rows or rows[0][2] != _ROOT:
            raise ValueError("no root")
        entries = [_entry(row, self._sector) for row in rows]
        taken = {0}
        for number, entry in enumerate(entries):
            if entry.is_storage:
                entry.children = [entries[n] for n in _siblings(rows, rows[number][6], taken)]
        return entries[0]


def _entry(row: _Row, sector: int) -> Entry:
    name = row[0][: max(0, min(row[1], 64) - 2)].decode("utf-16-le", "replace")
    length = row[12] if sector == 4096 else row[12] & 0xFFFFFFFF
    return Entry(name, row[2] in (_STORAGE, _ROOT), row[11], length, row[7])


def _siblings(rows: list[_Row], top: int, taken: set[int]) -> Iterator[int]:
    """The entries of one storage, a binary tree, in order; *taken* are those that have a place already."""
    waiting: list[int] = []
    at = top
    while waiting or at < len(rows):
        if at < len(rows) and at not in taken:
            taken.add(at)
            waiting.append(at)
            at = rows[at][4]
        elif waiting:
            last = waiting.pop()
            if rows[last][2] in (_STORAGE, _STREAM):
                yield last
            at = rows[last][5]
        else:
            return


def _numbers(data: bytes) -> "array.array[int]":
    found = array.array("I")
    found.frombytes(data[: len(data) // 4 * 4])
    if sys.byteorder == "big":
        found.byteswap()
    return found

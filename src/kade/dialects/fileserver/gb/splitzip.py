"""Zip archives of one file, in one volume or several (APPNOTE.TXT 6.3, sections 4.3 and 8; ZIP4J of GB017).

A split archive is ``name.z01, name.z02, …, name.zip``: its offsets count from the start of a numbered volume,
and its first volume may begin with a signature of its own. A plain archive that was cut into pieces
is read as well: its records know of one volume only. Only the records at the end and the compressed bytes
are read, in order, so an archive of any size costs a piece of memory.

Nothing in an archive is believed: its records must agree with each other, with where they lie and with what
comes out. The name of its entry is not used for anything.
"""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

_END = struct.Struct("<IHHHHIIH")
_END_SIGNATURE = 0x06054B50
_END_64 = struct.Struct("<IQHHIIQQQQ")
_END_64_SIGNATURE = 0x06064B50
_LOCATOR = struct.Struct("<IIQI")
_LOCATOR_SIGNATURE = 0x07064B50
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_CENTRAL_SIGNATURE = 0x02014B50
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_LOCAL_SIGNATURE = 0x04034B50
_SPLIT_SIGNATURES = (b"PK\x07\x08", b"PK00")
_EXTRA_64 = 1
_LONGEST_COMMENT = 0xFFFF
_LONGEST_RECORD = _CENTRAL.size + 3 * 0xFFFF
_NOT_HERE, _NOT_HERE_SHORT = 0xFFFFFFFF, 0xFFFF  # the figure stands in a Zip64 record
_SECRET = 1 | 1 << 6 | 1 << 13  # encrypted, strongly encrypted, records masked
_PATCHED = 1 << 5
_LATER = 1 << 3  # sizes and checksum follow the data
STORED, DEFLATED = 0, 8
PIECE = 1 << 18
_HARMLESS = 1 << 20  # bytes that may come out whatever the ratio


class ZipError(Exception):
    """These volumes are no archive of one file, or are damaged."""


class UnsupportedZip(ZipError):
    """An archive that needs what is not done here: encryption, or a method other than stored and deflated."""


class Volumes(Protocol):
    """The bytes of all volumes, one after the other."""

    @property
    def lengths(self) -> Sequence[int]:
        """How long each volume is, in bytes."""

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from *start* up to but not including *stop*, counted over all volumes, in pieces."""


class Entry(NamedTuple):
    """The one file of an archive: *start* is where its data begins, counted over all volumes."""

    method: int
    crc: int
    compressed: int
    size: int
    start: int


class _End(NamedTuple):
    """What stands at the end: where the central directory is, and of how much it tells."""

    disk: int
    directory_disk: int
    here: int
    total: int
    size: int
    offset: int
    position: int


async def find_entry(volumes: Volumes) -> Entry:
    """The one file.

    Raises:
        ZipError: when there are none or several, or when records are missing, contradict or overlap.
        UnsupportedZip: for encryption and other methods.
    """
    end = await _find_end(volumes)
    if (end.here, end.total) != (1, 1):
        raise ZipError("not exactly one entry")
    layout = await _Layout.of(volumes, end)
    directory = end.position - end.size
    if end.size > _LONGEST_RECORD or layout.position(end.directory_disk, end.offset) != directory:
        raise ZipError("the central directory is not where it should be")
    record = await _read(volumes, directory, end.position)
    central, name, disk, offset = _central(record)
    begin = layout.position(disk, offset)
    start = await _check_local(volumes, begin, central, name)
    if start + central.compressed > directory:
        raise ZipError("the entry overlaps the central directory")
    return central._replace(start=start)


async def unpacked(volumes: Volumes, entry: Entry, most_ratio: int) -> AsyncIterator[bytes]:
    """The file's bytes, in pieces of at most 256 KiB.

    Raises:
        ZipError: when they are not as many as was said or have another checksum, when data is damaged, cut
            or goes on after its end, or when more than a mebibyte comes out with more than *most_ratio* bytes
            for each that went in.
    """
    running = _Running(entry, most_ratio)
    inflating = _Inflating() if entry.method == DEFLATED else None
    async for data in volumes.read(entry.start, entry.start + entry.compressed):
        running.took(len(data))
        if inflating is None:
            yield await asyncio.to_thread(running.gave, data)
            continue
        inflating.feed(data)
        while piece := await asyncio.to_thread(inflating.next):
            yield await asyncio.to_thread(running.gave, piece)
    if inflating is not None and not inflating.ended:
        raise ZipError("data ends early")
    running.check_end()


class _Inflating:
    """Deflated data on its way out, a piece at a time."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._pending = b""

    @property
    def ended(self) -> bool:
        return self._inflater.eof

    def feed(self, data: bytes) -> None:
        if self.ended:
            raise ZipError("data goes on after its end")
        self._pending = data

    def next(self) -> bytes:
        """What comes out next; nothing when more must be fed."""
        try:
            piece = self._inflater.decompress(self._pending, PIECE)
        except zlib.error as error:
            raise ZipError(str(error)) from error
        if self._inflater.unused_data:
            raise ZipError("data goes on after its end")
        self._pending = self._inflater.unconsumed_tail
        return piece


class _Running:
    """What went in and came out so far."""

    def __init__(self, entry: Entry, most_ratio: int) -> None:
        self._entry = entry
        self._most_ratio = most_ratio
        self._taken = self._given = self._crc = 0

    def took(self, count: int) -> None:
        self._taken += count

    def gave(self, data: bytes) -> bytes:
        """Count a piece that came out, and return it."""
        self._given += len(data)
        if self._given > self._entry.size:
            raise ZipError("more comes out than was said")
        if self._given > max(_HARMLESS, self._most_ratio * self._taken):
            raise ZipError("too much comes out of too little")
        self._crc = zlib.crc32(data, self._crc)
        return data

    def check_end(self) -> None:
        if (self._given, self._crc) != (self._entry.size, self._entry.crc):
            raise ZipError("length or checksum is not as was said")


class _Layout:
    """Where the volumes begin, and how their records count."""

    def __init__(self, starts: Sequence[int], shift: int, total: int) -> None:
        self._starts = starts
        self._shift = shift
        self._total = total

    @classmethod
    async def of(cls, volumes: Volumes, end: _End) -> "_Layout":
        """By volume when the end says that it lies in the last of them; else as one piece.

        Whoever cut a plain archive may have put the signature before it without counting it.
        """
        total = sum(volumes.lengths)
        if end.disk:
            if end.disk != len(volumes.lengths) - 1:
                raise ZipError("volumes are missing, or there are too many")
            return cls([0, *accumulate(volumes.lengths)][:-1], 0, total)
        shift = end.position - end.size - end.offset
        if shift == 4 and await _read(volumes, 0, 4) not in _SPLIT_SIGNATURES:
            raise ZipError("something stands before the archive")
        return cls([0], shift if shift == 4 else 0, total)

    def position(self, disk: int, offset: int) -> int:
        """Where a record is, counted over all volumes."""
        if disk >= len(self._starts):
            raise ZipError("a record lies in a volume that is not there")
        return min(self._starts[disk] + offset + self._shift, self._total)


async def _find_end(volumes: Volumes) -> _End:
    total = sum(volumes.lengths)
    first = max(0, total - _END.size - _LONGEST_COMMENT - _LOCATOR.size - _END_64.size)
    tail = await _read(volumes, first, total)
    at = len(tail) - _END.size
    while at >= 0:
        signature, *figures, comment = _END.unpack_from(tail, at)
        if signature == _END_SIGNATURE and at + _END.size + comment == len(tail):
            return _end_64(tail, first, at) or _End._make((*figures, first + at))
        at = tail.rfind(b"PK\x05\x06", 0, at + 3)
    raise ZipError("no end of a central directory")


def _end_64(tail: bytes, first: int, at: int) -> _End | None:
    """The Zip64 record before the end, with its locator between them; None when there is none."""
    if at < _LOCATOR.size or _LOCATOR.unpack_from(tail, at - _LOCATOR.size)[0] != _LOCATOR_SIGNATURE:
        return None
    at -= _LOCATOR.size + _END_64.size  # further data in the record would be for other purposes than ours
    if at < 0:
        raise ZipError("no Zip64 end of the central directory")
    signature, _size, _made, _needed, *figures = _END_64.unpack_from(tail, at)
    if signature != _END_64_SIGNATURE:
        raise ZipError("no Zip64 end of the central directory")
    return _End._make((*figures, first + at))


def _central(record: bytes) -> tuple[Entry, bytes, int, int]:
    """Entry, name, volume and offset out of the only record of the central directory."""
    if len(record) < _CENTRAL.size:
        raise ZipError("the central directory is cut")
    found = _CENTRAL.unpack_from(record)
    signature, flags, method, crc, compressed, size = found[0], found[3], found[4], *found[7:10]
    name_length, extra_length, comment_length, disk, offset = *found[10:14], found[16]
    if signature != _CENTRAL_SIGNATURE or (
        _CENTRAL.size + name_length + extra_length + comment_length != len(record)
    ):
        raise ZipError("the central directory holds something else than one entry")
    if flags & (_SECRET | _PATCHED) or method not in (STORED, DEFLATED):
        raise UnsupportedZip(f"flags {flags:#x}, method {method}")
    extra = record[_CENTRAL.size + name_length :][:extra_length]
    size, compressed, offset, disk = _with_64(extra, size, compressed, offset, disk)
    if method == STORED and size != compressed:
        raise ZipError("a stored file has two lengths")
    name = record[_CENTRAL.size : _CENTRAL.size + name_length]
    if name.endswith((b"/", b"\\")):
        raise ZipError("the entry is a folder")
    return Entry(method, crc, compressed, size, 0), name, disk, offset


def _with_64(extra: bytes, *figures: int) -> tuple[int, int, int, int]:
    """Size, compressed size, offset and volume; the Zip64 field has those that are left out."""
    left_out = [_NOT_HERE, _NOT_HERE, _NOT_HERE, _NOT_HERE_SHORT]
    field = _field_64(extra)
    found = []
    for figure, absent, width in zip(figures, left_out, (8, 8, 8, 4), strict=True):
        if figure == absent and field is not None:
            if len(field) < width:
                raise ZipError("a Zip64 field is cut")
            figure, field = int.from_bytes(field[:width], "little"), field[width:]
        found.append(figure)
    size, compressed, offset, disk = found
    return size, compressed, offset, disk


def _field_64(extra: bytes) -> bytes | None:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _EXTRA_64:
            return extra[4 : 4 + length]
        extra = extra[4 + length :]
    return None


async def _check_local(volumes: Volumes, begin: int, entry: Entry, name: bytes) -> int:
    """Where the entry's data begins, when a local header that says the same stands before it."""
    head = await _read(volumes, begin, begin + _LOCAL.size)
    if len(head) < _LOCAL.size:
        raise ZipError("no local header")
    signature, _needed, flags, method, _time, _date, crc, _compressed, _size, name_length, extra_length = (
        _LOCAL.unpack(head)
    )
    if signature != _LOCAL_SIGNATURE:
        raise ZipError("no local header")
    start = begin + _LOCAL.size
    same = method == entry.method and await _read(volumes, start, start + name_length) == name
    if not same or (not flags & _LATER and crc != entry.crc):
        raise ZipError("the local header contradicts the central directory")
    if flags & _SECRET:
        raise UnsupportedZip(f"flags {flags:#x}")
    return start + int(name_length) + int(extra_length)


async def _read(volumes: Volumes, start: int, stop: int) -> bytes:
    """Those of the bytes that are there."""
    stop = min(stop, sum(volumes.lengths))
    return b"".join([data async for data in volumes.read(start, stop)]) if start < stop else b""

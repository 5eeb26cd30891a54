"""Writing compound files ([MS-CFB]): a storage that lies within one becomes a file of its own."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kade.search.extract.compound import Compound, Entry

_SECTOR, _SMALL = 512, 64
_CUTOFF = 4096  # shorter streams lie in the stream of short ones, which is the root's
_END, _FREE, _IS_FAT, _IS_DIFAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFC
_PER_SECTOR, _IN_HEADER = _SECTOR // 4, 109


@dataclass(slots=True)
class Node:
    """What is to be written: a stream of *data*, or (None) a storage with its *children*."""

    name: str
    data: bytes | None = None
    children: "list[Node]" = field(default_factory=list)
    class_id: bytes = bytes(16)


def copy(source: Compound, entry: Entry) -> Node:
    """*entry* of *source* with everything below it.

    Raises:
        ValueError: bytes of it are missing.
    """
    if not entry.is_storage:
        return Node(entry.name, b"".join(source.pieces(entry)))
    return Node(entry.name, None, [copy(source, child) for child in entry.children], entry.class_id)


def write(root: Node) -> bytes:
    """A compound file with the children of *root*."""
    return _Writing(root).file()


class _Writing:
    def __init__(self, root: Node) -> None:
        self._root = root
        self._sectors: list[bytes] = []
        self._fat: list[int] = []
        self._small = bytearray()
        self._small_fat: list[int] = []
        self._rows: list[list[object]] = []

    def file(self) -> bytes:
        self._row(Node("Root Entry", None, self._root.children, self._root.class_id), 5)
        self._rows[0][4:6] = [self._store(bytes(self._small)), len(self._small)]
        small_fat = self._store(_packed(self._small_fat, _FREE))
        small_fat_sectors = -(-len(self._small_fat) // _PER_SECTOR)
        directory = self._store(b"".join(map(_packed_row, self._rows)))
        fat_sectors, more_sectors = self._store_fat()
        header = struct.pack(
            "<8s16xHHHHH6xIIIIIIIII",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            *(0x3E, 3, 0xFFFE, 9, 6),
            *(0, len(fat_sectors), directory, 0, _CUTOFF, small_fat if small_fat_sectors else _END),
            *(small_fat_sectors, more_sectors[0] if more_sectors else _END, len(more_sectors)),
        )
        return header + _packed(fat_sectors[:_IN_HEADER], _FREE, _IN_HEADER) + b"".join(self._sectors)

    def _row(self, node: Node, kind: int) -> int:
        """Give *node*, and what is below it, rows of the directory; the number of its own."""
        number = len(self._rows)
        # name, kind, siblings before and after, then child, start, length; see _packed_row
        self._rows.append([node.name, kind, (_FREE, _FREE), _FREE, _END, 0, node.class_id])
        if node.data is not None:
            self._rows[number][4:6] = [self._store_stream(node.data), len(node.data)]
        else:
            numbers = [self._row(child, 1 if child.data is None else 2) for child in _ordered(node.children)]
            self._rows[number][3] = self._tree(numbers)
        return number

    def _tree(self, numbers: Sequence[int]) -> int:
        """Make a balanced tree of the rows with these *numbers*; its top."""
        if not numbers:
            return _FREE
        middle = len(numbers) // 2
        self._rows[numbers[middle]][2] = (self._tree(numbers[:middle]), self._tree(numbers[middle + 1 :]))
        return numbers[middle]

    def _store_stream(self, data: bytes) -> int:
        if len(data) >= _CUTOFF:
            return self._store(data)
        if not data:
            return _END
        first, count = len(self._small_fat), -(-len(data) // _SMALL)
        self._small_fat += [*range(first + 1, first + count), _END]
        self._small += data.ljust(count * _SMALL, b"\0")
        return first

    def _store(self, data: bytes) -> int:
        if not data:
            return _END
        first, count = len(self._fat), -(-len(data) // _SECTOR)
        self._fat += [*range(first + 1, first + count), _END]
        self._sectors.append(data.ljust(count * _SECTOR, b"\0"))
        return first

    def _store_fat(self) -> tuple[list[int], list[int]]:
        """The table itself takes sectors, and so does the list of those, where it is long."""
        used = len(self._fat)
        fats = mores = 0
        while fats * _PER_SECTOR < used + fats + mores:
            fats += 1
            mores = -(-max(0, fats - _IN_HEADER) // (_PER_SECTOR - 1))
        fat_sectors = list(range(used, used + fats))
        more_sectors = list(range(used + fats, used + fats + mores))
        self._fat += [_IS_FAT] * fats + [_IS_DIFAT] * mores
        self._sectors.append(_packed(self._fat, _FREE, fats * _PER_SECTOR))
        rest = fat_sectors[_IN_HEADER:]
        for at, sector in enumerate(more_sectors):
            row = rest[at * (_PER_SECTOR - 1) : (at + 1) * (_PER_SECTOR - 1)]
            following = sector + 1 if at + 1 < mores else _END
            self._sectors.append(_packed(row, _FREE, _PER_SECTOR - 1) + struct.pack("<I", following))
        return fat_sectors, more_sectors


def _ordered(nodes: Sequence[Node]) -> Iterator[Node]:
    """As section 2.6.4 wants siblings: shorter names first."""
    yield from sorted(nodes, key=lambda node: (len(node.name.encode("utf-16-le")), node.name.upper()))


def _packed(numbers: Sequence[int], filler: int, length: int = 0) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers) + struct.pack("<I", filler) * (length - len(numbers))


def _packed_row(row: list[object]) -> bytes:
    name, kind, siblings, child, start, length, class_id = row
    encoded = str(name)[:31].encode("utf-16-le")
    assert isinstance(siblings, tuple)
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        *(encoded, len(encoded) + 2, kind, 1, *siblings, child),
        *(class_id, 0, 0, 0, start, length),
    )

"""OLE: what was embedded in a document by whichever program, often a file that is simply packed."""

import io
import struct
from typing import NamedTuple

from kade.core.extraction import RemarkKind
from kade.search.extract import compound_writing, kinds
from kade.search.extract.compound import Compound, Entry
from kade.search.extract.gathering import Gathering, Part, Unreadable

_PACKED = "\x01Ole10Native"
_WHOLE = ("Package", "CONTENTS", "EmbeddedOdf")  # streams that are a file of a known kind


class Packed(NamedTuple):
    name: str
    data: bytes


def read(part: Part, gathering: Gathering) -> None:
    """Say what is in the file that lies in it."""
    try:
        container = Compound(part.stream)
        packed = unpacked(container, container.root)
    except ValueError:
        raise Unreadable(RemarkKind.DAMAGED) from None
    if packed is None:
        raise Unreadable(RemarkKind.UNSUPPORTED)
    gathering.attach(packed.name or part.name, [packed.data])


def unpacked(container: Compound, storage: Entry) -> Packed | None:
    """The file that lies in *storage* and nothing else, if it is so.

    Raises:
        ValueError: it is damaged.
    """
    native = storage.find(_PACKED)
    if native is not None:
        return _native(container.read(native))
    for name in _WHOLE:
        if (entry := storage.find(name)) is not None:
            return Packed("", container.read(entry))
    return None


def attach_storage(container: Compound, storage: Entry, name: str, gathering: Gathering) -> None:
    """Attach what is embedded as *storage*: the file packed in it, else the storage as a file of its own."""
    try:
        packed = unpacked(container, storage)
        data = packed.data if packed else compound_writing.write(compound_writing.copy(container, storage))
    except ValueError:
        gathering.remark(RemarkKind.DAMAGED, name)
        return
    attach_object(data, name, gathering, packed.name if packed else "")


def attach_object(data: bytes, name: str, gathering: Gathering, own_name: str = "") -> None:
    """Attach an embedded file by its *own_name*, else as *name* with the suffix of what it is."""
    suffix = kinds.SUFFIXES.get(kinds.detect(io.BytesIO(data), ""), "ole")
    gathering.attach(own_name or f"{name}.{suffix}", [data])


def _native(data: bytes) -> Packed | None:
    """A packed file: label, path, flags, path again, length, bytes; [MS-OLEDS] leaves this to programs."""
    try:
        if struct.unpack_from("<H", data, 4) != (2,):
            return Packed("", data[4:])
        label, at = _string(data, 6)
        _, at = _string(data, at)
        (length,) = struct.unpack_from("<I", data, at + 4)
        at += 8 + length
        (size,) = struct.unpack_from("<I", data, at)
    except (struct.error, ValueError):
        return None
    return Packed(label, data[at + 4 : at + 4 + size])


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("cp1252", "replace"), end + 1

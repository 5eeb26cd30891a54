"""ZIP: the names of its entries, and what they say."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from kade.core.clock import Millis, from_datetime
from kade.core.extraction import RemarkKind
from kade.search.extract.gathering import Gathering, Part, Unreadable

_PIECE = 1 << 16
_ENCRYPTED = 0x1  # flag of an entry (APPNOTE 4.4.4)
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


def read(part: Part, gathering: Gathering) -> None:
    """Say the name of each entry and what is in it."""
    with opened(part.stream) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            gathering.say(f"{info.filename}\n")
            gathering.attach(info.filename, pieces(archive, info), created_at=written_at(info))


def opened(stream: BinaryIO) -> zipfile.ZipFile:
    """The archive in *stream*.

    Raises:
        Unreadable: it is damaged.
    """
    try:
        return zipfile.ZipFile(stream)
    except _BROKEN:
        raise Unreadable(RemarkKind.DAMAGED) from None


def pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of an entry.

    Raises:
        Unreadable: it is encrypted, damaged, or packed in a way that nobody here knows.
    """
    if info.flag_bits & _ENCRYPTED:
        raise Unreadable(RemarkKind.ENCRYPTED)
    try:
        with archive.open(info) as entry:
            while piece := entry.read(_PIECE):
                yield piece
    except (NotImplementedError, RuntimeError):
        raise Unreadable(RemarkKind.UNSUPPORTED) from None
    except _BROKEN:
        raise Unreadable(RemarkKind.DAMAGED) from None


def written_at(info: zipfile.ZipInfo) -> Millis | None:
    """When it was last changed, by the clock of who packed it, which counts as UTC; None before 1980."""
    try:
        moment = datetime(*info.date_time, tzinfo=UTC)
    except ValueError:
        return None
    return from_datetime(moment) if moment.year > 1980 else None

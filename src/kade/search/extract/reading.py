"""From a file to what is in it: finds the reader of what the file is."""

import importlib
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from kade.core.extraction import Extracted, RemarkKind
from kade.search.extract import kinds
from kade.search.extract.gathering import Exhausted, Gathering, Part, Unreadable
from kade.search.extract.limits import Limits

_FORMATS = "kade.search.extract.formats."
_READERS = {
    kinds.PDF: "pdf",
    kinds.RTF: "rtf",
    kinds.HTML: "html",
    kinds.XML: "xml",
    kinds.JSON: "text",
    kinds.MAIL: "mail",
    kinds.ZIP: "archive",
    "application/epub+zip": "archive",
    kinds.DOCX: "ooxml",
    kinds.XLSX: "spreadsheet",
    kinds.XLSB: "excel",
    kinds.PPTX: "ooxml",
    kinds.DOC: "word",
    kinds.XLS: "excel",
    kinds.PPT: "powerpoint",
    kinds.MSG: "outlook",
    kinds.COMPOUND: "package",
}


def prepare() -> None:
    """Load what takes long to load, before the first file, and what needs files that will be out of reach."""
    mimetypes.knownfiles.clear()  # Python's own table is enough, and the same on every machine
    mimetypes.init()
    for module in ("pdf", "mail", "html", "archive", "ooxml"):
        importlib.import_module(_FORMATS + module)
    importlib.import_module("kreuzberg")


def read(
    file: BinaryIO, name: str, limits: Limits, wanted: Sequence[str], folder: Path
) -> tuple[Extracted, dict[str, str]]:
    """What is in *file*, and the *wanted* attachments that were written to *folder*, by name."""
    gathering = Gathering(limits, _read, wanted, folder)
    media_type = kinds.detect(file, name)
    try:
        gathering.look_into(Part(file, name, media_type))
    except Exhausted as error:
        gathering.remark(error.kind, kept=error.kept)
    return gathering.result(media_type), gathering.written


def _read(part: Part, gathering: Gathering) -> None:
    reader = _reader(part.media_type)
    if reader:
        importlib.import_module(_FORMATS + reader).read(part, gathering)


def _reader(media_type: str) -> str:
    """The module that reads such files; empty where there is nothing to read.

    Raises:
        Unreadable: nobody can read these, or not without a password.
    """
    if media_type == kinds.LOCKED:
        raise Unreadable(RemarkKind.ENCRYPTED)
    if media_type in _READERS:
        return _READERS[media_type]
    if media_type.startswith(kinds.ODF):
        return "odf"
    if media_type.startswith("image/"):
        return "picture"
    if media_type.startswith("text/"):
        return "text"
    if media_type == kinds.EMPTY:
        return ""
    raise Unreadable(RemarkKind.UNSUPPORTED)

"""What a file is, by what is in it; its name only tells one kind of text from another."""

import re
from pathlib import PurePosixPath
from typing import BinaryIO

from kade.search.extract import decoding

EMPTY = "application/x-empty"
UNKNOWN = "application/octet-stream"
PDF = "application/pdf"
RTF = "application/rtf"
HTML = "text/html"
XML = "application/xml"
JSON = "application/json"
MAIL = "message/rfc822"
TEXT = "text/plain"
ZIP = "application/zip"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODF = "application/vnd.oasis.opendocument."
DOC = "application/msword"
XLS = "application/vnd.ms-excel"
PPT = "application/vnd.ms-powerpoint"
MSG = "application/vnd.ms-outlook"
COMPOUND = "application/x-ole-storage"
LOCKED = "application/encrypted"  # an office document behind a password, whichever it is

# How files of these kinds are called when nobody said so.
SUFFIXES = {
    DOC: "doc",
    XLS: "xls",
    PPT: "ppt",
    MSG: "msg",
    DOCX: "docx",
    XLSX: "xlsx",
    PPTX: "pptx",
    PDF: "pdf",
}

_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"{\\rtf", RTF),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x01\x00\x00\x00", "image/emf"),
    (b"\xd7\xcd\xc6\x9a", "image/wmf"),
)
_BY_SUFFIX = {".json": JSON, ".csv": "text/csv", ".md": "text/markdown", ".css": "text/css"}
_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|table|div|p|h1|meta)\b", re.I | re.S
)
_HEADER = re.compile(r"^([!-9;-~]+):[ \t]?", re.M)
# What programs write above a message, and what people write above a memo as well.
_POSTMARKS = frozenset(
    ["received", "return-path", "message-id", "mime-version", "content-type", "delivered-to"]
)
_ADDRESSES = frozenset({"from", "to", "subject", "date", "sender"})


def detect(stream: BinaryIO, name: str, said: str = "") -> str:
    """The media type of what is in *stream*, from its start; *said* is what a message calls it."""
    stream.seek(0)
    head = stream.read(decoding.HEAD)
    stream.seek(0)
    if not head:
        return EMPTY
    for magic, media_type in _MAGICS:
        if head.startswith(magic):
            return media_type
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _of_zip(stream)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _of_compound(stream)
    encoding = decoding.detect(head)
    if encoding is None:
        return _of_other(head)
    return _of_text(head.decode(encoding, "replace"), name.lower(), said.lower())


def _of_text(text: str, name: str, said: str) -> str:
    if said in (MAIL, HTML):
        return said
    start = text.lstrip("\ufeff \t\r\n")[:2000]
    if _HTML.match(start) or (start.startswith("<?xml") and "<html" in start.lower()):
        return HTML
    if start.startswith("<?xml") or (start.startswith("<") and name.endswith((".xml", ".svg", ".xhtml"))):
        return XML
    if _is_mail(text, name.endswith(".eml")):
        return MAIL
    return _BY_SUFFIX.get(PurePosixPath(name).suffix, TEXT)


def _is_mail(text: str, named_so: bool) -> bool:
    text = text.lstrip("\ufeff\r\n")
    if text.startswith("From "):  # as in a mailbox file
        text = text.partition("\n")[2]
    if not _HEADER.match(text):
        return False
    top = re.split(r"\r?\n\r?\n", text, maxsplit=1)[0]
    names = {match[1].lower() for match in _HEADER.finditer(top)}
    if named_so:
        return not names.isdisjoint(_POSTMARKS | _ADDRESSES)
    return not names.isdisjoint(_POSTMARKS) and not names.isdisjoint(_ADDRESSES)


def _of_zip(stream: BinaryIO) -> str:
    import zipfile

    try:
        with zipfile.ZipFile(stream) as archive:
            names = set(archive.namelist())
            if "[Content_Types].xml" in names:
                with archive.open("[Content_Types].xml") as types:
                    return _of_package(types.read(1 << 20))
            if "mimetype" in names:
                with archive.open("mimetype") as entry:
                    said = entry.read(100).decode("ascii", "replace").strip()
                return said if said.startswith((ODF, "application/epub+zip")) else ZIP
    except MemoryError:
        raise
    except Exception:  # zipfile raises whatever its unpackers raise; what is wrong is for the reader to say
        return ZIP
    finally:
        stream.seek(0)
    return ZIP


def _of_package(types: bytes) -> str:
    """Which office document it is; ECMA-376 part 2 names the type of each of its parts."""
    for sign, media_type in (
        (b"ms-excel.sheet.binary", XLSB),
        (b"wordprocessingml.document.main", DOCX),
        (b"wordprocessingml.template.main", DOCX),
        (b"ms-word.document.macroEnabled.main", DOCX),
        (b"ms-word.template.macroEnabledTemplate.main", DOCX),
        (b"spreadsheetml.sheet.main", XLSX),
        (b"spreadsheetml.template.main", XLSX),
        (b"ms-excel.sheet.macroEnabled.main", XLSX),
        (b"presentationml.presentation.main", PPTX),
        (b"presentationml.slideshow.main", PPTX),
        (b"presentationml.template.main", PPTX),
        (b"ms-powerpoint.", PPTX),
    ):
        if sign in types:
            return media_type
    return ZIP


def _of_compound(stream: BinaryIO) -> str:
    from kade.search.extract.compound import Compound

    try:
        names = {entry.name.lower() for entry in Compound(stream).root.children}
    except ValueError:
        return COMPOUND
    finally:
        stream.seek(0)
    for name, media_type in (
        ("encryptedpackage", LOCKED),
        ("worddocument", DOC),
        ("workbook", XLS),
        ("book", XLS),
        ("powerpoint document", PPT),
        ("__properties_version1.0", MSG),
    ):
        if name in names:
            return media_type
    return COMPOUND


def _of_other(head: bytes) -> str:
    import puremagic

    try:
        found: str = puremagic.from_string(head, mime=True)
    except Exception:  # not only PureError: it looks closely at some kinds, and stumbles over broken ones
        return UNKNOWN
    return found or UNKNOWN

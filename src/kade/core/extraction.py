"""Extraction: what is inside a file, for people and for search."""

from dataclasses import dataclass
from enum import StrEnum

from kade.core.clock import Millis
from kade.core.search import Kind


class RemarkKind(StrEnum):
    """What did not go as one would wish; nothing that was cut or failed is silent.

    CUT: only *kept* of *length* characters were kept. TOO_MANY, TOO_DEEP, TOO_LARGE: of what is inside
    (attachments, entries of an archive) something was left out. ENCRYPTED, DAMAGED, UNSUPPORTED: no (more)
    text could be had from it. TIMED_OUT, OUT_OF_MEMORY, CRASHED: the extractor was stopped, or died.
    """

    CUT = "cut"
    TOO_MANY = "too_many"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    UNSUPPORTED = "unsupported"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"


# With one of these nothing was got out of the file, and another try may be worth it (or not).
FAILURES = frozenset({RemarkKind.TIMED_OUT, RemarkKind.OUT_OF_MEMORY, RemarkKind.CRASHED})


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was cut or failed; *part* is the attachment or entry that it is about, or empty."""

    kind: RemarkKind
    part: str = ""
    kept: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a file: attached to a message, embedded in a document, or an entry of an archive.

    Names are unique within one file: of two alike the second is called ``name (2).ext``. *length* is in
    bytes.
    """

    name: str
    length: int
    media_type: str = "application/octet-stream"
    created_at: Millis | None = None


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was found in a file.

    *text* holds what the attachments say, too; *length* is how many characters there would have been without
    a limit. *modified_at* is what the file itself says (a message's date). *properties* is a JSON object or
    empty: of a message its ``Message-ID``, ``Subject``, ``From``, ``To``, ``CC``, ``BCC``, where a person is
    ``{"Name", "Address"}``.
    """

    kind: Kind = Kind.FILE
    media_type: str = "application/octet-stream"
    text: str = ""
    length: int = 0
    title: str = ""
    author: str = ""
    modified_at: Millis | None = None
    properties: str = ""
    attachments: tuple[Attachment, ...] = ()
    remarks: tuple[Remark, ...] = ()

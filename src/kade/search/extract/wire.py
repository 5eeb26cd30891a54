"""What extractor and child say to each other: four bytes of length, then MessagePack.

With each request comes the descriptor of the file to read (``SCM_RIGHTS``): the child opens no file of ours.
"""

import struct
from dataclasses import dataclass

from kade.core.extraction import Extracted
from kade.search.extract.limits import Limits

HEAD = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Start:
    """The first word to a child: its limits, and the only folder that it may write to."""

    limits: Limits
    folder: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A child's first word: what the kernel refused to take away from it (empty: nothing)."""

    open: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """Read the file whose descriptor comes along; *wanted* attachments are written to the child's folder."""

    name: str
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What was found; the *written* attachments by name, and the file in the child's folder that each is in.

    *spent*: this child takes no more files.
    """

    found: Extracted
    written: dict[str, str]
    spent: bool = False


def frame(message: Start | Ready | Request | Reply) -> bytes:
    """*message* as it goes over the wire."""
    import msgspec

    body = msgspec.msgpack.encode(message)
    return HEAD.pack(len(body)) + body

"""How the file server is spoken to by SOAP."""

from __future__ import annotations

from pathlib import Path

import aiohttp
from tests.dialects.fileserver.house import House
from tests.dialects.soap import (
    BOUNDARY,
    MTOM,
    ROOT,
    TEXT_XML,
    Attached,
    Reply,
    Speaker,
    Speech,
    enveloped,
    file_part,
    include,
    part,
    parts_of,
    related,
)

from kade.dialects import fileserver

__all__ = [
    "BOUNDARY",
    "FILE",
    "GB",
    "MTOM",
    "NAMESPACES",
    "ROOT",
    "TEXT_XML",
    "Attached",
    "Reply",
    "Soap",
    "enveloped",
    "file_part",
    "include",
    "part",
    "parts_of",
    "related",
    "reply_of",
    "schema",
    "upload_file",
    "valid",
    "wrapped",
]

FILE = "http://luin.dev/file/server/1.0"
GB = "http://luin.dev/digikoppeling/gb/server/1.0"
NAMESPACES = {"user": FILE, "file": FILE, "gb": GB}
SPEECH = Speech(NAMESPACES, Path(fileserver.__file__).parent / "schema")

schema, wrapped, valid, reply_of = SPEECH.schema, SPEECH.wrapped, SPEECH.valid, SPEECH.reply_of


def upload_file(user_id: int | str, content: str, before: str = "") -> str:
    """What uploadFile has below its element."""
    return f"<userId>{user_id}</userId><file>{before}<content>{content}</content></file>"


class Soap(Speaker):
    """Somebody who speaks SOAP to a file server; *by* is another session than the operator's."""

    def __init__(self, house: House, by: aiohttp.ClientSession | None = None) -> None:
        super().__init__(house, SPEECH, by=by)

    async def upload(self, user_id: int, data: bytes, name: str = "a.bin", **before: str) -> Reply:
        """A file as an attachment, as CXF sends it; *before* are members of ``file``."""
        members = "".join(f"<{key}>{value}</{key}>" for key, value in before.items())
        inner = upload_file(user_id, include("content%40client"), members)
        envelope = enveloped(wrapped("file", "uploadFile", inner))
        return await self.post("file", related(envelope, file_part(data, name)), {"Content-Type": MTOM})

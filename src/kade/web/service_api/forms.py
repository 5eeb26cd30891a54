"""Forms with one file, in and out (spec 1.1)."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from uuid import uuid4

import msgspec
from starlette.requests import Request

from kade.core.contents import Content
from kade.core.errors import KadeError, RequestReason
from kade.web.multipart import Field, FileForm, FormLimits, NoFile
from kade.web.receive import body_of
from kade.web.rest import JSON
from kade.web.streaming import StreamedResponse

TEXT = "text/plain"
FORM = "multipart/form-data"
_NO_FIELD = "\0"  # what no field is called


class FileInParts(StreamedResponse):
    """A checksum and a file as upstream's two parts: named by Content-ID, without a disposition.

    Upstream sends chunks, which a client of HTTP/1.0 would not understand.
    """

    def __init__(self, media_type: str, content: Content, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._boundary = f"uuid:{uuid4()}"
        sha256 = (content.sha256 or "").upper().encode()
        self._before = self._head(TEXT, "sha256Checksum") + sha256 + b"\r\n"
        self._before += self._head(media_type, "file")
        self._after = f"\r\n--{self._boundary}--\r\n".encode()
        length = len(self._before) + content.length + len(self._after)
        super().__init__(f'{FORM}; boundary="{self._boundary}"', length)

    async def body_pieces(self) -> AsyncGenerator[bytes, None]:
        yield self._before
        async for data in self._pieces:
            yield data
        yield self._after

    def _head(self, media_type: str, part: str) -> bytes:
        return (
            f"--{self._boundary}\r\nContent-Type: {media_type}\r\n"
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{part}>\r\n\r\n"
        ).encode()


async def read_fields(request: Request, required: Sequence[str] = ()) -> dict[str, str]:
    """A form without a file: its fields that are not empty, as text.

    Raises:
        KadeError: ``RequestReason.MISSING_VALUE`` when one of *required* is not there; what reading raises.
    """
    async with body_of(request.scope, request.receive) as body:
        form = FileForm(body, request.headers.get("content-type", ""), _NO_FIELD, FormLimits())
        with contextlib.suppress(NoFile):
            await form.begin()
    texts = {name: text_of(form, name) for name in form.fields}
    for name in required:
        if not texts.get(name):
            raise KadeError(RequestReason.MISSING_VALUE, name)
    return {name: text for name, text in texts.items() if text}


def text_of(form: FileForm, name: str) -> str | None:
    """A field as plain text or, by its Content-Type, as a JSON string (spec 1.1)."""
    field = form.fields.get(name, Field(b"", ""))
    try:
        if field.media_type.partition(";")[0].strip().lower() == JSON:
            return msgspec.json.decode(field.value, type=str | None)
        return field.value.decode().strip() or None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KadeError(RequestReason.BAD_VALUE, name) from error

"""Forms with one file (multipart/form-data, RFC 7578), read from front to back without keeping the file.

Everything that a form can make large has a limit: parts, headers, fields, and what stands before the first
part. A ``Content-Transfer-Encoding`` of base64 or quoted-printable is decoded on the way (RFC 2045, 6).
"""

import asyncio
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Piece, Source
from kade.web.buffers import HeldPiece

_PATIENCE_S = 0.5
_QP_LINE = 8192  # a quoted-printable line that is longer is decoded before it ends


@dataclass(frozen=True, slots=True)
class FormLimits:
    """What a form may hold: numbers of parts and of headers in each, sizes in bytes; *begin_s* in seconds.

    Within *begin_s* seconds the file part must have begun.
    """

    parts: int = 32
    headers: int = 16
    header_size: int = 8 << 10
    field_size: int = 64 << 10
    preamble: int = 64 << 10
    begin_s: float = 30.0


class Field(NamedTuple):
    """A part that is no file: its bytes, and its Content-Type when it has one."""

    value: bytes
    media_type: str


class FilePart(NamedTuple):
    """What the file part's headers say; *name* is empty when they name no file."""

    name: str
    media_type: str | None


class FileForm:
    """One form. After ``begin`` it is the file's bytes as a ``core.ports.Source``.

    The source ends when the whole form was read, so that then *fields* holds every other part, wherever it
    stood.
    """

    def __init__(self, source: Source, content_type: str, file_field: str, limits: FormLimits) -> None:
        """Raises KadeError(RequestReason.MALFORMED) when the type names no boundary."""
        self._source = source
        self._file_field = file_field
        self._limits = limits
        self._parser = _parser(content_type, self, limits)
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._parts = 0
        self._seen = 0
        self._field_name: str | None = None
        self._decoder: _Decoder = _Plain()
        self._value = bytearray()
        self._out: list[bytes] = []
        self._ended = False
        self.file: FilePart | None = None
        self.fields: dict[str, Field] = {}
        self.remaining: int | None = None
        self.trailers: dict[str, str] = {}

    async def begin(self) -> FilePart:
        """Read up to the file part.

        Raises:
            KadeError: ``RequestReason.MISSING_VALUE`` when the form has none; ``MALFORMED``,
                ``BODY_TOO_LARGE``, ``LINE_CUT`` or ``TOO_SLOW``.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._limits.begin_s
        while self.file is None and not self._ended:
            if clock() > deadline:
                raise KadeError(RequestReason.TOO_SLOW)
            await self._feed(_PATIENCE_S)
        if self.file is None:
            raise KadeError(RequestReason.MISSING_VALUE, self._file_field)
        return self.file

    async def read(self, patience: float) -> Piece | None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        while not self._out:
            if self._ended:
                return None
            if not await self._feed(patience) or clock() > deadline:
                return HeldPiece(b"")  # fields may come as slowly as they like: whoever reads keeps the time
        data = b"".join(self._out)
        self._out.clear()
        return HeldPiece(data)

    async def _feed(self, patience: float) -> bool:
        """Parse the next piece of the body; False when none came in time."""
        piece = await self._source.read(patience)
        if piece is None:
            raise KadeError(RequestReason.MALFORMED, "the form has no end")
        data = bytes(piece.data)
        piece.release()
        self._seen += len(data)
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise KadeError(RequestReason.MALFORMED, "form") from error
        if self._parts == 0 and self._seen > self._limits.preamble:
            raise KadeError(RequestReason.MALFORMED, "the form does not begin")
        return bool(data)

    # The parser's callbacks.

    def on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.parts:
            raise KadeError(RequestReason.BODY_TOO_LARGE, "parts")
        self._headers = {}

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = _text(options.get(b"name", b""))
        media_type = self._headers.get(b"content-type", b"").decode("latin-1").strip()
        self._decoder = _decoder(self._headers.get(b"content-transfer-encoding", b""))
        self._value = bytearray()
        if name == self._file_field:
            if self.file is not None:
                raise KadeError(RequestReason.BAD_VALUE, "more than one file")
            self._field_name = None
            file_name = _text(options.get(b"filename", b"")).replace("\\", "/").rpartition("/")[2]
            self.file = FilePart(file_name, media_type or None)
        else:
            self._field_name = name

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        decoded = self._decoder.decode(data[start:end])
        if self._field_name is None:
            self._out.append(decoded)
            return
        self._value += decoded
        if len(self._value) > self._limits.field_size:
            raise KadeError(RequestReason.BODY_TOO_LARGE, self._field_name[:40])

    def on_part_end(self) -> None:
        last = self._decoder.finish()
        if self._field_name is None:
            self._out.append(last)
            return
        media_type = self._headers.get(b"content-type", b"").decode("latin-1").strip()
        self.fields.setdefault(self._field_name, Field(bytes(self._value) + last, media_type))

    def on_end(self) -> None:
        self._ended = True


def _parser(content_type: str, form: FileForm, limits: FormLimits) -> MultipartParser:
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise KadeError(RequestReason.MALFORMED, "no boundary")
    try:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": form.on_part_begin,
                "on_part_data": form.on_part_data,
                "on_part_end": form.on_part_end,
                "on_header_field": form.on_header_field,
                "on_header_value": form.on_header_value,
                "on_header_end": form.on_header_end,
                "on_headers_finished": form.on_headers_finished,
                "on_end": form.on_end,
            },
            max_header_count=limits.headers,
            max_header_size=limits.header_size,
        )
    except FormParserError as error:
        raise KadeError(RequestReason.MALFORMED, "boundary") from error


def _text(raw: bytes) -> str:
    """Names are UTF-8 (RFC 7578, 5.1.2); older programs write Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class _Decoder(Protocol):
    """Undoes a Content-Transfer-Encoding. Raises KadeError(RequestReason.MALFORMED)."""

    def decode(self, data: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


class _Plain:
    def decode(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Base64:
    def __init__(self) -> None:
        self._rest = b""
        self._padded = False

    def decode(self, data: bytes) -> bytes:
        text = self._rest + data.translate(None, b" \t\r\n")
        if text and self._padded:
            raise KadeError(RequestReason.MALFORMED, "base64 after its end")
        whole = len(text) // 4 * 4
        self._rest = text[whole:]
        self._padded = text[:whole].endswith(b"=")
        return _decoded(text[:whole])

    def finish(self) -> bytes:
        return _decoded(self._rest)


class _QuotedPrintable:
    def __init__(self) -> None:
        self._rest = b""

    def decode(self, data: bytes) -> bytes:
        text = self._rest + data
        end = text.rfind(b"\n") + 1
        if end == 0 and len(text) > _QP_LINE:
            escape = text.rfind(b"=", len(text) - 3)
            end = escape if escape >= 0 else len(text)
        self._rest = text[end:]
        return binascii.a2b_qp(text[:end])

    def finish(self) -> bytes:
        return binascii.a2b_qp(self._rest)


def _decoded(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except binascii.Error as error:
        raise KadeError(RequestReason.MALFORMED, "base64") from error


_DECODERS: dict[bytes, Callable[[], _Decoder]] = {
    b"": _Plain,
    b"7bit": _Plain,
    b"8bit": _Plain,
    b"binary": _Plain,
    b"base64": _Base64,
    b"quoted-printable": _QuotedPrintable,
}


def _decoder(encoding: bytes) -> _Decoder:
    make = _DECODERS.get(encoding.strip().lower())
    if make is None:
        raise KadeError(RequestReason.BAD_VALUE, "Content-Transfer-Encoding")
    return make()

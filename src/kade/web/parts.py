"""Bodies in several parts (multipart/*, RFC 2046, 5.1), read from front to back without keeping any of them.

Everything that a body can make large has a limit: parts, headers, and what stands before the first part. A
``Content-Transfer-Encoding`` of base64 or quoted-printable is decoded on the way (RFC 2045, 6).
"""

from dataclasses import dataclass
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Source
from kade.web.transfer_encoding import Decoder, Plain, decoder


@dataclass(frozen=True, slots=True)
class PartLimits:
    """Numbers of parts and of headers in each; sizes in bytes."""

    parts: int = 32
    headers: int = 16
    header_size: int = 8 << 10
    preamble: int = 64 << 10


@dataclass(frozen=True, slots=True)
class PartHead:
    """The headers of a part, by lower-case name."""

    headers: dict[bytes, bytes]

    @property
    def name(self) -> str:
        """The disposition's ``name``; empty when it has none."""
        return text_of(self._disposition.get(b"name", b""))

    @property
    def file_name(self) -> str:
        """The last component of the disposition's ``filename``; empty when it has none."""
        return text_of(self._disposition.get(b"filename", b"")).replace("\\", "/").rpartition("/")[2]

    @property
    def media_type(self) -> str:
        """The Content-Type as it was written; empty without one."""
        return self.headers.get(b"content-type", b"").decode("latin-1").strip()

    @property
    def content_id(self) -> str:
        """The Content-ID without its angle brackets; empty without one (RFC 2045, 7)."""
        return text_of(self.headers.get(b"content-id", b"")).strip().removeprefix("<").removesuffix(">")

    @property
    def _disposition(self) -> dict[bytes, bytes]:
        return parse_options_header(self.headers.get(b"content-disposition", b""))[1]


class PartData(NamedTuple):
    """Some of the bytes of the part that began last, decoded."""

    data: bytes


class PartEnd(NamedTuple):
    """The part that began last is over."""


PartEvent = PartHead | PartData | PartEnd


class MultipartReader:
    """Turns a body into what happens in it: a part begins, has bytes, ends."""

    def __init__(self, source: Source, content_type: str, limits: PartLimits) -> None:
        """Raises KadeError(RequestReason.MALFORMED) when the type names no usable boundary."""
        self._source = source
        self._limits = limits
        self._boundary = _boundary(content_type)
        self._parser = self._new_parser()
        self._before: bytearray | None = bytearray(b"\r\n")  # a delimiter begins a line
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._decoder: Decoder = Plain()
        self._parts = 0
        self._events: list[PartEvent] = []
        self.ended = False

    async def read(self, patience: float) -> list[PartEvent]:
        """What the next bytes bring; nothing when none came within *patience* seconds, or at the end.

        Raises:
            KadeError: ``RequestReason.MALFORMED``, ``BODY_TOO_LARGE`` or ``LINE_CUT``; ``BAD_VALUE`` for an
                encoding that nobody knows.
        """
        piece = await self._source.read(patience)
        if piece is None:
            raise KadeError(RequestReason.MALFORMED, "the form has no end")
        data = bytes(piece.data)
        piece.release()
        try:
            self._parser.write(data if self._before is None else self._begun(self._before, data))
        except FormParserError as error:
            raise KadeError(RequestReason.MALFORMED, "form") from error
        events, self._events = self._events, []
        return events

    def _begun(self, before: bytearray, data: bytes) -> bytes:
        """What comes from the first delimiter on; nobody reads the preamble (RFC 2046, 5.1.1)."""
        delimiter = b"\r\n--" + self._boundary
        known = max(0, len(before) - len(delimiter))
        before += data
        at = before.find(delimiter, known)
        if at >= 0:
            self._before = None
            return bytes(before[at + 2 :])
        if len(before) > self._limits.preamble:
            raise KadeError(RequestReason.MALFORMED, "the form does not begin")
        return b""

    def _new_parser(self) -> MultipartParser:
        try:
            return MultipartParser(
                self._boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_end": self._on_end,
                },
                max_header_count=self._limits.headers,
                max_header_size=self._limits.header_size,
            )
        except FormParserError as error:
            raise KadeError(RequestReason.MALFORMED, "boundary") from error

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.parts:
            raise KadeError(RequestReason.BODY_TOO_LARGE, "parts")
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        self._decoder = decoder(self._headers.get(b"content-transfer-encoding", b""))
        self._events.append(PartHead(self._headers))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(PartData(self._decoder.decode(data[start:end])))

    def _on_part_end(self) -> None:
        self._events.append(PartData(self._decoder.finish()))
        self._events.append(PartEnd())

    def _on_end(self) -> None:
        self.ended = True


def _boundary(content_type: str) -> bytes:
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        raise KadeError(RequestReason.MALFORMED, "no boundary")
    return boundary


def text_of(raw: bytes) -> str:
    """Names are UTF-8 (RFC 7578, 5.1.2); older programs write Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")

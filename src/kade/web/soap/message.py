"""Requests: a bare envelope (text/xml), or one with attachments (multipart/related; MTOM, XOP 1.0).

The envelope must be the first part. The attachment that stands for the streamed element passes through;
others that are referred to are small and kept; what nobody refers to is read away. Attachments are bytes:
whatever one holds, it is never parsed.
"""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from python_multipart.multipart import parse_options_header

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Piece, Source
from kade.services.pieces import HeldPiece
from kade.web.parts import MultipartReader, PartData, PartHead, PartLimits
from kade.web.soap.envelope import EnvelopeReader, Node, ShapeOf, XmlLimits, cid_of, included

_PATIENCE_S = 0.5
_VERSION_1_2 = "application/soap+xml"
_XML = "text/xml"
_XOP = "application/xop+xml"


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """*kept* is bytes of all kept attachments together; within *begin_s* seconds the content must begin."""

    xml: XmlLimits = field(default_factory=XmlLimits)
    parts: PartLimits = field(default_factory=PartLimits)
    kept: int = 1 << 20
    begin_s: float = 30.0


class Incoming(NamedTuple):
    """What is told of the streamed content: empty and None when it is inline."""

    name: str
    media_type: str | None


class _Carrier(Protocol):
    """How the envelope and the content travel."""

    ended: bool
    incoming: Incoming | None
    out: list[bytes]

    async def read_on(self, patience: float) -> bool:
        """Take what the next bytes bring; False when nothing came."""
        ...


class Message:
    """One request. After ``begin`` it is the streamed content's bytes as a ``core.ports.Source``.

    The source ends when the whole request was read and found well-formed, so that then *operation* holds
    what stands behind the content as well.
    """

    def __init__(self, source: Source, content_type: str, shape_of: ShapeOf, limits: MessageLimits) -> None:
        """Raises KadeError, for what the type says: an unsupported media type or version, no boundary."""
        self._limits = limits
        media_type, parameters = parse_options_header(content_type)
        if media_type == b"multipart/related":
            _require_soap_1_1(_parameter(parameters, b"type"), _parameter(parameters, b"start-info"))
            start = _parameter(parameters, b"start").removeprefix("<").removesuffix(">")
            parts = MultipartReader(source, content_type, limits.parts)
            self._carrier: _Carrier = (related := _Related(parts, start, shape_of, limits))
            self._reader = related.reader
        else:
            _require_soap_1_1(media_type.decode("latin-1").lower() or "none", "")
            self._reader = EnvelopeReader(shape_of, limits.xml, _parameter(parameters, b"charset"))
            self._carrier = _Bare(source, self._reader)
        self.remaining: int | None = None
        self.trailers: dict[str, str] = {}

    @property
    def operation(self) -> Node:
        """The operation's element, as far as it was read."""
        assert self._reader.operation is not None
        return self._reader.operation

    @property
    def incoming(self) -> Incoming | None:
        """What is told of the streamed content; None when there is none."""
        return self._carrier.incoming

    async def begin(self) -> None:
        """Read up to the streamed content, or to the end of a request that has none.

        Raises:
            KadeError: ``RequestReason.MALFORMED``, ``MISSING_VALUE``, ``BODY_TOO_LARGE``,
                ``VERSION_UNSUPPORTED``, ``HEADER_NOT_UNDERSTOOD``, ``LINE_CUT`` or ``TOO_SLOW``.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._limits.begin_s
        while self._carrier.incoming is None and not self._carrier.ended:
            if clock() > deadline:
                raise KadeError(RequestReason.TOO_SLOW)
            await self._carrier.read_on(_PATIENCE_S)

    async def read(self, patience: float) -> Piece | None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        carrier = self._carrier
        while not carrier.out:
            if carrier.ended:
                return None
            if not await carrier.read_on(patience) or clock() > deadline:
                return HeldPiece(b"")
        data = b"".join(carrier.out)
        carrier.out.clear()
        return HeldPiece(data)


class _Bare:
    """The body is the envelope, and the content is inline."""

    def __init__(self, source: Source, reader: EnvelopeReader) -> None:
        self._source = source
        self._reader = reader
        self.ended = False
        self.incoming: Incoming | None = None
        self.out: list[bytes] = []

    async def read_on(self, patience: float) -> bool:
        piece = await self._source.read(patience)
        if piece is None:
            self._reader.finish()
            self.ended = True
        else:
            data = bytes(piece.data)
            piece.release()
            self._reader.feed(data)
        streamed = self._reader.streamed
        if streamed is not None and streamed.decided:
            if streamed.cid is not None:
                raise KadeError(RequestReason.MALFORMED, "a reference without attachments")
            self.incoming = Incoming("", None)
            self.out += _taken(streamed.out)
        return piece is None or bool(data)


class _Related:
    """The first part is the envelope; the content is inline there, or a later part."""

    def __init__(self, parts: MultipartReader, start: str, shape_of: ShapeOf, limits: MessageLimits) -> None:
        self._parts = parts
        self._start = start
        self._limits = limits
        self.reader = EnvelopeReader(shape_of, limits.xml)
        self._root_id: str | None = None
        self._root_ended = False
        self._wanted: dict[str, Node] = {}
        self._seen: set[str] = set()
        self._kept = bytearray()
        self._kept_total = 0
        self._current: Node | None = None  # the element whose attachment is being read
        self._in_streamed = False
        self.ended = False
        self.incoming: Incoming | None = None
        self.out: list[bytes] = []

    async def read_on(self, patience: float) -> bool:
        events = await self._parts.read(patience)
        for event in events:
            if isinstance(event, PartHead):
                self._begin_part(event)
            elif isinstance(event, PartData):
                self._add(event.data)
            else:
                self._end_part()
        if self._parts.ended and not self.ended:
            self._end()
        return bool(events)

    def _begin_part(self, head: PartHead) -> None:
        cid = head.content_id
        if self._root_id is None:
            if self._start and cid != self._start:
                raise KadeError(RequestReason.MALFORMED, "the envelope is not the first part")
            _require_soap_1_1(head.media_type.partition(";")[0].strip().lower(), "")
            self._root_id = cid
            return
        self._in_streamed = cid == self._streamed_cid
        self._current = self._wanted.get(cid)
        if (self._in_streamed or self._current is not None) and cid in self._seen:
            raise KadeError(RequestReason.MALFORMED, "two attachments have the same Content-ID")
        self._seen.add(cid)
        self._kept = bytearray()
        if self._in_streamed:
            self._require_all_kept()
            self.incoming = Incoming(head.file_name, head.media_type or None)

    def _add(self, data: bytes) -> None:
        if not self._root_ended:
            self.reader.feed(data)
            self._take_inline()
        elif self._in_streamed:
            self.out.append(data)
        elif self._current is not None:
            self._kept += data
            self._kept_total += len(data)
            if self._kept_total > self._limits.kept:
                raise KadeError(RequestReason.BODY_TOO_LARGE, "attachment")

    def _end_part(self) -> None:
        if not self._root_ended:
            self.reader.finish()
            self._root_ended = True
            self._take_inline()
            self._note_references()
        elif self._current is not None:
            self._current.data = bytes(self._kept)

    def _end(self) -> None:
        self.ended = True
        if self._root_id is None:
            raise KadeError(RequestReason.MISSING_VALUE, "Envelope")
        self._require_all_kept()
        if self._streamed_cid is not None and self._streamed_cid not in self._seen:
            raise KadeError(RequestReason.MALFORMED, f"no attachment {self._streamed_cid[:60]}")

    def _take_inline(self) -> None:
        streamed = self.reader.streamed
        if streamed is not None and streamed.is_inline:
            self.incoming = Incoming("", None)
            self.out += _taken(streamed.out)

    def _note_references(self) -> None:
        """Which element's content is in which attachment, once the whole envelope is known."""
        assert self.reader.operation is not None
        binary = self.reader.shape.binary
        for node in self.reader.operation.descendants():
            cid, text = included(node), node.text.strip()
            if cid is None and node.qname.name in binary and text.startswith("cid:"):
                cid = cid_of(text)
            if cid is None:
                continue
            if cid in self._wanted or cid == self._streamed_cid:
                raise KadeError(RequestReason.MALFORMED, "an attachment is referred to twice")
            self._wanted[cid] = node
        if self._root_id in {*self._wanted, self._streamed_cid}:
            raise KadeError(RequestReason.MALFORMED, "the envelope is no attachment")

    def _require_all_kept(self) -> None:
        for cid, node in self._wanted.items():
            if node.data is None:
                raise KadeError(RequestReason.MALFORMED, f"no attachment {cid[:60]} before the content")

    @property
    def _streamed_cid(self) -> str | None:
        return self.reader.streamed.cid if self.reader.streamed is not None else None


def _require_soap_1_1(media_type: str, start_info: str) -> None:
    if _VERSION_1_2 in (media_type, start_info):
        raise KadeError(RequestReason.VERSION_UNSUPPORTED, "SOAP 1.1 is spoken here")
    if media_type not in ("", _XML, _XOP):
        raise KadeError(RequestReason.UNSUPPORTED_MEDIA_TYPE, media_type[:80])


def _parameter(parameters: dict[bytes, bytes], name: bytes) -> str:
    return parameters.get(name, b"").decode("latin-1")


def _taken(out: list[bytes]) -> list[bytes]:
    taken = [each for each in out if each]
    out.clear()
    return taken

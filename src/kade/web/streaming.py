"""Files on their way out: conditional requests, ranges and digests (RFC 9110, RFC 9530), HEAD like GET."""

import asyncio
import base64
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kade.core.clock import to_datetime
from kade.core.contents import Content, Extent, cut
from kade.core.errors import KadeError, RequestReason
from kade.core.ids import new_token
from kade.core.ports import SegmentStore
from kade.core.principals import Caller
from kade.core.ranges import Span, parse
from kade.services.transfers import Transfers
from kade.web.headers import SAFE_DOWNLOAD

_ZERO_COPY = "http.response.zerocopysend"
_KERNEL_STEP = 4 << 20  # bytes after which it is looked whether they may be sent still
_NO_DATE = (ValueError, TypeError, OverflowError)  # a zone may be too large for any calendar


@dataclass(frozen=True, slots=True)
class Representation:
    """What a URL stands for at this moment: a content with the headers that tell about it."""

    content: Content
    extents: Sequence[Extent]
    headers: dict[str, str]

    @property
    def last_modified(self) -> str:
        """When the content was sealed, as an HTTP date."""
        return formatdate(self.content.changed_at // 1000, usegmt=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a request is answered: status, and the spans whose bytes are sent."""

    status: int
    spans: tuple[Span, ...]


def plan(request: Request, what: Representation, range_limit: int) -> Plan:
    """Evaluate preconditions and ranges in the order of RFC 9110, 13.2.2.

    Raises:
        KadeError: ``FileReason.RANGE_NOT_SATISFIABLE``.
    """
    headers, etag, total = request.headers, what.content.etag, what.content.length
    whole = Span(0, total)
    if "if-match" in headers:
        if not _matches(headers["if-match"], etag, weak=False):
            return Plan(412, ())
    elif "if-unmodified-since" in headers and _modified_since(what, headers["if-unmodified-since"]):
        return Plan(412, ())
    if "if-none-match" in headers:
        if _matches(headers["if-none-match"], etag, weak=True):
            return Plan(304, ())
    elif "if-modified-since" in headers and _modified_since(what, headers["if-modified-since"]) is False:
        return Plan(304, ())
    if request.method != "GET" or not _range_applies(headers.get("if-range"), what):
        return Plan(200, (whole,))
    spans = parse(headers.get("range"), total, range_limit)
    return Plan(206, tuple(spans)) if spans else Plan(200, (whole,))


Sent = Callable[[Sequence[Span]], Awaitable[None]]


class ContentResponse(Response):
    """Sends the planned spans; the body is never in memory as a whole.

    *sent* is told of the spans when the last of their bytes has left us and the client is still there.
    """

    def __init__(
        self,
        store: SegmentStore,
        transfers: Transfers,
        caller: Caller,
        what: Representation,
        planned: Plan,
        media_type: str,
        sent: Sent | None = None,
    ) -> None:
        self._sent = sent
        self._store = store
        self._transfers = transfers
        self._caller = caller
        self._what = what
        self._plan = planned
        self._boundary = new_token(24)
        self._part_type = media_type
        super().__init__(status_code=planned.status, headers=self._all_headers())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        spans = self._plan.spans if scope["method"] == "GET" else ()
        with self._transfers.running(self._caller, asyncio.Event()) as stop:
            sending = _Sending(scope, send, stop)
            if len(spans) > 1:
                await self._send_parts(sending)
            elif spans:
                await self._send_span(sending, spans[0])
            if sending.stopped:
                return
        if self._sent is not None and self._plan.status in (200, 206) and scope["method"] == "GET":
            written: Written = scope.get("extensions", {}).get("kade.written", _at_once)
            if await written():
                await self._sent(spans)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _all_headers(self) -> dict[str, str]:
        what, spans, total = self._what, self._plan.spans, self._what.content.length
        headers = {"ETag": what.content.etag, "Last-Modified": what.last_modified, **what.headers}
        if not spans:
            return headers
        headers |= {"Accept-Ranges": "bytes"}
        if what.content.sha256:
            digest = base64.b64encode(bytes.fromhex(what.content.sha256)).decode()
            headers["Repr-Digest"] = f"sha-256=:{digest}:"
        if self._plan.status == 200:
            return headers | {"Content-Type": self._part_type, "Content-Length": str(total)}
        if len(spans) == 1:
            return headers | {
                "Content-Type": self._part_type,
                "Content-Length": str(spans[0].length),
                "Content-Range": _content_range(spans[0], total),
            }
        length = sum(len(self._part_head(span)) + span.length for span in spans) + len(self._end())
        return headers | {
            "Content-Type": f"multipart/byteranges; boundary={self._boundary}",
            "Content-Length": str(length),
        }

    def _part_head(self, span: Span) -> bytes:
        return (
            f"\r\n--{self._boundary}\r\nContent-Type: {self._part_type}\r\n"
            f"Content-Range: {_content_range(span, self._what.content.length)}\r\n\r\n"
        ).encode()

    def _end(self) -> bytes:
        return f"\r\n--{self._boundary}--\r\n".encode()

    async def _send_parts(self, sending: "_Sending") -> None:
        for span in self._plan.spans:
            await sending.bytes(self._part_head(span))
            await self._send_span(sending, span)
        await sending.bytes(self._end())

    async def _send_span(self, sending: "_Sending", span: Span) -> None:
        inline = self._what.content.inline
        if inline is not None:
            await sending.bytes(inline[span.start : span.stop])
            return
        extents = list(cut(self._what.extents, span))
        paths = [self._store.locate(extent) for extent in extents]
        if sending.by_kernel and None not in paths:
            for extent, path in zip(extents, paths, strict=True):
                assert path is not None
                await sending.file(path, extent)
            return
        left = span.length
        async for data in self._store.read(extents):
            await sending.bytes(data)
            left -= len(data)
            if sending.stopped or left == 0:
                return  # at once: nothing is waited for between the last byte and what is noted then


Written = Callable[[], Awaitable[bool]]


async def _at_once() -> bool:
    return True


class _Sending:
    """One body on its way; it ends, and the connection with it, when the right to it is gone."""

    def __init__(self, scope: Scope, send: Send, stop: asyncio.Event) -> None:
        self.by_kernel = _ZERO_COPY in scope.get("extensions", {})
        self._scope = scope
        self._send = send
        self._stop = stop

    @property
    def stopped(self) -> bool:
        """Whether the rest must not be sent."""
        return self._stop.is_set()

    async def bytes(self, data: bytes) -> None:
        """Send *data*, or break the connection off."""
        if self.stopped:
            await _break_off(self._scope)
        else:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def file(self, path: str, extent: Extent) -> None:
        """Let the kernel send a part of a file, in steps between which it can be stopped."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for offset in range(extent.start, extent.start + extent.length, _KERNEL_STEP):
                if self.stopped:
                    await _break_off(self._scope)
                    return
                count = min(_KERNEL_STEP, extent.start + extent.length - offset)
                message = {"type": _ZERO_COPY, "file": descriptor, "offset": offset, "count": count}
                await self._send({**message, "more_body": True})
        finally:
            os.close(descriptor)


def unsatisfiable(error: KadeError) -> dict[str, str]:
    """The header of a 416 answer (RFC 9110, 14.4)."""
    return {"Content-Range": f"bytes */{error.facts['total']}"}


class StreamedResponse(Response, ABC):
    """A body of known length, made while it is sent; the connection ends when the body cannot go on."""

    def __init__(self, media_type: str, length: int) -> None:
        super().__init__(headers={"Content-Type": media_type, "Content-Length": str(length), **SAFE_DOWNLOAD})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            try:
                async with aclosing(self.body_pieces()) as pieces:
                    async for data in pieces:
                        await send({"type": "http.response.body", "body": data, "more_body": True})
            except KadeError:
                await _break_off(scope)
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    @abstractmethod
    def body_pieces(self) -> AsyncGenerator[bytes, None]:
        """Exactly as many bytes as were announced, or a KadeError on the way."""


async def _break_off(scope: Scope) -> None:
    abort: Callable[[], None] = scope.get("extensions", {}).get("kade.abort", lambda: None)
    abort()
    await asyncio.sleep(0)  # the server learns that the connection is gone


async def read_whole(
    store: SegmentStore,
    transfers: Transfers,
    caller: Caller,
    content: Content,
    extents: Sequence[Extent],
) -> AsyncIterator[bytes]:
    """The bytes of the whole content, in pieces, while the caller has a right to them.

    Raises:
        KadeError: ``RequestReason.SHUTTING_DOWN`` when that right is gone, or the server is stopping.
    """
    if content.inline is not None:
        yield content.inline
        return
    with transfers.running(caller, asyncio.Event()) as stop:
        async for data in store.read(extents):
            if stop.is_set():
                raise KadeError(RequestReason.SHUTTING_DOWN)
            yield data


def _content_range(span: Span, total: int) -> str:
    return f"bytes {span.start}-{span.stop - 1}/{total}"


def _matches(header: str, etag: str, *, weak: bool) -> bool:
    """Whether an entity-tag list holds *etag*; a weak tag only counts in weak comparison."""
    tags = [tag.strip() for tag in header.split(",")]
    if "*" in tags:
        return True
    return any((tag.removeprefix("W/") if weak else tag) == etag for tag in tags)


def _modified_since(what: Representation, date: str) -> bool | None:
    """Whether the content was sealed after the date; None when that is no date (RFC 9110, 13.1.3)."""
    try:
        return to_datetime(what.content.changed_at).replace(microsecond=0) > parsedate_to_datetime(date)
    except _NO_DATE:
        return None


def _range_applies(if_range: str | None, what: Representation) -> bool:
    """RFC 9110, 13.1.5: by strong comparison of the tag, or the exact date; anything else: the whole file."""
    if if_range is None:
        return True
    if if_range.startswith('"'):
        return if_range == what.content.etag
    try:
        sealed = to_datetime(what.content.changed_at).replace(microsecond=0)
        return parsedate_to_datetime(if_range) == sealed
    except _NO_DATE:
        return False

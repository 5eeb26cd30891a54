"""HTTP/1.1 on uvicorn's protocol for httptools, with what plain ASGI lacks.

Added to each request's scope: the client certificate as DER (``extensions.tls.client_cert``), trailers
(``kade.trailers``), 1xx answers (``http.response.informational``), the direct receive path
(``kade.receive``), word that everything was written (``kade.written``) and, without TLS, sending a file by
the kernel (``http.response.zerocopysend``). Added to
the connection: limits on the time and size of headers and trailers, and on how much of a refused body is
read, and for how long.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httptools
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from kade.web.buffers import BufferPool
from kade.web.receive import EXTENSION, DirectSource
from kade.web.windows import ReceiveWindows, TcpSocket

_MALFORMED = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TLS_AHEAD = 64 << 10  # bytes that TLS may take from the socket while nobody reads
_SENDFILE_STEP = 4 << 20
_SENDFILE_AT_ONCE = 1 << 20  # bytes that the kernel copies in the event loop's time


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may take. Times in seconds, sizes in bytes."""

    header_timeout: float = 10.0
    header_size: int = 32 << 10
    drain: int = 32 << 20
    drain_time: float = 30.0
    stall: float = 60.0


class ClientGone(Exception):
    """Nobody takes the rest of the answer."""


class KadeHttpProtocol(HttpToolsProtocol):
    """One connection; implements ``web.receive.Handover``."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        pool: BufferPool,
        windows: ReceiveWindows,
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self._inner: ASGIApp = self.app
        self.app = self._application
        self._pool = pool
        self._windows = windows
        self._socket: TcpSocket | None = None
        self._limits = limits
        self._header_bytes = 0
        self._field_bytes = 0
        self._unparsed = b""  # how the body of a request with an Upgrade is framed
        self._retelling = False
        self._idle_bytes = 0  # of a body's framing, since its last byte
        self._in_headers = True
        self._rest_timer: asyncio.TimerHandle | None = None
        self._header_timer: asyncio.TimerHandle | None = None
        self._trailers: dict[str, str] = {}
        self._drained = 0
        self._tls: dict[str, Any] | None = None
        self._running: RequestResponseCycle | None = None

    # The connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            transport.set_read_buffer_limits(high=_TLS_AHEAD)  # type: ignore[attr-defined]
            self._tls = {
                "client_cert": tls.getpeercert(True),
                "tls_version": tls.version(),
                "cipher_suite": tls.cipher()[0],
            }
        self._watch_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch_headers()
        self._unwatch_rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_headers:
            self._header_bytes += len(data)
            self._watch_headers()
        else:
            self._idle_bytes += len(data)
        self._feed(data)
        if self._in_headers and self._header_bytes > self._limits.header_size:
            self._refuse(_TOO_LARGE)
        elif self._idle_bytes > self._limits.header_size:
            self._refuse(_TOO_LARGE)  # trailers or chunk extensions without an end

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # Another protocol is offered, and we speak none: HTTP goes on (RFC 9110, 7.8).
                data = data[upgrade.args[0] :]
                self._renew_parser()
                self._go_on_with_body()
            except httptools.HttpParserError:
                self._refuse(_MALFORMED)
                return

    def _go_on_with_body(self) -> None:
        """After an offered upgrade the parser forgot the body: a fresh one is told how it is framed."""
        framing, self._unparsed = self._unparsed, b""
        if framing:
            self._retelling = True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
            self._retelling = False

    def _renew_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        # With pipelining ``self.cycle`` is the request that was parsed last, not the one that runs.
        self._running = cycle
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

    def _watch_headers(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self._limits.header_timeout, self._headers_are_late)

    def _unwatch_headers(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _headers_are_late(self) -> None:
        self._header_timer = None
        if not self._may_answer():
            self._watch_headers()  # of a pipelined request: the answer before it may take its time
        else:
            self._refuse(_TOO_LATE if self._header_bytes else b"")

    def _refuse(self, answer: bytes) -> None:
        """Say why and end the connection; where it would be taken for another answer, only end it."""
        if not self._may_answer():
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _may_answer(self) -> bool:
        """Whether what is written now answers the request that is being read, and nothing before it."""
        running = self._running
        if running is None or running.response_complete:
            return True
        return running is self.cycle and running.more_body and not running.response_started

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        if self._retelling:
            return
        self._trailers = {}
        self._drained = 0
        self._field_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._retelling:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._retelling:
            return
        if self._in_headers:
            self._field_bytes += len(name) + len(value)
            super().on_header(name, value)
        elif self._trailer_room(len(name) + len(value)):
            # After the body: a trailer field (RFC 9110, 6.5), never mixed with the headers.
            self._trailers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def _trailer_room(self, size: int) -> bool:
        self._field_bytes += size
        return self._field_bytes <= 2 * self._limits.header_size

    def on_headers_complete(self) -> None:
        if self._retelling:
            return
        self._in_headers = False
        self._header_bytes = self._idle_bytes = 0
        self._unwatch_headers()
        if self._field_bytes + len(self.url) > self._limits.header_size:
            self._refuse(_TOO_LARGE)
            return
        extensions: dict[str, Any] = {"kade.trailers": self._trailers}
        self.scope["extensions"] = extensions
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._idle_bytes = 0
        if self.transport.is_closing():
            return
        if self.cycle.response_complete:
            self._drained += len(body)
            if self._drained > self._limits.drain:
                self.transport.abort()  # a TLS connection that is closed would be read to its end
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            self._unparsed = _framing(self.headers)
            if self._unparsed:
                return
        self._in_headers = True
        self._idle_bytes = 0
        self._unwatch_rest()
        if self.transport.is_closing():
            return
        super().on_message_complete()
        if self.cycle.response_complete:  # long ago: what came since has stopped the timer of idle lines
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        unread = self._running is self.cycle and not self._in_headers
        super().on_response_complete()
        if unread and not self.transport.is_closing():
            self._rest_timer = self.loop.call_later(self._limits.drain_time, self.transport.abort)

    def _unwatch_rest(self) -> None:
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None

    # The application's view.

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        extensions: dict[str, Any] = scope.setdefault("extensions", {})
        extensions["http.response.informational"] = {}
        extensions["kade.abort"] = self.transport.abort
        extensions["kade.written"] = self._has_written
        extensions[EXTENSION] = self._receive_directly
        extensions[f"{EXTENSION}.drain"] = self._limits.drain
        if self._tls is not None:
            extensions["tls"] = self._tls
        else:
            extensions["http.response.zerocopysend"] = {}

        async def extended_send(message: Message) -> None:
            if message["type"] == "http.response.informational":
                self._send_informational(message)
            elif message["type"] == "http.response.zerocopysend":
                await self._send_file(message, send)
            elif self.flow.write_paused:
                async with asyncio.timeout(self._limits.stall):
                    await send(message)
            else:
                await send(message)
            if message.get("more_body") and self.transport.is_closing():
                raise ClientGone  # else the rest would be read for nobody

        try:
            await self._inner(scope, receive, extended_send)
        except ClientGone:
            assert self._running is not None
            self._running.disconnected = True
        except TimeoutError:
            self.transport.abort()  # the client takes nothing any longer

    def _send_informational(self, message: Message) -> None:
        head = b"HTTP/1.1 %d \r\n" % message["status"]
        fields = b"".join(b"%s: %s\r\n" % (name, value) for name, value in message["headers"])
        self.transport.write(head + fields + b"\r\n")

    async def _send_file(self, message: Message, send: Send) -> None:
        """Let the kernel copy a part of an open file to the socket (ASGI extension zerocopysend)."""
        await self._written()
        offset, count = message["offset"], message["count"]
        descriptor = os.dup(self.transport.get_extra_info("socket").fileno())
        try:
            await self._pour(descriptor, message["file"], offset, count)
        except OSError:
            self.transport.abort()
        finally:
            os.close(descriptor)
        assert self._running is not None
        self._running.expected_content_length -= count
        if not self.transport.is_closing():
            await send({"type": "http.response.body", "body": b"", "more_body": message["more_body"]})

    async def _pour(self, descriptor: int, file: int, offset: int, count: int) -> None:
        stop = offset + count
        while offset < stop and not self.transport.is_closing():
            # The last byte goes in the event loop, and nobody else's turn comes before what follows it: who
            # has it may ask at once for what is noted then.
            step = min(max(stop - offset - 1, 1), _SENDFILE_STEP)
            at_once = min(stop - offset, _SENDFILE_AT_ONCE)
            try:
                if stop - offset == 1 or _is_cached(file, offset, at_once):
                    sent = os.sendfile(descriptor, file, offset, at_once)
                else:
                    sent = await self.loop.run_in_executor(None, os.sendfile, descriptor, file, offset, step)
            except BlockingIOError:
                await self._writable(descriptor)
                continue
            if sent == 0:
                raise EOFError("the file is shorter than it was")
            offset += sent
            if offset < stop:
                await asyncio.sleep(0)  # now the others

    async def _writable(self, descriptor: int) -> None:
        writable = asyncio.Event()
        self.loop.add_writer(descriptor, writable.set)
        try:
            async with asyncio.timeout(self._limits.stall):
                await writable.wait()
        finally:
            self.loop.remove_writer(descriptor)

    async def _written(self) -> None:
        """Wait until what was written before has left, so that the kernel's bytes come after it."""
        # Plain transports pause writers above the limit, those of TLS at it, even when they hold nothing.
        self.transport.set_write_buffer_limits(high=0 if self._tls is None else 1, low=0)
        try:
            async with asyncio.timeout(self._limits.stall):
                await self.flow.drain()
        finally:
            self.transport.set_write_buffer_limits()

    async def _has_written(self) -> bool:
        """Wait until the kernel has everything; whether the client was there until then."""
        await self._written()
        return not self.transport.is_closing()

    # The direct receive path.

    def _receive_directly(self, length: int) -> DirectSource | None:
        """A source for the body of the running request; None when that cannot be taken over."""
        if self._running is not self.cycle:
            return None
        return DirectSource(self, length, self._pool)

    def take_over(self, source: DirectSource) -> tuple[asyncio.Transport, bytes]:
        cycle = self.cycle
        first = bytes(cycle.body)
        cycle.body = bytearray()
        if not cycle.more_body:
            return self.transport, first  # all of it is here: the connection stays with HTTP
        if cycle.waiting_for_100_continue:
            cycle.waiting_for_100_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.flow.resume_reading()
        if not self.transport.is_closing():
            self.transport.set_protocol(source)
            self._socket = self.transport.get_extra_info("socket")
            if self._socket is not None:
                self._windows.enter(self._socket)
        return self.transport, first

    def hand_back(self) -> None:
        self.cycle.more_body = False
        self._renew_parser()
        self._in_headers = True
        self._unwatch_rest()
        self._leave_window()
        self.transport.set_protocol(self)

    def lost(self, error: Exception | None) -> None:
        self._leave_window()
        self.connection_lost(error)

    def _leave_window(self) -> None:
        if self._socket is not None:
            self._windows.leave(self._socket)
            self._socket = None

    def close_after_answer(self) -> None:
        assert self._running is not None
        self._running.keep_alive = False
        if self._running.response_complete:
            self.transport.close()


def _is_cached(file: int, offset: int, count: int) -> bool:
    """Whether the page cache has both ends of it, and so very likely all: sending it waits for no disk."""
    try:
        return all(
            os.preadv(file, [bytearray(1)], each, os.RWF_NOWAIT) for each in (offset, offset + count - 1)
        )
    except OSError:
        return False


def _framing(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The header that tells where the body ends; empty when there is no body."""
    found = dict(headers)
    if b"transfer-encoding" in found:
        return b"Transfer-Encoding: " + found[b"transfer-encoding"]
    length = found.get(b"content-length", b"0").strip()
    return b"" if length.strip(b"0") == b"" else b"Content-Length: " + length


ProtocolFactory = Callable[[], KadeHttpProtocol]

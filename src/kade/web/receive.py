"""Bodies on their way in: two implementations of ``core.ports.Source``.

``DirectSource`` is the receive path for a body of known length: while it lasts, the connection's transport
reads straight into pooled buffers, past the HTTP parser and the per-chunk ASGI machinery, and never a byte
beyond the body. ``AsgiSource`` is its twin on ordinary ASGI messages, for chunked bodies and for servers
that offer nothing else.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from starlette.types import Message, Receive, Scope

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Piece, Source
from kade.services.pieces import HeldPiece
from kade.web.buffers import BufferPool, PooledPiece

EXTENSION = "kade.receive"
_READY_LIMIT = 2  # filled pieces that may wait for the flow that consumes them
_GLANCE_S = 0.5  # how often a reader that gets nothing looks at the clock
_SPILL = 4 << 10  # what is read while the pool is empty, before reading stops


class Handover(Protocol):
    """What a server's connection offers to a body that wants to be received directly."""

    def take_over(self, source: "DirectSource") -> tuple[asyncio.Transport, bytes]:
        """The transport, and the body's bytes that came already; *source* is its protocol for the rest."""
        ...

    def hand_back(self) -> None:
        """The body is over: HTTP goes on."""
        ...

    def lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        ...

    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def close_after_answer(self) -> None:
        """Too much of the body is left to be read: the connection ends with the answer."""
        ...


class DirectSource(asyncio.BufferedProtocol):
    """Receives the *length* bytes of one body into pooled pieces."""

    def __init__(self, handover: Handover, length: int, pool: BufferPool) -> None:
        self._handover = handover
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._unread = length
        self._unseen = length
        self._ready: deque[Piece] = deque()
        self._current: PooledPiece | None = None
        self._spill: bytearray | None = None
        self._paused = False
        self._lost = False
        self._discarding: int | None = None
        self._reader: asyncio.Future[None] | None = None
        self.trailers: dict[str, str] = {}

    def _begin(self) -> None:
        """Somebody wants the bytes: only now the client is told to go on, and the line is ours."""
        self._transport, first = self._handover.take_over(self)
        if self._transport.is_closing():
            self._lost = True
        if first:
            self._unread -= len(first)
            self._ready.append(HeldPiece(first))

    # What the flow sees.

    @property
    def remaining(self) -> int | None:
        return self._unseen

    async def read(self, patience: float) -> Piece | None:
        if self._unseen == 0:
            return None
        if self._transport is None:
            self._begin()
        if not self._ready and not self._lost:
            await self._wait(patience)
        piece = self._next()
        self._unseen -= len(piece.data)
        self._resume_if_possible()
        return piece

    def discard(self, limit: int) -> None:
        """Nobody wants the rest: read it away, up to *limit* bytes, so that the answer gets through."""
        self._release_all()
        if self._transport is None or self._unread == 0 or self._lost:
            return
        self._discarding = limit
        if self._unread > limit:
            self._handover.close_after_answer()
        self._resume_if_possible()

    async def _wait(self, patience: float) -> None:
        loop = asyncio.get_running_loop()
        self._reader = loop.create_future()
        timer = loop.call_later(patience, self._wake)
        try:
            await self._reader
        finally:
            timer.cancel()
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _next(self) -> Piece:
        if self._ready:
            return self._ready.popleft()
        if self._current is not None and self._current.filled:
            piece, self._current = self._current, None
            return piece
        if self._lost:
            raise KadeError(RequestReason.LINE_CUT)
        return HeldPiece(b"")

    # What the transport sees.

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._discarding is not None:
            self._spill = self._spill or bytearray(64 << 10)
            return memoryview(self._spill)[: self._unread]
        if self._current is None:
            self._current = self._pool.lease()
        if self._current is not None:
            return self._current.room[: self._unread]
        self._spill = self._spill or bytearray(_SPILL)
        return memoryview(self._spill)[: self._unread]

    def buffer_updated(self, nbytes: int) -> None:
        self._unread -= nbytes
        if self._discarding is not None:
            self._discarding -= nbytes
            if self._discarding <= 0:
                self._pause()
        elif self._current is not None:
            self._filled(self._current, nbytes)
        else:
            assert self._spill is not None
            self._ready.append(HeldPiece(self._spill[:nbytes]))
            self._wake()
            self._pause_for_pool()
        if self._unread == 0:
            self._end()

    def _filled(self, piece: PooledPiece, nbytes: int) -> None:
        piece.filled += nbytes
        if piece.full:
            self._ready.append(piece)
            self._current = None
            self._wake()
            if len(self._ready) >= _READY_LIMIT:
                self._pause()
            elif self._pool.exhausted and self._unread:
                self._pause_for_pool()

    def _end(self) -> None:
        if self._current is not None:
            self._ready.append(self._current)
            self._current = None
        self._resume()
        self._wake()
        self._handover.hand_back()

    def eof_received(self) -> bool:
        return False  # the transport closes: a body that ends early cannot be answered meaningfully

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._wake()
        if self._discarding is not None:
            self._release_all()
        self._handover.lost(exc)

    def pause_writing(self) -> None:
        self._handover.pause_writing()

    def resume_writing(self) -> None:
        self._handover.resume_writing()

    def _pause(self) -> None:
        if not self._paused and self._transport is not None and not self._lost:
            self._paused = True
            self._transport.pause_reading()

    def _pause_for_pool(self) -> None:
        self._pause()
        self._pool.when_free(self._resume_if_possible)

    def _resume_if_possible(self) -> bool:
        """Go on reading unless enough is waiting or the pool is empty; whether reading goes on by this."""
        if not self._paused or self._lost or not self._unread:
            return False
        if self._discarding is not None:
            if self._discarding > 0:
                self._resume()
            return False
        if len(self._ready) >= _READY_LIMIT:
            return False
        if self._pool.exhausted and self._current is None:
            self._pool.when_free(self._resume_if_possible)
            return False
        self._resume()
        return True

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not self._lost:
            self._paused = False
            self._transport.resume_reading()

    def _release_all(self) -> None:
        for piece in self._ready:
            piece.release()
        self._ready.clear()
        if self._current is not None:
            self._current.release()
            self._current = None


class AsgiSource:
    """Implements ``core.ports.Source`` on ASGI's ``receive``."""

    def __init__(self, receive: Receive, length: int | None, trailers: dict[str, str]) -> None:
        self._receive = receive
        self._length = length
        self._pending: asyncio.Future[Message] | None = None
        self._ended = length == 0
        self.trailers = trailers

    @property
    def remaining(self) -> int | None:
        return 0 if self._ended else self._length

    async def read(self, patience: float) -> Piece | None:
        if self._ended:
            return None
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._receive())
        done, _ = await asyncio.wait((self._pending,), timeout=patience)
        if not done:
            return HeldPiece(b"")
        message, self._pending = self._pending.result(), None
        if message["type"] == "http.disconnect":
            raise KadeError(RequestReason.LINE_CUT)
        data: bytes = message.get("body", b"")
        self._ended = not message.get("more_body", False)
        if self._length is not None:
            self._length -= len(data)
        return None if self._ended and not data else HeldPiece(data)

    def close(self) -> None:
        """Nobody reads any longer."""
        if self._pending is not None:
            self._pending.cancel()


@asynccontextmanager
async def body_of(scope: Scope, receive: Receive) -> AsyncIterator[Source]:
    """The body of a request as a source, by the better path that the server offers.

    Raises:
        KadeError: ``RequestReason.MALFORMED`` when Content-Length is no number.
    """
    length = _content_length(scope)
    offered: Callable[[int], DirectSource | None] | None = scope.get("extensions", {}).get(EXTENSION)
    direct = offered(length) if offered is not None and length else None
    if direct is not None:
        try:
            yield direct
        finally:
            direct.discard(scope["extensions"][f"{EXTENSION}.drain"])
        return
    source = AsgiSource(receive, length, scope.get("extensions", {}).get("kade.trailers", {}))
    try:
        yield source
    finally:
        source.close()


async def read_all(scope: Scope, receive: Receive, limit: int, seconds: float = 30.0) -> bytes:
    """A small body in memory.

    Raises:
        KadeError: ``RequestReason.BODY_TOO_LARGE`` beyond *limit* bytes, ``TOO_SLOW`` when it takes longer
            than *seconds*, ``LINE_CUT``.
    """
    data = bytearray()
    deadline = asyncio.get_running_loop().time() + seconds
    async with body_of(scope, receive) as source:
        if (source.remaining or 0) > limit:
            raise KadeError(RequestReason.BODY_TOO_LARGE)
        while (piece := await source.read(_GLANCE_S)) is not None:
            data += piece.data
            piece.release()
            if len(data) > limit:
                raise KadeError(RequestReason.BODY_TOO_LARGE)
            if asyncio.get_running_loop().time() > deadline:
                raise KadeError(RequestReason.TOO_SLOW)
    return bytes(data)


def _content_length(scope: Scope) -> int | None:
    """The body's length; None when it is chunked. Without either header there is no body (RFC 9112, 6.3)."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    value = headers.get(b"content-length", b"0")
    if not value.isdigit():
        raise KadeError(RequestReason.MALFORMED, "Content-Length")
    return int(value)

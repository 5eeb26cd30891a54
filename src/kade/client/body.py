"""A request whose body is streamed, watched so that it never stands still for too long."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from kade.client.errors import Interrupted
from kade.client.peer import RemotePeer
from kade.client.ports import Outgoing
from kade.client.progress import Progress

_CONTINUE_S = 5.0  # how long a server may take to say 100 Continue (RFC 9110, 10.1.1)


class Body:
    """The bytes of `outgoing` from `start` to `end` as the body of one request."""

    def __init__(
        self, peer: RemotePeer, outgoing: Outgoing, start: int, end: int, progress: Progress
    ) -> None:
        self.peer, self.outgoing, self.start, self.end = peer, outgoing, start, end
        self.progress = progress
        self.begun = False  # whether somebody asked for bytes
        self._broken: Exception | None = None  # why the bytes themselves cannot be had

    @asynccontextmanager
    async def request(
        self, method: str, url: str, headers: Mapping[str, str], *, ask_first: bool = False
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send it; `ask_first` waits for 100 Continue. Errors as of `RemotePeer.request`.

        The peer's `stall` runs from piece to piece, `answer` from the last piece to the answer. What
        `outgoing` raises comes out as it is.
        """
        stall = self.peer.retry.stall
        first = min(stall, _CONTINUE_S) if ask_first else stall
        try:
            async with asyncio.timeout(first) as watch:
                sending = self.peer.request(
                    method, url, headers, body=self._pieces(watch), silence=None, ask_first=ask_first
                )
                async with sending as answer:
                    _put_off(watch, stall)
                    yield answer
        except TimeoutError:
            raise Interrupted(f"{url}: nothing moved for too long") from None
        finally:
            if self._broken is not None:
                raise self._broken

    async def _pieces(self, watch: asyncio.Timeout) -> AsyncIterator[bytes]:
        """Each piece that is taken puts off the end of our patience."""
        self.begun = True
        position = self.start
        try:
            async for piece in self._paced():
                self.progress.at(position, self.outgoing.size)
                _put_off(watch, self.peer.retry.stall)
                yield piece
                position += len(piece)
        except Exception as error:
            # The HTTP library would call this a broken connection, and we would try again for nothing.
            self._broken = error
            raise
        _put_off(watch, self.peer.retry.answer)

    async def _paced(self) -> AsyncIterator[bytes]:
        """The pieces as fast as the peer's throttle lets them go."""
        throttle = self.peer.throttle
        async for piece in self.outgoing.pieces(self.start, self.end):
            if throttle is None:
                yield piece
                continue
            for part in throttle.cut(piece):
                await throttle.take(len(part))
                yield part


def _put_off(watch: asyncio.Timeout, seconds: float) -> None:
    # The writer may take a last piece when the answer is in already and nobody waits any more.
    with contextlib.suppress(RuntimeError):
        watch.reschedule(asyncio.get_running_loop().time() + seconds)

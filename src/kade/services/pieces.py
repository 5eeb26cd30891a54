"""Bytes that come in pieces from somewhere that is no socket of ours."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Piece


@contextlib.asynccontextmanager
async def held(pieces: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """The same pieces; whoever stops before the end lets go of where they come from."""
    try:
        yield pieces
    finally:
        await _let_go(pieces)


class HeldPiece:
    """Implements ``core.ports.Piece`` on bytes that belong to no pool."""

    __slots__ = ("data",)

    def __init__(self, data: bytes | bytearray) -> None:
        self.data = memoryview(data)

    def release(self) -> None:
        pass


class PiecesSource:
    """Implements ``core.ports.Source`` on pieces as they come; *broken* is what broke them off."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._pending: asyncio.Task[bytes | None] | None = None
        self.broken: Exception | None = None
        self.remaining: int | None = None
        self.trailers: dict[str, str] = {}

    async def read(self, patience: float) -> Piece | None:
        if self._pending is None:
            self._pending = asyncio.create_task(self._next())
        done, _ = await asyncio.wait((self._pending,), timeout=patience)
        if not done:
            return HeldPiece(b"")
        pulled, self._pending = self._pending, None
        try:
            data = pulled.result()
        except Exception as error:
            self.broken = error
            raise KadeError(RequestReason.LINE_CUT) from error
        return None if data is None else HeldPiece(data)

    async def close(self) -> None:
        """Nobody reads any longer."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.gather(self._pending, return_exceptions=True)
        await _let_go(self._pieces)  # before anything else is asked of what they come from

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)


async def _let_go(pieces: AsyncIterator[bytes]) -> None:
    close = getattr(pieces, "aclose", None)  # generators have one, other iterators need none
    if close is not None:
        await close()

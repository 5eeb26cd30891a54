"""The beginning of a body, gathered in memory: a small one may be all of it."""

import asyncio
from dataclasses import dataclass

from kade.core.errors import KadeError
from kade.core.ports import Piece, Source
from kade.services.pieces import HeldPiece

GLANCE_S = 0.5  # how often whoever waits for bytes looks up
_GATHER_S = 1.0  # how long a small body may take to be kept in memory alone


async def gather(source: Source, limit: int, *, unknown: bool = False) -> "Gathered | None":
    """A body of known length up to *limit*, in memory, as far as it comes soon and without a pause.

    What takes longer goes on as an append, which minds lease, pace and rights. None, with nothing read, when
    it is longer or of unknown length; with *unknown* such a one is gathered until it passes *limit*.
    """
    remaining = 0 if unknown and source.remaining is None else source.remaining
    if remaining is None or remaining > limit:
        return None
    data = bytearray()
    clock = asyncio.get_running_loop().time
    deadline = clock() + _GATHER_S
    try:
        while (piece := await source.read(GLANCE_S)) is not None:
            size = len(piece.data)
            data += piece.data
            piece.release()
            if size == 0 or len(data) > limit or clock() > deadline:
                return Gathered(bytes(data), ended=False)
    except KadeError as error:
        return Gathered(bytes(data), ended=False, error=error)
    return Gathered(bytes(data), ended=True)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The first bytes of a body, and whether they are all of it; *error*: how it broke off."""

    data: bytes
    ended: bool
    error: KadeError | None = None

    def followed_by(self, source: Source) -> Source:
        """A source that gives these bytes and then what *source* gives, or the error."""
        return _Prefixed(self, source)


class _Prefixed:
    """Implements ``core.ports.Source``."""

    def __init__(self, gathered: Gathered, rest: Source) -> None:
        self._prefix: bytes = gathered.data
        self._error = gathered.error
        self._rest = rest
        self._ended = gathered.ended

    async def read(self, patience: float) -> Piece | None:
        if self._prefix:
            data, self._prefix = self._prefix, b""
            return HeldPiece(data)
        if self._error is not None:
            raise self._error
        return None if self._ended else await self._rest.read(patience)

    @property
    def remaining(self) -> int | None:
        rest = 0 if self._ended else self._rest.remaining
        return None if rest is None else rest + len(self._prefix)

    @property
    def trailers(self) -> dict[str, str]:
        return self._rest.trailers

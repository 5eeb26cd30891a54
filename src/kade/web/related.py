"""A description and a file in one body (multipart/related, RFC 2387), read without keeping the file.

The first part is the description, the second the file's bytes; a part's headers may be missing altogether.
"""

import asyncio
from dataclasses import dataclass

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Piece, Source
from kade.services.pieces import HeldPiece
from kade.web.parts import MultipartReader, PartData, PartEvent, PartHead, PartLimits

_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class RelatedLimits(PartLimits):
    """Besides the limits of its parts: bytes of the description; seconds until the file must begin."""

    parts: int = 2
    description_size: int = 64 << 10
    begin_s: float = 30.0


class RelatedBody:
    """One body. After ``begin`` it is the file's bytes as a ``core.ports.Source``."""

    def __init__(self, source: Source, content_type: str, limits: RelatedLimits | None = None) -> None:
        """Raises KadeError(RequestReason.MALFORMED) for another type, or one without a usable boundary."""
        if content_type.partition(";")[0].strip().lower() != "multipart/related":
            raise KadeError(RequestReason.MALFORMED, "Content-Type")
        self._limits = limits or RelatedLimits()
        self._reader = MultipartReader(source, content_type, self._limits)
        self._parts = 0
        self._description = bytearray()
        self._out: list[bytes] = []
        self.remaining: int | None = None
        self.trailers: dict[str, str] = {}

    async def begin(self) -> bytes:
        """Read up to the file; the description.

        Raises:
            KadeError: ``RequestReason.MISSING_VALUE`` when there is no file; ``MALFORMED``,
                ``BODY_TOO_LARGE``, ``LINE_CUT`` or ``TOO_SLOW``.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._limits.begin_s
        while self._parts < 2:
            if self._reader.ended:
                raise KadeError(RequestReason.MISSING_VALUE, "file")
            if clock() > deadline:
                raise KadeError(RequestReason.TOO_SLOW)
            await self._read_on(_PATIENCE_S)
        return bytes(self._description)

    async def read(self, patience: float) -> Piece | None:
        if not self._out:
            if self._reader.ended:
                return None
            await self._read_on(patience)
        data = b"".join(self._out)
        self._out.clear()
        return HeldPiece(data) if data or not self._reader.ended else None

    async def _read_on(self, patience: float) -> None:
        for event in await self._reader.read(patience):
            self._take(event)

    def _take(self, event: PartEvent) -> None:
        if isinstance(event, PartHead):
            self._parts += 1
        elif isinstance(event, PartData) and self._parts > 1:
            self._out.append(event.data)
        elif isinstance(event, PartData):
            self._description += event.data
            if len(self._description) > self._limits.description_size:
                raise KadeError(RequestReason.BODY_TOO_LARGE, "description")

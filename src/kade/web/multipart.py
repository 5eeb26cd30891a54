"""Forms with one file (multipart/form-data, RFC 7578), read from front to back without keeping the file."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Piece, Source
from kade.services.pieces import HeldPiece
from kade.web.parts import MultipartReader, PartData, PartEnd, PartEvent, PartHead, PartLimits

_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class FormLimits(PartLimits):
    """What a form may hold: besides the limits of its parts, bytes of each field; *begin_s* in seconds.

    Within *begin_s* seconds the file part must have begun.
    """

    field_size: int = 64 << 10
    begin_s: float = 30.0


class Field(NamedTuple):
    """A part that is no file: its bytes, and its Content-Type when it has one."""

    value: bytes
    media_type: str


class FilePart(NamedTuple):
    """What the file part's headers say; *name* is empty when they name no file."""

    name: str
    media_type: str | None


class NoFile(KadeError):
    """The whole form was read, and no part of it is the file."""

    def __init__(self, field: str) -> None:
        super().__init__(RequestReason.MISSING_VALUE, field)


class FileForm:
    """One form. After ``begin`` it is the file's bytes as a ``core.ports.Source``.

    The source ends when the whole form was read, so that then *fields* holds every other part, wherever it
    stood.
    """

    def __init__(self, source: Source, content_type: str, file_field: str, limits: FormLimits) -> None:
        """Raises KadeError(RequestReason.MALFORMED) when the type names no boundary."""
        self._reader = MultipartReader(source, content_type, limits)
        self._file_field = file_field
        self._limits = limits
        self._field: PartHead | None = None  # None while the file part is being read
        self._value = bytearray()
        self._out: list[bytes] = []
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
        while self.file is None and not self._reader.ended:
            if clock() > deadline:
                raise KadeError(RequestReason.TOO_SLOW)
            await self._read_on(_PATIENCE_S)
        if self.file is None:
            raise NoFile(self._file_field)
        return self.file

    async def read(self, patience: float) -> Piece | None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        while not self._out:
            if self._reader.ended:
                return None
            if not await self._read_on(patience) or clock() > deadline:
                return HeldPiece(b"")  # fields may come as slowly as they like: whoever reads keeps the time
        data = b"".join(self._out)
        self._out.clear()
        return HeldPiece(data)

    async def _read_on(self, patience: float) -> bool:
        """Take what the next piece of the body brings; False when it brings nothing."""
        events = await self._reader.read(patience)
        for event in events:
            self._take(event)
        return bool(events)

    def _take(self, event: PartEvent) -> None:
        if isinstance(event, PartHead):
            self._begin_part(event)
        elif isinstance(event, PartData):
            self._add(event.data)
        elif isinstance(event, PartEnd) and self._field is not None:
            field = Field(bytes(self._value), self._field.media_type)
            self.fields.setdefault(self._field.name, field)

    def _begin_part(self, head: PartHead) -> None:
        self._value = bytearray()
        if head.name != self._file_field:
            self._field = head
            return
        if self.file is not None:
            raise KadeError(RequestReason.BAD_VALUE, "more than one file")
        self._field = None
        self.file = FilePart(head.file_name, head.media_type or None)

    def _add(self, data: bytes) -> None:
        if self._field is None:
            self._out.append(data)
            return
        self._value += data
        if len(self._value) > self._limits.field_size:
            raise KadeError(RequestReason.BODY_TOO_LARGE, self._field.name[:40])

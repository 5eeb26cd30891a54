"""Bytes on their way in and out, and where they are kept."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from kade.core.clock import Millis
from kade.core.contents import Extent
from kade.core.ids import Id


class Piece(Protocol):
    """A leased buffer with received bytes; it must be released once, when its bytes are used."""

    @property
    def data(self) -> memoryview: ...
    def release(self) -> None: ...


class Source(Protocol):
    """Where the bytes of one append come from."""

    async def read(self, patience: float) -> Piece | None:
        """The next bytes; an empty piece when none came within *patience* seconds; None at the end.

        Raises KadeError(RequestReason.LINE_CUT) when the line broke before the end.
        """

    @property
    def remaining(self) -> int | None:
        """How many bytes are still to come; None when that is not known (chunked)."""

    @property
    def trailers(self) -> dict[str, str]:
        """Trailer fields (RFC 9110, 6.5), lower-case names, once ``read`` gave None."""


class Sink(Protocol):
    """Where the bytes of one append go: a segment, with digests computed on the way."""

    segment_id: Id
    written: int

    async def write(self, piece: Piece) -> None:
        """Take the piece over; it may be written after this returns.

        Raises KadeError(UploadReason.DISK_FULL).
        """

    async def sync(self) -> int:
        """Make everything taken durable, name and all; how many bytes the segment then holds."""

    async def rewind(self, length: int) -> None:
        """Drop every byte beyond *length*."""

    async def close(self) -> None: ...


class Absorber(Protocol):
    """What is shown every byte that a sink takes, in order."""

    def update(self, data: memoryview | bytes) -> None: ...


class Digester(Absorber, Protocol):
    """Running digests over bytes in order; *length* counts what went in."""

    length: int

    def copy(self) -> "Digester":
        """Another one that goes on from here."""

    def hexdigest(self, algorithm: str) -> str | None:
        """None when it does not run this algorithm."""


class SegmentStore(Protocol):
    """Where segments are kept."""

    async def create(self, segment_id: Id, absorber: Absorber | None = None) -> Sink:
        """A sink for a new segment of that id."""

    async def resume(self, segment_id: Id, length: int, absorber: Absorber | None = None) -> Sink | None:
        """A sink that goes on at *length*, dropping what lies beyond; None when that cannot be done."""

    def read(self, extents: Iterable[Extent], piece: int = 1 << 17) -> AsyncIterator[bytes]:
        """The bytes of the extents, in order, in pieces of at most *piece* bytes."""

    def locate(self, extent: Extent) -> str | None:
        """A local path whose bytes from ``extent.start`` can be sent by the kernel, where there is one."""

    async def length(self, segment_id: Id) -> int | None:
        """How many bytes it holds, committed or not; None when it is not there."""

    async def delete(self, segment_id: Id) -> None:
        """Remove it; nothing happens when it is not there."""

    def list(self) -> AsyncIterator[tuple[Id, int, Millis]]:
        """Every segment that is there: id, length in bytes, time of last change."""

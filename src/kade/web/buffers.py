"""One bounded pool of buffers for all bodies that are being received.

So two hundred uploads at once cost the pool, not two hundred buffers: a connection leases a piece when its
socket is readable, and stops reading while the pool is empty.
"""

from collections import deque
from collections.abc import Callable

PIECE_SIZE = 256 << 10


class PooledPiece:
    """Implements ``core.ports.Piece``: a buffer that is filled from the front."""

    __slots__ = ("_buffer", "_pool", "filled")

    def __init__(self, buffer: memoryview, pool: "BufferPool") -> None:
        self._buffer = buffer
        self._pool: BufferPool | None = pool
        self.filled = 0

    @property
    def data(self) -> memoryview:
        return self._buffer[: self.filled]

    @property
    def room(self) -> memoryview:
        """What is not filled yet."""
        return self._buffer[self.filled :]

    @property
    def full(self) -> bool:
        """Whether no room is left."""
        return self.filled == len(self._buffer)

    def release(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.take_back(self._buffer)


class BufferPool:
    """At most *size* bytes in pieces; made when first needed, kept afterwards. For one event loop."""

    def __init__(self, size: int, piece_size: int = PIECE_SIZE) -> None:
        self._piece_size = piece_size
        self._unmade = max(size // piece_size, 1)
        self._free: list[memoryview] = []
        self._waiting: deque[Callable[[], bool]] = deque()

    @property
    def exhausted(self) -> bool:
        """Whether every piece is leased."""
        return not self._free and not self._unmade

    def lease(self) -> PooledPiece | None:
        """A piece; None when all are leased."""
        if self._free:
            return PooledPiece(self._free.pop(), self)
        if self._unmade:
            self._unmade -= 1
            return PooledPiece(memoryview(bytearray(self._piece_size)), self)
        return None

    def when_free(self, call: Callable[[], bool]) -> None:
        """Have *call* called, once, when a piece has come back; it says whether it has use for one."""
        self._waiting.append(call)

    def take_back(self, buffer: memoryview) -> None:
        """A released piece is free again."""
        self._free.append(buffer)
        while self._waiting:
            if self._waiting.popleft()():
                break

"""A file on disk that is sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

from kade.client.digests import sha256_of
from kade.client.errors import TransferError

_PIECE = 1 << 20


class LocalFile:
    """Implements ``ports.Outgoing``; a context manager. All raise OSError, or TransferError if it shrank."""

    def __init__(self, path: Path, name: str | None = None, media_type: str | None = None) -> None:
        self.path = path
        self.name = name or path.name
        self.media_type = media_type
        self._file = path.open("rb")
        self.size, self.modified = self._facts()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    async def pieces(self, start: int, end: int) -> AsyncIterator[bytes]:
        while start < end:
            piece = await asyncio.to_thread(self._read, start, min(_PIECE, end - start))
            yield piece
            start += len(piece)

    async def unchanged(self) -> bool:
        return self._facts() == (self.size, self.modified)

    async def sha256(self) -> str:
        return await asyncio.to_thread(sha256_of, self.path)

    def _read(self, position: int, count: int) -> bytes:
        """A piece of the file; after a cut an older read may still run, so none moves a common position."""
        piece = os.pread(self._file.fileno(), count, position)
        if not piece:
            raise TransferError(f"{self.path} became shorter while it was sent; send it again")
        return piece

    def _facts(self) -> tuple[int, int]:
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns

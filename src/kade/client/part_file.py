"""A download on its way: NAME.part with the bytes, NAME.part.json with what they belong to."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, ParamSpec, Self

import msgspec

from kade import durable
from kade.client.digests import digest_of
from kade.client.errors import TransferError
from kade.client.ports import NOTHING, Offered, Representation

P = ParamSpec("P")

_PIECE = 1 << 20  # bytes per write; a thread for less costs more than the write


class PartFile:
    """The unfinished file beside its final name; one process at a time has it, others are turned away.

    Implements ``ports.Landing``. As a context manager it keeps the part and its state for a later run,
    unless `finish` or `discard` was called. All raise OSError.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._state_path = target.with_name(target.name + ".part.json")
        self._file: BinaryIO | None = None
        self.offset = 0
        self.state = NOTHING

    def __enter__(self) -> Self:
        self._file = open(self.path, "ab", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise TransferError(f"{self.path}: another download is writing it") from None
        self.offset = self.path.stat().st_size
        try:
            self.state = msgspec.json.decode(self._state_path.read_bytes(), type=Representation)
        except (FileNotFoundError, msgspec.DecodeError):
            self.state = NOTHING
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.offset == 0:
            self._remove()
        self.file.close()

    @property
    def file(self) -> BinaryIO:
        assert self._file is not None, "a PartFile is used as a context manager"
        return self._file

    async def restart(self, state: Representation, offered: Offered) -> None:
        await _seen_through(self._restart, state)

    async def receive(self, pieces: AsyncIterator[bytes]) -> None:
        pending = bytearray()
        try:
            async for piece in pieces:
                pending += piece
                if len(pending) >= _PIECE:
                    full, pending = pending, bytearray()
                    await _seen_through(self.append, full)
        finally:
            # Also what came just before a cut is kept.
            self.append(pending)

    async def digest(self, algorithm: str) -> str:
        return await asyncio.to_thread(digest_of, self.path, algorithm)

    async def discard(self) -> None:
        await _seen_through(self._restart, NOTHING)
        await _seen_through(self._remove)

    def append(self, piece: bytes | bytearray) -> None:
        """Write at the end, all of it or OSError. Blocks for as long as the disk does."""
        view = memoryview(piece)
        while view:
            written = self.file.write(view)
            self.offset += written
            view = view[written:]

    def finish(self) -> None:
        """Sync the bytes and give them their final name, in place of what had it. Blocks."""
        os.fsync(self.file.fileno())
        durable.move(self.path, self.target)
        self._state_path.unlink(missing_ok=True)

    def _restart(self, state: Representation) -> None:
        self.file.truncate(0)
        self.offset = 0
        self.state = state
        durable.write(self._state_path, msgspec.json.encode(state))

    def _remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._state_path.unlink(missing_ok=True)


async def _seen_through(work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Do what changes the part in a thread, and wait for its end also when nobody waits for us any longer.

    Else a thread would go on writing while what came last is put behind it, or while the next run has it.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((running,))
        running.exception()  # what ended the wait is the one to tell
        raise

"""A download on its way: NAME.part with the bytes, NAME.part.json with what they belong to."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from kade import durable
from kade.client.errors import TransferError


class PartState(msgspec.Struct, frozen=True):
    """Which representation the bytes in a part file are of: where from, its strong ETag, its size."""

    url: str
    etag: str | None
    size: int | None


class PartFile:
    """The unfinished file beside its final name; one process at a time has it, others are turned away.

    As a context manager it keeps the part and its state for a later run, unless `finish` or `discard`
    was called. Methods block for as long as the disk does; all raise OSError.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._state_path = target.with_name(target.name + ".part.json")
        self._file: BinaryIO | None = None
        self.offset = 0
        self.state = PartState("", None, None)

    def __enter__(self) -> Self:
        self._file = open(self.path, "ab", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise TransferError(f"{self.path}: another download is writing it") from None
        self.offset = self.path.stat().st_size
        try:
            self.state = msgspec.json.decode(self._state_path.read_bytes(), type=PartState)
        except (FileNotFoundError, msgspec.DecodeError):
            self.state = PartState("", None, None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.offset == 0:
            self.discard()
        self.file.close()

    @property
    def file(self) -> BinaryIO:
        assert self._file is not None, "a PartFile is used as a context manager"
        return self._file

    def resumable(self, url: str) -> bool:
        """Whether a range request may go on from `offset`: same address, and a validator to check with."""
        return self.offset > 0 and self.state.url == url and self.state.etag is not None

    def restart(self, state: PartState) -> None:
        """Drop all bytes and begin with those of this representation."""
        self.file.truncate(0)
        self.offset = 0
        self.state = state
        durable.write(self._state_path, msgspec.json.encode(state))

    def append(self, piece: bytes | bytearray) -> None:
        """Write at the end, all of it or OSError."""
        view = memoryview(piece)
        while view:
            written = self.file.write(view)
            self.offset += written
            view = view[written:]

    def finish(self) -> None:
        """Sync the bytes and give them their final name, in place of what had it."""
        os.fsync(self.file.fileno())
        durable.move(self.path, self.target)
        self._state_path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the part and its state: its bytes are of no use."""
        self.path.unlink(missing_ok=True)
        self._state_path.unlink(missing_ok=True)

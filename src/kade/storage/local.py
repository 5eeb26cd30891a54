"""Segments as files below one folder on a local disk.

A segment lies at ``<folder>/<last two digits of its id>/<id>``; the 256 folders exist from the start. Bytes
count only after ``sync``: fdatasync of the file and, the first time, fsync of its folder, so that the name
survives a power cut as well. A crash leaves at most files that no row of the catalog knows.
"""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from kade.core.clock import Millis
from kade.core.contents import Extent
from kade.core.errors import KadeError, UploadReason
from kade.core.ids import Id
from kade.core.ports import Absorber, Piece
from kade.durable import sync_folder

T = TypeVar("T")

_QUEUED = 2  # pieces that may wait for a thread, besides those that one is writing

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class LocalSegmentStore:
    """Implements ``core.ports.SegmentStore``; *threads* do the blocking work."""

    def __init__(self, folder: Path, threads: int = 8) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(threads, "segments")

    def prepare(self) -> None:
        """Make the folders, durably; safe to repeat."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in range(256):
            (self._folder / f"{number:02x}").mkdir(exist_ok=True)
        sync_folder(self._folder)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown()

    async def create(self, segment_id: Id, absorber: Absorber | None = None) -> "LocalSink":
        path = self._path(segment_id)
        descriptor = await self.run(_open_new, path)
        return LocalSink(self, segment_id, path, descriptor, 0, absorber, new=True)

    async def resume(
        self, segment_id: Id, length: int, absorber: Absorber | None = None
    ) -> "LocalSink | None":
        path = self._path(segment_id)
        descriptor = await self.run(_open_at, path, length)
        if descriptor is None:
            return None
        return LocalSink(self, segment_id, path, descriptor, length, absorber, new=False)

    async def read(self, extents: Iterable[Extent], piece: int = 1 << 17) -> AsyncIterator[bytes]:
        for extent in extents:
            # A name is nearly always in memory, like a row (ADR 0009); of the bytes we can ask.
            descriptor = os.open(self._path(extent.segment_id), os.O_RDONLY | os.O_CLOEXEC)
            try:
                position, stop = extent.start, extent.start + extent.length
                while position < stop:
                    wanted = min(piece, stop - position)
                    data = _cached(descriptor, wanted, position)
                    if data is None:
                        data = await self.run(os.pread, descriptor, wanted, position)
                    else:
                        await asyncio.sleep(0)  # now the others
                    if not data:
                        raise EOFError(f"segment {extent.segment_id} ends at {position}, not {stop}")
                    position += len(data)
                    yield data
            finally:
                os.close(descriptor)

    def locate(self, extent: Extent) -> str | None:
        return str(self._path(extent.segment_id))

    async def length(self, segment_id: Id) -> int | None:
        return await self.run(_length, self._path(segment_id))

    async def delete(self, segment_id: Id) -> None:
        await self.run(_unlink, self._path(segment_id))

    async def list(self) -> AsyncIterator[tuple[Id, int, Millis]]:
        for number in range(256):
            for name, length, changed in await self.run(_entries, self._folder / f"{number:02x}"):
                yield Id(name), length, Millis(changed)

    def _path(self, segment_id: Id) -> Path:
        return self._folder / segment_id[-2:] / segment_id

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """Run blocking work in one of the store's threads."""
        return await self.submit(fn, *args)

    def submit(self, fn: Callable[..., T], *args: object) -> "asyncio.Future[T]":
        """The same, without waiting."""
        return asyncio.get_running_loop().run_in_executor(self._threads, fn, *args)


class LocalSink:
    """Implements ``core.ports.Sink``: while a thread writes some pieces, the next ones are received."""

    def __init__(
        self,
        store: LocalSegmentStore,
        segment_id: Id,
        path: Path,
        descriptor: int,
        length: int,
        absorber: Absorber | None,
        *,
        new: bool,
    ) -> None:
        self.segment_id = segment_id
        self.written = length
        self._store = store
        self._path = path
        self._descriptor = descriptor
        self._absorber = absorber
        self._name_is_durable = not new
        self._queue: list[Piece] = []
        self._batch: list[Piece] = []
        self._error: BaseException | None = None
        self._moved = asyncio.Event()
        self._closing = False

    async def write(self, piece: Piece) -> None:
        try:
            while len(self._queue) >= _QUEUED and self._error is None:
                await self._progress()
            if self._error is not None:
                raise self._error
        except BaseException:
            piece.release()
            raise
        self.written += len(piece.data)
        self._queue.append(piece)
        if not self._batch:
            self._start()

    async def sync(self) -> int:
        await self._settle()
        if self._error is not None:
            raise self._error
        try:
            await self._store.run(self._flush)
        except BaseException as error:
            # Whether the pages reached the disk is unknown from now on: nothing more may count on them.
            self._error = error
            raise
        return self.written

    async def rewind(self, length: int) -> None:
        await self._settle()
        await self._store.run(os.ftruncate, self._descriptor, length)
        await self._store.run(os.lseek, self._descriptor, length, os.SEEK_SET)
        self.written = length

    async def close(self) -> None:
        self._closing = True
        if not self._batch:
            self._close_descriptor()  # else the last write's end closes it: a thread is using it
        await self._settle()

    def _start(self) -> None:
        """Let a thread write everything that is queued."""
        self._batch, self._queue = self._queue, []
        job = self._store.submit(self._put, [piece.data for piece in self._batch])
        job.add_done_callback(self._ended)

    def _ended(self, job: "asyncio.Future[None]") -> None:
        self._error = self._error or job.exception()
        done, self._batch = self._batch, []
        if self._error is not None:
            done += self._queue
            self._queue = []
        for piece in done:
            piece.release()
        if self._queue:
            self._start()
        elif self._closing:
            self._close_descriptor()
        self._moved.set()

    async def _progress(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    async def _settle(self) -> None:
        """Wait until nothing is being written."""
        while self._batch:
            await self._progress()

    def _close_descriptor(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _put(self, batch: list[memoryview]) -> None:
        for data in batch:
            try:
                rest = data
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError as error:
                raise _understood(error) from error
            if self._absorber is not None:
                self._absorber.update(data)

    def _flush(self) -> None:
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise _understood(error) from error
        if not self._name_is_durable:
            sync_folder(self._path.parent)
            self._name_is_durable = True


def _open_new(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _understood(error) from error


def _open_at(path: Path, length: int) -> int | None:
    """Open for writing at *length*, dropping what lies beyond; None when the file is shorter or gone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    size = os.fstat(descriptor).st_size
    if size < length:
        os.close(descriptor)
        return None
    if size > length:
        os.ftruncate(descriptor, length)
    os.lseek(descriptor, length, os.SEEK_SET)
    return descriptor


def _length(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _cached(descriptor: int, length: int, position: int) -> bytes | None:
    """What the page cache has of these bytes; None when it has nothing and a read would wait for the disk."""
    buffer = bytearray(length)
    try:
        read = os.preadv(descriptor, [buffer], position, os.RWF_NOWAIT)
    except OSError:
        return None  # the disk has to be asked, or the file system cannot tell
    return bytes(memoryview(buffer)[:read])


def _entries(folder: Path) -> list[tuple[str, int, int]]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat()
                found.append((entry.name, status.st_size, status.st_mtime_ns // 1_000_000))
    return found


def _understood(error: OSError) -> Exception:
    """A full disk in core's words; everything else as it is."""
    return KadeError(UploadReason.DISK_FULL, "segments") if error.errno in _FULL else error

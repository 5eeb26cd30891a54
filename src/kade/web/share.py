"""The file share: folders on the server through which files are handed over by name (spec 1.8).

A name is a path below the configured folder, with slashes. It is walked from the folder's descriptor, one
component at a time, and no symbolic link is followed anywhere below it; so neither ``..`` nor a link that
somebody plants meanwhile leads out.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from kade.core.errors import FileReason, KadeError, LinkReason, UploadReason
from kade.core.ports import Piece
from kade.services.pieces import HeldPiece
from kade.web.buffers import PIECE_SIZE

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LINK = frozenset({errno.ELOOP, errno.EMLINK})


class ShareSource:
    """Implements ``core.ports.Source`` over an open file; its end is where reading ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.remaining: int | None = None
        self.trailers: dict[str, str] = {}

    async def read(self, patience: float) -> Piece | None:
        data = await asyncio.to_thread(os.read, self._descriptor, PIECE_SIZE)
        return HeldPiece(data) if data else None


def base_name(name: str) -> str:
    """The last component of a name."""
    return name.rpartition("/")[2]


@asynccontextmanager
async def opened(folder: Path | None, name: str) -> AsyncIterator[ShareSource]:
    """A regular file of the upload share.

    Raises:
        KadeError: ``LinkReason.NOT_CONFIGURED``, ``OUTSIDE_SHARE`` or ``UNKNOWN_FILE``.
    """
    descriptor = await asyncio.to_thread(_open_for_reading, folder, name)
    try:
        yield ShareSource(descriptor)
    finally:
        os.close(descriptor)


async def hand_over(folder: Path | None, name: str, pieces: AsyncIterator[bytes], sha256: str) -> None:
    """Write a file of the download share, in place of what has that name: wholly and durably, or not at all.

    *sha256* is what the bytes must have, in lower-case hex.

    Raises:
        KadeError: ``LinkReason.NOT_CONFIGURED``, ``OUTSIDE_SHARE``, ``UNKNOWN_FILE`` when a folder of the
            name is not there, ``UNWRITABLE``; ``UploadReason.DISK_FULL``; ``FileReason.CHECKSUM_MISMATCH``.
    """
    writing = await asyncio.to_thread(_Writing, folder, name)
    try:
        async for data in pieces:
            await asyncio.to_thread(writing.write, data)
        await asyncio.to_thread(writing.finish, sha256)
    finally:
        await asyncio.to_thread(writing.close)


class _Writing:
    """A temporary file beside the target, until its digest is known to be right."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self._name = base_name(name)
        self._temporary = f".{secrets.token_hex(8)}.part"
        self._digest = hashlib.sha256()
        self._folder = _open_folder_of(folder, name)
        try:
            with _told():
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                self._descriptor = os.open(self._temporary, flags, 0o640, dir_fd=self._folder)
        except BaseException:
            os.close(self._folder)
            raise

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        rest = memoryview(data)
        with _told():
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def finish(self, sha256: str) -> None:
        if self._digest.hexdigest() != sha256:
            raise KadeError(FileReason.CHECKSUM_MISMATCH, self._name)
        with _told():
            os.fsync(self._descriptor)
            os.rename(self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            os.fsync(self._folder)

    def close(self) -> None:
        """Nothing of a file that was not finished stays."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._temporary, dir_fd=self._folder)
        os.close(self._descriptor)
        os.close(self._folder)


def _open_for_reading(folder: Path | None, name: str) -> int:
    parent = _open_folder_of(folder, name)
    try:
        with _told():
            # Without O_NONBLOCK a named pipe would hold us up.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(base_name(name), flags, dir_fd=parent)
    finally:
        os.close(parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise KadeError(LinkReason.UNKNOWN_FILE, name[:80])
    return descriptor


def _open_folder_of(folder: Path | None, name: str) -> int:
    """The folder in which the last component of *name* lies."""
    if folder is None:
        raise KadeError(LinkReason.NOT_CONFIGURED)
    components = name.split("/")
    if any(not _is_component(each) for each in components):
        raise KadeError(LinkReason.OUTSIDE_SHARE, ascii(name[:80]))
    with _told():
        current = os.open(folder, _FOLDER)
    for component in components[:-1]:
        try:
            with _told():
                below = os.open(component, _FOLDER | os.O_NOFOLLOW, dir_fd=current)
        finally:
            os.close(current)
        current = below
    return current


def _is_component(text: str) -> bool:
    return text not in ("", ".", "..") and "\\" not in text and text.isprintable() and len(text) <= 255


@contextmanager
def _told() -> Iterator[None]:
    """What the operating system refuses, in core's words."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        # With O_DIRECTORY a link is reported as no folder.
        raise KadeError(LinkReason.UNKNOWN_FILE) from error
    except OSError as error:
        if error.errno in _NO_LINK:
            raise KadeError(LinkReason.OUTSIDE_SHARE) from error
        if error.errno in _FULL:
            raise KadeError(UploadReason.DISK_FULL, "share") from error
        raise KadeError(LinkReason.UNWRITABLE, errno.errorcode.get(error.errno or 0, "")) from error

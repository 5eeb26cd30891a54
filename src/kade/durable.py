"""Small files that are either wholly there or not at all, also after a crash."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put `data` at `path` in place of what was there: temporary file, fsync, rename, fsync of the folder.

    The file has these permissions from its first moment, so a private key is never readable by others.
    Raises OSError; then nothing at `path` has changed.
    """
    temporary = _written(path, data, mode)
    try:
        move(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def create(path: Path, data: bytes, mode: int = 0o644) -> bool:
    """The same, but what is at `path` already stays: False then. Raises OSError."""
    temporary = _written(path, data, mode)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    sync_folder(path.parent)
    return True


def _written(path: Path, data: bytes, mode: int) -> Path:
    """A temporary file beside `path` with these bytes, synced."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def move(source: Path, target: Path) -> None:
    """Rename a file, whose bytes are synced, so that the new name outlives a crash. Raises OSError."""
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

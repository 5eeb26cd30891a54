"""Folders in memory for suites whose subject is not the disk: there a sync costs nothing.

What proves durability, what reads past the page cache, and what moves large files stays on the disk.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system, in which we make folders of our own
_ROOM = 4 << 30  # bytes that must be free


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """pytest's own, or one in memory where there is room."""
    if not (os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="kade-test-", dir=_MEMORY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

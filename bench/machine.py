"""The machine under the measurement: what it is, and making its first figure as good as its last."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

_PIECE = 1024 * 1024


def describe() -> dict[str, str]:
    """Give what a reader of the figures must know about the machine."""
    return {
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }


def touch_memory(folder: Path, size: int) -> None:
    """Let the page cache use `size` bytes once, at most half of what is free.

    A virtual machine gets memory from its host at the first touch of each page, which made writing four times
    slower for whoever came first (0.36 against 1.6 GB/s); freed pages are used again before untouched ones.
    """
    left = min(size, psutil.virtual_memory().available // 2, psutil.disk_usage(str(folder)).free // 2)
    data = bytes(_PIECE)
    file = folder / "touch"
    with file.open("wb", buffering=0) as output:
        while left > 0:
            left -= output.write(data)
    file.unlink()
    os.sync()

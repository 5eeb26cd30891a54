"""The part of a download, when whoever downloads is told to stop in the middle of a write."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kade.client.part_file import PartFile

PIECE = 1 << 20


async def test_a_write_that_began_is_seen_to_its_end(tmp_path: Path) -> None:
    target = tmp_path / "large.bin"
    os.mkfifo(tmp_path / "large.bin.part")  # a disk that takes what is read from it, and no more
    reader = os.open(tmp_path / "large.bin.part", os.O_RDONLY | os.O_NONBLOCK)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a" * PIECE
        yield b"b"

    with PartFile(target) as part:
        running = asyncio.create_task(part.receive(pieces()))
        await asyncio.sleep(0.1)
        for _ in range(2):  # whoever is impatient asks twice
            running.cancel()
            await asyncio.sleep(0.05)
            assert not running.done() and part.offset == 0
        os.set_blocking(reader, True)
        total = 0
        while total < PIECE:
            total += len(await asyncio.to_thread(os.read, reader, 1 << 16))
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (total, part.offset) == (PIECE, PIECE)
    os.close(reader)

"""A rate for all transfers to one destination."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from tests.client.servers import FileServer, TusServer, running

from kade.client import RemotePeer, Throttle
from kade.client.files import fetch, send
from kade.client.upload_states import UploadStates


class Clock:
    """Time that goes on only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def test_one_second_is_free_and_then_the_rate_holds() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock, clock.sleep)
    for _ in range(8):
        await throttle.take(500)
    assert clock.now == pytest.approx(3.0)
    assert clock.slept == pytest.approx([0.5] * 6)


async def test_idle_time_is_saved_up_to_one_second() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock, clock.sleep)
    await throttle.take(1000)
    clock.now += 60
    await throttle.take(2000)
    assert clock.slept == pytest.approx([1.0])


def test_pieces_are_so_small_that_nothing_stands_still() -> None:
    assert [len(part) for part in Throttle(8192).cut(b"x" * 5000)] == [2048, 2048, 904]
    assert Throttle(10).piece == 1024
    with pytest.raises(ValueError, match="one byte"):
        Throttle(0)


async def test_both_directions_and_all_transfers_share_it(tmp_path: Path) -> None:
    """Four times 100 kB at 200 kB/s, of which one second's worth is free, take a second."""
    content = bytes(100_000)
    throttle = Throttle(200_000)
    file = tmp_path / "file"
    write(file, content)
    server = TusServer()
    async with running(FileServer(content)) as down, running(server) as up:

        async def get(name: str) -> None:
            async with RemotePeer(down, throttle=throttle) as peer:
                await fetch(peer, down, tmp_path / name)

        async def put(name: str) -> None:
            async with RemotePeer(up, throttle=throttle) as peer:
                states = UploadStates(tmp_path / name)
                await send(peer, f"{up}/files/upload", file, states=states)

        began = time.monotonic()
        await asyncio.gather(get("a"), get("b"), put("c"), put("d"))
    assert time.monotonic() - began >= 0.95
    assert [bytes(each) for each in server.uploads.values()] == [content, content]


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)

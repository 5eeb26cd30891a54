"""Many transfers at once against a server that fails at random: all that can succeed do, none runs twice."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.support.storm import StormServer, content, storm

from kade.client import RemotePeer, Retry, TransferError
from kade.client.files import fetch, send
from kade.client.local_file import LocalFile
from kade.client.push import put
from kade.client.upload_states import UploadStates

SIZE = 600_000
RETRY = Retry(attempts=6, first=0.01, longest=0.05, stall=0.3, answer=0.3)
COUNT = 12


@pytest.fixture
def server() -> Iterator[StormServer]:
    with storm(seed=20260101, rate=0.4) as running:
        yield running


async def again(transfer: Callable[[], Awaitable[object]]) -> None:
    """A transfer as an engine runs it: a wrong digest is no reason to give up."""
    for attempt in range(10):
        try:
            await transfer()
            return
        except TransferError as error:
            assert not error.permanent, error
            assert attempt < 9, error


async def test_all_come_through(server: StormServer, tmp_path: Path) -> None:
    async with RemotePeer(server.url, retry=RETRY) as peer:

        async def down(name: str) -> None:
            await fetch(peer, server.download_url(name, SIZE), tmp_path / name)

        async def up(name: str) -> None:
            write(tmp_path / name, content(name, SIZE))
            states = UploadStates(tmp_path / "states")
            await send(peer, server.upload_url, tmp_path / name, states=states)

        async def push(name: str) -> None:
            write(tmp_path / name, content(name, SIZE))
            with LocalFile(tmp_path / name) as outgoing:
                await put(peer, server.put_url(name), outgoing)

        kinds = {"d": down, "u": up, "p": push}
        await asyncio.gather(
            *(
                again(partial(transfer, f"{kind}{number}"))
                for kind, transfer in kinds.items()
                for number in range(COUNT)
            )
        )
    report = await asyncio.to_thread(server.report)
    assert all(read(tmp_path / f"d{number}") == content(f"d{number}", SIZE) for number in range(COUNT))
    names = {f"{kind}{number}" for kind in "up" for number in range(COUNT)}
    wanted = {name: hashlib.sha256(content(name, SIZE)).hexdigest() for name in names}
    assert {name: set(digests) for name, digests in report.uploaded.items()} == {
        name: {digest} for name, digest in wanted.items()
    }
    assert report.twice == []
    assert report.most > 1
    assert set(report.faults) == {"cut", "500", "503", "digest", "stall"}


def write(file: Path, body: bytes) -> None:
    file.write_bytes(body)


def read(file: Path) -> bytes:
    return file.read_bytes()


@pytest.mark.parametrize(("name", "permanent"), [("gone-1", True), ("never-1", False), ("spoilt-1", False)])
async def test_what_cannot_succeed_says_so(name: str, permanent: bool, tmp_path: Path) -> None:
    with storm(seed=1, rate=0.0) as server:
        async with RemotePeer(server.url, retry=RETRY) as peer:
            with pytest.raises(TransferError) as caught:
                await fetch(peer, server.download_url(name, SIZE), tmp_path / "x")
    assert caught.value.permanent == permanent


async def test_it_notices_a_transfer_that_runs_twice(tmp_path: Path) -> None:
    """The measure measures: two uploads of one name at once, the first of which stays."""
    with storm(seed=1, rate=0.0) as server:
        async with RemotePeer(server.url, retry=RETRY) as peer:
            open_request, going = asyncio.Event(), asyncio.Event()

            async def slowly() -> AsyncIterator[bytes]:
                yield b"x"
                going.set()
                await open_request.wait()
                yield b"y"

            first = asyncio.create_task(whole(peer, server, slowly()))
            await going.wait()
            second = asyncio.create_task(whole(peer, server, at_once()))
            assert await second == 201
            open_request.set()
            assert await first == 201
        assert (await asyncio.to_thread(server.report)).twice == ["same"]


async def at_once() -> AsyncIterator[bytes]:
    yield b"xy"


async def whole(peer: RemotePeer, server: StormServer, body: AsyncIterator[bytes]) -> int:
    headers = {"Content-Length": "2"}
    async with peer.request("PUT", server.put_url("same"), headers, body=body, silence=9.0) as answer:
        return answer.status

"""Uploads against servers that cut, refuse, deviate and lie."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.servers import TusServer, running

from kade.client import RemotePeer, Retry, TransferError
from kade.client.files import send as upload
from kade.client.tus_upload import Uploaded
from kade.client.upload_states import UploadStates

SIZE = 3_000_017
CONTENT = hashlib.shake_256(b"content").digest(SIZE)
QUICK = Retry(attempts=4, first=0.01, longest=0.05, stall=5.0, answer=5.0)


class Recorder:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.reasons: list[str] = []
        self.verified = False

    def at(self, done: int, total: int | None) -> None:
        assert total is not None
        assert 0 <= done <= total
        self.positions.append(done)

    def waiting(self, reason: str, seconds: float) -> None:
        self.reasons.append(reason)

    def verifying(self) -> None:
        self.verified = True


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "rapport één.pdf"
    path.write_bytes(CONTENT)
    yield path


@pytest.fixture
def states(tmp_path: Path) -> UploadStates:
    return UploadStates(tmp_path / "state")


async def send(
    server: TusServer,
    file: Path,
    states: UploadStates,
    *,
    retry: Retry = QUICK,
    part_size: int | None = None,
    progress: Recorder | None = None,
) -> Uploaded:
    async with running(server) as base, RemotePeer(base, retry=retry) as peer:
        creation = f"{base}/files/upload"
        return await upload(peer, creation, file, states=states, part_size=part_size, progress=progress)


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def left_over(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "state").glob("*")]


async def test_a_file_goes_up_in_one_request(file: Path, states: UploadStates, tmp_path: Path) -> None:
    server, progress = TusServer(), Recorder()
    done = await send(server, file, states, progress=progress)
    assert bytes(server.uploads["u0"]) == CONTENT
    assert server.log == ["POST", "PATCH", "GET"]
    assert server.headers[1]["Content-Length"] == str(SIZE)
    assert server.metadata["filename"] == "rapport één.pdf"
    assert server.metadata["Content-Type"] == server.metadata["filetype"] == "application/pdf"
    assert (done.size, done.sha256) == (SIZE, None)
    assert done.url.endswith("/files/upload/u0")
    assert progress.positions[-1] == SIZE
    assert left_over(tmp_path) == []


async def test_an_empty_file_needs_no_patch(tmp_path: Path, states: UploadStates) -> None:
    (tmp_path / "empty").touch()
    server = TusServer()
    done = await send(server, tmp_path / "empty", states)
    assert server.log == ["POST", "GET"]
    assert (done.size, server.lengths) == (0, {"u0": 0})


async def test_parts_go_one_after_the_other_and_none_is_empty(file: Path, states: UploadStates) -> None:
    server = TusServer()
    await send(server, file, states, part_size=SIZE // 2)
    assert server.log == ["POST", "PATCH", "PATCH", "PATCH", "GET"]
    assert [entry["Content-Length"] for entry in server.headers[1:4]] == ["1500008", "1500008", "1"]
    assert bytes(server.uploads["u0"]) == CONTENT


@pytest.mark.parametrize(
    "server",
    [
        TusServer(head_status=201, head_length=False),
        TusServer(head_status=204),
        TusServer(relative_location=True),
        TusServer(patch_offset=False),
    ],
    ids=["201 to HEAD", "204 to HEAD", "relative Location", "no Upload-Offset to PATCH"],
)
async def test_a_cut_upload_goes_on_with_servers_that_deviate(
    server: TusServer, file: Path, states: UploadStates
) -> None:
    server.cut_after = [1_000_000, 500_000]
    progress = Recorder()
    await send(server, file, states, progress=progress)
    assert bytes(server.uploads["u0"]) == CONTENT
    # Without locks, which its HEAD betrays, an offset counts only when it stands still.
    asked = ["HEAD"] if server.head_length else ["HEAD", "HEAD"]
    wanted = ["POST", "PATCH", *asked, "PATCH", *asked, "PATCH"]
    assert server.log[: len(wanted)] == wanted
    assert len(progress.reasons) == 2


async def test_a_later_run_goes_on_where_the_first_stopped(file: Path, states: UploadStates) -> None:
    server = TusServer(cut_after=[1_000_000], statuses=[])
    async with running(server) as base:
        creation = f"{base}/files/upload"
        async with RemotePeer(base, retry=Retry(attempts=1)) as peer:
            with pytest.raises(TransferError, match="after 1 attempts"):
                await upload(peer, creation, file, states=states)
        assert len(server.uploads["u0"]) == 1_000_000
        async with RemotePeer(base, retry=QUICK) as peer:
            await upload(peer, creation, file, states=states)
    assert server.log == ["POST", "PATCH", "HEAD", "PATCH", "GET"]
    assert server.headers[3]["Upload-Offset"] == "1000000"
    assert bytes(server.uploads["u0"]) == CONTENT


async def test_a_run_that_is_killed_is_gone_on_with(file: Path, states: UploadStates) -> None:
    server = TusServer(stall=True)
    async with running(server) as base, RemotePeer(base, retry=QUICK) as peer:
        creation = f"{base}/files/upload"
        first = asyncio.create_task(upload(peer, creation, file, states=states))
        await server.patched.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await upload(peer, creation, file, states=states)
    assert server.log == ["POST", "PATCH", "HEAD", "PATCH", "GET"]
    assert bytes(server.uploads["u0"]) == CONTENT


async def test_a_finished_upload_gets_no_empty_patch(file: Path, states: UploadStates) -> None:
    """The last answer was lost: HEAD says that all is there."""
    server = TusServer(cut_after=[SIZE])
    await send(server, file, states)
    assert server.log == ["POST", "PATCH", "HEAD", "GET"]


async def test_a_changed_file_is_a_new_upload(file: Path, states: UploadStates) -> None:
    server = TusServer(cut_after=[1_000_000])
    async with running(server) as base:
        creation = f"{base}/files/upload"
        async with RemotePeer(base, retry=Retry(attempts=1)) as peer:
            with pytest.raises(TransferError):
                await upload(peer, creation, file, states=states)
        write(file, b"another text")
        async with RemotePeer(base, retry=QUICK) as peer:
            await upload(peer, creation, file, states=states)
    assert bytes(server.uploads["u1"]) == b"another text"


async def test_a_file_that_changes_meanwhile_is_an_error(
    file: Path, states: UploadStates, tmp_path: Path
) -> None:
    class Changing(Recorder):
        def waiting(self, reason: str, seconds: float) -> None:
            os.utime(file, ns=(1, 1))

    with pytest.raises(TransferError, match="changed while it was sent"):
        await send(TusServer(cut_after=[5]), file, states, progress=Changing())
    assert left_over(tmp_path) == []


async def test_a_file_that_becomes_shorter_is_an_error(file: Path, states: UploadStates) -> None:
    class Shortening(Recorder):
        def waiting(self, reason: str, seconds: float) -> None:
            os.truncate(file, 10)

    with pytest.raises(TransferError, match="became shorter"):
        await send(TusServer(cut_after=[100]), file, states, progress=Shortening())


@pytest.mark.parametrize("status", [423, 429, 500, 503])
async def test_what_passes_is_waited_for(status: int, file: Path, states: UploadStates) -> None:
    server, progress = TusServer(statuses=[status, status], retry_after="0"), Recorder()
    await send(server, file, states, progress=progress)
    assert server.log == ["POST"] * 3 + ["PATCH", "GET"]
    assert all(str(status) in reason for reason in progress.reasons)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "malformed"),
        (401, "does not know this certificate"),
        (403, "not allow"),
        (413, "larger"),
        (302, "use that"),
    ],
)
async def test_what_does_not_pass_ends_it_at_once(
    status: int, words: str, file: Path, states: UploadStates
) -> None:
    server = TusServer(statuses=[status])
    with pytest.raises(TransferError, match=words) as caught:
        await send(server, file, states)
    assert server.log == ["POST"]
    assert caught.value.status == status


async def test_patience_ends(file: Path, states: UploadStates) -> None:
    server = TusServer(statuses=[500] * 10)
    with pytest.raises(TransferError, match="after 4 attempts without progress") as caught:
        await send(server, file, states)
    assert server.log == ["POST"] * 4
    assert caught.value.status == 500


async def test_a_lost_upload_is_created_again(file: Path, states: UploadStates) -> None:
    server = TusServer(lose=1)
    await send(server, file, states)
    assert server.log == ["POST", "PATCH", "POST", "PATCH", "GET"]
    assert bytes(server.uploads["u1"]) == CONTENT


async def test_a_server_that_loses_every_upload_is_left_alone(file: Path, states: UploadStates) -> None:
    server = TusServer(lose=99)
    with pytest.raises(TransferError, match="keeps losing"):
        await send(server, file, states, retry=Retry(attempts=9, first=0.01, longest=0.01))
    assert server.log.count("POST") == 4


async def test_a_connection_that_stands_still_is_left(file: Path, states: UploadStates) -> None:
    server, progress = TusServer(stall=True), Recorder()
    impatient = Retry(attempts=3, first=0.01, stall=0.3, answer=0.3)
    await send(server, file, states, retry=impatient, progress=progress)
    assert bytes(server.uploads["u0"]) == CONTENT
    assert "nothing moved for too long" in progress.reasons[0]


async def test_the_digest_is_compared_where_one_is_offered(file: Path, states: UploadStates) -> None:
    progress = Recorder()
    done = await send(TusServer(serve_digest=True), file, states, progress=progress)
    assert done.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert progress.verified


async def test_a_wrong_digest_is_an_error(file: Path, states: UploadStates) -> None:
    with pytest.raises(TransferError, match="has other bytes"):
        await send(TusServer(serve_digest=True, wrong_digest=True), file, states)


async def test_a_creation_without_location_is_an_error(file: Path, states: UploadStates) -> None:
    with pytest.raises(TransferError, match="not say where"):
        await send(TusServer(location=False), file, states)


async def test_files_that_cannot_be_read_are_named(states: UploadStates, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="none: No such file"):
        await send(TusServer(), tmp_path / "none", states)
    with pytest.raises(TransferError, match="Is a directory"):
        await send(TusServer(), tmp_path, states)


async def test_nobody_listening_is_an_error(file: Path, states: UploadStates) -> None:
    async with running(TusServer()) as base:
        pass
    async with RemotePeer(base, retry=Retry(attempts=2, first=0.01)) as peer:
        with pytest.raises(TransferError, match="after 2 attempts"):
            await upload(peer, f"{base}/files/upload", file, states=states)

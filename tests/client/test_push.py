"""PUT, as Grote Berichten pushes: whole or again, and asked for first where that saves something."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from tests.client.servers import cut, running

from kade.client import RemotePeer, Retry, TransferError
from kade.client.local_file import LocalFile
from kade.client.push import put

CONTENT = hashlib.shake_256(b"push").digest(500_000)
QUICK = Retry(attempts=3, first=0.01, longest=0.02, stall=5.0, answer=5.0)


@dataclass
class Inbox:
    """Takes PUTs at any path."""

    statuses: list[int] = field(default_factory=list)  # answered first, without reading the body
    cut_after: list[int] = field(default_factory=list)  # one per PUT
    knows_continue: bool = True
    files: dict[str, bytes] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: int = 0  # how many were asked for

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        assert request.method == "PUT"
        self.headers.append(dict(request.headers))
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        self.bodies += 1
        body = bytearray()
        limit = self.cut_after.pop(0) if self.cut_after else None
        async for piece in request.content.iter_any():
            body += piece
            if limit is not None and len(body) >= limit:
                cut(request)
                return web.Response()
        self.files[request.path] = bytes(body)
        return web.Response(status=201)


async def push(inbox: Inbox, file: Path, media_type: str | None = None) -> None:
    async with running(inbox, expect=inbox.knows_continue) as base, RemotePeer(base, retry=QUICK) as peer:
        with LocalFile(file, None, media_type) as outgoing:
            await put(peer, f"{base}/in/1", outgoing)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "report.zip"
    path.write_bytes(CONTENT)
    return path


async def test_a_file_goes_in_one_request(file: Path) -> None:
    inbox = Inbox()
    await push(inbox, file)
    assert inbox.files == {"/in/1": CONTENT}
    (headers,) = inbox.headers
    assert headers["Content-Length"] == str(len(CONTENT))
    assert headers["Content-Type"] == "application/zip"
    assert headers["Expect"] == "100-continue"


@pytest.mark.parametrize("content", [b"", b"small"])
async def test_a_small_file_is_not_asked_about(content: bytes, file: Path) -> None:
    write(file, content)
    inbox = Inbox()
    await push(inbox, file, "text/x-small")
    assert inbox.files == {"/in/1": content}
    assert "Expect" not in inbox.headers[0]
    assert inbox.headers[0]["Content-Type"] == "text/x-small"


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


async def test_after_a_cut_it_begins_again(file: Path) -> None:
    inbox = Inbox(cut_after=[100_000, 400_000])
    await push(inbox, file)
    assert inbox.files == {"/in/1": CONTENT}
    assert inbox.bodies == 3


async def test_a_line_that_is_always_cut_is_given_up(file: Path) -> None:
    inbox = Inbox(cut_after=[100_000, 200_000, 300_000, 400_000])
    with pytest.raises(TransferError, match="after 3 attempts") as caught:
        await push(inbox, file)
    assert not caught.value.permanent
    assert inbox.bodies == 3


async def test_what_passes_is_waited_for(file: Path) -> None:
    inbox = Inbox(statuses=[503, 500])
    await push(inbox, file)
    assert inbox.files == {"/in/1": CONTENT}


@pytest.mark.parametrize(("status", "permanent"), [(403, True), (413, True), (404, False)])
async def test_a_refusal_costs_no_body(status: int, permanent: bool, file: Path) -> None:
    inbox = Inbox(statuses=[status])
    with pytest.raises(TransferError) as caught:
        await push(inbox, file)
    assert (caught.value.status, caught.value.permanent) == (status, permanent)
    assert (inbox.bodies, len(inbox.headers)) == (0, 1)


async def test_a_server_that_refuses_to_be_asked_is_sent_the_body(file: Path) -> None:
    inbox = Inbox(statuses=[417])
    await push(inbox, file)
    assert inbox.files == {"/in/1": CONTENT}
    assert ["Expect" in headers for headers in inbox.headers] == [True, False]


async def test_a_server_that_never_says_continue_is_sent_the_body_at_last(file: Path) -> None:
    """It hears the question and waits for the body; nobody may wait for the other for ever."""
    inbox = Inbox(knows_continue=False)
    async with running(inbox, expect=False) as base:
        impatient = Retry(attempts=3, first=0.01, longest=0.02, stall=0.3, answer=5.0)
        async with RemotePeer(base, retry=impatient) as peer:
            with LocalFile(file) as outgoing:
                await put(peer, f"{base}/in/1", outgoing)
    assert inbox.files == {"/in/1": CONTENT}
    assert ["Expect" in headers for headers in inbox.headers] == [True, False]


async def test_a_file_that_changes_meanwhile_is_an_error(file: Path) -> None:
    inbox = Inbox()
    async with running(inbox) as base, RemotePeer(base, retry=QUICK) as peer:
        with LocalFile(file) as outgoing:
            write(file, CONTENT + b"!")
            with pytest.raises(TransferError, match="changed while it was sent"):
                await put(peer, f"{base}/in/1", outgoing)

"""`kade client`: the daemon's commands as people run them, against a server that can be told to wait."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.cli.test_commands import Shell, finish
from tests.client.servers import running
from tests.dialects.fileclient.house import ClientHouse, environment, running_client

CONTENT = hashlib.shake_256(b"content").digest(200_000)


class Other:
    """The other organisation's server; what is asked of `/later` waits until `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.got: dict[str, bytes] = {}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith((".sha256", ".md5")) or request.path == "/missing":
            return web.Response(status=410)
        if request.path == "/later":
            await self.open.wait()
        if request.method == "PUT":
            self.got[request.path] = await request.read()
            return web.Response(status=201)
        return web.Response(body=CONTENT)


@pytest.fixture
async def other() -> AsyncIterator[tuple[Other, str]]:
    server = Other()
    async with running(server) as url:
        yield server, url
        server.open.set()


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[ClientHouse]:
    async with running_client(environment(tmp_path / "client", max_attempts=2)) as house:
        yield house


@pytest.fixture
def kade(tmp_path: Path, daemon: ClientHouse) -> Shell:
    """A shell in which the daemon is the configured one and its key is known."""
    folder = tmp_path / "shell"
    folder.mkdir()
    shell = Shell(folder)
    shell.environ |= {
        "KADE_KEY": daemon.key,
        "KADE_CLIENT_PORT": daemon.server.bases["client"].rpartition(":")[2],
    }
    return shell


async def test_a_download_is_watched_to_its_end(
    kade: Shell, daemon: ClientHouse, other: tuple[Other, str]
) -> None:
    done = await kade("client", "download", f"{other[1]}/plan.pdf")
    assert (done.code, done.output) == (0, "0\n")
    assert "download 0 succeeded, 200.0 kB of 200.0 kB" in done.errors
    assert await daemon.file(0) == CONTENT
    told = await kade("client", "download", f"{other[1]}/plan.pdf", "--json")
    assert (json.loads(told.output)["status"], told.errors) == ("SUCCEEDED", "")


async def test_a_download_that_fails_says_why(kade: Shell, other: tuple[Other, str]) -> None:
    failed = await kade("client", "download", f"{other[1]}/missing", "--quiet")
    assert (failed.code, failed.output) == (1, "0\n")
    assert failed.errors.startswith("kade: task 0 failed: ") and "410" in failed.errors
    wrong = await kade("client", "download", f"{other[1]}/plan.pdf", "--sha256", "0" * 64, "-q")
    assert wrong.code == 1 and "SHA-256" in wrong.errors


async def test_a_file_is_handed_over_and_sent(kade: Shell, other: tuple[Other, str]) -> None:
    (kade.folder / "plan.pdf").write_bytes(CONTENT)
    done = await kade("client", "upload", "plan.pdf", f"{other[1]}/in/plan.pdf", "--push")
    assert (done.code, done.output) == (0, "0\n"), done
    assert other[0].got == {"/in/plan.pdf": CONTENT}
    missing = await kade("client", "upload", "nothing.pdf", f"{other[1]}/in")
    assert (missing.code, missing.errors) == (1, "kade: nothing.pdf is not there, or is no file\n")


async def test_tasks_are_listed_steered_and_watched(kade: Shell, other: tuple[Other, str]) -> None:
    detached = await kade("client", "download", f"{other[1]}/later", "--detach")
    assert (detached.code, detached.output) == (0, "0\n")
    await kade("client", "download", f"{other[1]}/plan.pdf", "-q")
    assert (await kade("client", "pause", "0")).output == "paused\n"
    again = await kade("client", "pause", "0")
    assert again.code == 1 and again.output == ""
    table = (await kade("client", "tasks")).output.splitlines()
    assert table[0].split() == ["TASK", "KIND", "STATE", "DONE", "RATE", "TRIES", "URL", "LAST", "ERROR"]
    assert table[1].split()[:3] == ["0", "download", "paused"]
    assert table[2].split()[:3] == ["1", "download", "succeeded"]
    rows = json.loads((await kade("client", "tasks", "--unfinished", "--json")).output)
    assert [(row["fileId"], row["kind"], row["state"]) for row in rows] == [(0, "download", "paused")]
    assert (await kade("client", "resume", "0")).code == 0
    watching = await kade.start("client", "watch", "0")
    other[0].open.set()
    watched = await finish(watching)
    assert watched.code == 0 and "download 0 succeeded" in watched.errors
    assert (await kade("client", "remove", "0")).code == 0
    gone = await kade("client", "cancel", "0")
    assert (gone.code, gone.errors) == (1, "kade: there is no task 0\n")


async def test_what_is_refused_is_one_sentence(
    kade: Shell, daemon: ClientHouse, other: tuple[Other, str]
) -> None:
    elsewhere = await kade("client", "download", "http://10.0.0.1/plan.pdf")
    assert elsewhere.code == 1 and "an address that its tasks may not reach" in elsewhere.errors
    stranger = await kade("client", "tasks", KADE_KEY="wrong")
    assert stranger.code == 1 and "it does not know this key" in stranger.errors
    nobody = await kade("client", "tasks", "--server", "http://127.0.0.1:1")
    assert nobody.code == 1 and "`kade client serve` starts a File Client" in nobody.errors
    no_daemon = await kade("client", "tasks", "--server", other[1])
    assert no_daemon.code == 1 and no_daemon.errors.count("\n") == 1
    assert await daemon.kade.catalog.read(lambda tx: tx.tasks.next_due(["fileclient.download"])) is None

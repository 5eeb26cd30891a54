"""A running File Client in the test's own event loop, and the applications that use it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from tests.dialects.fileserver.forms import Part, body_of, content_type, file_part
from tests.dialects.fileserver.house import Answer
from tests.support.pki import Authority, Identity
from yarl import URL

from kade import app
from kade.auth import bearer
from kade.config import load
from kade.core.events import JournalEntry
from kade.services.installing import install

Row = dict[str, Any]
OVER = ("SUCCEEDED", "FAILED")


class ClientHouse:
    """One File Client with an operator's key."""

    def __init__(self, kade: app.Kade, server: app.Server, key: str) -> None:
        self.kade = kade
        self.server = server
        self.key = key
        self.service = server.bases["client"] + "/service"
        self.rest = self.service + "/rest/v1"
        self.session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"})

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """One request, with exactly this path; one without a host is one of REST."""
        url = URL(path if path.startswith("http") else self.rest + path, encoded=True)
        async with self.session.request(method, url, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def post_form(self, path: str, parts: Iterable[Part]) -> Answer:
        return await self.call("POST", path, data=io.BytesIO(body_of(parts)), headers=content_type())

    async def fetch(self, url: str, **fields: str) -> Row:
        """A download task."""
        parts = [Part(name, value.encode()) for name, value in {"url": url, **fields}.items()]
        answer = await self.post_form("/download", parts)
        assert answer.status == 200, answer
        return dict(answer.json)

    async def send(self, url: str, data: bytes, name: str = "a.bin", **fields: str) -> Row:
        """An upload task."""
        texts = {"creationUrl": url, **fields}
        parts = [Part(key, value.encode()) for key, value in texts.items()]
        answer = await self.post_form("/upload", [*parts, file_part(data, name)])
        assert answer.status == 200, answer
        return dict(answer.json)

    async def task(self, kind: str, number: int) -> Row:
        answer = await self.call("GET", f"/{kind}/{number}")
        assert answer.status == 200, answer
        return dict(answer.json)

    async def over(self, kind: str, number: int, seconds: float = 20.0) -> Row:
        """The task once it succeeded or failed."""
        return await self.until(kind, number, lambda task: task["status"] in OVER, seconds)

    async def until(self, kind: str, number: int, holds: Any, seconds: float = 20.0) -> Row:
        """The task once *holds* says so of it."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds(task := await self.task(kind, number)):
            assert asyncio.get_running_loop().time() < deadline, task
            await asyncio.sleep(0.02)
        return task

    async def file(self, number: int) -> bytes:
        """The bytes of a task's file."""
        answer = await self.call("GET", f"/files/{number}")
        assert answer.status == 200, answer
        head, _, _ = answer.body.partition(b"\r\n")
        return answer.body.split(head)[2].split(b"\r\n\r\n", 1)[1][:-2]

    async def journal(self) -> list[JournalEntry]:
        await self.kade.audit.flush()
        return await self.kade.catalog.read(lambda tx: tx.journal.tail(0, 100_000))


def destination(authority: Authority, identity: Identity | None, folder: Path, **more: Any) -> Row:
    """How every server is reached: with that certificate, trusting that authority."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "authority.pem").write_bytes(authority.pem)
    row: Row = {"hosts": ["*"], "authorities": str(folder / "authority.pem"), **more}
    if identity is not None:
        files = identity.write(folder, "client")
        row |= {"certificate": str(files.certificate), "key": str(files.key)}
    return row


def environment(folder: Path, *destinations: Row, **settings: object) -> dict[str, str]:
    """Variables of a File Client that tries again soon and may reach this machine."""
    values: dict[str, object] = {
        "networks": "127.0.0.0/8,::1/128",
        "plain_http": "true",
        "first_pause": "50ms",
        "longest_pause": "200ms",
        "quick_attempts": 1,
        "destinations": json.dumps(destinations),
        **settings,
    }
    return {
        "KADE_DATA_FOLDER": str(folder),
        "KADE_CLIENT_PORT": "0",
        **{f"KADE_DIALECTS_FILECLIENT_{name.upper()}": str(value) for name, value in values.items()},
    }


@asynccontextmanager
async def running_client(variables: Mapping[str, str]) -> AsyncIterator[ClientHouse]:
    """Install, if that was not done before, and serve the listener ``client``."""
    kade = app.build(load(None, variables, app.sections()))
    fresh = not (kade.config.data.folder / "catalog.sqlite").exists()
    keyfile = kade.config.data.folder / "key"
    if fresh:
        key = bearer.new_key()
        async with app.opened(kade):
            await kade.catalog.write(install, kade.namers, "main", bearer.fingerprint(key))
        keyfile.write_text(key)
        kade = app.build(kade.config)
    async with app.running(kade, ["client"]) as server:
        house = ClientHouse(kade, server, keyfile.read_text())
        try:
            yield house
        finally:
            await house.session.close()

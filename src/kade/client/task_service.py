"""The tasks of a File Client daemon by its service API: `/service/rest/v1/download`, `upload`, `files`."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import msgspec

from kade.client.errors import Interrupted, TransferError
from kade.client.peer import RemotePeer

_SERVICE = "/service/rest/v1"
Kind = Literal["download", "upload"]
KINDS: tuple[Kind, ...] = ("download", "upload")
Row = dict[str, Any]


class TaskService:
    """One daemon. Every method raises TransferError."""

    def __init__(self, peer: RemotePeer, url: str) -> None:
        """`url` is the daemon's, with or without the path of its API."""
        self._peer = peer
        self._url = url
        base = url.rstrip("/")
        self._base = base if urlsplit(base).path.endswith(_SERVICE) else base + _SERVICE

    async def download(self, url: str, fields: Mapping[str, str]) -> Row:
        """A new task that fetches; `fields` are startDate, endDate, sha256Checksum."""
        return await self._row("POST", "/download", body=_form({"url": url, **fields}))

    async def upload(self, url: str, file: Path, fields: Mapping[str, str]) -> Row:
        """Hand over a file with the task that sends it; `fields` are sha256Checksum, profile."""
        with file.open("rb") as opened:
            form = _form({"creationUrl": url, **fields})
            form.add_field("file", opened, filename=file.name, content_type=_media_type(file))
            return await self._row("POST", "/upload", body=form, silence=None)

    async def task(self, kind: Kind, number: int) -> Row:
        """One task."""
        return await self._row("GET", f"/{kind}/{number}")

    async def tasks(self) -> list[tuple[Kind, Row]]:
        """All of both kinds, by their numbers."""
        found = await asyncio.gather(*(self._ask("GET", f"/{kind}") for kind in KINDS))
        both = [(kind, row) for kind, rows in zip(KINDS, found, strict=True) for row in rows]
        return sorted(both, key=lambda each: each[1]["fileId"])

    async def find(self, number: int) -> tuple[Kind, Row]:
        """The task of that number, whichever its kind."""
        for kind in KINDS:
            try:
                return kind, await self.task(kind, number)
            except TransferError as error:
                if error.status != 404:
                    raise
        raise TransferError(f"there is no task {number}", 404, permanent=True)

    async def act(self, kind: Kind, number: int, action: str) -> Row:
        """Pause, resume or cancel."""
        return await self._row("POST", f"/{kind}/{number}/{action}")

    async def remove(self, kind: Kind, number: int) -> None:
        """Forget the task and its file."""
        await self._ask("DELETE", f"/{kind}/{number}")

    async def _row(self, method: str, path: str, **options: Any) -> Row:
        answer = await self._ask(method, path, **options)
        if not isinstance(answer, dict):
            raise TransferError(f"{self._url}: the answer is no task; is this a File Client?")
        return answer

    async def _ask(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Accept": "application/json"}
        try:
            async with self._peer.request(method, self._base + path, headers, **options) as answer:
                if not 200 <= answer.status < 300:
                    raise TransferError(_refusal(self._url, path, answer), answer.status, permanent=True)
                body = await answer.read()
        except Interrupted as error:
            raise TransferError(f"{error}; `kade client serve` starts a File Client") from None
        try:
            return msgspec.json.decode(body) if body else None
        except msgspec.DecodeError:
            raise TransferError(f"{self._url}: the answer is no JSON; is this a File Client?") from None


def _form(fields: Mapping[str, str]) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value)
    return form


def _media_type(file: Path) -> str:
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"


def _refusal(url: str, path: str, answer: aiohttp.ClientResponse) -> str:
    known = {
        401: "it does not know this key",
        403: "it does not allow this: no right to it, or an address that its tasks may not reach",
        404: "there is no such task",
        409: "the task is in a state in which this cannot be done",
        413: "the file is larger than it accepts",
        500: "it does not accept this; `kade audit` there tells why",
        507: "it has no space left",
    }
    reason = known.get(answer.status, answer.reason or "no reason given")
    return f"{url}{path}: the File Client answered {answer.status}: {reason}"

"""The organisation's application: files by the service API (file-service.md 1.1)."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import aiohttp

from kade.cli import remote
from kade.cli.demo.quay import Unexpected, expect
from kade.client import RemotePeer

_API = "/service/rest/v1"
_HEAD_LIMIT = 1 << 16  # bytes in which the headers of the second part must have begun


class Application:
    """Talks to the service API with a key."""

    def __init__(self, base: str, key: str) -> None:
        self.base = base + _API
        self._server = base
        self._key = key

    def peer(self) -> RemotePeer:
        """A connection with the key."""
        return RemotePeer(self._server, bearer=self._key)

    async def publish(self, user: str, file: Path, media_type: str, bar: remote.Bar) -> str:
        """POST a file for a user as multipart/form-data; its path."""
        form = aiohttp.FormData()
        with _Watched(file, bar) as opened:
            form.add_field("file", opened, filename=file.name, content_type=media_type)
            async with (
                self.peer() as peer,
                peer.request("POST", f"{self.base}/files/user/{user}", body=form) as answer,
            ):
                text = await answer.text()
                expect(f"answer to the POST of {file.name} ({text[:200]})", answer.status, 200)
        return text.strip()

    async def listed(self) -> list[str]:
        """GET the paths of all files."""
        found: list[str] = await self._json("/files")
        return found

    async def info(self, path: str) -> dict[str, Any]:
        """GET what is known of a file."""
        found: dict[str, Any] = await self._json(f"/files/{path}/info")
        return found

    async def fetch(self, path: str, length: int, bar: remote.Bar) -> str:
        """GET a file, the second part of a multipart answer; the SHA-256 of its *length* bytes, hex."""
        async with self.peer() as peer, peer.request("GET", f"{self.base}/files/{path}") as answer:
            expect("answer to the GET of the file", answer.status, 200)
            return await _digest_second_part(answer, length, bar)

    async def _json(self, path: str) -> Any:
        async with self.peer() as peer, peer.request("GET", self.base + path) as answer:
            expect(f"answer to GET {path}", answer.status, 200)
            return await answer.json()


async def _digest_second_part(answer: aiohttp.ClientResponse, length: int, bar: remote.Bar) -> str:
    boundary = answer.content_type and answer.headers["Content-Type"].partition("boundary=")[2]
    delimiter = b"--" + str(boundary).partition(";")[0].strip('"').encode()
    pieces = answer.content.iter_any()
    head = b""
    while (begin := _body_of_second(head, delimiter)) is None:
        head += await anext(pieces, b"")
        if len(head) > _HEAD_LIMIT and _body_of_second(head, delimiter) is None:
            raise Unexpected("the answer has no second part")
    digest = hashlib.sha256(head[begin : begin + length])
    done = min(len(head) - begin, length)
    async for piece in pieces:
        digest.update(piece[: length - done])
        done = min(done + len(piece), length)
        bar.at(done, length)
    expect("length of the file that came", done, length)
    return digest.hexdigest()


def _body_of_second(data: bytes, delimiter: bytes) -> int | None:
    first = data.find(delimiter)
    second = data.find(delimiter, first + 1) if first >= 0 else -1
    end = data.find(b"\r\n\r\n", second) if second >= 0 else -1
    return end + 4 if end >= 0 else None


class _Watched(io.BufferedReader):
    """A file whose reading is shown as progress."""

    def __init__(self, file: Path, bar: remote.Bar) -> None:
        super().__init__(io.FileIO(file))
        self._bar = bar
        self._size = file.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._bar.at(self.tell(), self._size)
        return data

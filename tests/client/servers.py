"""Small servers on loopback, with one switch per way in which real ones deviate or break."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def running(
    handler: Handler, tls: ssl.SSLContext | None = None, *, expect: bool = True
) -> AsyncIterator[str]:
    """The base URL of a server that gives every request to this handler; `expect` says 100 Continue."""

    async def say_nothing(request: web.Request) -> None: ...

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application(client_max_size=1 << 40)
    app.router.add_route("*", "/{tail:.*}", handle, expect_handler=None if expect else say_nothing)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"{'https' if tls else 'http'}://{host}:{port}"
    finally:
        await runner.cleanup()


def cut(request: web.Request) -> None:
    """Break the connection without a word."""
    assert request.transport is not None
    request.transport.abort()


@dataclass
class TusServer:
    """A tus endpoint at /files/upload, strict about what the protocol demands of a client."""

    head_status: int = 200
    head_length: bool = True
    relative_location: bool = False
    location: bool = True
    patch_offset: bool = True
    serve_digest: bool = False
    wrong_digest: bool = False
    stall: bool = False  # the first PATCH is not read until somebody sends HEAD
    cut_after: list[int] = field(default_factory=list)  # one per PATCH: break off after so many bytes
    statuses: list[int] = field(default_factory=list)  # answered first, one per request
    retry_after: str | None = None
    lose: int = 0  # how many uploads to lose at their first PATCH

    uploads: dict[str, bytearray] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    patched: asyncio.Event = field(default_factory=asyncio.Event)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.log.append(request.method)
        self.headers.append(dict(request.headers))
        if request.path.endswith(".sha256"):
            return self._digest(request)
        if self.statuses:
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            return web.Response(status=self.statuses.pop(0), headers=headers)
        if request.headers.get("Tus-Resumable") != "1.0.0":
            return web.Response(status=412)
        verbs = {"POST": self._create, "HEAD": self._head, "PATCH": self._patch}
        return await verbs[request.method](request)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        assert await request.read() == b""
        key = f"u{len(self.lengths)}"
        self.uploads[key] = bytearray()
        self.lengths[key] = int(request.headers["Upload-Length"])
        self.metadata = {
            pair.split(" ")[0]: base64.b64decode(pair.split(" ")[1]).decode()
            for pair in request.headers["Upload-Metadata"].split(",")
        }
        path = f"/files/upload/{key}"
        place = path if self.relative_location else str(request.url.with_path(path))
        return web.Response(status=201, headers={"Location": place} if self.location else {})

    async def _head(self, request: web.Request) -> web.StreamResponse:
        self.asked.set()
        key = request.path.rpartition("/")[2]
        if key not in self.uploads:
            return web.Response(status=404)
        headers = {"Upload-Offset": str(len(self.uploads[key])), "Cache-Control": "no-store"}
        if self.head_length:
            headers["Upload-Length"] = str(self.lengths[key])
        return web.Response(status=self.head_status, headers=headers)

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        key = request.path.rpartition("/")[2]
        self.patched.set()
        if self.lose:
            self.lose -= 1
            del self.uploads[key]
        if key not in self.uploads:
            return web.Response(status=404)
        content = self.uploads[key]
        if len(content) == self.lengths[key]:
            return web.Response(status=500)  # as upstream 1.x does for a finished upload
        if int(request.headers["Upload-Offset"]) != len(content):
            return web.Response(status=409)
        if self.stall:
            self.stall = False
            await self.asked.wait()
            cut(request)
            return web.Response()
        limit = self.cut_after.pop(0) if self.cut_after else None
        start = len(content)
        async for piece in request.content.iter_any():
            content += piece
            if limit is not None and len(content) - start >= limit:
                del content[start + limit :]
                cut(request)
                return web.Response()
        headers = {"Upload-Offset": str(len(content))} if self.patch_offset else {}
        return web.Response(status=204, headers=headers)

    def _digest(self, request: web.Request) -> web.StreamResponse:
        if not self.serve_digest:
            return web.Response(status=404)
        assert request.path.startswith("/files/download/")
        key = request.path.rpartition("/")[2].removesuffix(".sha256")
        content = bytes(self.uploads[key]) + (b"!" if self.wrong_digest else b"")
        return web.Response(text=hashlib.sha256(content).hexdigest().upper())


@dataclass
class FileServer:
    """Serves one file at any path, by ranges."""

    content: bytes
    etag: str | None = '"one"'
    disposition: str | None = None
    head: bool = True
    ranges: bool = True  # False: answers 200 to a Range request
    ignore_if_range: bool = False
    repr_digest: bytes | None = None  # the bytes whose digest is claimed
    sha256_of: bytes | None = None
    length: bool = True
    cut_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    swap: tuple[bytes, str] | None = None  # content and ETag from the second GET on
    wrong_range_start: bool = False

    log: list[tuple[str, str, str]] = field(default_factory=list)  # method, Range, If-Range
    sent: int = 0
    authorization: list[str | None] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith(".md5"):
            return web.Response(status=404)
        if request.path.endswith(".sha256"):
            if self.sha256_of is None:
                return web.Response(status=404)
            return web.Response(text=hashlib.sha256(self.sha256_of).hexdigest().upper())
        self.authorization.append(request.headers.get("Authorization"))
        asked = (request.headers.get("Range", ""), request.headers.get("If-Range", ""))
        self.log.append((request.method, *asked))
        if request.method == "HEAD" and not self.head:
            return web.Response(status=405)
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        if request.method == "GET" and self.swap and self.sent:
            (self.content, self.etag), self.swap = self.swap, None
        return await self._send(request, *asked)

    async def _send(self, request: web.Request, range_: str, if_range: str) -> web.StreamResponse:
        start, status = 0, 200
        if range_ and self.ranges and (if_range == self.etag or self.ignore_if_range):
            start, status = int(range_.removeprefix("bytes=").removesuffix("-")), 206
        if status == 206 and start >= len(self.content):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(self.content)}"})
        response = web.StreamResponse(status=status, headers=self._headers(start, status))
        body = self.content[start:]
        if self.length or request.method == "HEAD":
            response.content_length = len(body)
        else:
            response.enable_chunked_encoding()
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        limit = self.cut_after.pop(0) if self.cut_after else None
        self.sent += len(body[:limit])
        await response.write(body[:limit])
        if limit is not None:
            await asyncio.sleep(0.05)
            cut(request)
        return response

    def _headers(self, start: int, status: int) -> dict[str, str]:
        headers = {}
        if self.etag:
            headers["ETag"] = self.etag
        if self.disposition:
            headers["Content-Disposition"] = self.disposition
        if self.repr_digest is not None:
            digest = base64.b64encode(hashlib.sha256(self.repr_digest).digest()).decode()
            headers["Repr-Digest"] = f"md5=:AAAA:, sha-256=:{digest}:"
        if status == 206:
            first = start + 1 if self.wrong_range_start else start
            headers["Content-Range"] = f"bytes {first}-{len(self.content) - 1}/{len(self.content)}"
        return headers

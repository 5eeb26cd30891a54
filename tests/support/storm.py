"""A file server that fails at random, in a process of its own: for engines that are killed and begin again.

    python -m tests.support.storm SEED RATE

answers on a free port of loopback, which it prints, until its standard input ends. At RATE (0 to 1) of the
requests it fails, by chance from SEED: cuts, 500, 503 with Retry-After, a wrong digest, a stall. Beside that:

- `/files/download/NAME` has the bytes of `content(NAME, size)`; the size stands in the query, `?size=1000`.
  `NAME` that begins with `gone-` is 410, with `never-` 404, with `spoilt-` always of a wrong digest.
- `/files/upload` is a tus endpoint; a file is told from another by the `filename` of its metadata.
- `/in/NAME` takes a PUT.
- `/report` gives a `Report`: what it was asked, and which transfer ran twice at once.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import random
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

_FAULTS = ("cut", "500", "503", "digest", "stall")
_NOTICE_S = 2.0  # within which the end of a killed client's connection must have been noticed
_PIECE = 1 << 14


class Report(msgspec.Struct, frozen=True):
    """What happened so far.

    `twice` names the transfers of which two ran at once, `most` is how many different ones did. `uploaded`
    has for each name that came in whole the SHA-256 of each time, `served` how often one went out to its end.
    """

    requests: int
    faults: dict[str, int]
    twice: list[str]
    most: int
    uploaded: dict[str, list[str]]
    served: dict[str, int]


def content(name: str, size: int) -> bytes:
    """The bytes of a file: the same for the same name, a size of up to some megabytes."""
    return hashlib.shake_256(name.encode()).digest(size)


@dataclass
class StormServer:
    """A storm that runs: its base URL, and what it says of itself."""

    url: str

    def report(self) -> Report:
        with urllib.request.urlopen(f"{self.url}/report", timeout=10) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read(), type=Report)

    def download_url(self, name: str, size: int) -> str:
        return f"{self.url}/files/download/{name}?size={size}"

    @property
    def upload_url(self) -> str:
        return f"{self.url}/files/upload"

    def put_url(self, name: str) -> str:
        return f"{self.url}/in/{name}"


@contextmanager
def storm(seed: int, rate: float = 0.3) -> Iterator[StormServer]:
    """A storm in its own process, which nothing that happens to its clients touches."""
    command = [sys.executable, "-m", "tests.support.storm", str(seed), str(rate)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield StormServer(process.stdout.readline().decode().strip())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@dataclass
class _Upload:
    name: str
    length: int
    stored: bytearray = field(default_factory=bytearray)


class _Storm:
    """The server's state and its handlers."""

    def __init__(self, seed: int, rate: float, stall: float = 3.0) -> None:
        self._chance = random.Random(seed)
        self._rate, self._stall = rate, stall
        self._running: Counter[str] = Counter()
        self._ended = asyncio.Condition()
        self._uploads: dict[str, _Upload] = {}
        self._requests, self._most = 0, 0
        self._faults: Counter[str] = Counter()
        self._twice: list[str] = []
        self._uploaded: dict[str, list[str]] = {}
        self._served: Counter[str] = Counter()

    async def report(self, _request: web.Request) -> web.Response:
        told = Report(
            self._requests,
            dict(self._faults),
            self._twice,
            self._most,
            self._uploaded,
            dict(self._served),
        )
        return web.Response(body=msgspec.json.encode(told))

    def fault(self) -> str:
        """What goes wrong with this request; "" mostly."""
        self._requests += 1
        if self._chance.random() >= self._rate:
            return ""
        chosen = self._chance.choice(_FAULTS)
        self._faults[chosen] += 1
        return chosen

    @asynccontextmanager
    async def transfer(self, name: str) -> AsyncIterator[None]:
        """Notes that this transfer runs; one that runs already has a moment to be noticed as dead."""
        async with self._ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_NOTICE_S):
                    await self._ended.wait_for(lambda: not self._running[name])
            if self._running[name]:
                self._twice.append(name)
            self._running[name] += 1
            self._most = max(self._most, sum(1 for count in self._running.values() if count))
        try:
            yield
        finally:
            async with self._ended:
                self._running[name] -= 1
                self._ended.notify_all()

    async def early(self, fault: str, request: web.Request) -> web.Response | None:
        """The answer of a fault that needs no bytes."""
        if fault == "stall":
            await asyncio.sleep(self._stall)
            _cut(request)
            return web.Response()
        if fault == "503":
            return web.Response(status=503, headers={"Retry-After": "1"})
        return web.Response(status=500) if fault == "500" else None

    async def download(self, request: web.Request) -> web.StreamResponse:
        name, dot, algorithm = request.match_info["name"].partition(".")
        size = int(request.query.get("size", "0"))
        for prefix, status in (("gone-", 410), ("never-", 404)):
            if name.startswith(prefix):
                self._requests += 1
                return web.Response(status=status)
        fault = self.fault()
        if (answer := await self.early(fault, request)) is not None:
            return answer
        body = bytes(self._uploads[name].stored) if name in self._uploads else content(name, size)
        claimed = body + b"!" if fault == "digest" or name.startswith("spoilt-") else body
        if dot:
            return web.Response(text=hashlib.new(algorithm, claimed).hexdigest().upper())
        async with self.transfer(name):
            return await self._send(request, name, body, claimed, cut=fault == "cut")

    async def _send(
        self, request: web.Request, name: str, body: bytes, claimed: bytes, *, cut: bool
    ) -> web.StreamResponse:
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        digest = base64.b64encode(hashlib.sha256(claimed).digest()).decode()
        headers = {"ETag": etag, "Repr-Digest": f"sha-256=:{digest}:"}
        start, asked = 0, request.headers.get("Range", "")
        if asked and request.headers.get("If-Range") == etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        response.content_length = len(body) - start
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        end = self._chance.randrange(start, len(body)) if cut and start < len(body) else len(body)
        with contextlib.suppress(ConnectionError):  # a client that is gone is nothing to complain of
            for position in range(start, end, _PIECE):
                await response.write(body[position : min(position + _PIECE, end)])
            self._served[name] += not cut
        if cut:
            _cut(request)
        return response

    async def upload(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info.get("key", "")
        fault = self.fault()
        if (answer := await self.early(fault, request)) is not None:
            return answer
        if request.method == "POST":
            return self._create(request)
        if key not in self._uploads:
            return web.Response(status=404)
        upload = self._uploads[key]
        if request.method == "HEAD":
            return web.Response(
                headers={"Upload-Offset": str(len(upload.stored)), "Upload-Length": str(upload.length)}
            )
        async with self.transfer(upload.name):
            return await self._append(request, upload, cut=fault == "cut")

    def _create(self, request: web.Request) -> web.Response:
        pairs = (pair.split(" ") for pair in request.headers["Upload-Metadata"].split(","))
        metadata = {name: base64.b64decode(value).decode() for name, value in pairs}
        key = f"upload-{len(self._uploads)}"
        self._uploads[key] = _Upload(metadata["filename"], int(request.headers["Upload-Length"]))
        if self._uploads[key].length == 0:
            self._keep(metadata["filename"], b"")
        return web.Response(status=201, headers={"Location": f"/files/upload/{key}"})

    async def _append(self, request: web.Request, upload: _Upload, *, cut: bool) -> web.Response:
        if int(request.headers["Upload-Offset"]) != len(upload.stored):
            return web.Response(status=409)
        left = upload.length - len(upload.stored)
        limit = self._chance.randrange(left) if cut and left else None
        await _read(request, upload.stored, limit)
        if limit is not None:
            _cut(request)
        if len(upload.stored) == upload.length:
            self._keep(upload.name, bytes(upload.stored))
        return web.Response(status=204, headers={"Upload-Offset": str(len(upload.stored))})

    async def put(self, request: web.Request) -> web.StreamResponse:
        fault, name = self.fault(), request.match_info["name"]
        if (answer := await self.early(fault, request)) is not None:
            return answer
        async with self.transfer(name):
            body = bytearray()
            length = int(request.headers["Content-Length"])
            limit = self._chance.randrange(length) if fault == "cut" and length else None
            await _read(request, body, limit)
            if limit is not None:
                _cut(request)
            else:
                self._keep(name, bytes(body))
        return web.Response(status=201)

    def _keep(self, name: str, body: bytes) -> None:
        self._uploaded.setdefault(name, []).append(hashlib.sha256(body).hexdigest())


async def _read(request: web.Request, into: bytearray, limit: int | None) -> None:
    """The body, or its first `limit` bytes."""
    end = None if limit is None else len(into) + limit
    async for piece in request.content.iter_any():
        into += piece
        if end is not None and len(into) >= end:
            del into[end:]
            return


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _serve(seed: int, rate: float) -> None:
    state = _Storm(seed, rate)
    app = web.Application(client_max_size=1 << 40)
    app.router.add_get("/report", state.report)
    app.router.add_get("/files/download/{name}", state.download)
    app.router.add_post("/files/upload", state.upload)
    for method in ("HEAD", "PATCH"):
        app.router.add_route(method, "/files/upload/{key}", state.upload)
    app.router.add_put("/in/{name}", state.put)
    # A handler whose client is gone ends at once, so that a killed one does not count as running.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print("http://{}:{}".format(*runner.addresses[0][:2]), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))

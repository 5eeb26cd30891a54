"""A real HTTP proxy on loopback: CONNECT tunnels, requests with absolute URLs, and Basic credentials."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class ForwardProxy:
    """`log` holds the request lines; `credentials` is what Proxy-Authorization has to be, if anything.

    `names` are hosts that this proxy alone can resolve, to addresses. `refuse` is answered to all requests.
    """

    credentials: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    refuse: str | None = None
    log: list[str] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ForwardProxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._proxy(reader, writer)
        writer.close()

    async def _proxy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.removesuffix("\r\n\r\n").split("\r\n")
        self.log.append(line)
        given = [text.partition(": ")[2] for text in fields if text.lower().startswith("proxy-auth")]
        if self.refuse or (self.credentials is not None and given != [self.credentials]):
            status = self.refuse or "407 Proxy Authentication Required"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return
        method, target, version = line.split()
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host = self.names.get(parts.hostname or "", parts.hostname)
        upstream_reader, upstream = await asyncio.open_connection(host, parts.port or 80)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            kept = [text for text in fields if not text.lower().startswith(("proxy-", "connection"))]
            path = parts._replace(scheme="", netloc="").geturl() or "/"
            lines = [f"{method} {path} {version}", *kept, "Connection: close", "", ""]
            upstream.write("\r\n".join(lines).encode("latin-1"))
        await asyncio.gather(_copy(reader, upstream), _copy(upstream_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(ConnectionError, RuntimeError):
        writer.close()

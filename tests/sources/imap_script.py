"""An IMAP server that says what a test wants it to say, for what no honest server does."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GREETING = b"* OK ready\r\n"


@dataclass
class Line:
    """One client on the line."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[bytes] = field(default_factory=list)

    async def say(self, *lines: bytes) -> None:
        self.writer.write(b"".join(lines))
        await self.writer.drain()

    async def hear(self) -> tuple[bytes, bytes]:
        """The next command: its tag, and the rest. Raises ConnectionError at the end of the line."""
        line = await self.reader.readline()
        if not line:
            raise ConnectionResetError
        self.heard.append(line.rstrip())
        tag, _, rest = line.rstrip().partition(b" ")
        return tag, rest

    async def encrypt(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context)


Script = Callable[[Line], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[tuple[str, list[Line]]]:
    """The location of the server, and the lines that there were."""
    lines: list[Line] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        lines.append(line)
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await script(line)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"imap://me@127.0.0.1:{port}", lines
    finally:
        server.close()
        for line in lines:
            line.writer.transport.abort()
        await asyncio.sleep(0)


def answering(answers: dict[bytes, list[bytes]], greeting: bytes = GREETING) -> Script:
    """A server that has an answer for each command, by how it begins: lines, in which ``TAG`` is the tag."""

    async def script(line: Line) -> None:
        await line.say(greeting)
        while True:
            tag, rest = await line.hear()
            for command, said in answers.items():
                if rest.upper().startswith(command):
                    await line.say(*(part.replace(b"TAG", tag) for part in said))
                    break
            else:
                await line.say(tag, b" OK done\r\n")

    return script

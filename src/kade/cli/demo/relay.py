"""A line that can be cut: a TCP relay on loopback between a client and the server."""

from __future__ import annotations

import asyncio

_PIECE = 1 << 18


class Relay:
    """Passes bytes on both ways; after `cut_after` bytes from the client it breaks the connection, once."""

    def __init__(self, port: int, cut_after: int) -> None:
        self._target = port
        self._left: int | None = cut_after
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.cuts = 0

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        task = asyncio.create_task(self._connect(reader, writer, there, back))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        try:
            await asyncio.gather(self._pass_on(reader, back, counted=True), self._pass_on(there, writer))
        except OSError:
            back.transport.abort()
            writer.transport.abort()
        finally:
            back.close()
            writer.close()

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counted: bool = False
    ) -> None:
        while data := await source.read(_PIECE):
            if counted and self._is_cut(len(data)):
                raise ConnectionAbortedError("cut")
            target.write(data)
            await target.drain()
        target.write_eof()

    def _is_cut(self, size: int) -> bool:
        if self._left is None:
            return False
        self._left -= size
        if self._left > 0:
            return False
        self._left = None
        self.cuts += 1
        return True

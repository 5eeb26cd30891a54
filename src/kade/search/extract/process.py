"""One child process, seen from outside: started, asked, and ended."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from kade.core.extraction import RemarkKind
from kade.search.extract.limits import Limits
from kade.search.extract.wire import HEAD, Ready, Reply, Request, Start, frame

M = TypeVar("M", Ready, Reply)

_START_SECONDS = 60  # on a machine that has much else to do
_SLACK = 64 << 20  # bytes of a reply besides its text
_NO_MEMORY = b"memory allocation"  # what Rust says before it gives up; C++ throws bad_alloc
_BAD_ALLOC = b"bad_alloc"


class Died(Exception):
    """The child is no more, or talks nonsense; *kind* says what that is for the file it was reading."""

    def __init__(self, kind: RemarkKind, said: str) -> None:
        super().__init__(said)
        self.kind = kind


class Child:
    """A running child; *open* is what it could not give up (see ``sandbox.enter``)."""

    def __init__(
        self, process: Process, line: socket.socket, said: IO[bytes], folder: Path, most: int
    ) -> None:
        self.folder = folder
        self.open: tuple[str, ...] = ()
        self._process = process
        self._line = line
        self._said = said
        self._most = most
        self._ended = False

    @classmethod
    async def start(cls, limits: Limits, folder: Path | None) -> "Child":
        """A new child, ready to be asked, with a new folder of its own in *folder*.

        Raises:
            Died: it does not come up.
        """
        own = Path(tempfile.mkdtemp(prefix="kade-extract-", dir=folder))
        ours, theirs = socket.socketpair()
        said = tempfile.TemporaryFile(dir=own)  # noqa: SIM115 - open as long as the child is
        ours.setblocking(False)
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-m", "kade.search.extract.child"),
                    stdin=theirs.fileno(),
                    stdout=DEVNULL,
                    stderr=said,
                    env=_environment(own),
                    cwd=own,
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            said.close()
            shutil.rmtree(own, ignore_errors=True)
            raise
        child = cls(process, ours, said, own, limits.characters * 4 + _SLACK)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await child._send(frame(Start(limits, str(own))))
                child.open = (await child._receive(Ready)).open
        except BaseException:
            await child.end()
            raise
        return child

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, descriptor: int, request: Request) -> Reply:
        """What it says to *request* about the open file *descriptor*.

        Raises:
            Died: it died over it.
        """
        message = frame(request)
        try:
            socket.send_fds(self._line, [message[: HEAD.size]], [descriptor])
        except OSError:
            raise await self._died() from None
        await self._send(message[HEAD.size :])
        return await self._receive(Reply)

    async def end(self) -> None:
        """Kill it, and what it started; remove its folder. Harmless when it is dead already."""
        if self._ended:
            return
        self._ended = True
        self._line.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._said.close()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def _send(self, data: bytes) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._line, data)
        except OSError:
            raise await self._died() from None

    async def _receive(self, kind: type[M]) -> M:
        (length,) = HEAD.unpack(await self._exactly(HEAD.size))
        if length > self._most:
            raise Died(RemarkKind.CRASHED, "its reply is too long")
        try:
            return msgspec.msgpack.decode(await self._exactly(length), type=kind)
        except msgspec.MsgspecError as error:
            raise Died(RemarkKind.CRASHED, f"its reply makes no sense: {error}") from None

    async def _exactly(self, length: int) -> bytes:
        loop, data = asyncio.get_running_loop(), bytearray()
        while len(data) < length:
            try:
                piece = await loop.sock_recv(self._line, min(length - len(data), 1 << 20))
            except OSError:
                piece = b""
            if not piece:
                raise await self._died()
            data += piece
        return bytes(data)

    async def _died(self) -> Died:
        """Why it is gone: its signal, and its last words, tell."""
        code = await self._process.wait()
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 2000))
        words = self._said.read()
        said = f"exit {code}: {words.decode(errors='replace').strip()}"
        if -code in (signal.SIGXCPU, signal.SIGALRM):
            return Died(RemarkKind.TIMED_OUT, said)
        if any(sign in words for sign in (_NO_MEMORY, _BAD_ALLOC, b"MemoryError")):
            return Died(RemarkKind.OUT_OF_MEMORY, said)
        return Died(RemarkKind.CRASHED, said)


def _environment(folder: Path) -> dict[str, str]:
    """All that a child is told: nothing of ours. Few threads and heaps, as each takes address space."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "MALLOC_ARENA_MAX": "1",
        "OMP_THREAD_LIMIT": "1",
        "RAYON_NUM_THREADS": "1",
        "TOKIO_WORKER_THREADS": "1",
    }

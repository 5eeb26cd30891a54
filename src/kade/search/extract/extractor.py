"""Files are read in child processes, which can be killed and can do nothing else.

A child serves many files, because starting one costs a while. One that hangs, dies or asks for too much costs
the file that it was reading; the next file gets a new child.
"""

import asyncio
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from kade.core.extraction import Extracted, Remark, RemarkKind
from kade.search.extract.limits import Limits
from kade.search.extract.process import Child, Died
from kade.search.extract.wire import Reply, Request

_log = structlog.get_logger("kade.search.extract")


class ChildExtractor:
    """Implements ``core.ports.search.Extractor``; *children* files are read at once at most.

    Each child has a folder of its own below *folder* (where the system has temporary files, if None).
    """

    def __init__(self, limits: Limits | None = None, children: int = 1, folder: Path | None = None) -> None:
        self._limits = limits or Limits()
        self._folder = folder
        self._turns = asyncio.Semaphore(children)
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._warned = False

    async def extract(self, path: Path, name: str) -> Extracted:
        """What is in the file at *path*; anything but a regular file is *unsupported*, links not followed.

        Raises:
            OSError: it cannot be opened (``FileNotFoundError``, ``PermissionError``).
            RuntimeError: no child can be started.
        """
        reply = await self._ask(path, Request(name), None)
        return reply.found

    async def attachments(
        self, path: Path, name: str, wanted: Sequence[str], into: Path
    ) -> Mapping[str, Path]:
        """The *wanted* attachments that could be had; raises what ``extract`` raises.

        A file is named by a number, never by what the attachment is called.
        """
        reply = await self._ask(path, Request(name, tuple(wanted)), into)
        return {name: into / file for name, file in reply.written.items()}

    async def close(self) -> None:
        """Stop every child; what is being read has *crashed*."""
        children = {*self._idle, *self._busy}
        self._idle.clear()
        for child in children:
            await child.end()

    async def _ask(self, path: Path, request: Request, into: Path | None) -> Reply:
        async with self._turns:
            descriptor = _open(path)
            if descriptor is None:
                return Reply(_failed(RemarkKind.UNSUPPORTED), {})
            try:
                return await self._ask_child(descriptor, request, into)
            finally:
                os.close(descriptor)

    async def _ask_child(self, descriptor: int, request: Request, into: Path | None) -> Reply:
        child = await self._child()
        self._busy.add(child)
        unharmed = False
        try:
            async with asyncio.timeout(self._limits.wall):
                reply = await child.ask(descriptor, request)
            if into is not None:
                await asyncio.to_thread(_fetch, child.folder, reply.written, into)
            unharmed = not reply.spent
            return reply
        except TimeoutError:
            _log.warning("extractor stopped", seconds=self._limits.wall)
            return Reply(_failed(RemarkKind.TIMED_OUT), {})
        except Died as died:
            _log.warning("extractor died", kind=died.kind, said=str(died))
            return Reply(_failed(died.kind), {})
        finally:
            self._busy.discard(child)
            if unharmed:
                self._idle.append(child)
            else:
                await asyncio.shield(child.end())

    async def _child(self) -> Child:
        """One that waits, or a new one."""
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            await child.end()
        try:
            child = await Child.start(self._limits, self._folder)
        except (Died, TimeoutError) as error:
            raise RuntimeError(f"the extractor does not start: {error}") from error
        if child.open and not self._warned:
            self._warned = True
            _log.warning("the kernel does not close the extractor in", open=child.open)
        return child


def _open(path: Path) -> int | None:
    """A descriptor of the regular file at *path*, or None: it is something else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        if path.is_symlink():
            return None
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def _fetch(folder: Path, written: Mapping[str, str], into: Path) -> None:
    """Copy what a child wrote, which may be anything, but no link to something that it cannot read."""
    for file in written.values():
        if not file.isdigit():
            raise Died(RemarkKind.CRASHED, "its reply makes no sense")
        try:
            source = os.open(folder / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise Died(RemarkKind.CRASHED, f"its reply makes no sense: {error}") from None
        with os.fdopen(source, "rb") as stream, (into / file).open("xb") as target:
            shutil.copyfileobj(stream, target, 1 << 18)
        (folder / file).unlink()


def _failed(kind: RemarkKind) -> Extracted:
    return Extracted(remarks=(Remark(kind),))

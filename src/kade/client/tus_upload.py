"""Uploads by tus 1.0.0, resumed across cuts and across runs.

Copes with servers that deviate as file-service.md 5.3 lists: 201 to a HEAD, no `creation` advertised (it
is never asked for), a relative Location, offsets that are not enforced (HEAD comes before each resumed
PATCH), no tolerance for an empty PATCH (none is sent).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import mimetypes
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec

from kade import durable
from kade.client.digests import remote_sha256, sha256_of
from kade.client.errors import Interrupted, TransferError
from kade.client.peer import RemotePeer, refuse
from kade.client.progress import Progress, Silent
from kade.client.retry import persist

_TUS = {"Tus-Resumable": "1.0.0"}
_PIECE = 1 << 20
# The upload that we know of is not there any more, or not ours: tus 1.0.0, HEAD.
_VANISHED = frozenset({403, 404, 410})


@dataclass(frozen=True)
class Uploaded:
    """A finished upload: its URL, size, and SHA-256 if the server offered one, which then was compared."""

    url: str
    size: int
    sha256: str | None


class UploadState(msgspec.Struct, frozen=True):
    """What must be remembered so that another run goes on: the URL, and which file it was made for."""

    upload: str
    size: int
    modified: int


class UploadStates:
    """A folder with one small file per unfinished upload, named by where it goes and what is sent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, creation: str, file: Path, size: int, modified: int) -> str | None:
        """The URL of the unfinished upload of this very file, or None; a changed file is another file."""
        try:
            state = msgspec.json.decode(self._path(creation, file).read_bytes(), type=UploadState)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return state.upload if (state.size, state.modified) == (size, modified) else None

    def keep(self, creation: str, file: Path, state: UploadState) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        durable.write(self._path(creation, file), msgspec.json.encode(state), 0o600)

    def forget(self, creation: str, file: Path) -> None:
        self._path(creation, file).unlink(missing_ok=True)

    def _path(self, creation: str, file: Path) -> Path:
        name = hashlib.sha256(f"{creation}\n{file.absolute()}".encode()).hexdigest()
        return self._folder / f"{name[:32]}.json"


async def upload(
    peer: RemotePeer,
    creation: str,
    file: Path,
    *,
    states: UploadStates,
    name: str | None = None,
    media_type: str | None = None,
    part_size: int | None = None,
    progress: Progress | None = None,
) -> Uploaded:
    """Send a file to a tus endpoint under `name` (None: its own), as one PATCH or several of `part_size`.

    An earlier run's unfinished upload of the same, unchanged file goes on. Raises TransferError.
    """
    try:
        sending = _Upload(peer, creation, file, states, part_size, progress or Silent())
        sending.metadata = _metadata(name or file.name, media_type)
        with sending.source:
            return await sending.run()
    except OSError as error:
        raise TransferError(f"{error.filename or file}: {error.strerror}") from None


class _Upload:
    """One upload under way."""

    def __init__(
        self,
        peer: RemotePeer,
        creation: str,
        file: Path,
        states: UploadStates,
        part_size: int | None,
        progress: Progress,
    ) -> None:
        self.peer, self.creation, self.file = peer, creation, file
        self.states, self.part_size, self.progress = states, part_size, progress
        self.source: BinaryIO = file.open("rb")
        self.size, self.modified = self._facts()
        self.metadata = ""
        self.url = states.find(creation, file, self.size, self.modified)
        self.offset = 0
        self.known = False  # whether the server told us the offset since the last trouble
        self.recreated = 0
        self.broken: Exception | None = None  # why the file itself cannot be sent

    async def run(self) -> Uploaded:
        await persist(self.peer.retry, self.progress, lambda: self.offset, self._go_on)
        if self._facts() != (self.size, self.modified):
            self.states.forget(self.creation, self.file)
            raise TransferError(f"{self.file} changed while it was sent; send it again")
        self.states.forget(self.creation, self.file)
        assert self.url is not None
        return Uploaded(self.url, self.size, await self._verify(self.url))

    async def _go_on(self) -> None:
        """From wherever we are to the end; Interrupted when something broke on the way."""
        if self.url is not None and not self.known:
            await self._ask_offset(self.url)
        if self.url is None:
            await self._create()
        self.progress.at(self.offset, self.size)
        while self.offset < self.size:
            assert self.url is not None
            await self._send(self.url)

    async def _create(self) -> None:
        headers = {**_TUS, "Upload-Length": str(self.size), "Upload-Metadata": self.metadata}
        async with self.peer.request("POST", self.creation, {**headers, "Content-Length": "0"}) as answer:
            place = answer.headers.get("Location")
            if not 200 <= answer.status < 300:
                raise refuse(answer, self.creation)
            if not place:
                raise TransferError(
                    f"{self.creation}: the server created an upload but not say where", answer.status
                )
        self.url = urljoin(self.creation, place)
        self.offset, self.known = 0, True
        self.states.keep(self.creation, self.file, UploadState(self.url, self.size, self.modified))

    async def _ask_offset(self, url: str) -> None:
        async with self.peer.request("HEAD", url, _TUS) as answer:
            if answer.status in _VANISHED:
                self._start_anew(answer)
                return
            if not 200 <= answer.status < 300:
                raise refuse(answer, url)
            offset = _number(answer, "Upload-Offset")
            length = _number(answer, "Upload-Length")
        if offset is None:
            raise TransferError(f"{url}: the server does not say how much it has", answer.status)
        if offset > self.size or length not in (None, self.size):
            self._start_anew(answer)
            return
        self.offset, self.known = offset, True

    def _start_anew(self, answer: aiohttp.ClientResponse) -> None:
        """Give up on the upload that is gone; a server that loses one after the other is not trusted."""
        self.states.forget(self.creation, self.file)
        self.recreated += 1
        if self.recreated > 3:
            raise TransferError(f"{self.url}: the server keeps losing the upload", answer.status)
        self.url, self.offset, self.known = None, 0, False

    async def _send(self, url: str) -> None:
        """One PATCH from the offset; afterwards the offset is what the server has, or is asked for."""
        end = self.size if self.part_size is None else min(self.size, self.offset + self.part_size)
        headers = {
            **_TUS,
            "Upload-Offset": str(self.offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(end - self.offset),
        }
        self.known = False
        try:
            async with asyncio.timeout(self.peer.retry.stall) as watch:
                body = self._pieces(self.offset, end, watch)
                async with self.peer.request("PATCH", url, headers, body=body, silence=None) as answer:
                    _put_off(watch, self.peer.retry.stall)
                    await self._after_patch(answer, url, end)
        except TimeoutError:
            raise Interrupted(f"{url}: nothing moved for too long") from None
        finally:
            if self.broken is not None:
                raise self.broken

    async def _after_patch(self, answer: aiohttp.ClientResponse, url: str, end: int) -> None:
        if answer.status in (404, 410):
            self._start_anew(answer)
            raise Interrupted(f"{url}: the server lost the upload", status=answer.status)
        if answer.status == 409:
            raise Interrupted(f"{url}: the server has another offset than we thought", 0.0, 409)
        if not 200 <= answer.status < 300:
            raise refuse(answer, url)
        offset = _number(answer, "Upload-Offset")
        if offset is None:
            await self._ask_offset(url)
        elif not self.offset < offset <= end:
            raise TransferError(f"{url}: the server answered offset {offset} to bytes {self.offset} to {end}")
        else:
            self.offset, self.known = offset, True
        self.progress.at(self.offset, self.size)

    async def _pieces(self, start: int, end: int, watch: asyncio.Timeout) -> AsyncIterator[bytes]:
        """The bytes from start to end; each piece that is taken puts off the end of our patience."""
        position = start
        while position < end:
            piece = await asyncio.to_thread(self._read, position, min(_PIECE, end - position))
            self.progress.at(position, self.size)
            _put_off(watch, self.peer.retry.stall)
            yield piece
            position += len(piece)
        _put_off(watch, self.peer.retry.answer)

    def _read(self, position: int, count: int) -> bytes:
        """A piece of the file; after a cut an older read may still run, so none moves a common position."""
        try:
            piece = os.pread(self.source.fileno(), count, position)
            if not piece:
                raise TransferError(f"{self.file} became shorter while it was sent; send it again")
            return piece
        except (OSError, TransferError) as error:
            # The HTTP library would call this a broken connection, and we would try again for nothing.
            self.broken = error
            raise

    def _facts(self) -> tuple[int, int]:
        status = self.file.stat()
        return status.st_size, status.st_mtime_ns

    async def _verify(self, url: str) -> str | None:
        """Compare digests where the server offers one; the File Server does, beside the download."""
        parts = urlsplit(url)
        head, found, tail = parts.path.rpartition("/upload/")
        if not found:
            return None
        download = parts._replace(path=f"{head}/download/{tail}").geturl()
        theirs = await remote_sha256(self.peer, download)
        if theirs is None:
            return None
        self.progress.verifying()
        ours = await asyncio.to_thread(sha256_of, self.file)
        if ours != theirs:
            raise TransferError(
                f"{url}: the server has other bytes than {self.file}: SHA-256 {theirs}, not {ours}"
            )
        return ours


def _put_off(watch: asyncio.Timeout, seconds: float) -> None:
    # The writer may take a last piece when the answer is in already and nobody waits any more.
    with contextlib.suppress(RuntimeError):
        watch.reschedule(asyncio.get_running_loop().time() + seconds)


def _metadata(name: str, media_type: str | None) -> str:
    kind = media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    # The File Server reads `Content-Type`, browsers' uploaders write `filetype`.
    pairs = {"filename": name, "filetype": kind, "Content-Type": kind}
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


def _number(answer: aiohttp.ClientResponse, header: str) -> int | None:
    value = answer.headers.get(header, "").strip()
    return int(value) if value.isascii() and value.isdecimal() else None

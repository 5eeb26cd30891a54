"""Uploads by tus 1.0.0, resumed across cuts and across runs.

Copes with servers that deviate as file-service.md 5.3 lists: 201 to a HEAD, no `creation` advertised (it
is never asked for), a relative Location, offsets that are not enforced (HEAD comes before each resumed
PATCH), no tolerance for an empty PATCH (none is sent).
"""

from __future__ import annotations

import asyncio
import base64
import mimetypes
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from kade.client.answers import refuse
from kade.client.body import Body
from kade.client.digests import remote_digest
from kade.client.errors import Interrupted, TransferError
from kade.client.peer import RemotePeer
from kade.client.ports import Outgoing, UploadMemory
from kade.client.progress import Progress, Silent
from kade.client.retry import persist

_TUS = {"Tus-Resumable": "1.0.0"}
_STILL_S = 0.5  # for how long an offset must stand still where nothing locks the upload
# The upload that we know of is not there any more, or not ours: tus 1.0.0, HEAD.
_VANISHED = frozenset({403, 404, 410})


@dataclass(frozen=True)
class Uploaded:
    """A finished upload: its URL, size, and SHA-256 if the server offered one, which then was compared."""

    url: str
    size: int
    sha256: str | None


async def upload(
    peer: RemotePeer,
    creation_url: str,
    outgoing: Outgoing,
    memory: UploadMemory,
    *,
    part_size: int | None = None,
    progress: Progress | None = None,
) -> Uploaded:
    """Send all of `outgoing` to a tus endpoint, as one PATCH or several of `part_size` bytes.

    The unfinished upload that `memory` knows goes on. A finished one stays in it: the caller, who may not yet
    have written down that it is finished, has it forgotten. Raises TransferError.
    """
    return await _Upload(peer, creation_url, outgoing, memory, part_size, progress or Silent()).run()


class _Upload:
    """One upload under way."""

    def __init__(
        self,
        peer: RemotePeer,
        creation: str,
        outgoing: Outgoing,
        memory: UploadMemory,
        part_size: int | None,
        progress: Progress,
    ) -> None:
        self.peer, self.creation, self.outgoing = peer, creation, outgoing
        self.memory, self.part_size, self.progress = memory, part_size, progress
        self.size = outgoing.size
        self.url: str | None = None
        self.offset = 0
        self.known = False  # whether the server told us the offset since the last trouble
        self.lax = False  # whether the server looks like one that takes several PATCHes at once
        self.recreated = 0

    async def run(self) -> Uploaded:
        self.url = await self.memory.find()
        await persist(self.peer.retry, self.progress, lambda: self.offset, self._go_on)
        assert self.url is not None
        try:
            if not await self.outgoing.unchanged():
                raise TransferError(f"{self.outgoing.name} changed while it was sent; send it again")
            return Uploaded(self.url, self.size, await self._verify(self.url))
        except TransferError:
            await self.memory.forget()  # it is complete, and wrong
            raise

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
        metadata = _metadata(self.outgoing.name, self.outgoing.media_type)
        headers = {**_TUS, "Upload-Length": str(self.size), "Upload-Metadata": metadata}
        async with self.peer.request("POST", self.creation, {**headers, "Content-Length": "0"}) as answer:
            place = answer.headers.get("Location")
            if not 200 <= answer.status < 300:
                raise refuse(answer, self.creation)
            if not place:
                raise TransferError(
                    f"{self.creation}: the server created an upload but does not say where",
                    answer.status,
                    permanent=True,
                )
        self.url = urljoin(self.creation, place)
        self.offset, self.known = 0, True
        await self.memory.keep(self.url)

    async def _ask_offset(self, url: str) -> None:
        """Tus 1.0.0, HEAD. A server without locks may still be storing what came before a cut.

        Upstream has none, and enforces no offset either (file-service.md 1.5): whoever sends again too early
        has bytes twice. It shows itself by its 201, or by the length that is missing; the offset of such a
        server is taken only when it stands still.
        """
        offset = await self._told_offset(url)
        while offset is not None and self.lax and offset < self.size:
            await asyncio.sleep(min(_STILL_S, self.peer.retry.first))
            before, offset = offset, await self._told_offset(url)
            if offset == before:
                break
        if offset is not None:
            self.offset, self.known = offset, True

    async def _told_offset(self, url: str) -> int | None:
        """One HEAD; None when this upload is of no use any more."""
        async with self.peer.request("HEAD", url, _TUS) as answer:
            if answer.status in _VANISHED:
                await self._start_anew(answer)
                return None
            if not 200 <= answer.status < 300:
                raise refuse(answer, url)
            offset = _number(answer, "Upload-Offset")
            length = _number(answer, "Upload-Length")
            self.lax = answer.status == 201 or length is None
        if offset is None:
            raise TransferError(
                f"{url}: the server does not say how much it has", answer.status, permanent=True
            )
        if offset > self.size or length not in (None, self.size):
            await self._start_anew(answer)
            return None
        return offset

    async def _start_anew(self, answer: aiohttp.ClientResponse) -> None:
        """Give up on the upload that is gone; a server that loses one after the other is not trusted."""
        await self.memory.forget()
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
        body = Body(self.peer, self.outgoing, self.offset, end, self.progress)
        async with body.request("PATCH", url, headers) as answer:
            await self._after_patch(answer, url, end)

    async def _after_patch(self, answer: aiohttp.ClientResponse, url: str, end: int) -> None:
        if answer.status in (404, 410):
            await self._start_anew(answer)
            raise Interrupted(f"{url}: the server lost the upload", status=answer.status)
        if answer.status == 409:
            raise Interrupted(f"{url}: the server has another offset than we thought", 0.0, 409)
        if not 200 <= answer.status < 300:
            raise refuse(answer, url)
        offset = _number(answer, "Upload-Offset")
        if offset is None:
            await self._ask_offset(url)
        elif not self.offset < offset <= end:
            # Bytes are there twice, or not where they belong: nothing can be mended in this upload.
            sentence = f"{url}: the server answered offset {offset} to bytes {self.offset} to {end}"
            await self._start_anew(answer)
            raise Interrupted(sentence, 0.0)
        else:
            self.offset, self.known = offset, True
        self.progress.at(self.offset, self.size)

    async def _verify(self, url: str) -> str | None:
        """Compare digests where the server offers one; the File Server does, beside the download."""
        parts = urlsplit(url)
        head, found, tail = parts.path.rpartition("/upload/")
        if not found:
            return None
        download = parts._replace(path=f"{head}/download/{tail}").geturl()
        theirs = await remote_digest(self.peer, download, "sha256")
        if theirs is None:
            return None
        self.progress.verifying()
        ours = await self.outgoing.sha256()
        if ours != theirs:
            raise TransferError(
                f"{url}: the server has other bytes than {self.outgoing.name}: SHA-256 {theirs}, not {ours}"
            )
        return ours


def _metadata(name: str, media_type: str | None) -> str:
    kind = media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    # The File Server reads `Content-Type`, browsers' uploaders write `filetype`.
    pairs = {"filename": name, "filetype": kind, "Content-Type": kind}
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


def _number(answer: aiohttp.ClientResponse, header: str) -> int | None:
    value = answer.headers.get(header, "").strip()
    return int(value) if value.isascii() and value.isdecimal() else None

"""Downloads by HTTP ranges (RFC 9110, 14), resumed across cuts and across runs, verified at the end.

A part is gone on with only when the server confirms by If-Range that it is of the same representation;
a 200 instead of a 206 means begin again (Digikoppeling GB003).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp

from kade.client.digests import from_repr_digest, remote_sha256, sha256_of
from kade.client.errors import Interrupted, TransferError
from kade.client.part_file import PartFile, PartState
from kade.client.peer import RemotePeer, refuse
from kade.client.progress import Progress, Silent
from kade.client.retry import persist

_PIECE = 1 << 20
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_EXTENDED_NAME = re.compile(r"filename\*\s*=\s*UTF-8'[^']*'([^;\s]+)", re.IGNORECASE)
_NO_HEAD = frozenset({405, 501})


@dataclass(frozen=True)
class Downloaded:
    """A finished download; `sha256` is set when the server offered one and it was equal."""

    path: Path
    size: int
    sha256: str | None


async def remote_name(peer: RemotePeer, url: str) -> str:
    """The name that the server gives the file (Content-Disposition), or the URL's last part.

    It has no folder and does not begin with a dot. Raises TransferError when there is no such file.
    """
    found = ""

    async def ask() -> None:
        nonlocal found
        async with peer.request("HEAD", url, redirects=True) as answer:
            if not 200 <= answer.status < 300 and answer.status not in _NO_HEAD:
                raise refuse(answer, url)
            found = _disposition_name(answer.headers.get("Content-Disposition", ""))

    await persist(peer.retry, Silent(), lambda: 0, ask)
    return _safe(found) or _safe(unquote(urlsplit(url).path.rstrip("/"))) or "download"


async def download(
    peer: RemotePeer, url: str, target: Path, *, progress: Progress | None = None
) -> Downloaded:
    """Fetch `url` into `target`, which appears when all bytes are there, verified and synced, and not before.

    Raises TransferError; the bytes so far are kept beside it for a later run, wrong ones are dropped.
    """
    try:
        with PartFile(target) as part:
            return await _Download(peer, url, part, progress or Silent()).run()
    except OSError as error:
        raise TransferError(f"{error.filename or target}: {error.strerror}") from None


class _Download:
    """One download under way."""

    def __init__(self, peer: RemotePeer, url: str, part: PartFile, progress: Progress) -> None:
        self.peer, self.url, self.part, self.progress = peer, url, part, progress
        self.digest: str | None = None  # what the server says the whole file's SHA-256 is
        self.restarts = 0
        self.received = 0  # bytes that came in this run, also those dropped again

    async def run(self) -> Downloaded:
        await persist(self.peer.retry, self.progress, lambda: self.received, self._go_on)
        sha256 = await self._verify()
        await asyncio.to_thread(self.part.finish)
        return Downloaded(self.part.target, self.part.offset, sha256)

    async def _go_on(self) -> None:
        """Ask for what is missing; Interrupted when something broke on the way."""
        if self.part.resumable(self.url) and self.part.offset == self.part.state.size:
            return
        headers = {}
        if self.part.resumable(self.url):
            headers = {"Range": f"bytes={self.part.offset}-", "If-Range": str(self.part.state.etag)}
        async with self.peer.request("GET", self.url, headers, redirects=True) as answer:
            if answer.status == 200:
                self._begin(answer)
            elif answer.status == 206 and headers:
                self._continue(answer)
            elif answer.status == 416 and headers:
                self._start_anew("the part that is here does not fit any more")
            else:
                raise refuse(answer, self.url)
            await self._receive(answer)

    def _begin(self, answer: aiohttp.ClientResponse) -> None:
        """All of it comes; what was here before is of something else, or cannot be shown to be the same."""
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise TransferError(f"{self.url}: the server encodes the file although it was asked not to")
        if answer.content_type == "multipart/form-data":
            # An API for programs wraps the file in a form (file-service.md 1.1).
            raise TransferError(f"{self.url} answers with a form around the file; ask for …/download/PATH")
        etag = answer.headers.get("ETag", "")
        strong = etag if _STRONG_ETAG.fullmatch(etag) else None
        self.part.restart(PartState(self.url, strong, answer.content_length))
        self.digest = from_repr_digest(answer.headers.get("Repr-Digest", ""))

    def _continue(self, answer: aiohttp.ClientResponse) -> None:
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        total = int(match[3]) if match and match[3] != "*" else None
        if match is None or int(match[1]) != self.part.offset:
            self._start_anew("the server sent another range than asked for")
        elif total != self.part.state.size:
            self._start_anew("the file has another size now")
        elif answer.headers.get("ETag", self.part.state.etag) != self.part.state.etag:
            self._start_anew("the file is another one now")
        self.digest = from_repr_digest(answer.headers.get("Repr-Digest", "")) or self.digest

    def _start_anew(self, why: str) -> None:
        """Drop what is here and ask for everything, without a pause, but not for ever."""
        self.part.restart(PartState(self.url, None, None))
        self.restarts += 1
        if self.restarts > 3:
            raise TransferError(f"{self.url}: {why}, again and again")
        raise Interrupted(f"{self.url}: {why}; beginning again", 0.0)

    async def _receive(self, answer: aiohttp.ClientResponse) -> None:
        total = self.part.state.size
        self.progress.at(self.part.offset, total)
        pending = bytearray()
        try:
            async for piece in answer.content.iter_any():
                pending += piece
                self.received += len(piece)
                if len(pending) >= _PIECE:
                    full, pending = pending, bytearray()
                    await asyncio.to_thread(self.part.append, full)
                    self.progress.at(self.part.offset, total)
        finally:
            # Also what came just before a cut is kept.
            self.part.append(pending)
        self.progress.at(self.part.offset, total)
        if total is not None and self.part.offset < total:
            raise Interrupted(f"{self.url}: the connection ended early")

    async def _verify(self) -> str | None:
        size, expected = self.part.offset, self.part.state.size
        if expected is not None and size != expected:
            await asyncio.to_thread(self.part.discard)
            raise TransferError(f"{self.url}: {size} bytes came instead of {expected}; they were dropped")
        theirs = self.digest or await remote_sha256(self.peer, self.url)
        if theirs is None:
            return None
        self.progress.verifying()
        ours = await asyncio.to_thread(sha256_of, self.part.path)
        if ours != theirs:
            await asyncio.to_thread(self.part.discard)
            raise TransferError(
                f"{self.url}: the bytes that came have SHA-256 {ours}, those of the server {theirs}; "
                "they were dropped"
            )
        return ours


def _disposition_name(header: str) -> str:
    """The file name of a Content-Disposition, `filename*` (RFC 8187) before `filename`."""
    if extended := _EXTENDED_NAME.search(header):
        return unquote(extended[1])
    if not header:
        return ""
    message = EmailMessage()
    try:
        message["Content-Disposition"] = header
        return message.get_filename() or ""
    except (ValueError, IndexError):
        return ""


def _safe(name: str) -> str:
    """A name that stays in its folder: its last part, printable, without a dot in front."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(letter for letter in last if letter.isprintable())
    return printable.strip().lstrip(".")[:200]

"""Downloads by HTTP ranges (RFC 9110, 14), resumed across cuts and across runs, verified at the end.

What has landed is gone on with only when the server confirms by If-Range that it is of the same
representation; a 200 instead of a 206 means begin again (Digikoppeling GB003). A 206 that does not continue
exactly where we are is not patched together: all bytes are asked for again, so that where two answers overlap
the latest one counts (GB004).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import NoReturn

import aiohttp

from kade.client.answers import refuse
from kade.client.digests import HEX_LENGTHS, from_repr_digest, remote_digests
from kade.client.errors import Interrupted, TransferError
from kade.client.naming import disposition_name, offered, url_name
from kade.client.peer import RemotePeer
from kade.client.ports import NOTHING, Landing, Offered, Representation
from kade.client.progress import Progress, Silent
from kade.client.retry import persist

_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_NO_HEAD = frozenset({405, 501})
# How much older than its answer a file must be for its date to tell it from a later one: RFC 9110, 8.8.2.2,
# asks for a second and for allowance where two clocks may be involved.
_SETTLED_S = 60


@dataclass(frozen=True)
class Expected:
    """What somebody else said of the file, such as an external-data-reference (MD005, MD006).

    `size` in bytes or None; `digests` in hex by algorithm: md5, sha1, sha256, sha384, sha512.
    """

    size: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for algorithm in self.digests:
            if algorithm not in HEX_LENGTHS:
                raise ValueError(f"{algorithm!r} is no digest that files are compared by")


@dataclass(frozen=True)
class Downloaded:
    """A finished download; `digests` are those that were told of it and were equal, lower-case hex."""

    size: int
    digests: Mapping[str, str]


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
            found = disposition_name(answer.headers.get("Content-Disposition", ""))

    await persist(peer.retry, Silent(), lambda: 0, ask)
    return found or url_name(url) or "download"


async def download(
    peer: RemotePeer,
    url: str,
    landing: Landing,
    *,
    expected: Expected | None = None,
    progress: Progress | None = None,
) -> Downloaded:
    """Fetch `url` into `landing`, going on from what is there; at the end all bytes are there and verified.

    They are compared with what is `expected`; without an expected digest with Repr-Digest, else with what
    the server has at the URL with .sha256 or .md5 behind it, else with nothing. Raises TransferError; the
    bytes so far are kept, wrong ones are discarded.
    """
    return await _Download(peer, url, landing, expected or Expected(), progress or Silent()).run()


class _Download:
    """One download under way."""

    def __init__(
        self, peer: RemotePeer, url: str, landing: Landing, expected: Expected, progress: Progress
    ) -> None:
        self.peer, self.url, self.landing = peer, url, landing
        self.expected, self.progress = expected, progress
        # The whole file's size as the latest answer told it.
        self.size = landing.state.size if landing.state.url == url else None
        self.told: dict[str, str] = {}  # digests of the whole file that came with an answer
        self.restarts = 0
        self.received = 0  # bytes that came in this run, also those dropped again

    async def run(self) -> Downloaded:
        await persist(self.peer.retry, self.progress, lambda: self.received, self._go_on)
        return Downloaded(self.landing.offset, await self._verify())

    @property
    def _resumable(self) -> bool:
        """Whether a range request may go on: same address, and a validator to check with."""
        state = self.landing.state
        return self.landing.offset > 0 and state.url == self.url and state.validator is not None

    async def _go_on(self) -> None:
        """Ask for what is missing; Interrupted when something broke on the way."""
        resumed = self._resumable
        if resumed and self.landing.offset == self.size:
            return
        headers = {}
        if resumed:
            validator = str(self.landing.state.validator)
            headers = {"Range": f"bytes={self.landing.offset}-", "If-Range": validator}
        async with self.peer.request("GET", self.url, headers, redirects=True) as answer:
            if answer.status == 200:
                await self._receive(answer, await self._begin(answer))
            elif answer.status == 206 and resumed:
                await self._receive(answer, await self._continue(answer))
            elif answer.status == 416 and resumed:
                await self._start_anew("what is here does not fit any more")
            else:
                raise refuse(answer, self.url)

    async def _begin(self, answer: aiohttp.ClientResponse) -> int | None:
        """All of it comes; what was here before is of something else, or cannot be shown to be the same.

        Returns where the answer ends, as all of these do: the position behind its last byte, if it told.
        """
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise TransferError(
                f"{self.url}: the server encodes the file although it was asked not to", permanent=True
            )
        if answer.content_type == "multipart/form-data":
            # An API for programs wraps the file in a form (file-service.md 1.1).
            raise TransferError(
                f"{self.url} answers with a form around the file; ask for …/download/PATH", permanent=True
            )
        self.size = answer.content_length
        await self._check_size(self.size)
        state = Representation(self.url, _strong_etag(answer), self.size, _settled_date(answer))
        await self.landing.restart(state, offered(answer, self.url))
        self.told = from_repr_digest(answer.headers.get("Repr-Digest", ""))
        return self.size

    async def _continue(self, answer: aiohttp.ClientResponse) -> int:
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        state = self.landing.state
        if match is None or int(match[1]) != self.landing.offset:
            await self._start_anew("the server sent another range than asked for")
        total = int(match[3]) if match[3] != "*" else self.size
        if self.size not in (None, total):
            await self._start_anew("the file has another size now")
        # Upstream's 206 has no ETag at all; one that is there must be ours.
        if state.etag is not None and answer.headers.get("ETag", state.etag) != state.etag:
            await self._start_anew("the file is another one now")
        self.size = total
        await self._check_size(total)
        self.told = from_repr_digest(answer.headers.get("Repr-Digest", "")) or self.told
        return int(match[2]) + 1

    async def _start_anew(self, why: str) -> NoReturn:
        """Drop what is here and ask for everything, without a pause, but not for ever."""
        await self.landing.restart(NOTHING, Offered("", None))
        self.size, self.told = None, {}
        self.restarts += 1
        if self.restarts > 3:
            raise TransferError(f"{self.url}: {why}, again and again")
        raise Interrupted(f"{self.url}: {why}; beginning again", 0.0)

    async def _check_size(self, told: int | None) -> None:
        """Digikoppeling GB014, before the bytes are asked for in vain."""
        if None not in (told, self.expected.size) and told != self.expected.size:
            await self._refuse_bytes(f"the server has {told} bytes, expected are {self.expected.size}")

    async def _receive(self, answer: aiohttp.ClientResponse, end: int | None) -> None:
        self.progress.at(self.landing.offset, self.size)
        async with aclosing(self._pieces(answer)) as pieces:
            await self.landing.receive(pieces)
        self.progress.at(self.landing.offset, self.size)
        if self.size is None:
            self.size = self.landing.offset  # the framing of the answer said that this is the end
        elif self.landing.offset < self.size:
            if self.landing.offset == end:
                raise Interrupted(f"{self.url}: the server sends so much at a time", 0.0)
            raise Interrupted(f"{self.url}: the connection ended early")

    async def _pieces(self, answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        position, limit, throttle = self.landing.offset, self.expected.size, self.peer.throttle
        async for piece in answer.content.iter_any():
            self.received += len(piece)
            for part in throttle.cut(piece) if throttle else (piece,):
                if throttle is not None:
                    await throttle.take(len(part))
                position += len(part)
                yield part
                self.progress.at(position, self.size)
            if limit is not None and position > limit:
                return  # enough to know that it is wrong

    async def _verify(self) -> dict[str, str]:
        size = self.landing.offset
        for wanted in (self.size, self.expected.size):
            if wanted is not None and size != wanted:
                await self._refuse_bytes(f"{size} bytes came instead of {wanted}")
        theirs = dict(self.expected.digests) or self.told or await remote_digests(self.peer, self.url)
        if theirs:
            self.progress.verifying()
        for algorithm, digest in theirs.items():
            ours = await self.landing.digest(algorithm)
            if ours != digest.lower():
                name = algorithm.upper().replace("SHA", "SHA-")
                whose = "expected is" if self.expected.digests else "those of the server"
                await self._refuse_bytes(f"the bytes that came have {name} {ours}, {whose} {digest}")
        return {algorithm: digest.lower() for algorithm, digest in theirs.items()}

    async def _refuse_bytes(self, why: str) -> NoReturn:
        """Digikoppeling GB014 and GB015: bytes that are not those that were meant are of no use."""
        await self.landing.discard()
        raise TransferError(f"{self.url}: {why}; they were dropped")


def _strong_etag(answer: aiohttp.ClientResponse) -> str | None:
    etag = answer.headers.get("ETag", "")
    return etag if _STRONG_ETAG.fullmatch(etag) else None


def _settled_date(answer: aiohttp.ClientResponse) -> str | None:
    """The Last-Modified where it may stand in for a strong ETag (RFC 9110, 8.8.2.2), else None."""
    modified = answer.headers.get("Last-Modified", "")
    if _strong_etag(answer) is not None:
        return None
    try:
        age = parsedate_to_datetime(answer.headers.get("Date", "")) - parsedate_to_datetime(modified)
    except (ValueError, TypeError):
        return None
    return modified if age.total_seconds() >= _SETTLED_S else None

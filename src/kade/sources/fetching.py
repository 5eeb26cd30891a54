"""Asking a site for a page: one request at a time with a pause between, within the policy, within bounds."""

import asyncio
import hashlib
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import IO

import aiohttp

from kade.client import RemotePeer, TransferError
from kade.client.errors import Interrupted
from kade.core.clock import Millis, from_datetime
from kade.core.errors import KadeError, SourceReason
from kade.sources.html import HtmlReader, Links
from kade.sources.settings import WebsiteSettings

HTML = frozenset({"text/html", "application/xhtml+xml"})
_DOCUMENTS = frozenset({
    "text/plain", "text/csv", "text/markdown", "text/rtf", "text/tab-separated-values",
    "application/pdf", "application/rtf", "application/msword", "application/vnd.oasis.opendocument",
    "application/vnd.openxmlformats-officedocument",
})  # fmt: skip
_MICROSOFT = ("application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/vnd.ms-word")
_PIECE = 1 << 16
_LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class Page:
    """What was answered; *signature* is empty when it was no success, or of no kind that is kept."""

    url: str
    status: int
    location: str = ""
    media_type: str = ""
    signature: str = ""
    length: int | None = None
    modified_at: Millis | None = None
    links: Links = field(default_factory=Links)


class Fetcher:
    """Asks by *peer*, as politely as the settings and *delay* (seconds, which others may set) want it."""

    def __init__(self, peer: RemotePeer, settings: WebsiteSettings) -> None:
        self.delay = 0.0
        self._peer = peer
        self._interval = settings.interval_ms / 1000
        self._timeout = settings.timeout_ms / 1000
        self._max_size = settings.max_size
        self._turn = asyncio.Lock()
        self._next_at = 0.0

    async def page(self, url: str, into: IO[bytes] | None = None) -> Page:
        """Ask for a page; its bytes are written to *into*, if it is of a kind that is kept.

        Of what tells its version in the head of the answer, and leads nowhere, no more is read than that.

        Raises:
            KadeError: ``SourceReason.UNREADABLE`` when no whole answer came, ``TOO_LARGE``.
        """
        async with self.answer(url) as response:
            page = Page(url, response.status, response.headers.get("Location", ""))
            page.media_type = response.content_type.lower()
            if response.status != 200 or not _is_kept(page.media_type):
                return page
            page.modified_at = _moment(response.headers.get("Last-Modified", ""))
            page.links.obey(",".join(response.headers.getall("X-Robots-Tag", [])))
            told = "" if _encoding(response) else response.headers.get("Content-Length", "")
            page.length = int(told) if told.isascii() and told.isdigit() and len(told) < 20 else None
            if (page.length or 0) > self._max_size:
                raise KadeError(SourceReason.TOO_LARGE, f"{url}: {page.length} bytes")
            page.signature = _version(response)
            if page.media_type in HTML or not page.signature or into is not None:
                await self._take(response, page, into)
            return page

    @asynccontextmanager
    async def answer(self, url: str, *, redirects: bool = False) -> AsyncIterator[aiohttp.ClientResponse]:
        """One answer; all of it has to come within the time for it. Raises ``SourceReason.UNREADABLE``."""
        async with self._turn:
            await asyncio.sleep(self._next_at - time.monotonic())
            try:
                async with asyncio.timeout(self._timeout):
                    headers = {"Accept-Encoding": "gzip"}
                    async with self._peer.request("GET", url, headers, redirects=redirects) as response:
                        yield response
                        self._asked_to_wait(response)
            except TimeoutError:
                raise KadeError(SourceReason.UNREADABLE, f"{url}: no whole answer came in time") from None
            except (TransferError, Interrupted) as error:
                raise KadeError(SourceReason.UNREADABLE, f"{url}: {error}") from None
            finally:
                pause = max(self._interval, self.delay)
                self._next_at = max(self._next_at, time.monotonic() + pause)

    async def pieces(
        self, response: aiohttp.ClientResponse, url: str, most: int | None = None
    ) -> AsyncIterator[bytes]:
        """The body, unpacked, in pieces of 64 KiB at most; *most*: another size than that of the settings.

        Raises:
            KadeError: ``SourceReason.TOO_LARGE``, ``UNREADABLE``.
        """
        most = self._max_size if most is None else most
        came, total, encoding = False, 0, _encoding(response)
        if encoding not in ("", "gzip", "x-gzip", "deflate"):
            raise KadeError(SourceReason.UNREADABLE, f"{url}: packed as nobody asked for: {encoding[:20]}")
        unpack = zlib.decompressobj(wbits=47)  # either format, by its head
        async for piece in response.content.iter_chunked(_PIECE):
            came = True
            for plain in _unpacked(unpack, piece) if encoding else (piece,):
                total += len(plain)
                if total > most:
                    raise KadeError(SourceReason.TOO_LARGE, f"{url}: more than {most} bytes")
                yield plain
        if encoding and came and not unpack.eof:
            raise KadeError(SourceReason.UNREADABLE, f"{url}: packed, and no whole")

    async def _take(self, response: aiohttp.ClientResponse, page: Page, into: IO[bytes] | None) -> None:
        digest, length = hashlib.sha256(), 0
        reader = HtmlReader(response.charset) if page.media_type in HTML else None
        async for piece in self.pieces(response, page.url):
            length += len(piece)
            digest.update(piece)
            if reader is not None:
                reader.feed(piece)
            if into is not None:
                into.write(piece)
        said = digest.hexdigest()
        if reader is not None:
            said = reader.finish()
            reader.links.noindex |= page.links.noindex
            reader.links.nofollow |= page.links.nofollow
            page.links = reader.links
        page.length = length
        page.signature = page.signature or f"says:{said[:40]}"

    def _asked_to_wait(self, response: aiohttp.ClientResponse) -> None:
        """RFC 9110, 10.2.3: after 429 and 503 a site may say for how long."""
        told = response.headers.get("Retry-After", "")
        if response.status in (429, 503) and told.isascii() and told.isdigit():
            self._next_at = time.monotonic() + min(float(told), _LONGEST_PAUSE_S)


def _unpacked(unpack: "zlib._Decompress", packed: bytes) -> Iterator[bytes]:
    """What comes out, little by little; broken input gives nothing more, so it never comes to its end."""
    more = True
    while more:
        try:
            plain = unpack.decompress(packed, _PIECE)
        except zlib.error:
            return
        if plain:
            yield plain
        packed = unpack.unconsumed_tail
        more = bool(packed) or len(plain) == _PIECE


def _is_kept(media_type: str) -> bool:
    return (
        media_type in HTML
        or media_type in _DOCUMENTS
        or media_type.startswith((*_MICROSOFT, *(kind for kind in _DOCUMENTS if "vnd." in kind)))
    )


def _encoding(response: aiohttp.ClientResponse) -> str:
    told = response.headers.get("Content-Encoding", "").strip().lower()
    return "" if told == "identity" else told


def _version(response: aiohttp.ClientResponse) -> str:
    """What tells this version from others, if the server says so."""
    etag = response.headers.get("ETag", "").strip().removeprefix("W/")
    if etag:
        return f"etag:{hashlib.sha256(etag.encode('utf-8', 'replace')).hexdigest()[:40]}"
    modified = response.headers.get("Last-Modified", "").strip()
    if _moment(modified) is None:
        return ""
    return f"modified:{modified}:{response.headers.get('Content-Length', '')[:20]}"


def _moment(text: str) -> Millis | None:
    try:
        found = parsedate_to_datetime(text)
        return from_datetime(found) if found.tzinfo is not None else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None

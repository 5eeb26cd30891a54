"""A website as a ``Place``: its pages, and the documents that they lead to.

A key is an address. The signature is what the server says of the version (ETag, Last-Modified), else a digest
of what a page says. Absence means little on the web, so a walk that missed something says, by an
``Unreadable`` for everything, that what it did not see may still be there.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from typing import IO
from urllib.parse import urlsplit

from yarl import URL

from kade.client import Policy, Proxy, RemotePeer, Retry, TransferError
from kade.core.errors import KadeError, SourceReason
from kade.core.sources import Seen, Unreadable
from kade.sources import messages, robots, sitemap
from kade.sources.crawl import Frontier, Site, Visit
from kade.sources.fetching import HTML, Fetcher, Page
from kade.sources.robots import Robots
from kade.sources.settings import WebsiteSettings

_AGENT = "kade"
_PIECE = 1 << 18
_IN_MEMORY = 1 << 20
_ROBOTS_LAST_S = 3600.0  # RFC 9309, 2.4: a day at most
_MOST_SITEMAPS = 50
_GONE = frozenset({404, 410})
_PAGE_SUFFIXES = (".html", ".htm", ".xhtml")


class WebsitePlace:
    """Implements ``core.ports.Place``."""

    def __init__(self, site: Site, settings: WebsiteSettings, peer: RemotePeer) -> None:
        self._site = site
        self._settings = settings
        self._peer = peer
        self._fetcher = Fetcher(peer, settings)
        self._robots: dict[str, tuple[float, Robots]] = {}

    @classmethod
    async def open(
        cls, location: str, path: str, settings: WebsiteSettings, policy: Policy | None, proxy: Proxy | None
    ) -> "WebsitePlace":
        """The site that begins at *location*; nothing is asked of it yet.

        Raises:
            KadeError: ``SourceReason.BAD_LOCATION``, or ``UNREACHABLE`` when *policy* does not allow it.
        """
        site = Site(location, settings.addresses, path)
        policy = policy or Policy()
        try:
            for start in site.starts:
                policy.check(URL(start))
            stall = settings.timeout_ms / 1000
            peer = RemotePeer(location, policy=policy, proxy=proxy, retry=Retry(attempts=1, stall=stall))
        except TransferError as error:
            raise KadeError(SourceReason.UNREACHABLE, str(error)) from None
        await peer.__aenter__()
        return cls(site, settings, peer)

    async def walk(self) -> AsyncIterator[Seen | Unreadable]:
        frontier = Frontier(self._site, self._settings)
        self._robots.clear()
        keys: set[str] = set()
        names_all = await self._read_sitemaps(frontier)
        while visit := frontier.next():
            try:
                page = await self._visit(visit.address)
            except KadeError as error:
                if visit.is_first:
                    raise _no_place(error) from None
                frontier.missed(visit)
                yield Unreadable(visit.address, error.subject)
                continue
            if page is None:
                if visit.is_first:
                    raise KadeError(SourceReason.NOT_THERE, f"{visit.address}: robots.txt keeps us out")
                continue
            item = self._judge(frontier, visit, page)
            if item is not None and item.key not in keys:
                keys.add(item.key)
                yield item
        if not (frontier.is_complete and names_all):
            yield Unreadable("", "not all pages were looked at: what is not seen may still be there")

    async def look(self, key: str) -> Seen | None:
        address = self._site.looked_up(key)
        if not address:
            return None
        page = await self._visit(address)
        if page is None or page.links.noindex:
            return None
        _refuse(page)
        return self._seen(page)

    async def read(self, seen: Seen) -> AsyncIterator[bytes]:
        """Pages that are never twice the same, as some are, are read as they come: the second time counts."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            first = await self._fetched(seen.key, spool)
            if first != seen.signature:
                await asyncio.to_thread(spool.truncate, 0)
                spool.seek(0)
                second = await self._fetched(seen.key, spool)
                if second == first:
                    raise KadeError(SourceReason.CHANGED, seen.key)
            spool.seek(0)
            while piece := await asyncio.to_thread(spool.read, _PIECE):
                yield piece

    async def changes(self) -> AsyncIterator[None]:
        """It ends at once: a site does not tell."""
        never: tuple[None, ...] = ()
        for item in never:
            yield item

    async def close(self) -> None:
        await self._peer.__aexit__(None, None, None)

    async def _visit(self, address: str, into: IO[bytes] | None = None) -> Page | None:
        """What is answered there; None when robots.txt does not allow to ask.

        Raises:
            KadeError: ``SourceReason.UNREADABLE``, ``TOO_LARGE``.
        """
        url = URL(address)
        rules = await self._rules(url)
        if not rules.allows(url.raw_path_qs):
            return None
        self._fetcher.delay = rules.delay
        return await self._fetcher.page(address, into)

    def _judge(self, frontier: Frontier, visit: Visit, page: Page) -> Seen | Unreadable | None:
        """What becomes of an answer. Raises KadeError when it is that of the first page, and no success."""
        if 300 <= page.status < 400:
            frontier.redirected(visit, page.location)
            return None
        try:
            _refuse(page)
        except KadeError as error:
            if visit.is_first:
                raise _no_place(error) from None
            frontier.missed(visit)
            return Unreadable(visit.address, error.subject)
        if page.status in _GONE and visit.is_first:
            raise KadeError(SourceReason.NOT_THERE, f"{visit.address}: answers {page.status}")
        if frontier.prefers(visit, page.links):
            return None
        frontier.follow(visit, page.links)
        return None if page.links.noindex else self._seen(page)

    def _seen(self, page: Page) -> Seen | None:
        below = self._site.below(page.url)
        if not page.signature or below is None:
            return None
        *folder, last = below
        name = messages.fit(last) or "index.html"
        if query := urlsplit(page.url).query:
            name = messages.fit(f"{name}?{query}")
        if page.media_type in HTML and not name.lower().endswith(_PAGE_SUFFIXES):
            name += ".html"
        return Seen(
            key=page.url,
            folder=tuple(filter(None, map(messages.fit, folder))),
            name=name,
            signature=page.signature,
            length=page.length,
            modified_at=page.modified_at,
        )

    async def _fetched(self, address: str, into: IO[bytes]) -> str:
        """The signature of what was fetched. Raises ``SourceReason.CHANGED`` and as ``_visit`` does."""
        page = await self._visit(address, into) if self._site.address(address) == address else None
        if page is not None:
            _refuse(page)
        if page is None or not page.signature:
            raise KadeError(SourceReason.CHANGED, address)
        return page.signature

    async def _rules(self, url: URL) -> Robots:
        """What robots.txt of that host says. Raises ``SourceReason.UNREADABLE`` when it cannot be told."""
        origin = str(url.origin())
        kept = self._robots.get(origin)
        if kept is None or time.monotonic() - kept[0] > _ROBOTS_LAST_S:
            kept = time.monotonic(), await self._ask_rules(f"{origin}/robots.txt")
            self._robots[origin] = kept
        return kept[1]

    async def _ask_rules(self, address: str) -> Robots:
        """RFC 9309, 2.3.1: none is no rule; but a server that fails allows nothing."""
        async with self._fetcher.answer(address, redirects=True) as response:
            if response.status >= 500 or response.status == 429:
                raise KadeError(SourceReason.UNREADABLE, f"{address}: answers {response.status}")
            if response.status != 200:
                return Robots()
            body = bytearray()
            async for piece in self._fetcher.pieces(response, address, sys.maxsize):
                body += piece
                if len(body) > robots.LONGEST:
                    break
        return robots.parse(bytes(body), _AGENT)

    async def _read_sitemaps(self, frontier: Frontier) -> bool:
        """Let the frontier know what the site's own lists name; whether they could all be read."""
        try:
            rules = await self._rules(URL(self._site.first))
        except KadeError as error:
            raise _no_place(error) from None
        waiting = list(rules.sitemaps or ["/sitemap.xml"])
        known, all_read = set[str](), True
        while waiting and len(known) < _MOST_SITEMAPS:
            address = self._site.address(waiting.pop(0))
            if not address or address in known:
                continue
            known.add(address)
            found = await self._sitemap(address)
            if found is None:
                all_read = False
                continue
            waiting += found.sitemaps
            for page in found.pages:
                if named := self._site.address(page):
                    frontier.named(named)
        return all_read

    async def _sitemap(self, address: str) -> sitemap.SitemapReader | None:
        """What it names; None when it could not be read, though it may be there."""
        found = sitemap.SitemapReader()
        try:
            rules = await self._rules(URL(address))
            if not rules.allows(URL(address).raw_path_qs):
                return found
            async with self._fetcher.answer(address) as response:
                if response.status >= 500 or response.status == 429:
                    return None
                if response.status == 200:
                    async for piece in self._fetcher.pieces(response, address, sitemap.LARGEST):
                        found.feed(piece)
        except KadeError:
            return None
        found.finish()
        return found


def check(location: str, settings: WebsiteSettings) -> None:
    """Raise ``SourceReason.BAD_LOCATION`` unless *location* and the other first pages are addresses."""
    Site(location, settings.addresses, "")


def _refuse(page: Page) -> None:
    """Raise ``SourceReason.UNREADABLE`` for an answer after which the page may still be there."""
    if page.status != 200 and page.status not in _GONE and not 300 <= page.status < 400:
        raise KadeError(SourceReason.UNREADABLE, f"{page.url}: answers {page.status}", status=page.status)


def _no_place(error: KadeError) -> KadeError:
    """What it means when that happens to the first page."""
    refused = error.facts.get("status") in (401, 403)
    return KadeError(SourceReason.LOGIN_REFUSED if refused else SourceReason.UNREACHABLE, error.subject)

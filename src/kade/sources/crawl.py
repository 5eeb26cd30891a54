"""What a walk through a website asks for: which addresses belong to it, in which order, and where it ends."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from yarl import URL

from kade.core.errors import KadeError, SourceReason
from kade.sources.html import Links
from kade.sources.settings import WebsiteSettings

_LONGEST = 2_000  # characters of an address
_LONGEST_QUERY = 300
_QUERIES = 100  # different ones of one path; calendars and sorted tables have them without end
_REDIRECTS = 5
_KNOWN_PER_PAGE = 20  # so many addresses are remembered for each page that may be asked for


class Site:
    """The addresses that belong to a place: those of the hosts of its first pages, below *path*."""

    def __init__(self, location: str, addresses: Iterable[str], path: str) -> None:
        first = _first(location)
        self.origin = first.origin()
        self._is_secure = first.scheme == "https"
        self._starts = [first, *map(_first, addresses)]
        self._hosts = {_host(url) for url in self._starts}
        self._path = tuple(part for part in path.split("/") if part)

    @property
    def first(self) -> str:
        """The first page: without it there is no place."""
        return self.starts[0]

    @property
    def starts(self) -> list[str]:
        """Where a walk begins."""
        starts = [str(url) for url in self._starts]
        if self._path:
            starts.insert(0, str(self.origin.joinpath(*self._path)))
        return starts

    def address(self, text: str, base: str = "", relative_to: str = "") -> str:
        """An address of the site in its one spelling, without what stands behind #; empty: it is none.

        *base* is the page that it is written on, *relative_to* what that page gives instead.
        """
        try:
            url = URL(base or str(self.origin))
            url = url.join(URL(relative_to)) if relative_to else url
            url = url.join(URL(text)).with_fragment(None)
            if url.scheme == "http" and self._is_secure and url.is_default_port():
                url = url.with_scheme("https").with_port(None)  # from https nothing leads back to http
            ours = url.scheme in ("http", "https") and bool(url.raw_host) and _host(url) in self._hosts
            if not ours or url.raw_user is not None or url.raw_password is not None:
                return ""
        except (ValueError, TypeError, UnicodeError):
            return ""
        spelled = str(url.with_path("/", keep_query=True) if url.raw_path in ("", "/") else url)
        fits = len(spelled) <= _LONGEST and len(url.raw_query_string) <= _LONGEST_QUERY
        return spelled if fits and "\\" not in spelled and spelled.isprintable() else ""

    def looked_up(self, key: str) -> str:
        """The address of what somebody calls *key*: an address, or the path below the place."""
        if "://" in key:
            return self.address(key)
        if not key or any(part in ("", ".", "..") for part in key.removesuffix("/").split("/")):
            return ""
        return self.address(str(self.origin.joinpath(*self._path, *key.split("/"))))

    def below(self, address: str) -> tuple[str, ...] | None:
        """The parts of an address's path below the place, the last one empty for a folder; None: elsewhere.

        What lies on another host than the first page's has that host before it.
        """
        url = URL(address)
        parts = tuple(unquote(part) for part in url.raw_path.split("/")[1:])
        depth = len(self._path)
        if _host(url) != _host(self.origin):
            return (url.authority, *parts) if not depth else None
        return parts[depth:] or ("",) if parts[:depth] == self._path else None


@dataclass(frozen=True, slots=True)
class Visit:
    """One address to ask for; *depth* in links from a first page, *hops* in redirects."""

    address: str
    depth: int
    hops: int = 0
    is_first: bool = False


class Frontier:
    """The addresses that are still to be asked for, each once, nearest first."""

    def __init__(self, site: Site, settings: WebsiteSettings) -> None:
        self.is_complete = True
        self._site = site
        self._depth = settings.depth
        self._left = settings.pages
        self._most = settings.pages * _KNOWN_PER_PAGE
        self._waiting: deque[Visit] = deque()
        self._known: set[str] = set()
        self._queries: Counter[str] = Counter()
        self._given_up: set[str] = set()
        for at, start in enumerate(site.starts):
            self._add(Visit(start, 0, is_first=at == 0))

    def next(self) -> Visit | None:
        """The next one; None at the end."""
        if not self._waiting:
            return None
        if not self._left:
            self.is_complete = False
            return None
        self._left -= 1
        return self._waiting.popleft()

    def missed(self, visit: Visit) -> None:
        """It could not be read: what only it leads to stays unseen."""
        if visit.depth < self._depth:
            self.is_complete = False

    def named(self, address: str) -> None:
        """The site's list of its pages names this."""
        if self._depth and self._site.below(address) is not None:
            self._add(Visit(address, 1))

    def redirected(self, visit: Visit, location: str) -> None:
        """*visit* leads elsewhere; that is asked for in its place, if it belongs to the site."""
        target = self._site.address(location, visit.address)
        if target and visit.hops < _REDIRECTS:
            self._add(Visit(target, visit.depth, visit.hops + 1, visit.is_first), at_once=True)

    def prefers(self, visit: Visit, links: Links) -> bool:
        """Whether the page wants to be known by another address of the site, which is asked for then.

        Of two pages that name each other the second one stays.
        """
        other = self._site.address(links.canonical, visit.address, links.base) if links.canonical else ""
        if not other or other == visit.address or other in self._given_up:
            return False
        self._given_up.add(visit.address)
        self._add(Visit(other, visit.depth), at_once=True)
        return True

    def follow(self, visit: Visit, links: Links) -> None:
        """All links of a page, unless it is as deep as a walk goes, or wants none followed."""
        if links.nofollow or visit.depth >= self._depth:
            return
        for href in links.hrefs:
            address = self._site.address(href, visit.address, links.base)
            if address and self._site.below(address) is not None:
                self._add(Visit(address, visit.depth + 1))

    def _add(self, visit: Visit, *, at_once: bool = False) -> None:
        if visit.address in self._known:
            return
        path, has_query, _ = visit.address.partition("?")
        if has_query and self._queries[path] >= _QUERIES:
            return
        if len(self._known) >= self._most:
            self.is_complete = False
            return
        self._known.add(visit.address)
        if has_query:
            self._queries[path] += 1
        if at_once:
            self._waiting.appendleft(visit)
        else:
            self._waiting.append(visit)


def _first(text: str) -> URL:
    """Raises ``SourceReason.BAD_LOCATION``, without what may be a password."""
    try:
        url = URL(text).with_fragment(None)
        fits = url.scheme in ("http", "https") and bool(url.raw_host) and url.port is not None
    except (ValueError, TypeError, UnicodeError):
        fits = False
    if not fits:
        raise KadeError(
            SourceReason.BAD_LOCATION, "a website is a complete address such as https://host/path"
        )
    if url.raw_user is not None or url.raw_password is not None:
        raise KadeError(SourceReason.BAD_LOCATION, "a user or password does not belong into an address")
    return url if url.raw_path else url.with_path("/")


def _host(url: URL) -> tuple[str, int | None]:
    """By which a host is the same: with or without www, and without a port that goes without saying."""
    host = (url.raw_host or "").removesuffix(".").removeprefix("www.")
    return host, None if url.is_default_port() else url.port

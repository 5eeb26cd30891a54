"""Somebody else's servers: which may be reached, by which way and with which proof."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from kade.client import RemotePeer, Retry, client_context
from kade.client.policy import Policy
from kade.client.throttle import Throttle
from kade.dialects.fileclient.settings import Destination, Settings

_ANY = Destination(hosts=("*",))


class Peers:
    """A way to each destination; what its transfers share is made once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.policy = Policy(
            hosts=settings.hosts,
            networks=tuple(ip_network(each, strict=False) for each in settings.networks),
            schemes=("https", "http") if settings.plain_http else ("https",),
        )
        self._throttles = {
            index: Throttle(each.rate) for index, each in enumerate(settings.destinations) if each.rate
        }
        self._contexts: dict[int, tuple[tuple[float, ...], ssl.SSLContext]] = {}

    @asynccontextmanager
    async def towards(self, url: str) -> AsyncIterator[RemotePeer]:
        """The server of that URL. Raises TransferError, also where the policy does not let us."""
        self.policy.check_url(url)
        index, destination = self._destination(url)
        peer = RemotePeer(
            url,
            tls=self._context(index, destination),
            retry=Retry(attempts=self._settings.quick_attempts, stall=destination.stall_timeout),
            policy=self.policy,
            proxy=destination.proxy or None,
            connect_timeout=destination.connect_timeout,
            throttle=self._throttles.get(index),
        )
        async with peer:
            yield peer

    def part_size(self, url: str) -> int | None:
        """Bytes of one PATCH there; None: all in one."""
        return self._destination(url)[1].part_size or None

    def _destination(self, url: str) -> tuple[int, Destination]:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
        for index, each in enumerate(self._settings.destinations):
            if any(fnmatchcase(host, pattern.lower()) for pattern in each.hosts):
                return index, each
        return -1, _ANY

    def _context(self, index: int, destination: Destination) -> ssl.SSLContext:
        """Made anew when one of its files has changed: certificates are renewed while we run."""
        files = (destination.certificate, destination.key, destination.authorities)
        changed = tuple(_changed_at(each) for each in files if each is not None)
        kept = self._contexts.get(index)
        if kept is None or kept[0] != changed:
            context = client_context(
                destination.certificate,
                destination.key,
                password=destination.password or None,
                authorities=destination.authorities,
            )
            kept = self._contexts[index] = (changed, context)
        return kept[1]


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # whoever opens it says what is wrong

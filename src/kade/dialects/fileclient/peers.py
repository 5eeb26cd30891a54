"""Somebody else's servers: which may be reached, by which way and with which proof."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

from yarl import URL

from kade.client import RemotePeer, Retry, TransferError, client_context
from kade.client.policy import Policy
from kade.client.proxy import Proxy
from kade.client.throttle import Throttle
from kade.core.errors import KadeError, RequestReason, TaskReason
from kade.dialects.fileclient.settings import ANY, Destination, Settings

_URL_LENGTH = 2000  # characters

_Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


def policy_of(settings: Settings) -> Policy:
    """Where tasks may go."""
    return Policy(
        hosts=settings.hosts,
        networks=tuple(ip_network(each, strict=False) for each in settings.networks),
        schemes=frozenset({"https", "http"} if settings.plain_http else {"https"}),
    )


def judged(policy: Policy, text: str) -> URL:
    """The URL of a new task, in the form in which it is asked for.

    Raises:
        KadeError: ``RequestReason.BAD_VALUE`` when it is none, ``TaskReason.TARGET_REFUSED`` when the
            policy does not let us there.
    """
    try:
        # What a server told that listens on every address: meant is the machine it runs on.
        url = URL(text.strip().replace("://0.0.0.0:", "://localhost:", 1)).with_fragment(None)
        plain = text.strip().isprintable() and " " not in text.strip()
        complete = plain and bool(url.host and url.port) and len(str(url)) <= _URL_LENGTH
    except ValueError:
        complete = False
    if not complete:
        raise KadeError(RequestReason.BAD_VALUE, "url")
    try:
        policy.check(url)
    except TransferError as error:
        raise KadeError(TaskReason.TARGET_REFUSED, str(url.origin())) from error
    return url


class Peers:
    """A way to each destination; what its transfers share is made once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._policy = policy_of(settings)
        self._throttles = {each: Throttle(each.rate) for each in settings.destinations if each.rate}
        self._contexts: dict[Destination, tuple[tuple[float, ...], _Contexts]] = {}

    @asynccontextmanager
    async def towards(self, url: str) -> AsyncIterator[RemotePeer]:
        """The server of that URL. Raises TransferError."""
        destination = self._destination(url)
        tls, elsewhere = self._contexts_of(destination)
        peer = RemotePeer(
            url,
            tls=tls,
            elsewhere=elsewhere,
            retry=Retry(attempts=self._settings.quick_attempts, stall=destination.stall_timeout),
            policy=self._policy,
            proxy=Proxy.parse(destination.proxy) if destination.proxy else None,
            throttle=self._throttles.get(destination),
            connect_timeout=destination.connect_timeout,
        )
        async with peer:
            yield peer

    def part_size(self, url: str) -> int | None:
        """Bytes of one PATCH there; None: all in one."""
        return self._destination(url).part_size or None

    def _destination(self, url: str) -> Destination:
        host = (URL(url).raw_host or "").lower().removesuffix(".")
        return next((each for each in self._settings.destinations if each.covers(host)), ANY)

    def _contexts_of(self, destination: Destination) -> _Contexts:
        """With our certificate, and without it; made anew when a file has changed, for they are renewed."""
        files = (destination.certificate, destination.key, destination.authorities)
        changed = tuple(_changed_at(each) for each in files if each is not None)
        kept = self._contexts.get(destination)
        if kept is None or kept[0] != changed:
            authorities, password = destination.authorities, destination.password or None
            ours = client_context(
                destination.certificate, destination.key, password=password, authorities=authorities
            )
            kept = self._contexts[destination] = (changed, (ours, client_context(authorities=authorities)))
        return kept[1]


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # whoever opens it says what is wrong

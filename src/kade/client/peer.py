"""One remote file server as a client sees it."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from kade import __version__
from kade.client.answers import proxy_refusal
from kade.client.broken import address_refused, alert, certificate_flaw, closed, words
from kade.client.errors import Interrupted, TransferError
from kade.client.policy import Policy
from kade.client.proxy import Proxy
from kade.client.retry import Retry
from kade.client.throttle import Throttle

_READ_BUFFER = 1 << 19  # bytes; with less, large downloads stop and go all the time
_CONNECT_S = 30.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


class RemotePeer:
    """A server with our proof towards it: a TLS context, a bearer key, both or none.

    The bearer key is sent to `origin`'s scheme, host and port alone, whatever a server answers. Where a
    redirect leads elsewhere, the certificate in `tls` is not shown either: `elsewhere` is the context for
    that (None: the system's authorities, no certificate). From https nothing leads back to http.

    `policy` says which URLs and addresses may be reached (None: all), `proxy` goes between, `throttle` is how
    fast transfers may be (None: as fast as they can), `connect_timeout` is in seconds,
    `resolver` what names are looked up with (None: the system's). Use it as an async
    context manager; it holds the connections. Raises TransferError when `origin` is no URL of a server.
    """

    def __init__(
        self,
        origin: str,
        *,
        tls: ssl.SSLContext | None = None,
        elsewhere: ssl.SSLContext | None = None,
        bearer: str | None = None,
        retry: Retry | None = None,
        policy: Policy | None = None,
        proxy: Proxy | None = None,
        throttle: Throttle | None = None,
        connect_timeout: float = _CONNECT_S,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.retry = retry or Retry()
        self.throttle = throttle
        self._origin = _parsed(origin).origin()
        self._tls, self._elsewhere, self._bearer = tls, elsewhere, bearer
        self._policy, self._proxy, self._resolver = policy, proxy, resolver
        self._connect_timeout = min(connect_timeout, self.retry.stall)
        self._session: aiohttp.ClientSession | None = None
        self._answered = False
        self._turned_away = 0

    async def __aenter__(self) -> Self:
        # Behind a proxy the only address that we connect to is the proxy's.
        judge = self._policy.socket if self._policy is not None and self._proxy is None else None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(socket_factory=judge, resolver=self._resolver),
            headers={"User-Agent": f"kade/{__version__}", "Accept-Encoding": "identity"},
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
            # Nothing a server sets is sent back to it: proof is a certificate or a key.
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        redirects: bool = False,
        silence: float | None = -1.0,
        ask_first: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; whatever breaks it on the way, also within the body of the `with`, is Interrupted.

        `silence` is how long the server may say nothing, in seconds (None: the caller minds that).
        `ask_first` sends the body only after 100 Continue, for which it waits without end. `redirects`
        follows up to five of them, each judged by the policy again; for requests without a body.
        Raises TransferError for what no further attempt can mend, such as a certificate we do not trust.
        """
        silence = self.retry.stall if silence == -1.0 else silence
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout, sock_read=silence)
        options = {"data": body, "timeout": timeout, "expect100": ask_first}
        place, before = _parsed(url), self._origin
        for hop in range(_MOST_REDIRECTS + 1):
            self._check(place, before)
            tls = self._tls if hop == 0 or place.origin() == self._origin else self._elsewhere
            try:
                async with self._send(method, place, headers or {}, tls, options) as response:
                    self._answered = True
                    if not redirects or response.status not in _REDIRECTS:
                        yield response
                        return
                    place, before = _target(response), place
            except aiohttp.ClientConnectorCertificateError as error:
                sentence = f"{self._origin}: its certificate is not trusted: {certificate_flaw(error)}"
                raise TransferError(sentence, permanent=True) from None
            except aiohttp.InvalidURL:
                raise TransferError(f"{url!r} is no URL that can be asked for", permanent=True) from None
            except aiohttp.ClientHttpProxyError as error:
                raise proxy_refusal(error) from None
            except (aiohttp.ClientError, TimeoutError, ConnectionError, ssl.SSLError) as error:
                raise self._broken(error) from None
        raise TransferError(f"{url}: redirects in circles, or too many", permanent=True)

    def _send(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        tls: ssl.SSLContext | None,
        options: dict[str, Any],
    ) -> aiohttp.client._RequestContextManager:
        if self._session is None:
            raise RuntimeError("RemotePeer is used outside its context")
        sent = dict(headers)
        if self._bearer and url.origin() == self._origin:
            sent["Authorization"] = f"Bearer {self._bearer}"
        if self._proxy is not None:
            options = {**options, **self._proxy.options(url, sent)}
        return self._session.request(
            method, url, headers=sent, ssl=tls or True, allow_redirects=False, **options
        )

    def _check(self, url: URL, before: URL) -> None:
        """Whether a request may go to `url`, to which `before` led. Raises TransferError."""
        if before.scheme == "https" and url.scheme != "https":
            raise TransferError(f"{before} leads away from https; that is not followed", permanent=True)
        if self._policy is not None:
            self._policy.check(url)

    def _broken(self, error: BaseException) -> Exception:
        """What a broken connection means.

        A server that refuses our certificate says so by an alert, or, as many do, just closes. A second
        close before it ever answered is therefore taken for a refusal, and not for bad luck.
        """
        if address_refused(error):
            return TransferError(f"{self._origin}: {words(error)}", permanent=True)
        if alert(error):
            return TransferError(f"{self._origin}: the server refuses our certificate, or asks for one")
        if self._origin.scheme == "https" and not self._answered and closed(error):
            self._turned_away += 1
            if self._turned_away > 1:
                return TransferError(
                    f"{self._origin}: the server closes the connection without an answer; probably it "
                    "refuses our certificate, or asks for one"
                )
        return Interrupted(f"{self._origin}: {words(error)}")


def _parsed(url: str) -> URL:
    """The URL as it is asked for; the same object is judged. Raises TransferError if it is none for HTTP."""
    try:
        parsed = URL(url)
        complete = parsed.scheme in ("http", "https") and bool(parsed.host) and parsed.port is not None
    except ValueError:
        complete = False
    if not complete:
        shown = re.sub(r"//[^/]*@", "//", url)  # without a password
        raise TransferError(f"{shown!r} is no complete URL such as https://host/path", permanent=True)
    return parsed


def _target(response: aiohttp.ClientResponse) -> URL:
    """Where a redirect leads. Raises TransferError."""
    told = response.headers.get("Location", "")
    try:
        target = _parsed(str(response.url.join(URL(told))))
    except ValueError:
        target = URL()
    if not told or not target.host:
        raise TransferError(f"{response.url}: the server redirects to {told!r}", permanent=True)
    if target.raw_user is not None or target.raw_password is not None:
        raise TransferError(f"{response.url}: the server redirects to a URL with a password", permanent=True)
    return target

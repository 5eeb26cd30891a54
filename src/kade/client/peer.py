"""One remote file server as a client sees it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from kade import __version__
from kade.client.errors import Interrupted, TransferError, hopeless
from kade.client.retry import Retry

_REASONS = {
    400: "it calls the request malformed",
    401: "it does not know this certificate or key",
    403: "it does not allow this",
    404: "it has nothing there for us, or not yet",
    405: "it does not do this at that address",
    410: "it is gone",
    413: "the file is larger than it accepts",
    415: "it does not accept this kind of content",
    507: "it has no space left",
}
_READ_BUFFER = 1 << 19  # bytes; with less, large downloads stop and go all the time
# Worth another try: a request that took too long, locks, too early, too many, and what gateways say.
_PASSING = frozenset({408, 423, 425, 429, 500, 502, 503, 504})


class RemotePeer:
    """A server with our proof towards it: a TLS context, a bearer key, both or none.

    The bearer key is sent to `origin`'s scheme, host and port alone, whatever a server answers. Use it as an
    async context manager; it holds the connections.
    """

    def __init__(
        self,
        origin: str,
        *,
        tls: ssl.SSLContext | None = None,
        bearer: str | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.retry = retry or Retry()
        self._origin = _origin(origin)
        self._name = f"{self._origin[0]}://{urlsplit(origin).netloc.rpartition('@')[2]}"
        self._tls = tls
        self._bearer = bearer
        self._session: aiohttp.ClientSession | None = None
        self._answered = False
        self._turned_away = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls or True),
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
        `ask_first` sends the body only after 100 Continue, for which it waits without end.
        Raises TransferError for what no further attempt can mend, such as a certificate we do not trust.
        """
        if self._session is None:
            raise RuntimeError("RemotePeer is used outside its context")
        sent = dict(headers or {})
        if self._bearer and _origin(url) == self._origin:
            sent["Authorization"] = f"Bearer {self._bearer}"
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=min(30.0, self.retry.stall),
            sock_read=self.retry.stall if silence == -1.0 else silence,
        )
        try:
            async with self._session.request(
                method,
                url,
                headers=sent,
                data=body,
                allow_redirects=redirects,
                timeout=timeout,
                expect100=ask_first,
            ) as response:
                self._answered = True
                yield response
        except aiohttp.ClientConnectorCertificateError as error:
            raise TransferError(
                f"{self._name}: its certificate is not trusted: {_why(error)}", permanent=True
            ) from None
        except aiohttp.InvalidURL:
            raise TransferError(f"{url!r} is no URL that can be asked for", permanent=True) from None
        except aiohttp.TooManyRedirects:
            raise TransferError(f"{url}: redirects in circles", permanent=True) from None
        except (aiohttp.ClientError, TimeoutError, ConnectionError, ssl.SSLError) as error:
            raise self._broken(error) from None

    def _broken(self, error: BaseException) -> Exception:
        """What a broken connection means.

        A server that refuses our certificate says so by an alert, or, as many do, just closes. A second
        close before it ever answered is therefore taken for a refusal, and not for bad luck.
        """
        if _alert(error):
            return TransferError(f"{self._name}: the server refuses our certificate, or asks for one")
        if self._origin[0] == "https" and not self._answered and _closed(error):
            self._turned_away += 1
            if self._turned_away > 1:
                return TransferError(
                    f"{self._name}: the server closes the connection without an answer; probably it "
                    "refuses our certificate, or asks for one"
                )
        return Interrupted(f"{self._name}: {_words(error)}")


def refuse(response: aiohttp.ClientResponse, what: str) -> Exception:
    """The error for an answer that is no success: Interrupted when it may pass, else TransferError."""
    status = response.status
    if 300 <= status < 400:
        place = response.headers.get("Location", "elsewhere")
        return TransferError(
            f"{what}: the server sends us to {place}; use that address", status, permanent=True
        )
    reason = _REASONS.get(status, response.reason or "no reason given")
    sentence = f"{what}: the server answered {status}: {reason}"
    if status in _PASSING:
        return Interrupted(sentence, _retry_after(response), status)
    return TransferError(sentence, status, permanent=hopeless(status), retry_after=_retry_after(response))


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL (RFC 6454, 4). Raises TransferError when it has none for HTTP."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        raise TransferError(f"{url!r} is no complete URL such as https://host/path", permanent=True) from None
    if not parts.hostname:
        raise TransferError(f"{url!r} is no complete URL such as https://host/path", permanent=True)
    return parts.scheme, parts.hostname, port


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date; a date counts from the answer's own."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        later = parsedate_to_datetime(value) - parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, later.total_seconds())


def _why(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    return getattr(cause, "verify_message", "") or str(cause)


def _alert(error: BaseException) -> bool:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return "ALERT" in (getattr(cause, "reason", None) or str(cause))


def _closed(error: BaseException) -> bool:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return isinstance(cause, aiohttp.ServerDisconnectedError | ConnectionError) and not isinstance(
        cause, ConnectionRefusedError
    )


def _words(error: BaseException) -> str:
    if _closed(error):
        return "the connection was closed"
    if isinstance(error, TimeoutError):
        return "nothing came for too long"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection was cut in the middle"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__

"""What an answer that is no success means."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import aiohttp

from kade.client.errors import Interrupted, TransferError, hopeless

_REASONS = {
    400: "it calls the request malformed",
    401: "it does not know this certificate or key",
    403: "it does not allow this",
    404: "it has nothing there for us, or not yet",
    407: "the proxy wants other credentials",
    405: "it does not do this at that address",
    410: "it is gone",
    413: "the file is larger than it accepts",
    415: "it does not accept this kind of content",
    507: "it has no space left",
}
# Worth another try: a request that took too long, locks, too early, too many, and what gateways say.
_PASSING = frozenset({408, 423, 425, 429, 500, 502, 503, 504})


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


def proxy_refusal(error: aiohttp.ClientHttpProxyError) -> Exception:
    """The error for a proxy that does not let us through, as `refuse` is for a server."""
    sentence = f"the proxy answered {error.status}: {_REASONS.get(error.status, error.message)}"
    if error.status in _PASSING:
        return Interrupted(sentence, status=error.status)
    return TransferError(sentence, error.status, permanent=hopeless(error.status))

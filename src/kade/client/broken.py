"""What a connection that broke means."""

from __future__ import annotations

import aiohttp

from kade.client.policy import AddressRefused


def certificate_flaw(error: aiohttp.ClientConnectorCertificateError) -> str:
    """Why we do not trust it, in the TLS library's words."""
    cause = error.certificate_error
    return getattr(cause, "verify_message", "") or str(cause)


def address_refused(error: BaseException) -> bool:
    """Whether the policy allowed none of the host's addresses."""
    return isinstance(_cause(error), AddressRefused)


def alert(error: BaseException) -> bool:
    """Whether the other side said by an alert of TLS that it does not want us."""
    cause = _cause(error)
    return "ALERT" in (getattr(cause, "reason", None) or str(cause))


def closed(error: BaseException) -> bool:
    """Whether a connection that stood was closed without a word."""
    cause = _cause(error)
    return isinstance(cause, aiohttp.ServerDisconnectedError | ConnectionError) and not isinstance(
        cause, ConnectionRefusedError
    )


def words(error: BaseException) -> str:
    """What happened, for people."""
    if closed(error):
        return "the connection was closed"
    if isinstance(error, TimeoutError):
        return "nothing came for too long"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection was cut in the middle"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _cause(error: BaseException) -> BaseException:
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error

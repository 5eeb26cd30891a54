"""Whose address a request comes from, also when it came through proxies."""

from collections.abc import Sequence
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from kade.core.networks import canonical, cover

_HEADER = b"x-forwarded-for"
_CLIENT = "kade.client"


class Forwarded:
    """Wraps a listener's application.

    ``X-Forwarded-For`` counts only when the connection comes from one of *proxies*. Each proxy adds whom it
    was called by at the end; what stands before the first address that is no proxy of ours, anybody may have
    written.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._app = app
        self._proxies = canonical(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_CLIENT] = self._address(scope)
        await self._app(scope, receive, send)

    def _address(self, scope: Scope) -> str:
        address = scope["client"][0] if scope.get("client") else ""
        if not self._proxies:
            return address
        told = b",".join(value for name, value in scope["headers"] if name == _HEADER)
        for each in reversed(told.decode("latin-1").split(",")):
            if not cover(self._proxies, address) or not _is_address(each.strip()):
                break
            address = each.strip()
        return address


def client_of(scope: Scope) -> str:
    """The client's address, as ``Forwarded`` found it; "" when there is none."""
    address: str = scope.get(_CLIENT, "")
    return address


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

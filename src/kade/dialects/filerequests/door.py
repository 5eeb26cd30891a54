"""Who may come in: keys and the scopes that they are for, and how often; told in every answer."""

import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from kade.auth import bearer
from kade.core.errors import AccessReason, KadeError, TokenReason
from kade.core.principals import Caller
from kade.web.authentication import origin_of, remember
from kade.web.dialect import Kit
from kade.web.middleware.forwarded import client_of
from kade.web.rate_limits import RateLimits

_SCOPES = "kade.scopes"
_COUNTED = "kade.counted"

Handler = Callable[[Request, Caller], Awaitable[Response]]


class Scope(StrEnum):
    """What a key may be limited to."""

    READ_REQUESTS = "filerequest.read"
    WRITE_REQUESTS = "filerequest.write"
    READ_FILES = "files.read"
    WRITE_FILES = "files.write"
    READ_SHARES = "fileshare.read"
    WRITE_SHARES = "fileshare.write"
    READ_CUSTOMERS = "customers.read"
    WRITE_CUSTOMERS = "customers.write"
    READ_WEBHOOKS = "webhooks.read"
    WRITE_WEBHOOKS = "webhooks.write"


class Door:
    """Turns a request into a caller, and counts it."""

    def __init__(self, kit: Kit, limits: RateLimits) -> None:
        self._kit = kit
        self._limits = limits

    async def caller(self, request: Request) -> Caller:
        """Whose key the request brings.

        Raises:
            KadeError: an ``AccessReason``; ``RequestReason.RATE_LIMITED``.
        """
        try:
            caller, scopes = await self._known(request)
        except KadeError:
            self._count(request, f"from {client_of(request.scope)}")  # who has no key is counted by address
            raise
        self._count(request, caller.credential_id or caller.principal_id)
        request.scope[_SCOPES] = scopes
        return remember(request, caller)

    async def _known(self, request: Request) -> tuple[Caller, frozenset[str] | None]:
        values = request.headers.getlist("authorization")
        scheme, _, key = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not key.strip():
            raise KadeError(AccessReason.NO_CREDENTIAL)
        return await self._kit.catalog.glance(bearer.scoped, key.strip(), origin_of(request))

    def _count(self, request: Request, key: str) -> None:
        request.scope[_COUNTED] = key
        self._limits.take(key)


class RateHeaders:
    """Wraps the API: every answer tells how many calls are left, a refused one when there are more."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = self._headers(scope.get(_COUNTED, ""), message["status"])
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await self._app(scope, receive, told)

    def _headers(self, key: str, status: int) -> list[tuple[bytes, bytes]]:
        left, again_s = self._limits.left(key)
        told = {"x-ratelimit-limit": self._limits.burst, "x-ratelimit-remaining": left}
        if status == 429:
            told["x-ratelimit-reset"] = round(time.time() + again_s)
        return [(name.encode(), str(value).encode()) for name, value in told.items()]


def scoped(scope: Scope, handler: Handler) -> Handler:
    """*handler* for keys of that scope, or of none: others get ``TokenReason.SCOPE_MISSING``."""

    async def guarded(request: Request, caller: Caller) -> Response:
        scopes: frozenset[str] | None = request.scope[_SCOPES]
        if scopes is not None and scope not in scopes:
            raise KadeError(TokenReason.SCOPE_MISSING, scope)
        return await handler(request, caller)

    return guarded

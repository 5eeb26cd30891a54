"""The gate of a request's link: who has the link comes in, with the password where there is one."""

import asyncio
import hashlib
import hmac
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from kade.auth.password import matches
from kade.auth.sealing import Sealer
from kade.core.errors import AccessReason, KadeError
from kade.core.ports import Catalog
from kade.core.principals import Caller
from kade.core.requests import FileRequest
from kade.portal.attempts import Attempts
from kade.portal.pages import is_secure
from kade.services import requests
from kade.services.requests import View
from kade.web.authentication import origin_of, remember
from kade.web.middleware.forwarded import client_of

COOKIE = "kade_request"
_PURPOSE = "request passwords"
_AT_ONCE = 2  # hashes that are computed at the same time: each takes 19 MiB


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who came by a link, and what they were asked for."""

    token: str
    guest: Caller
    view: View


class PasswordWanted(KadeError):
    """The link is good, and its password was not given yet."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(AccessReason.NO_CREDENTIAL)
        self.visit = visit


class Gate:
    """Lets people in."""

    def __init__(self, catalog: Catalog, sealer: Sealer, path: str) -> None:
        self._catalog = catalog
        self._sealer = sealer
        self._path = path
        self._attempts = Attempts()
        self._hashing = asyncio.Semaphore(_AT_ONCE)

    async def enter(self, request: Request) -> Visit:
        """Who comes by the link in the request's path.

        Raises:
            PasswordWanted: nobody gave its password in this browser.
            KadeError: ``AccessReason.UNKNOWN_CREDENTIAL`` when the link leads nowhere.
        """
        visit = await self._visit(request)
        password = visit.view.request.password
        if password is not None:
            given = request.cookies.get(COOKIE, "")
            if not hmac.compare_digest(given.encode(), self._pass(visit.view.request).encode()):
                raise PasswordWanted(visit)
        return visit

    async def try_password(self, request: Request, password: str) -> tuple[Visit, bool]:
        """The visit, and whether the password is right; a request without one takes any.

        Raises:
            KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``; ``RequestReason.RATE_LIMITED`` after too many
                that were wrong, by this link or from this address, with the fact *retry_after* in seconds.
        """
        visit = await self._visit(request)
        stored = visit.view.request.password
        if stored is None:
            return visit, True
        keys = (f"link {visit.view.request.id}", f"address {client_of(request.scope)}")
        self._attempts.begin(*keys)
        async with self._hashing:
            is_right = await asyncio.to_thread(matches, stored, password)
        if is_right:
            self._attempts.succeeded(*keys)
        return visit, is_right

    def let_in(self, request: Request, visit: Visit, response: Response) -> None:
        """Have this browser come in without the password from now on, until it is closed."""
        response.set_cookie(
            COOKIE,
            self._pass(visit.view.request),
            path=f"{self._path}/{visit.token}",
            secure=is_secure(request),
            httponly=True,
            samesite="strict",
        )

    async def _visit(self, request: Request) -> Visit:
        token = request.path_params["token"]
        guest, view = await self._catalog.read(requests.visit, token, origin_of(request))
        remember(request, guest)
        return Visit(token, guest, view)

    def _pass(self, asked: FileRequest) -> str:
        """What a browser shows instead of the password: it ends when the password or the link is another."""
        told = f"{asked.id} {asked.link} {asked.password}"
        return hmac.new(self._sealer.derive(_PURPOSE), told.encode(), hashlib.sha256).hexdigest()

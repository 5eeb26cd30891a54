"""The page of a request for files: shown, filled, sent, and then its receipt."""

import math

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from kade.core.clock import now
from kade.core.errors import Code, FileRequestReason, KadeError, RequestReason
from kade.core.ids import Id
from kade.core.requests import RequestState
from kade.portal.attempts import Attempts
from kade.portal.gate import Gate, PasswordWanted, Visit
from kade.portal.languages import Language
from kade.portal.pages import Pages, chosen_language, speaks
from kade.portal.refusals import sentence, status_of
from kade.portal.views import AskedFiles
from kade.services import contacts, requests, telling
from kade.services.telling import Letter
from kade.web.dialect import Kit
from kade.web.forms import form_pairs
from kade.web.middleware.forwarded import client_of

_FORM_LIMIT = 16 << 10
_RECEIPTS = 5  # that are mailed for a link, or for an address on the network, within the window
_RECEIPTS_WINDOW_S = 3600.0


class RequestPages:
    """What people do with a link; uploads are in ``portal.uploads``."""

    def __init__(self, kit: Kit, gate: Gate, pages: Pages, prefix: str) -> None:
        self._kit = kit
        self._gate = gate
        self._pages = pages
        self._prefix = prefix
        self._mailed = Attempts(_RECEIPTS, _RECEIPTS_WINDOW_S)

    async def show(self, request: Request) -> Response:
        """GET: what is asked for; the receipt once it was sent."""
        again = chosen_language(request)
        if again is not None:
            return again
        visit = await self._gate.enter(request)
        state = visit.view.request.state(now())
        if state is RequestState.OPEN:
            return self._open(request, visit)
        if state is RequestState.COMPLETED:
            return self._receipt(request, visit)
        raise KadeError(FileRequestReason.EXPIRED, visit.view.request.id)

    async def password(self, request: Request) -> Response:
        """POST: the password; who gives the right one comes in."""
        password = dict(await form_pairs(request, _FORM_LIMIT)).get("password", "")
        visit, is_right = await self._gate.try_password(request, password)
        if is_right:
            response = self._to_page(visit)
            self._gate.let_in(request, visit, response)
            return response
        return self._ask_password(request, visit, 401, "password.wrong" if password else "password.empty")

    async def empty(self, request: Request) -> Response:
        """DELETE: take the file out of a slot."""
        visit = await self._gate.enter(request)
        slot_id = Id(request.path_params["slot"])
        await self._kit.catalog.write(requests.empty, visit.guest, slot_id)
        return Response(status_code=204)

    async def send(self, request: Request) -> Response:
        """POST: hand over everything; the page says what is missing."""
        visit = await self._gate.enter(request)
        try:
            await self._kit.catalog.write(requests.send, visit.guest)
        except KadeError as error:
            if error.reason is FileRequestReason.SLOTS_EMPTY:
                return self._open(request, visit, frozenset(error.subject.split()))
            if error.reason is not FileRequestReason.COMPLETED:
                raise
        return self._to_page(visit)

    async def mail_receipt(self, request: Request) -> Response:
        """POST: mail the receipt to the address of the form; not many times, for anybody's may be given."""
        visit = await self._gate.enter(request)
        asked = visit.view.request
        if asked.state(now()) is not RequestState.COMPLETED or not self._kit.mailer.ready:
            return self._to_page(visit)
        typed = dict(await form_pairs(request, _FORM_LIMIT)).get("email", "")
        try:
            address = contacts.address(typed)
            self._mailed.begin(f"link {asked.id}", f"address {client_of(request.scope)}")
        except KadeError as error:
            said = "too_many" if error.code is Code.TOO_MANY else "bad_email"
            return self._receipt(request, visit, status_of(error), f"receipt.{said}", typed[:254])
        await self._kit.catalog.write(telling.write, asked, Letter.RECEIPT, address)
        return self._to_page(visit, "?mailed=yes")

    def refuse(self, request: Request, error: KadeError) -> Response:
        """A refusal as a page."""
        speaking, status = speaks(request), status_of(error)
        if isinstance(error, PasswordWanted):
            return self._ask_password(request, error.visit, 200 if request.method == "GET" else 401)
        if error.reason is RequestReason.RATE_LIMITED:
            return self._too_often(speaking, int(error.facts["retry_after"]))
        if error.reason is FileRequestReason.EXPIRED:
            return self._pages.message(speaking, status, "expired", "clock")
        if error.code in (Code.UNAUTHENTICATED, Code.NOT_FOUND):
            return self._pages.message(speaking, 404, "unknown", "link")
        if error.code in (Code.INTERNAL, Code.UNAVAILABLE):
            return self._pages.message(speaking, status, "failed", "alert")
        said = sentence(speaking, error)
        title = speaking.say("gone.wrong")
        return self._pages.page("message.html", speaking, status, title=title, hint=said, symbol="alert")

    def refuse_script(self, request: Request, error: KadeError) -> Response:
        """A refusal as the sentence that the page's script shows."""
        return PlainTextResponse(f"{sentence(speaks(request), error)}\n", status_of(error))

    def _open(self, request: Request, visit: Visit, missing: frozenset[str] = frozenset()) -> Response:
        asked = AskedFiles.of(visit.view)
        return self._pages.page(
            "request.html",
            self._speaks(request, visit),
            422 if missing else 200,
            asked=asked,
            path=f"{self._prefix}/{visit.token}",
            required=sum(slot.required for slot in asked.slots),
            ready=len(asked.held),
            missing=[slot for slot in asked.slots if slot.id in missing],
        )

    def _receipt(
        self, request: Request, visit: Visit, status: int = 200, error: str = "", email: str = ""
    ) -> Response:
        speaking = self._speaks(request, visit)
        return self._pages.page(
            "receipt.html",
            speaking,
            status,
            asked=AskedFiles.of(visit.view),
            path=f"{self._prefix}/{visit.token}",
            can_mail=self._kit.mailer.ready,
            mailed="mailed" in request.query_params,
            email=email,
            error=speaking.say(error) if error else "",
        )

    def _ask_password(self, request: Request, visit: Visit, status: int, error: str = "") -> Response:
        speaking = self._speaks(request, visit)
        return self._pages.page(
            "password.html",
            speaking,
            status,
            path=f"{self._prefix}/{visit.token}",
            error=speaking.say(error) if error else "",
        )

    def _too_often(self, speaking: Language, wait: int) -> Response:
        title = speaking.say("password.too_many")
        hint = speaking.say("password.too_many_hint", math.ceil(wait / 60))
        response = self._pages.page("message.html", speaking, 429, title=title, hint=hint, symbol="clock")
        response.headers["Retry-After"] = str(wait)
        return response

    def _speaks(self, request: Request, visit: Visit) -> Language:
        return speaks(request, visit.view.request.language)

    def _to_page(self, visit: Visit, query: str = "") -> Response:
        return RedirectResponse(f"{self._prefix}/{visit.token}{query}", 303)

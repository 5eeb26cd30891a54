"""``/file-requests``: asked, looked at, listed, taken back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import ContactReason, FileReason, FileRequestReason, KadeError, SpaceReason
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.requests import MOST_SLOTS
from kade.core.spaces import Space
from kade.dialects.filerequests import idempotency, ids, paging
from kade.dialects.filerequests.answers import Answers
from kade.dialects.filerequests.errors import FieldErrors
from kade.dialects.filerequests.fields import Fields
from kade.dialects.filerequests.ids import Prefix
from kade.dialects.filerequests.wire import KIB
from kade.services import requests, tenants, uploads
from kade.services.requests import RequestWish, SlotWish, View

_PATH = "/file-requests"
_TYPES = 20
_LANGUAGES = ("", "nl", "en")
_FIELD_OF: dict[object, str] = {
    SpaceReason.UNKNOWN: "directoryId",
    ContactReason.UNKNOWN: "customerId",
    ContactReason.BAD_ADDRESS: "notifyEmail",
    FileRequestReason.BAD_LIMIT: "expiresAt",
    FileReason.BAD_MEDIA_TYPE: "requestedFiles",
}


class Requests:
    """Operations on file requests; *secret* is what their links are made with."""

    def __init__(self, answers: Answers, largest: int) -> None:
        self._answers = answers
        self._largest = (largest or uploads.LONGEST) // KIB

    async def create(self, request: Request, caller: Caller) -> Response:
        """Ask for files."""
        fields = await Fields.of(request)
        key = idempotency.key_of(request)
        asked = self._read(fields)
        hashed = await self._answers.hashed(fields.optional_text("password"))
        fields.require_valid()

        def create(tx: Tx) -> tuple[View, Space]:
            def make() -> Id:
                return self._create(tx, caller, asked, hashed).request.id

            made = idempotency.once(tx, self._answers.secret, caller, key, fields.said, make)
            return requests.find(tx, caller, made), tenants.root_of(tx, caller.tenant_id)

        view, root = await self._answers.catalog.write(create)
        return self._answers.created(self._told(view, root), f"{_PATH}/{_id(view)}")

    async def get(self, request: Request, caller: Caller) -> Response:
        """One of them."""

        def look(tx: Tx) -> tuple[View, Space]:
            found = requests.find(tx, caller, _named(request))
            return found, tenants.root_of(tx, caller.tenant_id)

        return self._answers.ok(self._told(*await self._answers.catalog.read(look)))

    async def list(self, request: Request, caller: Caller) -> Response:
        """Fifteen of them, the newest first."""
        page = paging.page_of(request)

        def look(tx: Tx) -> tuple[Sequence[View], Space]:
            found = requests.page(tx, caller, paging.skip(page), paging.PER_PAGE + 1)
            return found, tenants.root_of(tx, caller.tenant_id)

        found, root = await self._answers.catalog.read(look)
        return self._answers.page(_PATH, page, [self._told(each, root) for each in found])

    async def delete(self, request: Request, caller: Caller) -> Response:
        """Take one back: its link ends, what was sent stays."""

        def close(tx: Tx) -> None:
            requests.close(tx, caller, requests.find(tx, caller, _named(request), Verb.WRITE).request)

        await self._answers.catalog.write(close)
        return Response(status_code=204)

    def _read(self, fields: Fields) -> tuple[Id | None, RequestWish]:
        directory = fields.reference("directoryId", Prefix.DIRECTORY)
        slots = [self._slot(each) for each in fields.objects("requestedFiles", 1, MOST_SLOTS)]
        wish = RequestWish(
            name=fields.text("name"),
            slots=slots,
            description=fields.optional_text("description"),
            contact_id=fields.reference("customerId", Prefix.CUSTOMER),
            expires_at=fields.moment("expiresAt"),
            language=fields.one_of("language", _LANGUAGES),
            notify=fields.optional_text("notifyEmail", longest=254) or "",
        )
        return directory, wish

    def _slot(self, fields: Fields) -> SlotWish:
        size = fields.whole("maxFileSize", 1, self._largest)
        return SlotWish(
            name=fields.text("name"),
            description=fields.optional_text("description"),
            required=fields.boolean("required", True),
            max_size=None if size is None else size * KIB,
            accepts=fields.texts("acceptedTypes", _TYPES),
        )

    def _create(
        self, tx: Tx, caller: Caller, asked: tuple[Id | None, RequestWish], hashed: str | None
    ) -> View:
        directory, wish = asked
        space_id = directory or tenants.root_of(tx, caller.tenant_id).id
        try:
            protected = replace(wish, password=hashed)
            return requests.create(tx, caller, self._answers.secret, space_id, protected)
        except KadeError as error:
            if error.reason not in _FIELD_OF:
                raise
            raise FieldErrors({_FIELD_OF[error.reason]: ["This value is not allowed."]}) from error

    def _told(self, view: View, root: Space) -> dict[str, Any]:
        return self._answers.wire.request(view, root, requests.token(self._answers.secret, view.request))


def _named(request: Request) -> Id | None:
    return ids.read(Prefix.REQUEST, request.path_params["request"])


def _id(view: View) -> str:
    return ids.told(Prefix.REQUEST, view.request.id)

"""``/file-shares``: files and directories that somebody may fetch by a link."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import ContactReason, FileReason, KadeError, SpaceReason
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.dialects.filerequests import ids, paging
from kade.dialects.filerequests.answers import Answers
from kade.dialects.filerequests.errors import FieldErrors
from kade.dialects.filerequests.fields import Fields
from kade.dialects.filerequests.ids import Prefix
from kade.services import shares
from kade.services.shares import MOST_THINGS, Shared, Thing

_PATH = "/file-shares"
_FIELD_OF = {
    FileReason.UNKNOWN: "content",
    SpaceReason.UNKNOWN: "content",
    ContactReason.UNKNOWN: "customerId",
}


class Shares:
    """Operations on file shares."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def create(self, request: Request, caller: Caller) -> Response:
        """Share files and directories."""
        fields = await Fields.of(request)
        things = _things(fields)
        customer = fields.reference("customerId", Prefix.CUSTOMER)
        fields.require_valid()

        def create(tx: Tx) -> dict[str, Any]:
            try:
                made = shares.create(tx, caller, self._answers.secret, things, customer)
            except KadeError as error:
                if error.reason not in _FIELD_OF:
                    raise
                raise FieldErrors({_FIELD_OF[error.reason]: ["There is no such object."]}) from error
            return self._told(tx, made)

        told = await self._answers.catalog.write(create)
        return self._answers.created(told, f"{_PATH}/{told['id']}")

    async def get(self, request: Request, caller: Caller) -> Response:
        """One of them."""
        found = await self._answers.catalog.read(
            lambda tx: self._told(tx, shares.find(tx, caller, _named(request)))
        )
        return self._answers.ok(found)

    async def list(self, request: Request, caller: Caller) -> Response:
        """Fifteen of them, the newest first."""
        page = paging.page_of(request)

        def look(tx: Tx) -> list[dict[str, Any]]:
            found = shares.page(tx, caller, paging.skip(page), paging.PER_PAGE + 1)
            return [self._told(tx, each) for each in found]

        return self._answers.page(_PATH, page, await self._answers.catalog.read(look))

    async def delete(self, request: Request, caller: Caller) -> Response:
        """Take one back: its link ends, the files stay."""

        def remove(tx: Tx) -> None:
            shares.remove(tx, caller, shares.find(tx, caller, _named(request)).share)

        await self._answers.catalog.write(remove)
        return Response(status_code=204)

    def _told(self, tx: Tx, shared: Shared) -> dict[str, Any]:
        wire = self._answers.wire
        content: list[dict[str, Any]] = []
        for each in shared.things:
            file = tx.files.get(each.file_id) if each.file_id is not None else None
            space = tx.spaces.get(each.space_id) if each.space_id is not None else None
            if file is not None:
                content.append(wire.file(file))
            elif space is not None:
                content.append(wire.directory(space))
        return wire.share(shared.share, content, shares.token(self._answers.secret, shared.share))


def _things(fields: Fields) -> Sequence[Thing]:
    things = []
    for position, each in enumerate(fields.texts("content", MOST_THINGS)):
        file, space = ids.read(Prefix.FILE, each), ids.read(Prefix.DIRECTORY, each)
        if file is None and space is None:
            fields.wrong(f"content.{position}", "There is no such object.")
        else:
            things.append(Thing(file, space))
    if not fields.has("content") or not fields.said["content"]:
        fields.wrong("content", "This field is required.")
    return things


def _named(request: Request) -> Id | None:
    return ids.read(Prefix.SHARE, request.path_params["share"])

"""Uploads into the slots of a request, by tus: ``<link>/uploads`` and what is below."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from kade.core.errors import KadeError, SlotReason
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload
from kade.portal.gate import Gate
from kade.portal.pages import speaks
from kade.portal.refusals import sentence, status_of
from kade.services import requests, uploads
from kade.web.dialect import Kit
from kade.web.tus import TusEndpoint
from kade.web.tus.endpoint import Described, TusParts


class LinkDoor:
    """Implements ``web.tus.Door``: whoever has the link uploads into the request's slots."""

    name = "portal.request"
    origins: Sequence[str] = ()

    def __init__(self, gate: Gate, path: str) -> None:
        self.path = path
        self._gate = gate

    async def caller(self, request: Request) -> Caller:
        visit = await self._gate.enter(request)
        return visit.guest

    def space(self, tx: Tx, caller: Caller) -> Id:
        return requests.of_guest(tx, caller).request.space_id

    def described(self, metadata: dict[str, str]) -> Described:
        """``slot`` says where the file goes, ``filename`` and ``filetype`` what it is."""
        slot = metadata.get("slot")
        if not slot:
            raise KadeError(SlotReason.UNKNOWN)
        name = metadata.get("filename", "").replace("\\", "/").rpartition("/")[2]
        return Described(name, metadata.get("filetype") or None, Id(slot))

    def url_of(self, request: Request, key: str) -> str:
        return f"{self.path}/{key}"

    def key_of(self, tx: Tx, upload: Upload) -> str:
        return upload.id

    def upload_of(self, tx: Tx, caller: Caller, key: str) -> Upload:
        return uploads.find(tx, caller, Id(key))

    def refuse(self, request: Request, error: KadeError) -> Response:
        """A sentence that the page shows as it is."""
        return PlainTextResponse(f"{sentence(speaks(request), error)}\n", status_of(error))


class SlotUploads:
    """Answers what comes to a link's uploads; a door for each request, for each link is its own place."""

    def __init__(self, kit: Kit, gate: Gate, prefix: str) -> None:
        self._kit = kit
        self._gate = gate
        self._prefix = prefix

    async def handle(self, request: Request) -> Response:
        """One request of tus."""
        kit = self._kit
        door = LinkDoor(self._gate, f"{self._prefix}/{request.path_params['token']}/uploads")
        parts = TusParts(door, kit.appending, kit.namers, kit.rules, kit.metadata_limit)
        return await TusEndpoint(parts, kit.audit).handle(request)

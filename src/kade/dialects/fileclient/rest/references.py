"""GBService: references and messages of Grote Berichten (spec 2.1, 3)."""

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.dialects.fileclient.references import ReferenceFlows
from kade.web.grote_berichten import messages, references
from kade.web.grote_berichten.documents import LIMIT, XML
from kade.web.receive import read_all
from kade.web.rest import JSON, Operation, acceptable
from kade.web.service_api import values
from kade.web.service_api.values import BODY_LIMIT, json_of

_REFERENCE = "/gb/externalDataReference"
_PRODUCED = (JSON, *XML)


class FileIds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    file_ids: list[int]


class GbService:
    """References are made and taken; messages about pushed files are made, and answers to them taken."""

    def __init__(self, flows: ReferenceFlows) -> None:
        self._flows = flows

    def operations(self) -> Sequence[Operation]:
        one, asked, told = f"{_REFERENCE}/{{ids}}", f"{_REFERENCE}Request", f"{_REFERENCE}Response"
        return (
            Operation(
                "getExternalDataReference",
                "GET",
                one,
                self.get_reference,
                _PRODUCED,
                reads="file.referred_to",
            ),
            Operation("downloadByExternalDataReference", "POST", _REFERENCE, self.fetch, consumes=XML),
            Operation("makeExternalDataReferenceRequest", "POST", asked, self.make_request, XML, (JSON,)),
            Operation("takeExternalDataReferenceResponse", "POST", told, self.take_response, consumes=XML),
        )

    async def get_reference(self, request: Request, caller: Caller) -> Response:
        """JSON, or XML when that is preferred; one id or several, parted by commas."""
        found = await self._flows.of(caller, request.path_params["ids"].split(","))
        media_type = acceptable(request, _PRODUCED)
        if media_type == JSON:
            return json_of(references.as_json(found))
        return Response(references.as_xml(found), media_type=f"{media_type}; charset=utf-8")

    async def fetch(self, request: Request, caller: Caller) -> Response:
        document = await read_all(request.scope, request.receive, LIMIT)
        return json_of(await self._flows.fetch(caller, document))

    async def make_request(self, request: Request, caller: Caller) -> Response:
        asked = values.read(await read_all(request.scope, request.receive, BODY_LIMIT), FileIds)
        message = await self._flows.request(caller, [str(each) for each in asked.file_ids])
        media_type = acceptable(request, XML)
        return Response(messages.request(message), media_type=f"{media_type}; charset=utf-8")

    async def take_response(self, request: Request, caller: Caller) -> Response:
        judged = messages.read_response(await read_all(request.scope, request.receive, LIMIT))
        return json_of(await self._flows.answered(caller, judged))

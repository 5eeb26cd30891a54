"""GBService: the external-data-reference (spec 3)."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.dialects.fileserver.flows import ReferenceFlows
from kade.dialects.fileserver.settings import Settings
from kade.web.dialect import Kit
from kade.web.grote_berichten import references
from kade.web.grote_berichten.documents import XML
from kade.web.rest import JSON, Operation, acceptable
from kade.web.service_api.values import json_of

_PATHS = "/gb/externalDataReference/{paths}"
_PRODUCED = (JSON, *XML)


class GbService:
    """References by which partners fetch files."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._flows = ReferenceFlows(kit, settings)

    def operations(self) -> Sequence[Operation]:
        return (
            Operation(
                "getExternalDataReference",
                "GET",
                _PATHS,
                self.get_reference,
                _PRODUCED,
                reads="file.referred_to",
            ),
        )

    async def get_reference(self, request: Request, caller: Caller) -> Response:
        """JSON, or XML when that is preferred; one path or several, parted by commas."""
        paths = request.path_params["paths"].split(",")
        found = await self._flows.of(caller, paths)
        media_type = acceptable(request, _PRODUCED)
        if media_type == JSON:
            return json_of(references.as_json(found))
        return Response(references.as_xml(found), media_type=f"{media_type}; charset=utf-8")

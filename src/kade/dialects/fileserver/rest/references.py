"""GBService: the external-data-reference (spec 3)."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import FileReason, KadeError
from kade.core.principals import Caller
from kade.dialects.fileserver import files, references
from kade.dialects.fileserver.gb.names import name_of
from kade.dialects.fileserver.gb.volumes import ALGORITHMS
from kade.dialects.fileserver.references import Reference
from kade.dialects.fileserver.rest.users import json_of
from kade.dialects.fileserver.settings import Settings
from kade.web.dialect import Kit
from kade.web.rest import JSON, Operation, acceptable

_PATHS = "/gb/externalDataReference/{paths}"
_PRODUCED = (JSON, "application/xml", "text/xml")
_MOST = 100  # files in one reference


class GbService:
    """References by which partners fetch files."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings

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
        if len(paths) > _MOST:
            raise KadeError(FileReason.UNKNOWN, f"{len(paths)} paths")
        found = await asyncio.gather(*(self._reference(caller, path) for path in paths))
        media_type = acceptable(request, _PRODUCED)
        if media_type == JSON:
            return json_of(references.as_json(found))
        return Response(references.as_xml(found), media_type=f"{media_type}; charset=utf-8")

    async def _reference(self, caller: Caller, path: str) -> Reference:
        kind = self._settings.reference_checksum
        found = await self._kit.catalog.read(files.find, caller, path)
        checksum = await self._kit.digesting.hexdigest(found.content.id, ALGORITHMS[kind])
        return Reference(
            await name_of(self._kit.catalog, found.file),
            found.file.media_type,
            found.content.length,
            kind,
            checksum.upper(),
            found.file.valid_from,
            found.file.valid_until,
            f"{self._base_url()}/download/{path}",
        )

    def _base_url(self) -> str:
        return self._settings.base_url.rstrip("/") or self._kit.bases["exchange"] + self._settings.path

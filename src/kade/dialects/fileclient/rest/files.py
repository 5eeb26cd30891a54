"""FileService: the files of tasks."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.dialects.fileclient.flows import FileFlows
from kade.web.rest import Operation
from kade.web.service_api.forms import FORM, FileInParts
from kade.web.service_api.values import json_of


class FileService:
    """Files that were fetched or are being sent; they go with their tasks."""

    def __init__(self, flows: FileFlows) -> None:
        self._flows = flows

    def operations(self) -> Sequence[Operation]:
        to_fs = "/files/fs/{id}/{filename}"
        return (
            Operation("getFiles", "GET", "/files", self.list, reads="file.listed"),
            Operation("downloadFileToFs", "GET", to_fs, self.download_to_fs),
            Operation("getFileInfo", "GET", "/files/{id}/info", self.get_info, reads="file.described"),
            Operation("downloadFile", "GET", "/files/{id}", self.download, (FORM,), reads="file.read"),
        )

    async def list(self, _request: Request, caller: Caller) -> Response:
        return json_of(await self._flows.infos(caller))

    async def get_info(self, request: Request, caller: Caller) -> Response:
        return json_of(await self._flows.info(caller, request.path_params["id"]))

    async def download(self, request: Request, caller: Caller) -> Response:
        found = await self._flows.found(caller, request.path_params["id"])
        return FileInParts(found.file.media_type, found.content, self._flows.pieces(caller, found))

    async def download_to_fs(self, request: Request, caller: Caller) -> Response:
        number, name = request.path_params["id"], request.path_params["filename"]
        return json_of(await self._flows.hand_over(caller, number, name))

"""DownloadService."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.dialects.fileclient.flows import TaskFlows
from kade.dialects.fileclient.requests import DOWNLOAD
from kade.dialects.fileclient.rest.tasks import act, statuses
from kade.dialects.fileclient.wire import NewDownload
from kade.web.rest import Operation
from kade.web.service_api.forms import FORM, read_fields
from kade.web.service_api.values import json_of


class DownloadService:
    """Files are fetched from somebody else's file server."""

    def __init__(self, flows: TaskFlows) -> None:
        self._flows = flows

    def operations(self) -> Sequence[Operation]:
        one, acted = "/download/{fileId}", "/download/{fileId}/{action}"
        return (
            Operation("getDownloadTasks", "GET", "/download", self.list, reads="task.listed"),
            Operation("downloadFile", "POST", "/download", self.create, consumes=(FORM,)),
            Operation("getDownloadTask", "GET", one, self.get, reads="task.read"),
            Operation("deleteDownloadTask", "DELETE", one, self.delete),
            Operation("changeDownloadTask", "POST", acted, self.change),
        )

    async def create(self, request: Request, caller: Caller) -> Response:
        """``sha256Checksum`` is ours: what the file must have."""
        form = await read_fields(request, ("url",))
        members = (form.get(name) for name in ("startDate", "endDate", "sha256Checksum"))
        return json_of(await self._flows.fetch(caller, NewDownload(form["url"], *members)))

    async def list(self, request: Request, caller: Caller) -> Response:
        return json_of(await self._flows.downloads(caller, statuses(request)))

    async def get(self, request: Request, caller: Caller) -> Response:
        return json_of(await self._flows.get_download(caller, request.path_params["fileId"]))

    async def delete(self, request: Request, caller: Caller) -> Response:
        await self._flows.remove(caller, DOWNLOAD, request.path_params["fileId"])
        return Response(status_code=204)

    async def change(self, request: Request, caller: Caller) -> Response:
        number = request.path_params["fileId"]
        await self._flows.change(caller, DOWNLOAD, number, act(request))
        return json_of(await self._flows.get_download(caller, number))

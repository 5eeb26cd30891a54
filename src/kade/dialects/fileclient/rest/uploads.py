"""UploadService."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.dialects.fileclient.flows import Consignment, TaskFlows
from kade.dialects.fileclient.requests import UPLOAD
from kade.dialects.fileclient.rest.tasks import act, statuses
from kade.web.multipart import FileForm, FormLimits
from kade.web.receive import body_of
from kade.web.rest import Operation
from kade.web.service_api import values
from kade.web.service_api.forms import FORM, read_fields, text_of
from kade.web.service_api.values import json_of


class UploadService:
    """Files are sent to somebody else's file server."""

    def __init__(self, flows: TaskFlows) -> None:
        self._flows = flows

    def operations(self) -> Sequence[Operation]:
        one, acted = "/upload/{fileId}", "/upload/{fileId}/{action}"
        return (
            Operation("getUploadTasks", "GET", "/upload", self.list, reads="task.listed"),
            Operation("uploadFile", "POST", "/upload", self.create, consumes=(FORM,)),
            Operation("uploadFileFromFs", "POST", "/upload/fs", self.create_from_fs, consumes=(FORM,)),
            Operation("getUploadTask", "GET", one, self.get, reads="task.read"),
            Operation("deleteUploadTask", "DELETE", one, self.delete),
            Operation("changeUploadTask", "POST", acted, self.change),
        )

    async def create(self, request: Request, caller: Caller) -> Response:
        """The body streams: what stands after the file is looked at before the task is made."""
        async with body_of(request.scope, request.receive) as body:
            form = FileForm(body, request.headers.get("content-type", ""), "file", FormLimits())
            file = await form.begin()

            def where() -> Consignment:
                return Consignment.of(text_of(form, "creationUrl"), text_of(form, "profile"))

            def sha256() -> str | None:
                return values.sha256(text_of(form, "sha256Checksum"))

            made = await self._flows.send(caller, where, file.name, file.media_type, form, sha256)
        return json_of(made)

    async def create_from_fs(self, request: Request, caller: Caller) -> Response:
        form = await read_fields(request, ("creationUrl", "filename"))
        to = Consignment.of(form["creationUrl"], form.get("profile"))
        sha256 = values.sha256(form.get("sha256Checksum"))
        return json_of(await self._flows.send_from_share(caller, to, form["filename"], sha256))

    async def list(self, request: Request, caller: Caller) -> Response:
        return json_of(await self._flows.uploads(caller, statuses(request)))

    async def get(self, request: Request, caller: Caller) -> Response:
        return json_of(await self._flows.get_upload(caller, request.path_params["fileId"]))

    async def delete(self, request: Request, caller: Caller) -> Response:
        await self._flows.remove(caller, UPLOAD, request.path_params["fileId"])
        return Response(status_code=204)

    async def change(self, request: Request, caller: Caller) -> Response:
        number = request.path_params["fileId"]
        await self._flows.change(caller, UPLOAD, number, act(request))
        return json_of(await self._flows.get_upload(caller, number))

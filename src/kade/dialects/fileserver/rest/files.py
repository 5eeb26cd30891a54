"""FileService (spec 1.1)."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload
from kade.dialects.fileserver import files
from kade.dialects.fileserver.flows import FileFlows
from kade.dialects.fileserver.settings import Settings
from kade.dialects.fileserver.wire import NewFileFromFs
from kade.services.receiving import Closing
from kade.services.uploads import Arrived
from kade.web.dialect import Kit
from kade.web.multipart import FileForm, FormLimits
from kade.web.receive import body_of, read_all
from kade.web.rest import JSON, Operation
from kade.web.service_api import values
from kade.web.service_api.forms import FORM, TEXT, FileInParts, text_of
from kade.web.service_api.values import BODY_LIMIT, json_of


class FileService:
    """Files in the boxes of all users."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._flows = FileFlows(kit, settings)

    def operations(self) -> Sequence[Operation]:
        upload, from_fs = "/files/user/{userId}", "/files/fs/user/{userId}"
        to_fs = "/files/fs/{path}/{filename}"
        return (
            Operation("getFiles", "GET", "/files", self.get_files, reads="file.listed"),
            Operation("uploadFile", "POST", upload, self.upload, (TEXT,), (FORM,)),
            Operation("uploadFileFromFs", "POST", from_fs, self.upload_from_fs, (TEXT,), (JSON,)),
            Operation("downloadFileToFs", "GET", to_fs, self.download_to_fs, (TEXT,)),
            Operation("getFileInfo", "GET", "/files/{path}/info", self.get_info, reads="file.described"),
            Operation("downloadFile", "GET", "/files/{path}", self.download, (FORM,), reads="file.read"),
            Operation("deleteFile", "DELETE", "/files/{path}", self.delete),
        )

    async def get_files(self, _request: Request, caller: Caller) -> Response:
        return json_of(await self._flows.paths(caller))

    async def upload(self, request: Request, caller: Caller) -> Response:
        """The body streams: what stands after the file is checked before the file goes live."""
        number = request.path_params["userId"]
        async with body_of(request.scope, request.receive) as body:
            form = FileForm(body, request.headers.get("content-type", ""), "file", FormLimits())
            file = await form.begin()
            path = await self._flows.deposit(caller, number, file.name, file.media_type, form, _closing(form))
        return Response(path, media_type=TEXT)

    async def upload_from_fs(self, request: Request, caller: Caller) -> Response:
        new = values.read(await read_all(request.scope, request.receive, BODY_LIMIT), NewFileFromFs)
        path = await self._flows.deposit_from_share(caller, request.path_params["userId"], new)
        return Response(path, media_type=TEXT)

    async def download_to_fs(self, request: Request, caller: Caller) -> Response:
        path, name = request.path_params["path"], request.path_params["filename"]
        return Response(await self._flows.hand_over(caller, path, name), media_type=TEXT)

    async def get_info(self, request: Request, caller: Caller) -> Response:
        return json_of(await self._flows.info(caller, request.path_params["path"]))

    async def download(self, request: Request, caller: Caller) -> Response:
        found = await self._flows.found(caller, request.path_params["path"])
        return FileInParts(found.file.media_type, found.content, self._flows.pieces(caller, found))

    async def delete(self, request: Request, caller: Caller) -> Response:
        force = request.query_params.get("force", "").lower() == "true"
        return json_of(await self._flows.delete(caller, request.path_params["path"], force))


def _closing(form: FileForm) -> Closing:
    """Checks by the form's fields, which are all read when it is called."""

    def checks(tx: Tx, upload: Upload, arrived: Arrived) -> None:
        sha256, start, end = (text_of(form, name) for name in ("sha256Checksum", "startDate", "endDate"))
        files.closing(tx, upload, arrived, values.sha256(sha256), values.time_frame(start, end))

    return checks

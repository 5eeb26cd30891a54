"""FileService (spec 1.1)."""

from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload
from kade.dialects.fileserver import files, wire
from kade.dialects.fileserver.files import Found
from kade.dialects.fileserver.flows import FileFlows
from kade.dialects.fileserver.rest.users import BODY_LIMIT, json_of
from kade.dialects.fileserver.settings import Settings
from kade.dialects.fileserver.wire import NewFileFromFs
from kade.services.receiving import Closing
from kade.services.uploads import Arrived
from kade.web.dialect import Kit
from kade.web.headers import SAFE_DOWNLOAD
from kade.web.multipart import Field, FileForm, FormLimits
from kade.web.receive import body_of, read_all
from kade.web.rest import JSON, Operation

TEXT = "text/plain"
FORM = "multipart/form-data"


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
        new = wire.read(await read_all(request.scope, request.receive, BODY_LIMIT), NewFileFromFs)
        path = await self._flows.deposit_from_share(caller, request.path_params["userId"], new)
        return Response(path, media_type=TEXT)

    async def download_to_fs(self, request: Request, caller: Caller) -> Response:
        path, name = request.path_params["path"], request.path_params["filename"]
        return Response(await self._flows.hand_over(caller, path, name), media_type=TEXT)

    async def get_info(self, request: Request, caller: Caller) -> Response:
        return json_of(await self._flows.info(caller, request.path_params["path"]))

    async def download(self, request: Request, caller: Caller) -> Response:
        found = await self._flows.found(caller, request.path_params["path"])
        return FileInParts(found, self._flows.pieces(found))

    async def delete(self, request: Request, caller: Caller) -> Response:
        force = request.query_params.get("force", "").lower() == "true"
        return json_of(await self._flows.delete(caller, request.path_params["path"], force))


class FileInParts(Response):
    """A checksum and a file as upstream's two parts: named by Content-ID, without a disposition."""

    def __init__(self, found: Found, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._boundary = f"uuid:{uuid4()}"
        sha256 = (found.content.sha256 or "").upper().encode()
        self._before = self._head(TEXT, "sha256Checksum") + sha256 + b"\r\n"
        self._before += self._head(found.file.media_type, "file")
        self._after = f"\r\n--{self._boundary}--\r\n".encode()
        super().__init__(headers={"Content-Type": f'{FORM}; boundary="{self._boundary}"', **SAFE_DOWNLOAD})
        # Upstream sends chunks, which a client of HTTP/1.0 would not understand.
        length = len(self._before) + found.content.length + len(self._after)
        self.headers["Content-Length"] = str(length)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            async for data in self._body():
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _body(self) -> AsyncIterator[bytes]:
        yield self._before
        async for data in self._pieces:
            yield data
        yield self._after

    def _head(self, media_type: str, part: str) -> bytes:
        return (
            f"--{self._boundary}\r\nContent-Type: {media_type}\r\n"
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{part}>\r\n\r\n"
        ).encode()


def _closing(form: FileForm) -> Closing:
    """Checks by the form's fields, which are all read when it is called."""

    def checks(tx: Tx, upload: Upload, arrived: Arrived) -> None:
        sha256, start, end = (_value(form, name) for name in ("sha256Checksum", "startDate", "endDate"))
        files.closing(tx, upload, arrived, wire.sha256(sha256), wire.time_frame(start, end))

    return checks


def _value(form: FileForm, name: str) -> str | None:
    """A field as plain text or, by its Content-Type, as a JSON string (spec 1.1)."""
    field = form.fields.get(name, Field(b"", ""))
    try:
        if field.media_type.partition(";")[0].strip().lower() == JSON:
            return msgspec.json.decode(field.value, type=str | None)
        return field.value.decode().strip() or None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KadeError(RequestReason.BAD_VALUE, name) from error

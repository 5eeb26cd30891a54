"""UploadService by SOAP (spec 2.2); pausing, resuming, cancelling and the profile are ours.

Files come as attachments (MTOM) or inline, and stream into the store either way.
"""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.tasks import Task
from kade.dialects.fileclient.flows import Consignment, TaskFlows
from kade.dialects.fileclient.requests import UPLOAD
from kade.dialects.fileclient.soap.tasks import FileId, Statuses, told
from kade.dialects.fileclient.wire import UploadTask
from kade.services import tasks
from kade.web.service_api import values
from kade.web.soap import Call, Nothing, SoapOperation


class NewFile(msgspec.Struct, frozen=True, rename="camel"):
    """Besides its ``content``, which is handed on as it comes."""

    sha256_checksum: str | None = None


class NewUpload(msgspec.Struct, frozen=True, rename="camel"):
    creation_url: str
    file: NewFile
    profile: str | None = None


class FileFromFs(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    sha256_checksum: str | None = None


class NewUploadFromFs(msgspec.Struct, frozen=True, rename="camel"):
    creation_url: str
    file: FileFromFs
    profile: str | None = None


class TaskHolder(msgspec.Struct, frozen=True, rename="camel"):
    upload_task: UploadTask


class TaskList(msgspec.Struct, frozen=True, rename="camel"):
    upload_task: list[UploadTask]


class UploadService:
    """Files are sent to somebody else's file server."""

    def __init__(self, flows: TaskFlows) -> None:
        self._flows = flows

    def operations(self) -> Sequence[SoapOperation]:
        return (
            SoapOperation("uploadFile", NewUpload, self.create, streamed=("file", "content")),
            SoapOperation("uploadFileFromFs", NewUploadFromFs, self.create_from_fs),
            SoapOperation("getUploadTask", FileId, self.get, reads="task.read"),
            SoapOperation("getUploadTasks", Statuses, self.list, reads="task.listed"),
            SoapOperation("deleteUploadTask", FileId, self.delete),
            SoapOperation("pauseUploadTask", FileId, partial(self.change, tasks.pause)),
            SoapOperation("resumeUploadTask", FileId, partial(self.change, tasks.resume)),
            SoapOperation("cancelUploadTask", FileId, partial(self.change, tasks.cancel)),
        )

    async def create(self, call: Call) -> TaskHolder:
        """Name and type are the attachment's; what stands behind the content counts as well."""

        def where() -> Consignment:
            whole: NewUpload = call.whole()
            return Consignment.of(whole.creation_url, whole.profile)

        def sha256() -> str | None:
            whole: NewUpload = call.whole()
            return values.sha256(whole.file.sha256_checksum)

        name, media_type = call.incoming.name, call.incoming.media_type
        return TaskHolder(
            told(await self._flows.send(call.caller, where, name, media_type, call.content, sha256))
        )

    async def create_from_fs(self, call: Call) -> TaskHolder:
        asked: NewUploadFromFs = call.body
        to = Consignment.of(asked.creation_url, asked.profile)
        sha256 = values.sha256(asked.file.sha256_checksum)
        return TaskHolder(told(await self._flows.send_from_share(call.caller, to, asked.file.name, sha256)))

    async def get(self, call: Call) -> TaskHolder:
        return TaskHolder(told(await self._flows.get_upload(call.caller, str(call.body.file_id))))

    async def list(self, call: Call) -> TaskList:
        return TaskList([told(each) for each in await self._flows.uploads(call.caller, call.body.status)])

    async def delete(self, call: Call) -> Nothing:
        await self._flows.remove(call.caller, UPLOAD, str(call.body.file_id))
        return Nothing()

    async def change(self, verb: Callable[[Tx, Caller, Task], Task], call: Call) -> TaskHolder:
        await self._flows.change(call.caller, UPLOAD, str(call.body.file_id), verb)
        return await self.get(call)

"""DownloadService by SOAP (spec 2.2); pausing, resuming, cancelling and the checksum are ours."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.tasks import Task
from kade.dialects.fileclient.flows import TaskFlows
from kade.dialects.fileclient.requests import DOWNLOAD
from kade.dialects.fileclient.soap.tasks import FileId, Statuses, told
from kade.dialects.fileclient.wire import DownloadTask, NewDownload
from kade.services import tasks
from kade.web.soap import Call, Nothing, SoapOperation


class TaskHolder(msgspec.Struct, frozen=True, rename="camel"):
    download_task: DownloadTask


class TaskList(msgspec.Struct, frozen=True, rename="camel"):
    download_task: list[DownloadTask]


class DownloadService:
    """Files are fetched from somebody else's file server."""

    def __init__(self, flows: TaskFlows) -> None:
        self._flows = flows

    def operations(self) -> Sequence[SoapOperation]:
        return (
            SoapOperation("downloadFile", NewDownload, self.create),
            SoapOperation("getDownloadTask", FileId, self.get, reads="task.read"),
            SoapOperation("getDownloadTasks", Statuses, self.list, reads="task.listed"),
            SoapOperation("deleteDownloadTask", FileId, self.delete),
            SoapOperation("pauseDownloadTask", FileId, partial(self.change, tasks.pause)),
            SoapOperation("resumeDownloadTask", FileId, partial(self.change, tasks.resume)),
            SoapOperation("cancelDownloadTask", FileId, partial(self.change, tasks.cancel)),
        )

    async def create(self, call: Call) -> TaskHolder:
        return TaskHolder(told(await self._flows.fetch(call.caller, call.body)))

    async def get(self, call: Call) -> TaskHolder:
        return TaskHolder(told(await self._flows.get_download(call.caller, str(call.body.file_id))))

    async def list(self, call: Call) -> TaskList:
        found = await self._flows.downloads(call.caller, call.body.status)
        return TaskList([told(each) for each in found])

    async def delete(self, call: Call) -> Nothing:
        await self._flows.remove(call.caller, DOWNLOAD, str(call.body.file_id))
        return Nothing()

    async def change(self, verb: Callable[[Tx, Caller, Task], Task], call: Call) -> TaskHolder:
        await self._flows.change(call.caller, DOWNLOAD, str(call.body.file_id), verb)
        return await self.get(call)

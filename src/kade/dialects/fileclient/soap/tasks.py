"""What calls about tasks of either kind have in common."""

from typing import TypeVar

import msgspec

from kade.dialects.fileclient.wire import DownloadTask, Status, UploadTask
from kade.web.service_api import values

_INSTANTS = ("timestamp", "start_date", "end_date", "status_time", "schedule_time")

T = TypeVar("T", bound=DownloadTask | UploadTask)


class FileId(msgspec.Struct, frozen=True, rename="camel"):
    file_id: int


class Statuses(msgspec.Struct, frozen=True):
    status: list[Status] = []


def told(task: T) -> T:
    """A task as SOAP tells of it."""
    return values.plain_seconds(task, _INSTANTS)

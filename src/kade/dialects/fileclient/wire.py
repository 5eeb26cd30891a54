"""What goes over the service's wire (spec 2.1, 2.2); members beyond upstream's stand at the end."""

from enum import StrEnum
from typing import Any

import msgspec

from kade.core.clock import to_iso
from kade.core.tasks import Task, TaskState
from kade.dialects.fileclient import requests
from kade.dialects.fileclient.requests import DownloadRequest, UploadRequest
from kade.tasks import Run


class Status(StrEnum):
    """Upstream's; a cancelled task has failed, and one that runs or rests is created."""

    CREATED = "CREATED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


_STATUS = {
    TaskState.WAITING: Status.CREATED,
    TaskState.PAUSED: Status.CREATED,
    TaskState.SUCCEEDED: Status.SUCCEEDED,
    TaskState.FAILED: Status.FAILED,
    TaskState.CANCELLED: Status.FAILED,
}
RUNNING = "running"


class NewDownload(msgspec.Struct, frozen=True, rename="camel"):
    """What is to be fetched, as it is asked for."""

    url: str
    start_date: str | None = None
    end_date: str | None = None
    sha256_checksum: str | None = None


class DownloadTask(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    file_id: int
    url: str
    start_date: str | None = None
    end_date: str | None = None
    timestamp: str
    status: Status
    status_time: str
    schedule_time: str
    retries: int
    state: str
    bytes: int
    length: int | None = None
    bytes_per_second: int
    max_attempts: int | None = None
    last_error: str | None = None


class UploadTask(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    file_id: int
    creation_url: str
    timestamp: str
    status: Status
    status_time: str
    schedule_time: str
    retries: int
    state: str
    bytes: int
    length: int | None = None
    bytes_per_second: int
    max_attempts: int | None = None
    last_error: str | None = None


class FileInfo(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    id: int
    url: str | None = None
    name: str | None = None
    content_type: str | None = None
    md5_checksum: str | None = None
    sha256_checksum: str | None = None
    timestamp: str
    length: int | None = None
    last_modified: str | None = None
    completed: bool


def status_of(task: Task) -> Status:
    """The task's state in upstream's words."""
    return _STATUS[TaskState(task.state)]


def download_task(number: int, task: Task, run: Run | None) -> DownloadTask:
    """A download as it is told of; *run* is the attempt that is being made here."""
    request = requests.read(task, DownloadRequest)
    return DownloadTask(
        url=request.url,
        start_date=to_iso(request.start) if request.start is not None else None,
        end_date=to_iso(task.ends_at) if task.ends_at is not None else None,
        **_common(number, task, run),
    )


def upload_task(number: int, task: Task, run: Run | None) -> UploadTask:
    """An upload as it is told of."""
    request = requests.read(task, UploadRequest)
    return UploadTask(creation_url=request.creation_url, **_common(number, task, run))


def _common(number: int, task: Task, run: Run | None) -> dict[str, Any]:
    if task.state != TaskState.WAITING:
        run = None  # it has just ended
    trouble = run.trouble if run is not None else ""
    return {
        "file_id": number,
        "timestamp": to_iso(task.created_at),
        "status": status_of(task),
        "status_time": to_iso(task.changed_at),
        "schedule_time": to_iso(task.due_at),
        "retries": task.attempts,
        "state": RUNNING if run is not None else str(task.state),
        "bytes": run.done if run is not None else task.done,
        "length": run.total if run is not None else task.total,
        "bytes_per_second": run.rate if run is not None else 0,
        "max_attempts": task.max_attempts or None,
        "last_error": trouble or task.last_error or None,
    }

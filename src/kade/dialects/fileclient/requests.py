"""What tasks are asked to do, as their rows keep it."""

from typing import TypeVar

import msgspec

from kade.core.clock import Millis
from kade.core.tasks import Task

DOWNLOAD = "fileclient.download"
UPLOAD = "fileclient.upload"

R = TypeVar("R", bound="DownloadRequest | UploadRequest")


class DownloadRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Fetch *url*; the file must have that size in bytes and these digests (hex by algorithm), if given."""

    url: str
    start: Millis | None = None
    size: int | None = None
    digests: dict[str, str] = {}
    name: str = ""
    media_type: str = ""


class UploadRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Send the task's file: by tus to the creation URL, or by one PUT (Grote Berichten, push) to the URL."""

    creation_url: str
    by_put: bool = False


def read(task: Task, kind: type[R]) -> R:
    """The request of a task of that kind."""
    return msgspec.json.decode(task.request, type=kind)


def written(request: DownloadRequest | UploadRequest) -> str:
    """The form in which the row keeps it."""
    return msgspec.json.encode(request).decode()


def sent_to(task: Task) -> str | None:
    """The URL that an upload's file has at the other side, once that made one."""
    progress: dict[str, str] = msgspec.json.decode(task.progress)
    return progress.get("upload_url") or None

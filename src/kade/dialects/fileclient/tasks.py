"""Tasks by their numbers, and the files that belong to them, in one transaction each (spec 2.1)."""

from collections.abc import Callable
from typing import NamedTuple

from kade.core.bindings import Noun
from kade.core.clock import Millis
from kade.core.contents import Content, Extent
from kade.core.errors import FileReason, KadeError, TaskReason
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.tasks import Task
from kade.core.uploads import Upload
from kade.dialects.fileclient import box, requests
from kade.dialects.fileclient.box import INSTANCE
from kade.dialects.fileclient.requests import DOWNLOAD, UPLOAD, DownloadRequest, UploadRequest
from kade.services import access, files, tasks, uploads
from kade.services.naming import bind
from kade.services.tasks import Order


class Numbered(NamedTuple):
    """A task with the number by which upstream's clients know it and its file."""

    number: int
    task: Task


class Found(NamedTuple):
    """The complete file of a task, with its bytes."""

    number: int
    task: Task
    file: File
    content: Content
    extents: list[Extent]


class When(NamedTuple):
    """Not before *start*, not from *end* on; at most so many attempts (0: no limit)."""

    start: Millis | None
    end: Millis | None
    attempts: int


def create_download(
    tx: Tx, caller: Caller, space_id: Id, lane: str, request: DownloadRequest, when: When
) -> Numbered:
    """A task that fetches. Raises as ``tasks.create`` does."""
    order = Order(
        DOWNLOAD,
        lane,
        requests.written(request),
        due_at=when.start,
        ends_at=when.end,
        max_attempts=when.attempts,
    )
    return _numbered(tx, tasks.create(tx, caller, space_id, order))


def create_upload(
    tx: Tx, caller: Caller, upload: Upload, lane: str, request: UploadRequest, attempts: int
) -> Numbered:
    """A task that sends the file which *upload* has just brought."""
    order = Order(UPLOAD, lane, requests.written(request), max_attempts=attempts, file_id=upload.file_id)
    return _numbered(tx, tasks.create(tx, caller, upload.space_id, order))


def find(tx: Tx, caller: Caller, kind: str, number: str, verb: Verb = Verb.LIST) -> Numbered:
    """The task of that kind and number.

    Raises:
        KadeError: ``TaskReason.UNKNOWN``, also for a number that is none.
    """
    task_id = tx.bindings.object_of(INSTANCE, Noun.TASK, number) if number.isascii() else None
    task = tasks.find(tx, caller, task_id, verb)
    if kind and task.kind != kind:
        raise KadeError(TaskReason.UNKNOWN, task.id)
    return Numbered(int(number), task)


def of_kind(tx: Tx, caller: Caller, kind: str) -> list[Numbered]:
    """Every task of a kind, oldest first. Raises KadeError(``AccessReason.VERB_NOT_GRANTED``)."""
    space_id = box.find(tx, caller)
    if space_id is None:
        return []
    access.require(tx, caller, Verb.LIST, space_id)
    found = tasks.of_space(tx, caller, space_id, kind)
    numbers = tx.bindings.keys_of(INSTANCE, Noun.TASK, [task.id for task in found])
    return [Numbered(int(numbers[task.id]), task) for task in found if task.id in numbers]


def change(
    tx: Tx, caller: Caller, kind: str, number: str, verb: Callable[[Tx, Caller, Task], Task]
) -> Numbered:
    """Pause, resume or cancel. Raises as ``find`` and *verb* do."""
    found = find(tx, caller, kind, number, Verb.WRITE)
    return Numbered(found.number, verb(tx, caller, found.task))


def remove(tx: Tx, caller: Caller, kind: str, number: str) -> Id:
    """Forget the task and remove its file, whole or not, as upstream does; the task's id."""
    task = find(tx, caller, kind, number, Verb.REMOVE).task
    tasks.remove(tx, caller, task)
    file = tx.files.get(task.file_id) if task.file_id is not None else None
    upload = tx.uploads.of_file(file.id) if file is not None else None
    if file is not None and file.state == FileState.LIVE:
        files.remove(tx, caller, file)
    elif file is not None and file.state == FileState.RECEIVING and upload is not None:
        uploads.discard(tx, upload)
    return task.id


def find_file(tx: Tx, caller: Caller, number: str) -> Found:
    """The complete file of the task of that number.

    Raises:
        KadeError: ``FileReason.UNKNOWN`` when there is none; ``INCOMPLETE`` while it is on its way.
    """
    try:
        numbered = find(tx, caller, "", number)
    except KadeError as error:
        raise KadeError(FileReason.UNKNOWN, number[:80]) from error
    file = _live(tx, caller, numbered.task)
    if file is None:
        raise KadeError(FileReason.INCOMPLETE, numbered.task.id)
    content = files.content_of(tx, file)
    return Found(numbered.number, numbered.task, file, content, tx.contents.extents(content.id))


def files_of_all(tx: Tx, caller: Caller) -> list[tuple[Numbered, File | None]]:
    """Every task with its file, if that is complete."""
    both = [*of_kind(tx, caller, DOWNLOAD), *of_kind(tx, caller, UPLOAD)]
    return [(each, _live(tx, caller, each.task)) for each in both]


def _live(tx: Tx, caller: Caller, task: Task) -> File | None:
    try:
        return files.find(tx, caller, task.file_id)
    except KadeError:
        return None


def _numbered(tx: Tx, task: Task) -> Numbered:
    number = tx.bindings.next_number(INSTANCE, Noun.TASK)
    bind(tx, INSTANCE, Noun.TASK, str(number), task.id)
    return Numbered(number, task)

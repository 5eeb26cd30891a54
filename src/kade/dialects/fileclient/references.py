"""Grote Berichten on the client's side: what references and messages say of tasks, and what follows."""

import asyncio
from collections.abc import Sequence

import msgspec

from kade.core import media_types, names
from kade.core.clock import Millis, now
from kade.core.errors import FileReason, KadeError, RequestReason, TaskReason
from kade.core.files import File
from kade.core.grants import Verb
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.tasks import TaskState
from kade.dialects.fileclient import requests, tasks
from kade.dialects.fileclient.box import INSTANCE
from kade.dialects.fileclient.flows import TaskFlows, url_of
from kade.dialects.fileclient.requests import DOWNLOAD, UPLOAD, DownloadRequest, UploadRequest
from kade.dialects.fileclient.settings import Settings
from kade.dialects.fileclient.tasks import Found, Numbered
from kade.dialects.fileclient.wire import DownloadTask
from kade.services import tasks as tasks_service
from kade.web.dialect import Kit
from kade.web.grote_berichten import messages, references
from kade.web.grote_berichten.checksums import ALGORITHMS
from kade.web.grote_berichten.messages import Claim, Compression, Judged, Message, Status
from kade.web.grote_berichten.names import name_of
from kade.web.grote_berichten.references import Location, Reference

_MOST_FILES = 100  # in one reference or request
_NOTHING_TO_DO = (Status.OK, Status.UNKNOWN_ERROR)
_OVER = (TaskState.SUCCEEDED, TaskState.FAILED)
_BAD_REFERENCE = (RequestReason.BAD_VALUE, FileReason.BAD_MEDIA_TYPE, FileReason.BAD_TIME_FRAME)


class Answered(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    """What a response says of one file, and whether that is sent again; no number: it is none of ours."""

    context_id: str | None = None
    file_id: int | None = None
    status: Status
    reason: str | None = None
    sent_again: bool


class ReferenceFlows:
    """References to files of tasks, tasks by references, and the messages of push."""

    def __init__(self, kit: Kit, settings: Settings, flows: TaskFlows) -> None:
        self._kit = kit
        self._kind = settings.reference_checksum
        self._flows = flows

    async def of(self, caller: Caller, numbers: Sequence[str]) -> list[Reference]:
        """What a reference says of each file: where it was sent to, or fetched from.

        Raises:
            KadeError: ``FileReason.UNKNOWN``, also for more than a hundred; ``INCOMPLETE`` while it was not
                fetched or sent.
        """
        if len(numbers) > _MOST_FILES:
            raise KadeError(FileReason.UNKNOWN, f"{len(numbers)} files")
        return await asyncio.gather(*(self._reference(caller, number) for number in numbers))

    async def fetch(self, caller: Caller, data: bytes) -> list[DownloadTask]:
        """A task for each file of a reference that came; all of them or none.

        It fetches within the lifetime, and fails when size or checksum are others (GB014, GB015).

        Raises:
            KadeError: ``RequestReason.NOT_VALID`` for what is no reference to files that can be fetched;
                ``TaskReason.TARGET_REFUSED``; no right to write.
        """
        wanted = references.read(data)
        try:
            return await self._flows.fetch_all(caller, [_request(each) for each in wanted])
        except KadeError as error:
            if error.reason in _BAD_REFERENCE:
                raise KadeError(RequestReason.NOT_VALID, f"{error.reason} {error.subject}") from error
            raise

    async def request(self, caller: Caller, numbers: Sequence[str]) -> Message:
        """The message about files that were pushed; the number of each is its contextId.

        Raises:
            KadeError: ``RequestReason.NOT_VALID`` for none, more than a hundred, or one that does not go by
                push; ``FileReason.UNKNOWN``; ``INCOMPLETE`` while it was not sent.
        """
        if not 0 < len(numbers) <= _MOST_FILES:
            raise KadeError(RequestReason.NOT_VALID, f"{len(numbers)} files")
        pushed = await asyncio.gather(*(self._pushed(caller, number) for number in numbers))
        return Message(messages.PROFILE, tuple(pushed))

    async def answered(self, caller: Caller, judged: Sequence[Judged]) -> list[Answered]:
        """Send again what the partner could not use, and might the next time (GB018).

        A file counts as ours when its number and its URL are those of a push.

        Raises:
            KadeError: no right to write.
        """
        told = await self._kit.catalog.write(lambda tx: [_answered(tx, caller, each) for each in judged])
        self._kit.runner.wake()
        return told

    async def _reference(self, caller: Caller, number: str) -> Reference:
        found = await self._done(caller, number)
        url = url_of(found.task)
        assert url is not None
        is_ours = found.task.kind == UPLOAD
        start = None if is_ours else requests.read(found.task, DownloadRequest).start
        return Reference(
            await self._name(found.file),
            found.file.media_type,
            found.content.length,
            self._kind,
            await self._checksum(found),
            start,
            found.task.ends_at,
            url,
            Location.RECEIVER if is_ours else Location.SENDER,
        )

    async def _pushed(self, caller: Caller, number: str) -> messages.Reference:
        found = await self._done(caller, number)
        if found.task.kind == DOWNLOAD or not requests.read(found.task, UploadRequest).by_put:
            raise KadeError(RequestReason.NOT_VALID, f"{number[:20]} was not pushed")
        url = url_of(found.task)
        assert url is not None
        name, checksum = await self._name(found.file), await self._checksum(found)
        whole = Claim(name, self._kind, checksum, found.content.length)
        return messages.Reference(
            str(found.number), Compression.NONE, found.file.media_type, whole, url, parts=()
        )

    async def _done(self, caller: Caller, number: str) -> Found:
        found = await self._kit.catalog.read(tasks.find_file, caller, number)
        if found.task.state != TaskState.SUCCEEDED:
            raise KadeError(FileReason.INCOMPLETE, found.task.id)
        return found

    async def _name(self, file: File) -> str:
        return await name_of(self._kit.catalog, INSTANCE, file)

    async def _checksum(self, found: Found) -> str:
        digest = await self._kit.digesting.hexdigest(found.content.id, ALGORITHMS[self._kind])
        return digest.upper()


def _request(one: Reference) -> tuple[DownloadRequest, Millis | None]:
    if one.location is not Location.SENDER:
        raise KadeError(RequestReason.NOT_VALID, "a receiverUrl cannot be fetched")
    if one.end is not None and one.end <= now():
        raise KadeError(RequestReason.NOT_VALID, "the lifetime is over")
    request = DownloadRequest(
        one.url,
        start=one.start,
        size=one.length,
        digests={ALGORITHMS[one.checksum_type]: one.checksum.lower()},
        name=names.clean(one.name, RequestReason.NOT_VALID),
        media_type=media_types.clean(one.media_type),
    )
    return request, one.end


def _answered(tx: Tx, caller: Caller, judged: Judged) -> Answered:
    reference, verdict = judged.reference, judged.verdict
    found = _push_of(tx, caller, reference)
    again = found is not None and verdict.status not in _NOTHING_TO_DO and found.task.state in _OVER
    if found is not None and again:
        tasks_service.restart(tx, caller, found.task)
    return Answered(
        context_id=reference.context_id,
        file_id=found.number if found is not None else None,
        status=verdict.status,
        reason=verdict.reason or None,
        sent_again=again,
    )


def _push_of(tx: Tx, caller: Caller, reference: messages.Reference) -> Numbered | None:
    """The task whose file it is; the partner's word alone is not enough to send anything anywhere."""
    try:
        found = tasks.find(tx, caller, UPLOAD, reference.context_id or "", Verb.WRITE)
    except KadeError as error:
        if error.reason is not TaskReason.UNKNOWN:
            raise
        return None
    request = requests.read(found.task, UploadRequest)
    return found if request.by_put and request.creation_url == reference.url else None

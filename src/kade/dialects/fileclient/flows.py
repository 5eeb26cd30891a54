"""What the File Client does for its applications, for both of its faces; each flow owns its transactions."""

import mimetypes
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass

import msgspec

from kade.core.clock import Millis, to_iso
from kade.core.errors import FileReason, KadeError, RequestReason
from kade.core.events import Event
from kade.core.ports import Source, Tx
from kade.core.principals import Caller
from kade.core.tasks import Task
from kade.core.uploads import Upload
from kade.dialects.fileclient import box, requests, tasks, wire
from kade.dialects.fileclient.peers import judged, policy_of
from kade.dialects.fileclient.requests import DOWNLOAD, UPLOAD, DownloadRequest, UploadRequest
from kade.dialects.fileclient.settings import Settings
from kade.dialects.fileclient.tasks import Found, Numbered, When
from kade.dialects.fileclient.wire import DownloadTask, FileInfo, NewDownload, Status, UploadTask
from kade.services import uploads
from kade.services.uploads import Arrived, Wish
from kade.tasks import Run
from kade.web import share
from kade.web.dialect import Kit
from kade.web.service_api import values
from kade.web.streaming import read_whole

UNNAMED = "unnamed"
_SHA256_LENGTH = 64  # hex digits
_PUSH = "push"


@dataclass(frozen=True, slots=True)
class Consignment:
    """Where a file goes, and by which way: by tus to a creation URL, or by one PUT."""

    url: str
    by_put: bool = False

    @classmethod
    def of(cls, url: str | None, profile: str | None) -> "Consignment":
        """By tus, or with the *profile* ``push`` by one PUT (Grote Berichten, GB002).

        Raises:
            KadeError: ``RequestReason.MISSING_VALUE`` without a URL, ``BAD_VALUE`` for another profile.
        """
        if not url:
            raise KadeError(RequestReason.MISSING_VALUE, "creationUrl")
        if profile not in (None, "tus", _PUSH):
            raise KadeError(RequestReason.BAD_VALUE, "profile")
        return cls(url, by_put=profile == _PUSH)


class TaskFlows:
    """Tasks of one kind are asked for, looked at and steered."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings
        self._policy = policy_of(settings)

    async def fetch(self, caller: Caller, new: NewDownload) -> DownloadTask:
        """A task that fetches the file at a URL; it must have the checksum, if one is given.

        Raises as ``fetch_all`` does, and ``RequestReason.BAD_VALUE`` for what is no instant or no SHA-256.
        """
        frame = values.time_frame(new.start_date, new.end_date)
        sha256 = values.sha256(new.sha256_checksum)
        if sha256 is not None and len(sha256) != _SHA256_LENGTH:
            raise KadeError(RequestReason.BAD_VALUE, "sha256Checksum")
        request = DownloadRequest(new.url, frame.start, digests={"sha256": sha256} if sha256 else {})
        (made,) = await self.fetch_all(caller, [(request, frame.end)])
        return made

    async def fetch_all(
        self, caller: Caller, wanted: Sequence[tuple[DownloadRequest, Millis | None]]
    ) -> list[DownloadTask]:
        """A task for each, until its end; all of them or none.

        Raises:
            KadeError: ``RequestReason.BAD_VALUE`` for what is no URL; ``TaskReason.TARGET_REFUSED``;
                ``FileReason.BAD_TIME_FRAME``; no right to write.
        """
        kit, attempts = self._kit, self._settings.max_attempts
        targets = [(judged(self._policy, request.url), request, end) for request, end in wanted]

        def create(tx: Tx) -> list[Numbered]:
            space_id = box.give(tx, caller, kit.namers, kit.ceiling)
            return [
                tasks.create_download(
                    tx,
                    caller,
                    space_id,
                    str(url.origin()),
                    msgspec.structs.replace(request, url=str(url)),
                    When(request.start, end, attempts),
                )
                for url, request, end in targets
            ]

        made = await kit.catalog.write(create)
        kit.runner.wake()
        return [wire.download_task(each.number, each.task, None) for each in made]

    async def send(
        self,
        caller: Caller,
        where: Callable[[], Consignment],
        name: str,
        media_type: str | None,
        source: Source,
        sha256: Callable[[], str | None],
    ) -> UploadTask:
        """Take a file in, wholly or not at all, with the task that sends it.

        *where* and *sha256* are asked when the source has ended: in a form they may stand behind the file.
        Raises as ``fetch`` does, and ``FileReason.CHECKSUM_MISMATCH``.
        """
        kit, made = self._kit, list[Numbered]()

        def begin(tx: Tx) -> Upload:
            space_id = box.give(tx, caller, kit.namers, kit.ceiling)
            wish = Wish(name or UNNAMED, None, media_type)
            return uploads.begin(tx, caller, kit.namers, kit.rules, space_id, wish)

        def closing(tx: Tx, upload: Upload, arrived: Arrived) -> None:
            expected, to = sha256(), where()
            if expected is not None and arrived.sha256 != expected:
                raise KadeError(FileReason.CHECKSUM_MISMATCH, upload.file_id)
            url = judged(self._policy, to.url)
            request = UploadRequest(str(url), to.by_put)
            attempts = self._settings.max_attempts
            made[:] = [tasks.create_upload(tx, caller, upload, str(url.origin()), request, attempts)]

        await kit.appending.deposit_whole(caller, begin, source, closing)
        kit.runner.wake()
        return wire.upload_task(made[0].number, made[0].task, None)

    async def send_from_share(
        self, caller: Caller, to: Consignment, name: str, sha256: str | None
    ) -> UploadTask:
        """``send`` of a file of the upload share. Raises as that and ``share.opened`` do."""
        judged(self._policy, to.url)
        plain = share.base_name(name)
        media_type = mimetypes.guess_type(plain)[0]
        async with share.opened(self._settings.upload_share, name) as source:
            return await self.send(caller, lambda: to, plain, media_type, source, lambda: sha256)

    async def downloads(self, caller: Caller, statuses: Collection[Status]) -> list[DownloadTask]:
        """All, the one scheduled last first; with *statuses* those alone, the one scheduled first first."""
        found = await self._listed(caller, DOWNLOAD, statuses)
        return [wire.download_task(each.number, each.task, self._run(each)) for each in found]

    async def uploads(self, caller: Caller, statuses: Collection[Status]) -> list[UploadTask]:
        """The same of uploads."""
        found = await self._listed(caller, UPLOAD, statuses)
        return [wire.upload_task(each.number, each.task, self._run(each)) for each in found]

    async def get_download(self, caller: Caller, number: str) -> DownloadTask:
        """One of them. Raises KadeError(``TaskReason.UNKNOWN``)."""
        found = await self._kit.catalog.read(tasks.find, caller, DOWNLOAD, number)
        return wire.download_task(found.number, found.task, self._run(found))

    async def get_upload(self, caller: Caller, number: str) -> UploadTask:
        """One of them. Raises KadeError(``TaskReason.UNKNOWN``)."""
        found = await self._kit.catalog.read(tasks.find, caller, UPLOAD, number)
        return wire.upload_task(found.number, found.task, self._run(found))

    async def change(
        self, caller: Caller, kind: str, number: str, verb: Callable[[Tx, Caller, Task], Task]
    ) -> Numbered:
        """Pause, resume or cancel; whoever works at the task stops now.

        Raises:
            KadeError: ``TaskReason.UNKNOWN`` or ``WRONG_STATE``.
        """
        changed = await self._kit.catalog.write(tasks.change, caller, kind, number, verb)
        self._kit.runner.stop(changed.task.id)
        self._kit.runner.wake()
        return changed

    async def remove(self, caller: Caller, kind: str, number: str) -> None:
        """Forget the task and remove its file. Raises KadeError(``TaskReason.UNKNOWN``)."""
        task_id = await self._kit.catalog.write(tasks.remove, caller, kind, number)
        self._kit.runner.stop(task_id)

    async def _listed(self, caller: Caller, kind: str, statuses: Collection[Status]) -> list[Numbered]:
        found = await self._kit.catalog.read(tasks.of_kind, caller, kind)
        if statuses:
            found = [each for each in found if wire.status_of(each.task) in statuses]
        return sorted(found, key=lambda each: (each.task.due_at, each.number), reverse=not statuses)

    def _run(self, one: Numbered) -> Run | None:
        return self._kit.runner.running(one.task.id)


class FileFlows:
    """Files of tasks."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings

    async def found(self, caller: Caller, number: str, *, md5: bool = False) -> Found:
        """A complete file with its SHA-256, and with its MD5 when that is asked for.

        Raises:
            KadeError: ``FileReason.UNKNOWN`` or ``INCOMPLETE``.
        """
        found = await self._kit.catalog.read(tasks.find_file, caller, number)
        content = await self._kit.digesting.ensure(found.content.id, md5=md5)
        return found._replace(content=content)

    async def infos(self, caller: Caller) -> list[FileInfo]:
        """Every file by name, and those that are on their way, of which less is known."""
        both = await self._kit.catalog.read(tasks.files_of_all, caller)
        told = [
            _unfinished(each) if file is None else await self.info(caller, str(each.number))
            for each, file in both
        ]
        return sorted(told, key=lambda each: (each.name or "", each.id))

    async def info(self, caller: Caller, number: str) -> FileInfo:
        """What is told of one file, complete or not. Raises KadeError(``FileReason.UNKNOWN``)."""
        try:
            return _info(await self.found(caller, number, md5=True))
        except KadeError as error:
            if error.reason is not FileReason.INCOMPLETE:
                raise
        return _unfinished(await self._kit.catalog.read(tasks.find, caller, "", number))

    def pieces(self, caller: Caller, found: Found) -> AsyncIterator[bytes]:
        """The file's bytes, while the caller has a right to them."""
        kit = self._kit
        return read_whole(kit.store, kit.transfers, caller, found.content, found.extents)

    async def hand_over(self, caller: Caller, number: str, name: str) -> FileInfo:
        """Copy a file into the download share under *name*. Raises as ``found``, ``share.hand_over``."""
        found = await self.found(caller, number, md5=True)
        assert found.content.sha256 is not None
        await share.hand_over(
            self._settings.download_share, name, self.pieces(caller, found), found.content.sha256
        )
        self._kit.audit.note(Event.by(caller, "file.handed_over", found.file.id, name=name))
        return _info(found)


def url_of(task: Task) -> str | None:
    """Where the file is at the other side: an upload has its own URL once it was created there."""
    if task.kind == DOWNLOAD:
        return requests.read(task, DownloadRequest).url
    return requests.sent_to(task)


def _info(found: Found) -> FileInfo:
    file, content = found.file, found.content
    return FileInfo(
        id=found.number,
        url=url_of(found.task),
        name=file.name,
        content_type=file.media_type,
        md5_checksum=(content.md5 or "").upper() or None,
        sha256_checksum=(content.sha256 or "").upper() or None,
        timestamp=to_iso(file.created_at),
        length=content.length,
        last_modified=to_iso(content.changed_at),
        completed=True,
    )


def _unfinished(one: Numbered) -> FileInfo:
    return FileInfo(
        id=one.number, url=url_of(one.task), timestamp=to_iso(one.task.created_at), completed=False
    )

"""How tasks are done: a download into the store, an upload out of it."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from kade.client import TransferError
from kade.client.download import Expected, download
from kade.client.push import put
from kade.client.tus_upload import upload
from kade.core.contents import Content, Extent
from kade.core.files import File, FileState
from kade.core.ports import Tx
from kade.core.tasks import Task
from kade.dialects.fileclient import requests
from kade.dialects.fileclient.landing import StoreLanding
from kade.dialects.fileclient.outgoing import StoreOutgoing, TaskMemory
from kade.dialects.fileclient.peers import Peers
from kade.dialects.fileclient.requests import DOWNLOAD, UPLOAD, DownloadRequest, UploadRequest
from kade.dialects.fileclient.settings import Settings
from kade.services import files, tasks
from kade.tasks import Handler, Hopeless, Run, TryLater
from kade.tasks.runner import Finish
from kade.web.dialect import Kit


def handlers(kit: Kit, settings: Settings) -> Mapping[str, Handler]:
    """By the kind of task."""
    peers = Peers(settings)
    return {DOWNLOAD: Downloading(kit, settings, peers), UPLOAD: Uploading(kit, settings, peers)}


class _Patience:
    """When a task is tried again: pauses double, with a quarter of chance, up to the longest."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def pause(self, failures: int) -> float:
        doubled = self._settings.first_pause * 2.0 ** min(failures - 1, 30)
        # So that tasks that failed together do not all come back together.
        return min(doubled, self._settings.longest_pause) * random.uniform(0.75, 1.0)  # noqa: S311


class Downloading(_Patience):
    """Implements ``tasks.Handler`` for downloads."""

    def __init__(self, kit: Kit, settings: Settings, peers: Peers) -> None:
        super().__init__(settings)
        self._kit = kit
        self._peers = peers

    async def __call__(self, run: Run) -> Finish | None:
        request = requests.read(run.task, DownloadRequest)
        caller = await self._kit.catalog.read(tasks.owner_of, run.task)
        async with _told():
            landing = StoreLanding(self._kit, caller, run, request)
            await landing.open()
            expected = Expected(request.size, request.digests)
            async with self._peers.towards(request.url) as peer:
                await download(peer, request.url, landing, expected=expected, progress=Told(run))
            return await landing.finished()


class Uploading(_Patience):
    """Implements ``tasks.Handler`` for uploads."""

    def __init__(self, kit: Kit, settings: Settings, peers: Peers) -> None:
        super().__init__(settings)
        self._kit = kit
        self._peers = peers

    async def __call__(self, run: Run) -> Finish | None:
        request = requests.read(run.task, UploadRequest)
        await self._kit.catalog.read(tasks.owner_of, run.task)
        outgoing = StoreOutgoing(self._kit, *await self._kit.catalog.read(_file_of, run.task))
        url = request.creation_url
        async with _told(), self._peers.towards(url) as peer:
            if request.by_put:
                await put(peer, url, outgoing, progress=Told(run))
                await TaskMemory(run).keep(url)
            else:
                part_size = self._peers.part_size(url)
                await upload(peer, url, outgoing, TaskMemory(run), part_size=part_size, progress=Told(run))
        return None


class Told:
    """Implements ``client.Progress``: what a run tells of itself."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def at(self, done: int, total: int | None) -> None:
        self._run.at(done, total)

    def waiting(self, reason: str, seconds: float) -> None:
        self._run.trouble = reason

    def verifying(self) -> None:
        """A moment more."""


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """What a transfer says of its end, in the runner's words."""
    try:
        yield
    except TransferError as error:
        if error.permanent:
            raise Hopeless(str(error)) from error
        raise TryLater(str(error), error.retry_after) from error


def _file_of(tx: Tx, task: Task) -> tuple[File, Content, list[Extent]]:
    file = tx.files.get(task.file_id) if task.file_id is not None else None
    if file is None or file.state != FileState.LIVE:
        raise Hopeless("the file that was to be sent is gone")
    content = files.content_of(tx, file)
    return file, content, tx.contents.extents(content.id)

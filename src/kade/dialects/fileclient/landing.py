"""Where a download lands: in an upload of the File Client's space, so that it survives whatever comes.

The upload's length stays open until every byte is there and was found to be right; only then it is declared,
and the file is live in the same transaction in which its task succeeds.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from kade.client.ports import NOTHING, Offered, Representation
from kade.core.errors import KadeError
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.tasks import Task
from kade.core.uploads import Upload
from kade.dialects.fileclient.requests import DownloadRequest
from kade.services import uploads
from kade.services.pieces import PiecesSource
from kade.services.uploads import Arrived, Wish
from kade.tasks import Run
from kade.tasks.runner import Finish
from kade.web.dialect import Kit

_UNNAMED = "download"


class StoreLanding:
    """Implements ``client.ports.Landing`` for one run of a task."""

    def __init__(self, kit: Kit, caller: Caller, run: Run, request: DownloadRequest) -> None:
        self._kit = kit
        self._caller = caller
        self._run = run
        self._request = request
        self._upload: Upload | None = None
        self.state: Representation = NOTHING

    @property
    def offset(self) -> int:
        return self._upload.offset if self._upload is not None else 0

    async def open(self) -> None:
        """Go on with what an earlier run left, if it is there still."""
        kept = self._run.progress
        if kept.get("upload"):
            self._upload = await self._kit.catalog.write(_revived, self._caller, self._kit, kept["upload"])
        if self._upload is not None:
            self.state = msgspec.convert(kept["state"], Representation)

    async def restart(self, state: Representation, offered: Offered) -> None:
        """One transaction: the former upload goes, the next one begins, the task's row knows it."""
        former = self._upload
        name = self._request.name or offered.name or _UNNAMED
        media_type = self._request.media_type or offered.media_type

        def begin(tx: Tx) -> tuple[Upload | None, Task]:
            if former is not None:
                uploads.discard(tx, former)
            if state == NOTHING:
                return None, self._run.kept(tx, upload="")
            uploads.check_size(self._kit.rules, _space(tx, self._run.task), state.size)
            wish = Wish(name, None, media_type)
            made = uploads.begin(
                tx, self._caller, self._kit.namers, self._kit.rules, self._run.task.space_id, wish
            )
            told = msgspec.to_builtins(state)
            return made, self._run.kept(tx, file_id=made.file_id, upload=made.id, state=told)

        self._upload, task = await self._kit.catalog.write(begin)
        self._run.keeps(task)
        self.state = state

    async def receive(self, pieces: AsyncIterator[bytes]) -> None:
        assert self._upload is not None
        source = PiecesSource(pieces)
        try:
            self._upload = await self._kit.appending.append(
                self._caller, self._upload.id, self._upload.offset, source
            )
        except KadeError:
            self._upload = await self._kit.catalog.read(_now, self._upload.id)
            if source.broken is not None:
                raise source.broken from None
            raise
        finally:
            await source.close()

    async def digest(self, algorithm: str) -> str:
        assert self._upload is not None
        return await self._kit.appending.digest(self._upload, algorithm)

    async def discard(self) -> None:
        await self.restart(NOTHING, Offered("", None))

    async def finished(self) -> Finish:
        """What makes the file live, for the task's last transaction."""
        upload = self._upload
        assert upload is not None
        sha256, md5 = await self.digest("sha256"), await self.digest("md5")

        def finish(tx: Tx) -> None:
            rules, current = self._kit.rules, tx.uploads.lock(upload.id) or upload
            declared = uploads.set_length(tx, rules, current, upload.offset)
            uploads.finish(tx, self._caller, rules, declared, Arrived(upload.offset, None, sha256, md5))

        return finish


def _revived(tx: Tx, caller: Caller, kit: Kit, upload_id: Id) -> Upload | None:
    """The upload, which lives as long as its task: its time begins anew."""
    tx.uploads.set_expiry(upload_id, uploads.expiry(kit.rules))
    try:
        return uploads.find(tx, caller, upload_id)
    except KadeError:
        return None


def _now(tx: Tx, upload_id: Id) -> Upload | None:
    return tx.uploads.get(upload_id)


def _space(tx: Tx, task: Task) -> Any:
    space = tx.spaces.get(task.space_id)
    assert space is not None
    return space

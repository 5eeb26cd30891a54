"""What an upload sends: a live file of the File Client's space, and the memory of where it goes."""

from collections.abc import AsyncIterator

from kade.core.contents import Content, Extent, cut
from kade.core.files import File
from kade.core.ranges import Span
from kade.tasks import Run
from kade.web.dialect import Kit

_PIECE = 1 << 20  # bytes of a small file that are handed on at once


class StoreOutgoing:
    """Implements ``client.ports.Outgoing``; contents never change."""

    def __init__(self, kit: Kit, file: File, content: Content, extents: list[Extent]) -> None:
        self._kit = kit
        self._content = content
        self._extents = extents
        self.name = file.name
        self.media_type: str | None = file.media_type
        self.size = content.length

    async def pieces(self, start: int, end: int) -> AsyncIterator[bytes]:
        inline = self._content.inline
        if inline is not None:
            for position in range(start, end, _PIECE):
                yield inline[position : min(position + _PIECE, end)]
            return
        async for data in self._kit.store.read(cut(self._extents, Span(start, end))):
            yield data

    async def unchanged(self) -> bool:
        return True

    async def sha256(self) -> str:
        content = await self._kit.digesting.ensure(self._content.id)
        assert content.sha256 is not None
        return content.sha256


class TaskMemory:
    """Implements ``client.ports.UploadMemory`` in the task's row."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def find(self) -> str | None:
        url: str = self._run.progress.get("upload_url", "")
        return url or None

    async def keep(self, url: str) -> None:
        await self._run.keep(upload_url=url)

    async def forget(self) -> None:
        await self._run.keep(upload_url="")

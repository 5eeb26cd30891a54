"""Spooling: the bytes of a file as a local file, wherever they are kept, for whoever reads it by its path."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from kade.core.contents import ContentState, Extent
from kade.core.errors import FileReason, KadeError, SourceReason
from kade.core.files import File
from kade.core.ids import new_id
from kade.core.ports import Places, SegmentStore, Tx
from kade.core.sources import Item, Service, Source
from kade.services import sources
from kade.services.pieces import held


class Whereabouts(NamedTuple):
    """Where the bytes of a file are: in its row, in segments, or at a place elsewhere."""

    inline: bytes | None
    extents: Sequence[Extent]
    elsewhere: tuple[Item, Source, Service] | None


def whereabouts(tx: Tx, file: File) -> Whereabouts:
    """Raises KadeError(``FileReason.CONTENT_GONE``) when there are none (any more)."""
    content = tx.contents.get(file.content_id) if file.content_id else None
    if content is not None and content.state == ContentState.LIVE:
        return Whereabouts(content.inline, tx.contents.extents(content.id), None)
    item = tx.items.get(file.id)
    if item is None or content is not None:
        raise KadeError(FileReason.CONTENT_GONE, file.id)
    return Whereabouts(None, (), (item, *sources.of_item(tx, item)))


class Spool:
    """Gives files a path in *folder* for a while."""

    def __init__(self, store: SegmentStore, places: Places, folder: Path) -> None:
        self._store = store
        self._places = places
        self._folder = folder

    def prepare(self) -> None:
        """Make the folder; what a process that died left in it goes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.iterdir():
            left.unlink(missing_ok=True)

    @asynccontextmanager
    async def lent(self, where: Whereabouts, most: int) -> AsyncIterator[Path]:
        """The file's bytes at a path that is read only, and gone afterwards.

        Raises:
            KadeError: ``SourceReason.TOO_LARGE`` above *most* bytes; what ``Place.read`` raises.
        """
        whole = self._whole_segment(where)
        if whole is not None:
            yield whole
            return
        path = self._folder / new_id()
        try:
            await self._copy(self._pieces(where), path, most)
            yield path
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    def _whole_segment(self, where: Whereabouts) -> Path | None:
        """A segment that is the file, and can be read where it is."""
        if len(where.extents) != 1 or where.extents[0].start:
            return None
        located = self._store.locate(where.extents[0])
        path = Path(located) if located is not None else None
        return path if path is not None and path.stat().st_size == where.extents[0].length else None

    async def _pieces(self, where: Whereabouts) -> AsyncIterator[bytes]:
        if where.elsewhere is None:
            if where.inline is not None:
                yield where.inline
            async for data in self._store.read(where.extents):
                yield data
            return
        item, source, service = where.elsewhere
        place = await self._places.open(service, source.path)
        try:
            seen = await place.look(item.key)
            if seen is None:
                raise KadeError(SourceReason.NOT_THERE, item.key)
            if seen.signature != item.signature:
                raise KadeError(SourceReason.CHANGED, item.key)
            async with held(place.read(seen)) as pieces:
                async for data in pieces:
                    yield data
        finally:
            await place.close()

    async def _copy(self, pieces: AsyncIterator[bytes], path: Path, most: int) -> None:
        written = 0
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        file = await asyncio.to_thread(path.open, "xb")
        try:
            async with held(pieces) as every:
                async for data in every:
                    written += len(data)
                    if written > most:
                        raise KadeError(SourceReason.TOO_LARGE, path.name)
                    await asyncio.to_thread(file.write, data)
        finally:
            await asyncio.to_thread(file.close)

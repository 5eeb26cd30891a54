"""Indexing: the index is told what the catalog knows of files, and can be built anew from that alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from kade.core import annotations
from kade.core.clock import Millis, now
from kade.core.files import FileState
from kade.core.ids import Id
from kade.core.ports import Catalog, SearchIndex, Tx
from kade.core.readings import Reading, ReadingState
from kade.core.search import Document, Kind

_BATCH = 500
_CHARACTERS = 4_000_000  # of text in one batch
# How long what is gone is remembered: an index that is being built has to forget it, too.
_GRACE_MS = 3_600_000
_ROUNDS = 5
# What was marked at a moment may be seen only some time later: that of its transaction, and of another clock.
_MARGIN_MS = 60_000


class Batch(NamedTuple):
    """What the index is to be told: documents, files to forget, and the stamps that it knows then."""

    documents: list[Document]
    removed: list[Id]
    stamps: list[tuple[Id, int]]


class Indexing:
    """Keeps an index up to date."""

    def __init__(self, catalog: Catalog, index: SearchIndex) -> None:
        self._catalog = catalog
        self._index = index

    async def step(self) -> int:
        """Tell the index of some changes; how many there were."""
        batch = await self._catalog.read(lambda tx: _batch(tx, tx.readings.unindexed(_BATCH)))
        if batch.stamps:
            await self._index.apply(batch.documents, batch.removed)
            await self._catalog.write(lambda tx: tx.readings.mark_indexed(batch.stamps, now()))
        return len(batch.stamps)

    async def forget_gone(self) -> int:
        """Forget readings of files that are gone, some time after the index forgot them; how many."""
        return await self._catalog.write(_forget_gone)

    async def rebuild(self) -> int:
        """Build the index anew beside the live one, and put it in its place; how many files it knows.

        What changes meanwhile goes into both: the live one is kept up to date as ever, and what it learnt is
        told to the new one before and after they change places.
        """
        rebuilt = await self._index.rebuild()
        try:
            since, total = _a_while_ago(), 0
            async for batch in self._every(None):
                await rebuilt.add(batch.documents, batch.removed)
                total += len(batch.documents)
            for _ in range(_ROUNDS):
                began, caught_up = _a_while_ago(), 0
                async for batch in self._every(since):
                    await rebuilt.add(batch.documents, batch.removed)
                    caught_up += len(batch.stamps)
                since = began
                if caught_up < _BATCH:
                    break
            await rebuilt.swap()
        except BaseException:
            await asyncio.shield(rebuilt.abandon())
            raise
        await self._catalog.write(lambda tx: tx.readings.unmark(since))
        return total

    async def _every(self, indexed_since: Millis | None) -> AsyncIterator[Batch]:
        after: Id | None = None
        while True:
            batch = await self._catalog.read(_page, after, indexed_since)
            if not batch.stamps:
                return
            yield batch
            after = batch.stamps[-1][0]


def _a_while_ago() -> Millis:
    return Millis(now() - _MARGIN_MS)


def _page(tx: Tx, after: Id | None, indexed_since: Millis | None) -> Batch:
    return _batch(tx, tx.readings.page(after, _BATCH, indexed_since))


def _batch(tx: Tx, found: Sequence[Reading]) -> Batch:
    """As many of them as fit in one batch, in their order."""
    chosen: list[Reading] = []
    characters = 0
    for reading in found:
        if chosen and characters + reading.kept > _CHARACTERS:
            break
        chosen.append(reading)
        characters += reading.kept
    here = [each for each in chosen if each.state != ReadingState.GONE]
    gone = [each.file_id for each in chosen if each.state == ReadingState.GONE]
    return Batch(_documents(tx, here), gone, [(each.file_id, each.stamp) for each in chosen])


def _documents(tx: Tx, readings: Sequence[Reading]) -> list[Document]:
    ids = [each.file_id for each in readings]
    files, texts = tx.files.get_many(ids), tx.readings.texts(ids)
    folders = tx.folders.get_many([file.folder_id for file in files.values() if file.folder_id is not None])
    documents = []
    for reading in readings:
        file = files[reading.file_id]
        said = annotations.of(file.annotations)
        folder = folders.get(file.folder_id) if file.folder_id is not None else None
        parts = (reading.title, texts.get(file.id, ""), said.extra)
        documents.append(
            Document(
                file_id=file.id,
                stamp=reading.stamp,
                space_id=file.space_id,
                name=file.name,
                folder=folder.path if folder is not None else "",
                author=reading.author,
                tags=said.tags,
                text="\n".join(filter(None, parts)),
                kind=Kind(reading.kind),
                media_type=reading.media_type or file.media_type,
                length=file.length or 0,
                modified_at=file.modified_at or file.arrived_at or file.created_at,
                trashed=file.state == FileState.TRASHED,
            )
        )
    return documents


def _forget_gone(tx: Tx) -> int:
    gone = []
    for file_id in tx.readings.forgettable(Millis(now() - _GRACE_MS), _BATCH):
        reading = tx.readings.lock(file_id)
        if reading is not None and reading.state == ReadingState.GONE:  # else it came back meanwhile
            gone.append(file_id)
    tx.readings.forget(gone)
    return len(gone)

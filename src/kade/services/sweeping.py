"""Sweeping: what nobody needs any longer really goes, some time after.

Expired uploads are ended, trash whose time is over is erased, contents that nothing refers to are condemned
and, after the grace period, removed with their segments.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kade.core.clock import Millis, now
from kade.core.ids import Id
from kade.core.ports import Catalog, SegmentStore, Tx
from kade.services import files, uploads

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Swept:
    """How many of each went in one sweep."""

    uploads: int
    trashed: int
    condemned: int
    contents: int
    segments: int


class Sweeping:
    """One sweep at a time; each step is harmless when it is done twice."""

    def __init__(self, catalog: Catalog, store: SegmentStore, grace_ms: int) -> None:
        self._catalog = catalog
        self._store = store
        self._grace_ms = grace_ms

    async def sweep(self) -> Swept:
        """Do everything that is due now."""
        return Swept(
            uploads=await self._repeat(_expire_uploads),
            trashed=await self._repeat(_empty_trash),
            condemned=await self._repeat(_condemn, self._before()),
            contents=await self._repeat(_forget_contents, self._before()),
            segments=await self._drop_segments() + await self._drop_orphans(),
        )

    def _before(self) -> Millis:
        return Millis(now() - self._grace_ms)

    async def _repeat(self, step: Callable[..., int], *args: Millis) -> int:
        total = 0
        while done := await self._catalog.write(step, *args):
            total += done
            if done < _BATCH:
                break
        return total

    async def _drop_segments(self) -> int:
        """Rows first: a crash in between leaves an orphan file, never a row without its bytes."""
        dropped = 0
        while segment_ids := await self._catalog.write(_forget_segments, self._before()):
            for segment_id in segment_ids:
                await self._store.delete(segment_id)
            dropped += len(segment_ids)
        return dropped

    async def _drop_orphans(self) -> int:
        """Segments that no row knows, left by a crash."""
        dropped, before = 0, self._before()
        async for segment_id, _length, changed in self._store.list():
            if changed < before and not await self._catalog.read(_is_known, segment_id):
                await self._store.delete(segment_id)
                dropped += 1
        return dropped


def _expire_uploads(tx: Tx) -> int:
    expired = tx.uploads.expired(now(), _BATCH)
    for upload in expired:
        uploads.expire(tx, upload)
    return len(expired)


def _empty_trash(tx: Tx) -> int:
    erased = 0
    for tenant in tx.tenants.all():
        for space in tx.spaces.of_tenant(tenant.id):
            before = Millis(now() - space.policy.trash_ms)
            for file in tx.files.trashed_before(space.id, before, _BATCH - erased):
                files.erase(tx, file)
                erased += 1
    return erased


def _condemn(tx: Tx, before: Millis) -> int:
    orphans = tx.contents.unreferenced(before, _BATCH)
    for content_id in orphans:
        tx.contents.condemn(content_id, now())
    return len(orphans)


def _forget_contents(tx: Tx, before: Millis) -> int:
    condemned = tx.contents.condemned_before(before, _BATCH)
    for content_id in condemned:
        tx.contents.forget(content_id)
    return len(condemned)


def _forget_segments(tx: Tx, before: Millis) -> list[Id]:
    unused = tx.segments.unreferenced(before, _BATCH)
    for segment_id in unused:
        tx.segments.forget(segment_id)
    return unused


def _is_known(tx: Tx, segment_id: Id) -> bool:
    return tx.segments.get(segment_id) is not None

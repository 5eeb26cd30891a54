"""Sweeping: what nobody needs any longer really goes, some time after.

Expired uploads are ended, and files whose time is over take their next step: trash is erased, and what is
kept for so long loses its bytes and, later, its record. Contents that were condemned are removed,
with their segments, after the grace period. What a sweep costs depends on what there is to do, not on what
is stored. Only ``drop_orphans``, after a crash, looks at every segment.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kade.core.clock import Millis, now
from kade.core.ids import Id
from kade.core.ports import Catalog, SegmentStore, Tx
from kade.services import retention, uploads
from kade.services.uploads import Rules

_BATCH = 25  # so many uploads or files are ended in one transaction


@dataclass(frozen=True, slots=True)
class Swept:
    """How many of each went in one sweep."""

    uploads: int
    files: int
    contents: int
    segments: int


class Sweeping:
    """One sweep at a time; each step is harmless when it is done twice."""

    def __init__(self, catalog: Catalog, store: SegmentStore, rules: Rules, grace_ms: int) -> None:
        self._catalog = catalog
        self._store = store
        self._rules = rules
        self._grace_ms = grace_ms

    async def sweep(self) -> Swept:
        """Do everything that is due now."""
        return Swept(
            await self._repeat(lambda tx: _expire_uploads(tx, self._rules)),
            await self._repeat(_take_due_steps),
            *await self._drop_contents(),
        )

    async def drop_orphans(self) -> int:
        """Remove segments older than the grace period that no row knows: what a crash left."""
        dropped, before = 0, self._before()
        async for segment_id, _length, changed in self._store.list():
            if changed < before and not await self._catalog.read(_is_known, segment_id):
                await self._store.delete(segment_id)
                dropped += 1
        return dropped

    def _before(self) -> Millis:
        return Millis(now() - self._grace_ms)

    async def _repeat(self, step: Callable[[Tx], int]) -> int:
        total = 0
        while done := await self._catalog.write(step):
            total += done
            if done < _BATCH:
                break
        return total

    async def _drop_contents(self) -> tuple[int, int]:
        """Rows first: a crash in between leaves an orphan segment, never a row without its bytes."""
        contents = segments = 0
        while True:
            forgotten, unused = await self._catalog.write(_forget_contents, self._before())
            for segment_id in unused:
                await self._store.delete(segment_id)
            contents, segments = contents + forgotten, segments + len(unused)
            if forgotten < _BATCH:
                return contents, segments


def _expire_uploads(tx: Tx, rules: Rules) -> int:
    expired = tx.uploads.expired(now(), _BATCH)
    for upload in expired:
        uploads.expire(tx, rules, upload)
    return len(expired)


def _take_due_steps(tx: Tx) -> int:
    due = tx.files.due(now(), _BATCH)
    for file in due:
        retention.take_step(tx, file)
    return len(due)


def _forget_contents(tx: Tx, before: Millis) -> tuple[int, list[Id]]:
    """Forget contents condemned before that moment; how many, and the segments that nothing uses now."""
    condemned = tx.contents.condemned_before(before, _BATCH)
    candidates: set[Id] = set()
    for content_id in condemned:
        candidates.update(extent.segment_id for extent in tx.contents.extents(content_id))
        tx.contents.forget(content_id)
    unused = sorted(segment_id for segment_id in candidates if not tx.segments.in_use(segment_id))
    for segment_id in unused:
        tx.segments.forget(segment_id)
    return len(condemned), unused


def _is_known(tx: Tx, segment_id: Id) -> bool:
    return tx.segments.get(segment_id) is not None

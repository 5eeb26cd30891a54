"""Synchronising: a walk over a source, and what the catalog makes of it.

A run sees every item of its source and notes it in batches, each in one transaction under the run's own
mark: of two that walk one source the later one counts. What a run that got through did not see is gone. A run
that broke off leaves everything as it was, and the next one begins anew.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import structlog

from kade.core.clock import Millis, now
from kade.core.errors import FileReason, KadeError, SourceReason, TaskReason
from kade.core.events import Event
from kade.core.files import File, FileState
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Place, Places, Tx
from kade.core.principals import Caller
from kade.core.sources import Item, Seen, Service, Source, SyncRun, Unreadable
from kade.services import files, sources
from kade.services.items import Arrival, ItemKeeper

_log = structlog.get_logger("kade.services.syncing")
_LEASE_MS = 120_000  # how long a run counts that gives no sign of life
_BATCH = 100
_RUNS_KEPT = 100


@dataclass(slots=True)
class Walk:
    """A run as it goes: what it has counted, and what it could not look at."""

    run: SyncRun
    unreadable: list[str] = field(default_factory=list)

    def count(self, **more: int) -> None:
        """Add to the run's counts."""
        self.run = self.run._replace(**{name: getattr(self.run, name) + n for name, n in more.items()})


class Syncing:
    """Runs sources that are due, one after the other."""

    def __init__(self, catalog: Catalog, places: Places, keeper: ItemKeeper) -> None:
        self._catalog = catalog
        self._places = places
        self._keeper = keeper

    async def step(self) -> bool:
        """Run the source that is due longest; whether there was one."""
        run = SyncRun(new_id(), Id(""), now(), None, 0, 0, 0, 0, 0, 0, 0, "")
        source = await self._catalog.write(lambda tx: tx.sources.take_due(now(), run, _until()))
        if source is None:
            return False
        await self._run(source, Walk(run._replace(source_id=source.id)))
        return True

    async def _run(self, source: Source, walk: Walk) -> None:
        error = ""
        try:
            if source.removed_at is not None:
                await self._drop(source, walk)
            else:
                await self._walk(source, walk)
        except KadeError as refusal:
            if refusal.reason is TaskReason.TAKEN_OVER:
                return
            error = str(refusal.reason)
            _log.warning("a source was not synchronised", source=source.id, reason=error)
        except Exception:
            error = "request.unexpected"
            _log.exception("a source was not synchronised", source=source.id)
        await self._catalog.write(_end, source.id, walk, error)

    async def _walk(self, source: Source, walk: Walk) -> None:
        service = await self._catalog.read(lambda tx: tx.sources.service(source.service_id))
        assert service is not None
        place = await self._places.open(service, source.path)
        try:
            async for batch in _batches(place.walk()):
                await self._note(source, service, place, walk, batch)
        finally:
            await place.close()
        await self._remove_unseen(source, walk)

    async def _note(
        self, source: Source, service: Service, place: Place, walk: Walk, batch: list[Seen | Unreadable]
    ) -> None:
        walk.unreadable += [each.key for each in batch if isinstance(each, Unreadable)]
        seen = [each for each in batch if isinstance(each, Seen)]
        strangers = await self._catalog.write(self._take_note, source, service, walk, seen)
        for each in strangers:
            former = await self._former(source, place, each)
            await self._catalog.write(self._welcome, source, service, walk, each, former)

    async def _former(self, source: Source, place: Place, seen: Seen) -> Item | None:
        """The item that this one was under another name: the same thing, and nothing stands where it was.

        Where another thing took its place, the file is that one: so a program that saves by putting the old
        version aside does not take the tags of the file away with it.
        """
        if not seen.identity:
            return None
        known = await self._catalog.read(lambda tx: tx.items.by_identity(source.id, seen.identity))
        for item in known:
            there = await place.look(item.key)
            if there is None or there.key != item.key:
                return item
        return None

    def _take_note(
        self, tx: Tx, source: Source, service: Service, walk: Walk, seen: Sequence[Seen]
    ) -> list[Seen]:
        """Compare with what is known; those that are not known are given back."""
        current = _held(tx, source, walk.run)
        caller = sources.syncer_of(tx, source.tenant_id)
        known = tx.items.by_keys(source.id, [each.key for each in seen])
        found = tx.files.get_many([item.file_id for item in known.values()])
        counts = dict.fromkeys(("changed", "restored"), 0)
        for each in seen:
            item = known.get(each.key)
            if item is not None:
                self._compare(tx, caller, current, item, found[item.file_id], each, counts)
        tx.items.mark_seen([item.file_id for item in known.values()], walk.run.id)
        walk.count(seen=len(known), **counts)
        return [each for each in seen if each.key not in known]

    def _compare(
        self,
        tx: Tx,
        caller: Caller,
        source: Source,
        item: Item,
        file: File,
        seen: Seen,
        counts: dict[str, int],
    ) -> None:
        changed = item.signature != seen.signature or source.resynchronise
        if file.state == FileState.TRASHED:
            # Somebody removed it here, and it stands there as before: that is to stay so. Another thing, or
            # one that was gone in between, brings it back.
            if not changed and item.seen_in is not None:
                return
            files.restore(tx, caller, file)
            counts["restored"] += 1
        if not changed or item.queued_at is not None:
            return
        counts["changed"] += 1
        self._keeper.expect(tx, caller, source, item, seen)

    def _welcome(
        self, tx: Tx, source: Source, service: Service, walk: Walk, seen: Seen, former: Item | None
    ) -> None:
        """Something that stands at a key where nothing was known."""
        current = _held(tx, source, walk.run)
        if tx.items.by_keys(source.id, [seen.key]):
            return  # seen twice in one walk, or asked for meanwhile
        caller = sources.syncer_of(tx, source.tenant_id)
        where = self._keeper.folder_of(service, source, seen)
        try:
            if former is not None and (file := tx.files.get(former.file_id)) is not None:
                self._keeper.rename(tx, caller, current, former, file, where, seen, walk.run.id)
                walk.count(seen=1, renamed=1)
                return
            arrival = self._keeper.add(tx, caller, current, where, seen, walk.run.id)
        except KadeError as error:
            if error.reason not in (FileReason.BAD_NAME, FileReason.NAME_REFUSED):
                raise
            walk.count(seen=1, failed=1)
            return
        walk.count(seen=1, added=arrival is Arrival.ADDED, restored=arrival is Arrival.RESTORED)

    async def _remove_unseen(self, source: Source, walk: Walk) -> None:
        if walk.run.seen == 0 and await self._catalog.read(_suddenly_empty, source):
            raise KadeError(SourceReason.EMPTY, source.path)
        after: Id | None = None
        while True:
            after, removed = await self._catalog.write(_remove_some, source, walk, after)
            walk.count(removed=removed)
            if after is None:
                break
        await self._catalog.write(lambda tx: tx.folders.prune(source.space_id))

    async def _drop(self, source: Source, walk: Walk) -> None:
        while dropped := await self._catalog.write(_drop_some, source, walk):
            walk.count(removed=dropped)
        await self._catalog.write(lambda tx: tx.folders.prune(source.space_id))


async def _batches(walk: AsyncIterator[Seen | Unreadable]) -> AsyncIterator[list[Seen | Unreadable]]:
    batch: list[Seen | Unreadable] = []
    async for each in walk:
        batch.append(each)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _until() -> Millis:
    return Millis(now() + _LEASE_MS)


def _held(tx: Tx, source: Source, run: SyncRun) -> Source:
    """The source as it is now, still ours, for as long again. Raises KadeError(``TaskReason.TAKEN_OVER``)."""
    current = tx.sources.lock(source.id)
    if current is None or current.run_id != run.id or current.removed_at != source.removed_at:
        raise KadeError(TaskReason.TAKEN_OVER, source.id)
    renewed = current._replace(run_until=_until())
    tx.sources.change(renewed)
    return renewed


def _suddenly_empty(tx: Tx, source: Source) -> bool:
    """A place where nothing is may be one that is not there (a disk that was not mounted): look twice."""
    if not tx.items.of_source(source.id, None, 1):
        return False
    before = [run for run in tx.sources.runs(source.id, 2) if run.ended_at is not None]
    return not before or before[0].error != str(SourceReason.EMPTY)


def _remove_some(tx: Tx, source: Source, walk: Walk, after: Id | None) -> tuple[Id | None, int]:
    """Remove files that were not seen; where to go on, and how many they were."""
    _held(tx, source, walk.run)
    caller = sources.syncer_of(tx, source.tenant_id)
    unseen = tx.items.unseen(source.id, walk.run.id, after, _BATCH)
    removed = 0
    for item in unseen:
        if item.queued_at is not None or any(_below(item.key, each) for each in walk.unreadable):
            continue
        removed += _remove(tx, caller, item)
    return (unseen[-1].file_id if len(unseen) == _BATCH else None), removed


def _drop_some(tx: Tx, source: Source, walk: Walk) -> int:
    _held(tx, source, walk.run)
    return sources.drop_items(tx, sources.syncer_of(tx, source.tenant_id), source)


def _below(key: str, unreadable: str) -> bool:
    return not unreadable or key == unreadable or key.startswith(unreadable.rstrip("/") + "/")


def _remove(tx: Tx, caller: Caller, item: Item) -> bool:
    file = tx.files.get(item.file_id)
    if file is None:
        tx.items.forget(item.file_id)
        return False
    if file.state == FileState.TRASHED:
        tx.items.change(item._replace(seen_in=None, due_at=None))
        return False
    if file.state == FileState.LIVE:
        tx.items.change(item._replace(seen_in=None, due_at=None))
        files.remove(tx, caller, file)
    else:
        files.purge(tx, caller, file)
    return True


def _end(tx: Tx, source_id: Id, walk: Walk, error: str) -> None:
    ended = walk.run._replace(ended_at=now(), error=error)
    current = tx.sources.lock(source_id)
    if current is None or current.run_id != ended.id:
        return
    if current.removed_at is not None and not error:
        tx.sources.forget(source_id)  # else its service could not be removed
        return
    free = sources.next_run(current, now(), failed=bool(error))
    tx.sources.change(free._replace(resynchronise=current.resynchronise and bool(error)))
    tx.sources.change_run(ended)
    tx.sources.trim_runs(source_id, _RUNS_KEPT)
    counts = {name: getattr(ended, name) for name in ("seen", "added", "changed", "renamed", "removed")}
    kind = "source.failed" if error else "source.synchronised"
    tx.journal.append(
        Event(kind, source_id, reason=error, tenant_id=current.tenant_id, detail={**counts, "run": ended.id})
    )

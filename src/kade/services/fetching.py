"""Fetching: the bytes of items, from where they stand into the store, in the order of their priority."""

import asyncio
from typing import NamedTuple

import structlog

from kade.core.clock import Millis, now
from kade.core.errors import FileReason, KadeError, SourceReason
from kade.core.events import Event, Outcome
from kade.core.files import File, FileState
from kade.core.ids import Id
from kade.core.ports import Catalog, Place, Places, Tx
from kade.core.principals import Caller
from kade.core.sources import Item, Seen, Service, Source
from kade.core.uploads import Upload
from kade.services import files, sources, uploads
from kade.services.appending import Appending
from kade.services.items import ItemKeeper, retry_at
from kade.services.pieces import PiecesSource
from kade.services.uploads import Arrived

_log = structlog.get_logger("kade.services.fetching")
_LEASE_MS = 600_000  # how long an item is left alone by others while it is fetched
_AT_ONCE = 16


class Job(NamedTuple):
    """An item that is to be fetched, with where it stands."""

    item: Item
    source: Source
    service: Service
    caller: Caller


class Fetching:
    """Fetches items that are due."""

    def __init__(self, catalog: Catalog, places: Places, keeper: ItemKeeper, appending: Appending) -> None:
        self._catalog = catalog
        self._places = places
        self._keeper = keeper
        self._appending = appending

    async def step(self) -> int:
        """Fetch some of those that are due; how many there were."""
        jobs = await self._catalog.write(_take)
        open_places: dict[Id, Place | KadeError] = {}
        try:
            for job in jobs:
                await self._attempt(job, open_places)
        finally:
            opened = [each for each in open_places.values() if not isinstance(each, KadeError)]
            await asyncio.gather(*(each.close() for each in opened), return_exceptions=True)
        return len(jobs)

    async def _attempt(self, job: Job, open_places: dict[Id, Place | KadeError]) -> None:
        try:
            place = await self._place(job, open_places)
            seen = await place.look(job.item.key)
            if seen is None:
                await self._catalog.write(self._missing, job)
            elif job.source.copies:
                await self._store(job, place, seen)
            else:
                await self._catalog.write(self._noted, job, seen)
        except KadeError as error:
            await self._catalog.write(_failed, job, str(error.reason))
        except Exception:
            _log.exception("an item could not be fetched", file=job.item.file_id)
            await self._catalog.write(_failed, job, "request.unexpected")

    async def _place(self, job: Job, open_places: dict[Id, Place | KadeError]) -> Place:
        found = open_places.get(job.source.id)
        if found is None:
            try:
                found = await self._places.open(job.service, job.source.path)
            except KadeError as error:
                found = error
            open_places[job.source.id] = found
        if isinstance(found, KadeError):
            raise found
        return found

    async def _store(self, job: Job, place: Place, seen: Seen) -> None:
        appending, rules = self._appending, self._appending.tools.rules

        def begin(tx: Tx) -> Upload:
            return uploads.begin_version(tx, job.caller, rules, _wanted(tx, job)[0], None, None)

        def closing(tx: Tx, _upload: Upload, _arrived: Arrived) -> None:
            file, current = _wanted(tx, job)
            if seen.modified_at != file.modified_at:
                files.change(tx, file, modified_at=seen.modified_at)
            # It was seen to change, or asked for, while it was being read: then it is read once more.
            again = current.due_at if current.due_at != job.item.due_at else None
            self._keeper.settled(tx, current, seen, again)

        source = PiecesSource(place.read(seen))
        try:
            await appending.deposit_whole(job.caller, begin, source, closing)
        except KadeError:
            if isinstance(source.broken, KadeError):
                raise source.broken from None
            raise
        finally:
            await source.close()

    def _noted(self, tx: Tx, job: Job, seen: Seen) -> None:
        _, current = _wanted(tx, job)
        self._keeper.note(tx, job.caller, current, seen)

    def _missing(self, tx: Tx, job: Job) -> None:
        """Nothing stands there: what was read from there once is gone; what was asked for may yet come."""
        file = tx.files.get(job.item.file_id)
        current = tx.items.get(job.item.file_id)
        if file is None or current is None:
            return
        if file.state == FileState.LIVE and current.signature:
            tx.items.change(current._replace(seen_in=None, due_at=None, queued_at=None))
            files.remove(tx, job.caller, file)
        else:
            _failed(tx, job, str(SourceReason.NOT_THERE))


def _take(tx: Tx) -> list[Job]:
    jobs = []
    until = Millis(now() + _LEASE_MS)
    for item in tx.items.take_due(now(), until, _AT_ONCE):
        job = _job(tx, item._replace(due_at=until))
        if job is not None:
            jobs.append(job)
        else:
            tx.items.change(item._replace(due_at=None))
    return jobs


def _job(tx: Tx, item: Item) -> Job | None:
    """None: its source is removed, or nobody synchronises for its tenant any longer."""
    source, service = sources.of_item(tx, item)
    if source.removed_at is not None:
        return None
    try:
        return Job(item, source, service, sources.syncer_of(tx, source.tenant_id))
    except KadeError:
        return None


def _wanted(tx: Tx, job: Job) -> tuple[File, Item]:
    """The item as it is now, and its file, which nobody removed meanwhile.

    Raises:
        KadeError: ``FileReason.UNKNOWN``.
    """
    file, current = tx.files.get(job.item.file_id), tx.items.get(job.item.file_id)
    if file is None or current is None or file.state not in (FileState.HELD, FileState.LIVE):
        raise KadeError(FileReason.UNKNOWN, job.item.file_id)
    return file, current


def _failed(tx: Tx, job: Job, error: str) -> None:
    """It is tried again later, less and less often, and then no more by itself."""
    current = tx.items.get(job.item.file_id)
    if current is None:
        return
    file = tx.files.get(current.file_id)
    alive = file is not None and file.state in (FileState.HELD, FileState.LIVE)
    failures = current.failures + 1
    due = retry_at(failures) if alive else None
    tx.items.change(
        current._replace(
            failures=failures, error=error, due_at=due, queued_at=current.queued_at if due else None
        )
    )
    if due is None:
        failed = Event(
            "file.not_fetched",
            current.file_id,
            Outcome.FAILED,
            error,
            tenant_id=job.source.tenant_id,
            detail={"source": job.source.id, "key": current.key[:300]},
        )
        tx.journal.append(failed)

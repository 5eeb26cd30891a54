"""Watching sources: where a place tells that something changed, a run over it begins at once."""

import asyncio

import structlog

from kade.core.errors import KadeError
from kade.core.ids import Id
from kade.core.ports import Catalog, Places, Tx
from kade.core.sources import Method, Service, Source
from kade.services import sources

_log = structlog.get_logger("kade.services.source_watching")
_AGAIN_S = 30.0  # after a place could not be watched
_LOOK_S = 60.0  # how often it is looked which sources there are, besides when it is told
_LEAST_REST_S = 1.0
_REST = 5  # seconds of rest for each second that the last run took


class SourceWatching:
    """Keeps an ear at every source that is synchronised by itself."""

    def __init__(self, catalog: Catalog, places: Places) -> None:
        self._catalog = catalog
        self._places = places
        self._changed = asyncio.Event()
        self._watchers: dict[Id, asyncio.Task[None]] = {}

    def refresh(self) -> None:
        """Look soon which sources there are."""
        self._changed.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self._follow()
            except (KadeError, OSError) as error:
                _log.warning("sources could not be looked up", reason=str(error))
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """Watch no longer."""
        for task in self._watchers.values():
            task.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)
        self._watchers.clear()

    async def _follow(self) -> None:
        wanted = await self._catalog.read(_watchable)
        for source_id in [each for each in self._watchers if each not in wanted]:
            self._watchers.pop(source_id).cancel()
        for source_id, (source, service) in wanted.items():
            if source_id not in self._watchers:
                self._watchers[source_id] = asyncio.create_task(self._watch(source, service))

    async def _watch(self, source: Source, service: Service) -> None:
        while True:
            try:
                place = await self._places.open(service, source.path)
                try:
                    async for _ in place.changes():
                        rest = await self._catalog.write(_request, source.id)
                        await asyncio.sleep(rest)
                    return  # it cannot tell: then the interval has to do
                finally:
                    await place.close()
            except KadeError as error:
                _log.info("a source cannot be watched now", source=source.id, reason=str(error.reason))
            except Exception:
                _log.exception("a source cannot be watched now", source=source.id)
            await asyncio.sleep(_AGAIN_S)


def _watchable(tx: Tx) -> dict[Id, tuple[Source, Service]]:
    found = {}
    for source in tx.sources.all():
        service = tx.sources.service(source.service_id)
        if source.method == Method.AUTOMATIC and service is not None:
            found[source.id] = (source, service)
    return found


def _request(tx: Tx, source_id: Id) -> float:
    """Ask for a run; how long to rest then, in seconds: a large source must not be walked all the time."""
    source = tx.sources.get(source_id)
    if source is None or source.removed_at is not None:
        return _LEAST_REST_S
    sources.request_run(tx, sources.syncer_of(tx, source.tenant_id), source)
    last = next((run for run in tx.sources.runs(source_id, 2) if run.ended_at is not None), None)
    took = (last.ended_at - last.started_at) / 1000 if last is not None and last.ended_at else 0.0
    return max(took * _REST, _LEAST_REST_S)

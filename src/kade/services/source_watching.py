"""Watching sources: where a place tells that something changed, a run over it begins at once."""

import asyncio

import structlog

from kade.core.errors import KadeError
from kade.core.ids import Id
from kade.core.ports import Catalog, Places, Tx
from kade.core.sources import Method, Service, Source
from kade.services import sources

_log = structlog.get_logger("kade.services.source_watching")
_REST = 5  # seconds of rest for each second that the last run took


class SourceWatching:
    """Keeps an ear at every source that is synchronised by itself.

    It looks which sources there are when it is told, and every *look_s* seconds. A place that could not be
    watched is tried again after *again_s*; after each change it rests *least_rest_s* at least.
    """

    def __init__(
        self,
        catalog: Catalog,
        places: Places,
        *,
        look_s: float = 60.0,
        again_s: float = 30.0,
        least_rest_s: float = 1.0,
    ) -> None:
        self._catalog = catalog
        self._places = places
        self._look_s = look_s
        self._again_s = again_s
        self._least_rest_s = least_rest_s
        self._changed = asyncio.Event()
        self._watchers: dict[Id, tuple[Service, asyncio.Task[None]]] = {}

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
                async with asyncio.timeout(self._look_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """Watch no longer."""
        tasks = [task for _, task in self._watchers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watchers.clear()

    async def _follow(self) -> None:
        wanted = await self._catalog.read(_watchable)
        for source_id, (watched, task) in list(self._watchers.items()):
            if source_id not in wanted or wanted[source_id][1] != watched:
                del self._watchers[source_id]
                task.cancel()
        for source_id, (source, service) in wanted.items():
            if source_id not in self._watchers:
                self._watchers[source_id] = service, asyncio.create_task(self._watch(source, service))

    async def _watch(self, source: Source, service: Service) -> None:
        while True:
            try:
                place = await self._places.open(service, source.path)
                try:
                    async for _ in place.changes():
                        rest = await self._catalog.write(_request, source.id)
                        await asyncio.sleep(max(rest, self._least_rest_s))
                    return  # it cannot tell: then the interval has to do
                finally:
                    await place.close()
            except KadeError as error:
                _log.info("a source cannot be watched now", source=source.id, reason=str(error.reason))
            except Exception:
                _log.exception("a source cannot be watched now", source=source.id)
            await asyncio.sleep(self._again_s)


def _watchable(tx: Tx) -> dict[Id, tuple[Source, Service]]:
    found = {}
    for source in tx.sources.all():
        service = tx.sources.service(source.service_id)
        assert service is not None
        if source.method == Method.AUTOMATIC:
            found[source.id] = (source, service)
    return found


def _request(tx: Tx, source_id: Id) -> float:
    """Ask for a run; how long to rest then, in seconds: a large source must not be walked all the time."""
    source = tx.sources.get(source_id)
    if source is None or source.removed_at is not None:
        return 0.0
    sources.request_run(tx, sources.syncer_of(tx, source.tenant_id), source)
    last = next((run for run in tx.sources.runs(source_id, 2) if run.ended_at is not None), None)
    took = (last.ended_at - last.started_at) / 1000 if last is not None and last.ended_at else 0.0
    return took * _REST

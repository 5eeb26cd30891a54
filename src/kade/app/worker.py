"""What `kade worker` does: it synchronises sources, reads files, and keeps the index up to date."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from kade.app.house import Kade, opened
from kade.core.errors import KadeError
from kade.core.events import JournalEntry
from kade.services import readings
from kade.services.extracting import Extracting
from kade.services.fetching import Fetching
from kade.services.reacting import Reacting
from kade.services.source_watching import SourceWatching
from kade.services.syncing import Syncing
from kade.services.watching import Watching

_log = structlog.get_logger("kade.app.worker")
_PAUSE_S = 5.0  # how long a part of it rests when it has nothing to do and nobody wakes it
_TROUBLE_S = 2.0
_FORGET_S = 600.0


@asynccontextmanager
async def working(kade: Kade) -> AsyncIterator["Worker"]:
    """The house with a worker in it."""
    async with opened(kade):
        worker = Worker(kade)
        await worker.start()
        try:
            yield worker
        finally:
            await worker.stop()


class Worker:
    """Its parts run side by side, each in steps that are harmless when they are done twice."""

    def __init__(self, kade: Kade) -> None:
        self._kade = kade
        self._reacting = Reacting(kade.catalog, "reading", readings.follow)
        self._syncing = Syncing(kade.catalog, kade.places, kade.keeper)
        self._fetching = Fetching(kade.catalog, kade.places, kade.keeper, kade.appending)
        search = kade.config.search
        self._extracting = Extracting(
            kade.catalog, kade.spool, kade.extractor, search.largest_file or (1 << 60)
        )
        self._watching = Watching(kade.catalog)
        self._sources = SourceWatching(kade.catalog, kade.places)
        self._parts: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to work."""
        kade = self._kade
        await kade.index.open()
        await asyncio.to_thread(kade.spool.prepare)
        self._watching.react(self._on_change)
        await self._watching.start()
        self._tasks = [
            asyncio.create_task(self._reacting.run()),
            asyncio.create_task(self._sources.run()),
            self._repeat("syncing", self._syncing.step),
            self._repeat("fetching", self._fetching.step),
            self._repeat("extracting", self._extracting.step),
            self._repeat("indexing", kade.indexing.step),
            self._repeat("forgetting", kade.indexing.forget_gone, _FORGET_S),
        ]

    async def stop(self) -> None:
        """Stop where it stands: what is half done is begun again."""
        await self._watching.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sources.close()
        await self._kade.extractor.close()

    def _on_change(self, entry: JournalEntry) -> None:
        """Somebody changed something, here or in another process."""
        if entry.kind.startswith("source."):
            self._wake("syncing")
            if entry.kind in ("source.created", "source.changed", "source.removed"):
                self._sources.refresh()
        if entry.kind.startswith(("file.", "space.")):
            self._reacting.wake()
            for part in ("fetching", "extracting", "indexing"):
                self._wake(part)

    def _wake(self, part: str) -> None:
        self._parts[part].set()

    def _repeat(
        self, part: str, step: Callable[[], Awaitable[int | bool]], pause_s: float = _PAUSE_S
    ) -> asyncio.Task[None]:
        woken = self._parts[part] = asyncio.Event()

        async def forever() -> None:
            while True:
                woken.clear()
                try:
                    if await step():
                        for each in self._parts.values():
                            each.set()  # what one part did is work for another
                        continue
                except (KadeError, OSError) as error:
                    _log.warning("the worker could not go on; it tries again", part=part, reason=str(error))
                    await asyncio.sleep(_TROUBLE_S)
                    continue
                except Exception:
                    _log.exception("the worker could not go on; it tries again", part=part)
                    await asyncio.sleep(_TROUBLE_S)
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await woken.wait()

        return asyncio.create_task(forever())

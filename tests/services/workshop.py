"""A house with places elsewhere, an extractor and an index in memory, worked step by step."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.services.conftest import House
from tests.services.filing import Office, a_source
from tests.support.memory_search import MemoryExtractor, MemoryIndex
from tests.support.places import MemoryPlaces

from kade.core.annotations import Annotations
from kade.core.clock import Millis, now
from kade.core.files import File, FileState
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.readings import Reading
from kade.core.sources import Item, Method, Source, SyncRun
from kade.services import files, readings, soundness, sources
from kade.services.extracting import Extracting
from kade.services.fetching import Fetching
from kade.services.indexing import Indexing
from kade.services.items import ItemKeeper
from kade.services.reacting import Reacting
from kade.services.spooling import Spool
from kade.services.syncing import Syncing

ALL = (FileState.LIVE, FileState.HELD, FileState.TRASHED)
SAID = Annotations(("tag",), '{"a": 1}', "extra")


@dataclass
class Workshop:
    """Everything that a worker does, by hand."""

    house: House
    office: Office
    folder: Path
    places: MemoryPlaces = field(default_factory=MemoryPlaces)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    extractor: MemoryExtractor = field(default_factory=MemoryExtractor)

    def __post_init__(self) -> None:
        catalog = self.house.catalog
        self.keeper = ItemKeeper(self.house.namers)
        self.spool = Spool(self.house.store, self.places, self.folder / "spool")
        self.spool.prepare()
        self.syncing = Syncing(catalog, self.places, self.keeper)
        self.fetching = Fetching(catalog, self.places, self.keeper, self.house.appending)
        self.extracting = Extracting(catalog, self.spool, self.extractor, 1 << 20)
        self.indexing = Indexing(catalog, self.index)
        self.reacting = Reacting(catalog, "reading", readings.follow)

    def another(self) -> "Workshop":
        """Another worker of the same house."""
        return replace(self)

    async def source(
        self, path: str = "directory", *, method: Method = Method.AUTOMATIC, copies: bool = True
    ) -> Source:
        return await a_source(self.house, self.office, path, method=method, copies=copies)

    async def work(self) -> None:
        """Everything that is due, and what follows from it."""
        while await self.syncing.step():
            pass
        await self.read()

    async def read(self) -> None:
        """Fetch, read and index what is due."""
        while await self.fetching.step():
            pass
        await self.reacting.catch_up()
        while await self.extracting.step():
            pass
        while await self.indexing.step():
            pass

    async def again(self, source: Source) -> SyncRun:
        """Have the source run once more, and all that follows."""
        await self.ask(source)
        await self.work()
        return await self.last_run(source)

    async def ask(self, source: Source) -> None:
        """Ask for a run over the source."""

        def request(tx: Tx) -> None:
            current = tx.sources.get(source.id)
            assert current is not None
            sources.request_run(tx, self.house.caller, current)

        await self.house.catalog.write(request)

    async def last_run(self, source: Source) -> SyncRun:
        (run,) = await self.house.catalog.read(lambda tx: tx.sources.runs(source.id, 1))
        return run

    async def request(
        self, source: Source, name: str, priority: int = 500, said: Annotations | None = None
    ) -> File:
        """Ask for one item of a source."""
        place = (f"{self.office.service.name}/{source.path}", name, name)
        return await self.house.catalog.write(
            self.keeper.request,
            self.house.caller,
            source,
            place,
            said or Annotations(),
            priority,
        )

    async def all(self) -> dict[str, File]:
        """The files of the group by their path below the service."""

        def look(tx: Tx) -> dict[str, File]:
            found = tx.files.of_space(self.office.group.space.id, ALL)
            prefix = f"{self.office.service.name}/"
            return {files.path(tx, file).removeprefix(prefix): file for file in found}

        return await self.house.catalog.read(look)

    async def states(self) -> dict[str, str]:
        return {path: file.state for path, file in (await self.all()).items()}

    async def file(self, path: str) -> File:
        return (await self.all())[path]

    async def item(self, file: File) -> Item:
        found = await self.house.catalog.read(lambda tx: tx.items.get(file.id))
        assert found is not None
        return found

    async def queued(self, file_ids: Sequence[Id]) -> set[Id]:
        """Those of the files that were asked for and not fetched yet."""
        found = await self.house.catalog.read(lambda tx: tx.items.get_many(file_ids))
        return {each for each, item in found.items() if item.queued_at is not None}

    async def reading(self, file_id: Id) -> Reading:
        found = await self.house.catalog.read(lambda tx: tx.readings.get(file_id))
        assert found is not None
        return found

    async def due(self) -> None:
        """Let all the time go by that anything waits for."""

        def hurry(tx: Tx) -> None:
            for file in tx.files.of_space(self.office.group.space.id, ALL):
                item, reading = tx.items.get(file.id), tx.readings.get(file.id)
                if item is not None and item.due_at is not None:
                    tx.items.change(item._replace(due_at=Millis(now() - 1)))
                if reading is not None:
                    tx.readings.change(reading._replace(due_at=Millis(now() - 1)))
            for source in tx.sources.all():
                if source.run_until is not None:
                    tx.sources.change(source._replace(run_until=Millis(now() - 1)))

        await self.house.catalog.write(hurry)

    async def data(self, path: str) -> bytes:
        """The bytes that the house has of a file."""
        content_id = (await self.file(path)).content_id
        content = await self.house.content(content_id)
        if content.inline is not None:
            return content.inline
        extents = await self.house.catalog.read(lambda tx: tx.contents.extents(content.id))
        return b"".join([data async for data in self.house.store.read(extents)])

    async def known(self) -> dict[str, str]:
        """What the index knows: texts by name."""
        return {each.name: each.text for each in self.index.documents.values()}

    async def assert_sound(self) -> None:
        """The books add up: files, contents, quotas, and the index."""
        space_id = self.office.group.space.id

        def look(tx: Tx) -> list[soundness.Finding]:
            found = soundness.quota(tx, space_id)
            for file in tx.files.of_space(space_id, ALL):
                found += soundness.file(tx, file.id)
            return found

        assert await self.house.catalog.read(look) == []
        assert self.places.readers == 0
        assert self.places.opened == self.places.closed

"""Watching sources: who tells of a change is walked at once, who cannot tell is left to its interval."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from tests.services.workshop import Workshop

from kade.core.clock import Millis
from kade.core.errors import KadeError, RequestReason, SourceReason
from kade.core.ports import Catalog, Tx
from kade.core.sources import Method, Source, SyncRun
from kade.services import source_watching, sources
from kade.services.source_watching import SourceWatching

QUICK = {"look_s": 0.05, "again_s": 0.05, "least_rest_s": 0.02}


@asynccontextmanager
async def watching(workshop: Workshop, catalog: Catalog | None = None) -> AsyncIterator[SourceWatching]:
    """A watch over the workshop's sources, for a while."""
    found = SourceWatching(catalog or workshop.house.catalog, workshop.places, **QUICK)
    task = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await found.close()
    assert workshop.places.opened == workshop.places.closed


async def until(there: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while True:
            if there():
                return
            await asyncio.sleep(0.01)


async def asked(workshop: Workshop, source: Source) -> None:
    """Wait until a run was asked for; forget that then."""
    async with asyncio.timeout(10):
        while True:
            found = await workshop.house.catalog.read(lambda tx: tx.sources.get(source.id))
            assert found is not None
            if found.requested_at is not None:
                break
            await asyncio.sleep(0.01)
    await workshop.house.catalog.write(lambda tx: tx.sources.change(found._replace(requested_at=None)))


async def test_each_change_is_a_run_and_a_new_source_is_watched_too(workshop: Workshop) -> None:
    workshop.places.bell = asyncio.Queue()
    first = await workshop.source()
    await workshop.source("by request", method=Method.REQUESTED)
    async with watching(workshop) as watch:
        await until(lambda: workshop.places.opened == 1)
        for _ in range(2):
            workshop.places.bell.put_nowait(None)
            await asked(workshop, first)
        await workshop.source("second")
        watch.refresh()
        await until(lambda: workshop.places.opened == 2)


async def test_who_cannot_tell_is_left_alone(workshop: Workshop) -> None:
    await workshop.source()
    async with watching(workshop):
        await until(lambda: workshop.places.closed == 1)
        await asyncio.sleep(0.2)
    assert workshop.places.opened == 1


@pytest.mark.parametrize("trouble", [KadeError(SourceReason.UNREACHABLE), ValueError("a fault of ours")])
async def test_a_place_that_cannot_be_watched_is_tried_again(workshop: Workshop, trouble: Exception) -> None:
    workshop.places.bell = asyncio.Queue()
    workshop.places.refusal = trouble
    source = await workshop.source()
    async with watching(workshop):
        await until(lambda: len(workshop.places.services) >= 2)
        workshop.places.refusal = None
        await until(lambda: workshop.places.opened == 1)
        workshop.places.bell.put_nowait(trouble)  # while it is watched, too
        await until(lambda: workshop.places.opened == 2)
        workshop.places.bell.put_nowait(None)
        await asked(workshop, source)


async def test_what_ended_or_moved_is_watched_no_longer(workshop: Workshop) -> None:
    workshop.places.bell = asyncio.Queue()
    source = await workshop.source()
    async with watching(workshop):
        await until(lambda: workshop.places.opened == 1)
        moved = workshop.office.service._replace(location="/elsewhere")
        await workshop.house.catalog.write(sources.change_service, workshop.house.caller, moved)
        await until(lambda: (workshop.places.opened, workshop.places.closed) == (2, 1))
        assert workshop.places.services[-1] == moved
        await workshop.house.catalog.write(sources.remove, workshop.house.caller, source)
        await until(lambda: workshop.places.closed == 2)


async def test_a_source_that_ended_a_moment_ago_is_asked_for_no_more(workshop: Workshop) -> None:
    source = await workshop.source()
    await workshop.house.catalog.write(sources.remove, workshop.house.caller, source)
    assert await workshop.house.catalog.write(source_watching._request, source.id) == 0.0
    await workshop.house.catalog.write(lambda tx: tx.sources.forget(source.id))
    assert await workshop.house.catalog.write(source_watching._request, source.id) == 0.0


async def test_who_was_walked_for_long_rests_longer(workshop: Workshop) -> None:
    source = await workshop.source()
    await workshop.work()
    run = await workshop.last_run(source)

    def lasted(tx: Tx) -> SyncRun:
        ended = run._replace(ended_at=Millis(run.started_at + 2_000))
        tx.sources.change_run(ended)
        return ended

    await workshop.house.catalog.write(lasted)
    assert await workshop.house.catalog.write(source_watching._request, source.id) == 10.0


async def test_without_a_catalog_it_waits(workshop: Workshop) -> None:
    class Away:
        def __init__(self) -> None:
            self.asked = 0

        async def read(self, *_: object) -> object:
            self.asked += 1
            raise KadeError(RequestReason.CATALOG_UNAVAILABLE)

    away = Away()
    async with watching(workshop, away):  # type: ignore[arg-type]
        await until(lambda: away.asked > 1)

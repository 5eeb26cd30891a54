"""Sources: removed with all that came from them, asked for, on request, in the name of whoever may."""

import pytest
from tests.services.test_syncing import annotated, same
from tests.services.workshop import Workshop

from kade.core.clock import Millis, now
from kade.core.errors import KadeError, RequestReason, SourceReason
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.sources import Item, Method, Source
from kade.services import files, principals, sources
from kade.services.sources import Wish


async def dropped(workshop: Workshop, source: Source) -> None:
    def remove(tx: Tx) -> None:
        current = tx.sources.get(source.id)
        assert current is not None
        sources.remove(tx, workshop.house.caller, current)

    await workshop.house.catalog.write(remove)


@pytest.mark.parametrize("copies", [True, False])
async def test_a_source_that_is_removed_takes_its_files_with_it(workshop: Workshop, copies: bool) -> None:
    for number in range(120):
        workshop.places.put(f"directory/{number}")
    source = await workshop.source(copies=copies)
    await workshop.work()
    await workshop.house.catalog.write(
        files.remove, workshop.house.caller, await workshop.file("directory/7")
    )
    lost = Item(new_id(), source.id, "lost", "", "", None, None, 0, 0, "", None)
    await workshop.house.catalog.write(lambda tx: tx.items.add(lost))
    before = await annotated(workshop, "directory/0")
    await dropped(workshop, source)
    await workshop.work()
    assert set((await workshop.states()).values()) == ({"trashed"} if copies else set())
    assert len(await workshop.states()) == (120 if copies else 0)
    assert await workshop.house.catalog.read(lambda tx: tx.items.of_source(source.id, None, 9)) == []
    assert not await workshop.syncing.step()
    await workshop.assert_sound()
    assert await workshop.house.catalog.read(lambda tx: tx.sources.get(source.id)) is None
    if not copies:
        house, office = workshop.house, workshop.office
        await house.catalog.write(sources.remove_service, house.caller, office.service)
        await house.catalog.write(sources.uninstall, house.caller, office.installation)
    if copies:  # and synchronised again, they are as they were
        again = await workshop.source()
        await workshop.work()
        assert (await workshop.last_run(again)).restored == 120
        assert same(before, await workshop.file("directory/0"))


async def test_a_source_that_is_removed_while_it_is_walked_ends_there(workshop: Workshop) -> None:
    for name in "abc":
        workshop.places.put(f"directory/{name}")
    source = await workshop.source()
    removed = False

    async def remove(_key: str) -> None:
        nonlocal removed
        if not removed:
            removed = True
            await dropped(workshop, source)

    workshop.places.walking = remove
    await workshop.syncing.step()
    assert await workshop.states() == {}
    assert await workshop.syncing.step()  # at once: nobody waits for the run that ended
    await workshop.read()
    assert await workshop.states() == {}


async def test_a_source_that_could_not_be_dropped_is_dropped_later(workshop: Workshop) -> None:
    workshop.places.put("directory/a")
    source = await workshop.source()
    await workshop.work()
    syncer = await workshop.house.catalog.read(
        lambda tx: tx.principals.named(workshop.house.caller.tenant_id, "syncer")
    )
    assert syncer is not None
    await workshop.house.catalog.write(principals.remove, workshop.house.caller, syncer)
    await dropped(workshop, source)
    await workshop.syncing.step()
    assert (await workshop.last_run(source)).error == str(SourceReason.UNKNOWN)
    waiting = await workshop.house.catalog.read(lambda tx: tx.sources.get(source.id))
    assert waiting is not None and waiting.due_at is not None
    await workshop.house.catalog.write(sources.ensure_syncer, workshop.house.caller, workshop.house.namers)
    due = waiting._replace(due_at=Millis(now() - 1))
    await workshop.house.catalog.write(lambda tx: tx.sources.change(due))
    await workshop.work()
    assert await workshop.states() == {"directory/a": "trashed"}


async def test_a_source_on_request_is_not_due_by_itself(workshop: Workshop) -> None:
    workshop.places.put("directory/a")
    source = await workshop.source(method=Method.REQUESTED)
    assert not await workshop.syncing.step()
    assert (await workshop.again(source)).seen == 1
    assert not await workshop.syncing.step()
    current = await workshop.house.catalog.read(lambda tx: tx.sources.get(source.id))
    assert current is not None and current.due_at is None


async def test_asking_twice_is_asking_once_and_during_a_run_once_more(workshop: Workshop) -> None:
    source = await workshop.source()

    async def ask(_key: str) -> None:
        await workshop.ask(source)

    workshop.places.put("directory/a")
    workshop.places.walking = ask
    await workshop.ask(source)
    await workshop.ask(source)
    assert await workshop.syncing.step()
    workshop.places.walking = lambda _key: _nothing()
    assert await workshop.syncing.step()
    assert not await workshop.syncing.step()


async def _nothing() -> None:
    pass


async def test_an_interval_has_its_least(workshop: Workshop) -> None:
    source = await workshop.source()
    wish = Wish("x", interval_ms=59_999)
    house, office = workshop.house, workshop.office
    for work in (
        lambda tx: sources.add(tx, house.caller, house.namers, office.group.space, office.service, wish),
        lambda tx: sources.change(tx, house.caller, source, wish),
    ):
        with pytest.raises(KadeError) as refused:
            await house.catalog.write(work)
        assert refused.value.reason is RequestReason.BAD_VALUE


async def test_a_syncer_without_rights_brings_nothing_back(workshop: Workshop) -> None:
    house = workshop.house
    workshop.places.put("directory/a", b"a")
    source = await workshop.source()
    await workshop.work()
    await dropped(workshop, source)
    await workshop.work()
    syncer = await house.catalog.read(sources.syncer_of, house.caller.tenant_id)

    def strip(tx: Tx) -> None:
        for grant in tx.grants.of_principal(syncer.principal_id):
            tx.grants.remove(grant.id)

    await house.catalog.write(strip)
    again = await workshop.source()
    await workshop.work()
    assert (await workshop.last_run(again)).error == "access.verb_not_granted"
    assert await workshop.states() == {"directory/a": "trashed"}

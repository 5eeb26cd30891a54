"""Finding files: rebuilding the index, its soundness, watching places, rights of those who search."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.services.conftest import until
from tests.services.filing import an_office
from tests.services.test_reading import deposited, set_index
from tests.services.workshop import SAID, Workshop

from kade.core.clock import Millis, now
from kade.core.errors import AccessReason, KadeError, PrincipalReason, SearchReason, SourceReason
from kade.core.files import FileState
from kade.core.grants import Verb
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, PrincipalKind
from kade.core.search import AllOf, AnyOf, InGroup, InSpaces, Not, Search, Word
from kade.core.sources import Method
from kade.services import access, files, index_soundness, principals, searching, sources
from kade.services.index_soundness import MISSING, STALE, SUPERFLUOUS
from kade.services.pieces import HeldPiece, PiecesSource
from kade.services.source_watching import SourceWatching


async def findings(workshop: Workshop) -> list[tuple[str, str]]:
    catalog = workshop.house.catalog
    return [(each.code, each.subject) async for each in index_soundness.compared(catalog, workshop.index)]


async def mended(workshop: Workshop) -> None:
    catalog = workshop.house.catalog
    found = [each async for each in index_soundness.compared(catalog, workshop.index)]
    for each in found:
        assert await index_soundness.mend(catalog, workshop.index, each)
    await workshop.read()


async def test_an_index_is_compared_with_what_it_was_told_and_mended(workshop: Workshop) -> None:
    made = [await deposited(workshop, f"{number}.txt") for number in range(6)]
    await workshop.read()
    assert await findings(workshop) == []
    documents = workshop.index.documents
    del documents[made[0].id]
    documents[made[1].id] = replace(documents[made[1].id], stamp=77)
    before, after = documents[made[2].id], documents[made[2].id]
    first, last = made[0].id[:-4] + "0000", "f" * 32
    documents[first] = replace(before, file_id=first)  # type: ignore[index, arg-type]
    documents[last] = replace(after, file_id=last)  # type: ignore[index, arg-type]
    await workshop.house.catalog.write(files.purge, workshop.house.caller, made[4])
    kept = documents[made[4].id]
    await workshop.read()
    documents[made[4].id] = kept
    await workshop.house.catalog.write(files.annotate, workshop.house.caller, made[5], SAID)
    await workshop.reacting.catch_up()  # and the index is not told yet
    documents[made[5].id] = replace(documents[made[5].id], stamp=99)
    assert sorted(await findings(workshop)) == sorted(
        [
            (MISSING, made[0].id),
            (STALE, made[1].id),
            (SUPERFLUOUS, made[4].id),
            (SUPERFLUOUS, first),
            (SUPERFLUOUS, last),
        ]
    )
    await mended(workshop)
    assert await findings(workshop) == []
    assert set(workshop.index.documents) == {file.id for file in made} - {made[4].id}


async def test_what_is_mended_by_itself_is_no_finding(workshop: Workshop) -> None:
    file = await deposited(workshop, "a.txt")
    await workshop.read()
    kept = workshop.index.documents.pop(file.id)

    def meanwhile(_done: int) -> None:
        workshop.index.documents[file.id] = kept

    catalog = workshop.house.catalog
    found = index_soundness.compared(catalog, workshop.index, meanwhile)
    assert [each async for each in found] == []


async def test_what_is_forgotten_meanwhile_cannot_be_told(workshop: Workshop) -> None:
    file = await deposited(workshop, "a.txt")
    await workshop.read()
    workshop.index.documents.clear()
    catalog = workshop.house.catalog
    (finding,) = [each async for each in index_soundness.compared(catalog, workshop.index)]
    await catalog.write(lambda tx: tx.readings.forget([file.id]))
    assert not await index_soundness.mend(catalog, workshop.index, finding)


async def test_much_is_compared_page_by_page(workshop: Workshop) -> None:
    await workshop.source(copies=False)
    for number in range(1100):
        workshop.places.put(f"directory/{number}")
    await workshop.syncing.step()
    await workshop.reacting.catch_up()
    while await workshop.indexing.step():
        pass
    assert await findings(workshop) == []
    assert await workshop.indexing.rebuild() == 1100  # all of which the index was told a moment ago
    while await workshop.indexing.step():
        pass
    assert await findings(workshop) == []
    gone = sorted(workshop.index.documents)[1050]
    del workshop.index.documents[gone]
    assert await findings(workshop) == [(MISSING, gone)]


async def test_an_index_is_built_anew_from_the_catalog_alone(workshop: Workshop) -> None:
    for number in range(3):
        await deposited(workshop, f"{number}.txt")
    gone = await deposited(workshop, "gone.txt")
    await workshop.read()
    await workshop.house.catalog.write(files.purge, workshop.house.caller, gone)
    await workshop.read()
    workshop.extractor.read.clear()
    before = dict(workshop.index.documents)
    workshop.index.documents = {}
    assert await workshop.indexing.rebuild() == 3
    assert workshop.index.documents == before
    assert workshop.extractor.read == []
    await workshop.read()
    assert await findings(workshop) == []


async def test_an_index_that_cannot_be_built_leaves_the_live_one(workshop: Workshop) -> None:
    await deposited(workshop, "a.txt")
    await workshop.read()
    before = dict(workshop.index.documents)
    workshop.index.failing = KadeError(SearchReason.INDEX_BUSY)
    with pytest.raises(KadeError):
        await workshop.indexing.rebuild()
    assert workshop.index.rebuilds[-1].ended == "abandoned"
    assert workshop.index.documents == before


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_changes_while_an_index_is_built_is_in_it(workshop: Workshop, seed: int) -> None:
    """A model: what the catalog says of each file is what both indexes say in the end."""
    chance = random.Random(seed)
    house, space_id = workshop.house, workshop.office.group.space.id
    made = 0

    async def change() -> None:
        nonlocal made
        present = await house.catalog.read(
            lambda tx: tx.files.of_space(space_id, (FileState.LIVE, FileState.TRASHED))
        )
        verb = chance.choice(["add", "annotate", "remove", "restore", "purge", "none"])
        of_state = [each for each in present if (each.state == FileState.TRASHED) == (verb == "restore")]
        if verb == "add" or (verb != "none" and not of_state):
            made += 1
            await deposited(workshop, f"{made}.txt", f"text {made}".encode())
        elif verb == "annotate":
            said = replace_tags(f"tag{chance.randrange(9)}")
            await house.catalog.write(files.annotate, house.caller, chance.choice(of_state), said)
        elif verb != "none":
            work = {"remove": files.remove, "restore": files.restore, "purge": files.purge}[verb]
            await house.catalog.write(work, house.caller, chance.choice(of_state))
        if chance.random() < 0.7:
            await workshop.read()

    for _ in range(12):
        await change()
    workshop.index.between = change
    for _ in range(3):
        await workshop.indexing.rebuild()
    workshop.index.between = _nothing
    await workshop.read()
    await workshop.indexing.step()
    present = await house.catalog.read(
        lambda tx: tx.files.of_space(space_id, (FileState.LIVE, FileState.TRASHED))
    )
    expected = {each.id: (each.name, each.state == FileState.TRASHED, each.version) for each in present}
    versions = {each.id: each.version for each in present}
    told = {
        each.file_id: (each.name, each.trashed, versions.get(each.file_id))
        for each in workshop.index.documents.values()
    }
    assert told == expected
    assert await findings(workshop) == []


def replace_tags(tag: str):  # type: ignore[no-untyped-def]
    return type(SAID)((tag,))


async def _nothing() -> None:
    pass


async def test_a_search_reaches_what_its_caller_may_read_and_no_more(workshop: Workshop) -> None:
    house, office = workshop.house, workshop.office
    other = await an_office(house, "other")
    file = await deposited(workshop, "a.txt", b"needle in text")
    plain = await deposited(workshop, "b.txt", b"needle")
    await house.catalog.write(files.annotate, house.caller, file, SAID)
    moved = await house.catalog.read(lambda tx: tx.files.get(file.id))
    assert moved is not None
    await house.catalog.write(files.move, house.caller, moved, "folder", "a.txt")
    await workshop.read()
    mine = office.group.space.id
    owner = Caller(office.customer.principal.id, "acme", house.caller.tenant_id)
    stranger = Caller(other.customer.principal.id, "other", house.caller.tenant_id)
    asked = Search(Word("needle"), (), (mine,))
    for caller, spaces, count in (
        (owner, (), 2),
        (owner, (mine,), 2),
        (owner, (other.group.space.id,), 0),
        (stranger, (mine,), 0),
        (stranger, (), 0),
        (replace(owner, spaces=frozenset()), (), 0),
        (replace(owner, spaces=frozenset({mine})), (), 2),
        (replace(owner, spaces=frozenset({other.group.space.id})), (mine,), 0),
    ):
        allowed = await house.catalog.read(searching.permitted, caller, replace(asked, spaces=spaces))
        found = await workshop.index.search(allowed)
        assert found.count == count
    hits = (await workshop.index.search(replace(asked, spaces=(mine,)))).hits
    entries = await house.catalog.read(lambda tx: searching.entries(tx, owner, hits, texts=True))
    by_id = {each.file.id: each for each in entries}
    assert (by_id[file.id].text, by_id[plain.id].text) == ("needle in text\nextra", "needle")
    found_folder = by_id[file.id].folder
    assert found_folder is not None and found_folder.path == "folder"
    assert by_id[plain.id].folder is None and by_id[plain.id].score > 0 and by_id[plain.id].downloadable
    marked = searching.snippet(workshop.index, Word("needle"), by_id[file.id])
    assert marked.marks == ((0, 6),)
    assert await house.catalog.read(searching.entries, stranger, hits) == []
    assert await house.catalog.read(searching.entries, owner, []) == []
    await house.catalog.write(files.purge, house.caller, plain)  # the index does not know it yet
    (left,) = await house.catalog.read(searching.entries, owner, hits)
    assert (left.file.id, left.text) == (file.id, "")


async def test_groups_in_a_query_are_spaces_to_an_index() -> None:
    one, two = new_id(), new_id()
    term = AllOf((AnyOf((InGroup("one"), Word("x"))), Not(InGroup("none"))))
    spaces = {"one": [one, two], "none": []}
    assert searching.resolved(term, lambda name: spaces[name]) == AllOf(
        (AnyOf((InSpaces((one, two)), Word("x"))), Not(InSpaces(())))
    )


async def test_a_caller_in_some_spaces_is_in_no_other(workshop: Workshop) -> None:
    house, office = workshop.house, workshop.office
    within = replace(house.caller, spaces=frozenset({office.group.space.id}))
    assert await house.catalog.read(access.allowed, within, Verb.WRITE, office.group.space.id)
    assert not await house.catalog.read(access.allowed, within, Verb.WRITE, house.space.id)
    assert await house.catalog.read(access.reach, within, Verb.READ) == [office.group.space.id]
    for work in (
        lambda tx: sources.install(tx, within, "x"),
        lambda tx: sources.of_space(tx, within, house.space.id),
        lambda tx: sources.add_service(tx, within, office.installation, "folder", "x", "/x"),  # type: ignore[arg-type]
    ):
        with pytest.raises(KadeError) as refused:
            await house.catalog.write(work)
        assert refused.value.reason is AccessReason.VERB_NOT_GRANTED


async def test_installations_and_services_are_found_changed_and_removed(workshop: Workshop) -> None:
    house, office = workshop.house, workshop.office
    write, caller = house.catalog.write, house.caller
    for find in (sources.installation, sources.service):
        with pytest.raises(KadeError) as refused:
            await house.catalog.read(find, caller, "nothing")
        assert refused.value.reason is SourceReason.UNKNOWN
    other = await write(sources.install, caller, "Another")
    assert await house.catalog.read(sources.installation, caller, "GOF ACME") == office.installation
    assert await house.catalog.read(sources.service, caller, "server ACME") == office.service
    await write(sources.set_takes_requests, caller, office.installation, False)
    changed = await house.catalog.read(sources.installation, caller, "gof acme")
    assert not changed.takes_requests
    await write(sources.change_service, caller, office.service._replace(location="/new"))
    assert (await house.catalog.read(sources.service, caller, "SERVER acme")).location == "/new"
    source = await workshop.source()
    assert await house.catalog.read(sources.of_space, caller, office.group.space.id) == [source]
    for work in (
        lambda tx: sources.uninstall(tx, caller, office.installation),
        lambda tx: sources.remove_service(tx, caller, office.service),
    ):
        with pytest.raises(KadeError) as refused:
            await write(work)
        assert refused.value.reason is SourceReason.IN_USE
    await write(sources.remove, caller, source)
    await workshop.work()
    await write(sources.remove_service, caller, office.service)
    await write(sources.uninstall, caller, office.installation)
    await write(sources.uninstall, caller, other)
    kinds = [kind for kind in await house.kinds() if kind.startswith(("installation.", "service."))]
    assert kinds[2:] == [
        "installation.created",
        "installation.changed",
        "service.changed",
        "service.removed",
        "installation.removed",
        "installation.removed",
    ]


async def test_who_is_called_as_the_syncer_is_not_it(workshop: Workshop) -> None:
    house = workshop.house
    await house.catalog.write(
        principals.create, house.caller, house.namers, PrincipalKind.APPLICATION, "Syncer"
    )
    with pytest.raises(KadeError) as refused:
        await workshop.source()
    assert refused.value.reason is PrincipalReason.NAME_TAKEN
    with pytest.raises(KadeError) as refused:
        await house.catalog.read(sources.syncer_of, house.caller.tenant_id)
    assert refused.value.reason is SourceReason.UNKNOWN


@contextlib.asynccontextmanager
async def watching(workshop: Workshop) -> AsyncIterator[SourceWatching]:
    watcher = SourceWatching(
        workshop.house.catalog, workshop.places, look_s=0.02, again_s=0.02, least_rest_s=0.01
    )
    task = asyncio.create_task(watcher.run())
    yield watcher
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await watcher.close()
    assert workshop.places.opened == workshop.places.closed


async def test_a_change_that_is_told_begins_a_run(workshop: Workshop) -> None:
    workshop.places.bell = asyncio.Queue()
    source = await workshop.source()
    await workshop.source("on request", method=Method.REQUESTED)
    await workshop.work()

    async def asked() -> bool:
        current = await workshop.house.catalog.read(lambda tx: tx.sources.get(source.id))
        return current is not None and current.requested_at is not None

    async with watching(workshop) as watcher:
        for trouble in (None, KadeError(SourceReason.UNREACHABLE), ValueError("of its own")):
            if trouble is not None:
                workshop.places.bell.put_nowait(trouble)
            workshop.places.bell.put_nowait(None)
            await until(asked)
            await workshop.work()
        watched = len(workshop.places.services)
        changed = workshop.office.service._replace(location="/elsewhere")
        await workshop.house.catalog.write(sources.change_service, workshop.house.caller, changed)
        watcher.refresh()

        async def followed() -> bool:
            return workshop.places.services[watched:] == [changed]

        await until(followed)
        await workshop.house.catalog.write(sources.remove, workshop.house.caller, source)
        watcher.refresh()

        async def left() -> bool:
            return workshop.places.opened == workshop.places.closed

        await until(left)


async def test_a_place_that_cannot_tell_is_not_asked_again(workshop: Workshop) -> None:
    await workshop.source()
    async with watching(workshop):
        await asyncio.sleep(0.1)
    assert workshop.places.opened == 1


async def test_a_source_that_is_removed_meanwhile_is_not_asked_for(workshop: Workshop) -> None:
    from kade.services.source_watching import _request

    source = await workshop.source()
    house = workshop.house
    assert await house.catalog.write(_request, source.id) == 0
    await workshop.work()

    def slow(tx: Tx) -> None:
        (run,) = tx.sources.runs(source.id, 1)
        tx.sources.change_run(run._replace(started_at=Millis(now() - 2000), ended_at=now()))

    await house.catalog.write(slow)
    assert await house.catalog.write(_request, source.id) >= 10
    await house.catalog.write(sources.remove, house.caller, source)
    assert await house.catalog.write(_request, source.id) == 0
    assert await house.catalog.write(_request, new_id()) == 0


async def test_a_catalog_that_is_away_is_looked_at_again(workshop: Workshop) -> None:
    class Away:
        """A catalog that answers the second time."""

        tries = 0

        async def read(self, *_work: object) -> dict[str, object]:
            self.tries += 1
            if self.tries == 1:
                raise OSError("away")
            return {}

    catalog = Away()
    watcher = SourceWatching(catalog, workshop.places, look_s=0.01)  # type: ignore[arg-type]
    task = asyncio.create_task(watcher.run())

    async def looked() -> bool:
        return catalog.tries > 1

    await until(looked)
    watcher.refresh()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_pieces_from_elsewhere_are_read_patiently_and_let_go() -> None:
    ended = False
    gate = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        nonlocal ended
        try:
            yield b"one"
            await gate.wait()
            yield b"two"
        finally:
            ended = True

    source = PiecesSource(slowly())
    first = await source.read(1.0)
    assert first is not None and bytes(first.data) == b"one"
    first.release()
    pause = await source.read(0.01)
    assert pause is not None and len(pause.data) == 0
    gate.set()
    second = await source.read(1.0)
    assert second is not None and bytes(second.data) == b"two"
    assert await source.read(1.0) is None
    await source.close()
    assert ended and isinstance(HeldPiece(b""), HeldPiece)


@pytest.mark.parametrize("pending", [True, False])
async def test_pieces_that_are_broken_off_are_let_go_at_once(pending: bool) -> None:
    ended = False

    async def forever() -> AsyncIterator[bytes]:
        nonlocal ended
        try:
            yield b"one"
            await asyncio.Event().wait()
        finally:
            ended = True

    source = PiecesSource(forever())
    await source.read(1.0)
    if pending:
        await source.read(0.01)
    await source.close()
    assert ended


async def test_pieces_of_what_cannot_be_closed_end_as_well() -> None:
    class Pieces:
        def __aiter__(self) -> "Pieces":
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

    source = PiecesSource(Pieces())
    assert await source.read(1.0) is None
    await source.close()


async def test_searching_can_be_off(workshop: Workshop) -> None:
    await deposited(workshop, "a.txt")
    await set_index(workshop, False)
    await workshop.read()
    assert workshop.index.documents == {}

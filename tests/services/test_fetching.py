"""Fetching: bytes of items into the store, by priority, again when it failed, and never in part."""

from dataclasses import replace

import pytest
from tests.services.workshop import SAID, Workshop

from kade.core.clock import Millis, now
from kade.core.errors import KadeError, QuotaReason, SourceReason
from kade.core.files import FileState
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.sources import Item, Method
from kade.services import fetching, files, principals, sources, spaces
from kade.services.sources import Wish

TRIES = 6


async def quota(workshop: Workshop) -> tuple[int, int]:
    space_id = workshop.office.group.space.id
    found = await workshop.house.catalog.read(lambda tx: tx.quotas.get(space_id))
    assert found is not None
    return found.used, found.reserved


async def test_what_is_asked_for_comes_by_priority(workshop: Workshop) -> None:
    source = await workshop.source(method=Method.REQUESTED)
    for name, priority in (("low", 1), ("high", 900), ("middle", 500)):
        workshop.places.put(f"directory/{name}")
        await workshop.request(source, name, priority)
    held = await workshop.file("directory/high")
    assert held.state == FileState.HELD
    ids = [file.id for file in (await workshop.all()).values()]
    assert await workshop.queued(ids) == set(ids)
    await workshop.read()
    assert workshop.places.reads == ["high", "middle", "low"]
    assert workshop.extractor.read == ["high", "middle", "low"]
    assert await workshop.queued(ids) == set()
    assert workshop.places.opened == 1
    await workshop.assert_sound()


async def test_what_is_asked_for_again_is_the_same_file_with_what_is_said_now(workshop: Workshop) -> None:
    workshop.places.put("directory/a.txt", b"before")
    source = await workshop.source()
    await workshop.work()
    before = await workshop.file("directory/a.txt")
    workshop.places.put("directory/a.txt", b"after")
    asked = await workshop.request(source, "a.txt", said=SAID)
    await workshop.read()
    assert (asked.id, asked.annotations) == (before.id, SAID.stored())
    assert await workshop.data("directory/a.txt") == b"after"
    await workshop.house.catalog.write(
        files.remove, workshop.house.caller, await workshop.file("directory/a.txt")
    )
    assert (await workshop.request(source, "a.txt")).state == FileState.LIVE
    await workshop.read()
    assert await workshop.states() == {"directory/a.txt": "live"}


async def test_what_has_a_number_behind_its_name_is_found_by_its_key(workshop: Workshop) -> None:
    workshop.places.put("directory/A", b"upper")
    workshop.places.put("directory/a", b"lower")
    source = await workshop.source()
    await workshop.work()
    second = await workshop.file("directory/a (2)")
    assert (await workshop.request(source, "a")).id == second.id
    await workshop.house.catalog.write(files.purge, workshop.house.caller, await workshop.file("directory/A"))
    assert (await workshop.request(source, "a")).id == second.id
    gone = (await workshop.file("directory/a (2)"))._replace(state=FileState.GONE)
    await workshop.house.catalog.write(lambda tx: tx.files.change(gone._replace(version=gone.version + 1)))
    assert (await workshop.request(source, "a")).id != second.id


async def test_a_file_that_came_by_another_door_may_be_asked_for(workshop: Workshop) -> None:
    workshop.places.put("directory/a", b"from there")
    source = await workshop.source(method=Method.REQUESTED)
    file = await workshop.request(source, "a")
    await workshop.house.catalog.write(lambda tx: tx.items.forget(file.id))
    assert (await workshop.request(source, "a")).id == file.id
    await workshop.read()
    assert await workshop.data("directory/a") == b"from there"


@pytest.mark.parametrize("wrong", ["place", "file", "unexpected"])
async def test_what_fails_is_tried_again_and_given_up_in_the_end(workshop: Workshop, wrong: str) -> None:
    source = await workshop.source(method=Method.REQUESTED)
    workshop.places.put("directory/other", b"other")
    file = await workshop.request(source, "a")
    error = str(SourceReason.NOT_THERE)
    if wrong == "place":
        workshop.places.refusal = KadeError(SourceReason.LOGIN_REFUSED)
        error = str(SourceReason.LOGIN_REFUSED)
    elif wrong == "unexpected":
        workshop.places.refusal = ValueError("of its own")
        error = "request.unexpected"
    for attempt in range(1, TRIES + 1):
        assert await workshop.fetching.step() == 1
        item = await workshop.item(file)
        assert (item.failures, item.error) == (attempt, error)
        assert (item.due_at is None) == (attempt == TRIES)
        assert item.due_at is None or item.due_at > now()
        await workshop.due()
    assert await workshop.fetching.step() == 0
    assert (await workshop.house.kinds()).count("file.not_fetched") == 1
    assert await workshop.queued([file.id]) == set()
    workshop.places.refusal = None
    workshop.places.put("directory/a", b"there now")
    await workshop.request(source, "a")
    await workshop.read()
    assert await workshop.data("directory/a") == b"there now"


async def test_of_a_place_that_cannot_be_opened_every_item_fails_at_once(workshop: Workshop) -> None:
    source = await workshop.source(method=Method.REQUESTED)
    for name in "abc":
        workshop.places.put(f"directory/{name}")
        await workshop.request(source, name)
    workshop.places.refusal = KadeError(SourceReason.UNREACHABLE)
    assert await workshop.fetching.step() == 3
    assert len(workshop.places.services) == 1
    items = [await workshop.item(file) for file in (await workshop.all()).values()]
    assert {item.error for item in items} == {str(SourceReason.UNREACHABLE)}


async def test_what_is_replaced_while_it_is_read_is_never_half_of_each(workshop: Workshop) -> None:
    workshop.places.put("directory/a", b"a" * 5000)
    await workshop.source()
    await workshop.syncing.step()
    count = 0

    async def replace_it(_key: str) -> None:
        nonlocal count
        count += 1
        if count == 3:
            workshop.places.put("directory/a", b"b" * 4000)

    workshop.places.reading = replace_it
    await workshop.fetching.step()
    file = await workshop.file("directory/a")
    assert (file.state, (await workshop.item(file)).error) == (FileState.HELD, str(SourceReason.CHANGED))
    assert await quota(workshop) == (0, 0)
    await workshop.due()
    await workshop.read()
    assert await workshop.data("directory/a") == b"b" * 4000
    await workshop.assert_sound()


async def test_a_change_that_is_noted_while_it_is_read_is_read_too(workshop: Workshop) -> None:
    workshop.places.put("directory/a", b"a" * 900)
    source = await workshop.source()
    await workshop.work()
    workshop.places.put("directory/a", b"b" * 900)
    await workshop.ask(source)
    await workshop.syncing.step()
    first = True

    async def note(_key: str) -> None:
        nonlocal first
        if first:
            first = False
            await workshop.ask(source)
            await workshop.syncing.step()

    workshop.places.reading = note
    before = len(workshop.places.reads)
    await workshop.read()
    assert len(workshop.places.reads) == before + 2
    assert await workshop.data("directory/a") == b"b" * 900


@pytest.mark.parametrize("limit", ["quota", "size"])
async def test_what_does_not_fit_leaves_nothing(workshop: Workshop, limit: str) -> None:
    space = workshop.office.group.space
    if limit == "quota":
        await workshop.house.catalog.write(lambda tx: tx.quotas.set_ceiling(space.id, 3000))
    else:
        policy = replace(space.policy, max_file_size=3000)
        await workshop.house.catalog.write(spaces.set_policy, workshop.house.caller, space, policy)
    workshop.places.put("directory/large", b"x" * 200_000)
    workshop.places.put("directory/small", b"x" * 10)
    await workshop.source()
    await workshop.work()
    assert await workshop.states() == {"directory/large": "held", "directory/small": "live"}
    item = await workshop.item(await workshop.file("directory/large"))
    expected = str(QuotaReason.EXCEEDED) if limit == "quota" else "upload.max_size"
    assert item.error == expected
    assert await quota(workshop) == (10, 0)
    await workshop.assert_sound()


async def test_what_is_gone_by_then_is_removed(workshop: Workshop) -> None:
    workshop.places.put("directory/a", b"a")
    source = await workshop.source()
    await workshop.work()
    await workshop.request(source, "a")
    del workshop.places.things["directory/a"]
    await workshop.read()
    assert await workshop.states() == {"directory/a": "trashed"}


@pytest.mark.parametrize("purged", [True, False])
@pytest.mark.parametrize("copies", [True, False])
async def test_what_is_removed_while_it_is_read_stays_so(
    workshop: Workshop, purged: bool, copies: bool
) -> None:
    workshop.places.put("directory/a", b"a" * 3000)
    source = await workshop.source(copies=copies)
    await workshop.work()
    await workshop.request(source, "a")
    house = workshop.house

    async def remove(_key: str = "") -> None:
        for file in (await workshop.all()).values():
            if file.state == FileState.LIVE:
                await house.catalog.write(files.purge if purged else files.remove, house.caller, file)

    workshop.places.reading = remove
    if not copies:  # nothing is read: it is removed before it is looked at
        jobs = await house.catalog.write(fetching._take)
        await remove()
        for job in jobs:
            await workshop.fetching._attempt(job, {})
    else:
        await workshop.fetching.step()
    assert await workshop.states() == ({} if purged else {"directory/a": "trashed"})
    assert await workshop.fetching.step() == 0


@pytest.mark.parametrize("purged", [True, False])
async def test_what_is_purged_and_gone_is_nobodys_trouble(workshop: Workshop, purged: bool) -> None:
    workshop.places.put("directory/a")
    source = await workshop.source()
    await workshop.work()
    file = await workshop.request(source, "a")
    (job,) = await workshop.house.catalog.write(fetching._take)
    del workshop.places.things["directory/a"]
    if purged:
        await workshop.house.catalog.write(files.purge, workshop.house.caller, file)
    else:
        await workshop.house.catalog.write(files.remove, workshop.house.caller, file)
    await workshop.fetching._attempt(job, {})
    assert await workshop.states() == ({} if purged else {"directory/a": "trashed"})


async def test_items_of_a_removed_source_and_without_a_syncer_are_let_be(workshop: Workshop) -> None:
    house = workshop.house
    one, two = await workshop.source("one", method=Method.REQUESTED), await workshop.source("two")
    for source in (one, two):
        workshop.places.put(f"{source.path}/a")
        await workshop.request(source, "a")
    await house.catalog.write(sources.remove, house.caller, one)
    assert await workshop.fetching.step() == 1
    assert await workshop.states() == {"one/a": "held", "two/a": "live"}
    await workshop.request(two, "a")
    syncer = await house.catalog.read(sources.syncer_of, house.caller.tenant_id)
    found = await house.catalog.read(lambda tx: tx.principals.get(syncer.principal_id))
    assert found is not None
    await house.catalog.write(principals.remove, house.caller, found)
    assert await workshop.fetching.step() == 0
    assert (await workshop.item(await workshop.file("two/a"))).due_at is None


async def test_without_copies_the_bytes_stay_where_they_are(workshop: Workshop) -> None:
    workshop.places.put("directory/a.txt", b"words")
    workshop.places.lengths = False
    source = await workshop.source(copies=False)
    await workshop.syncing.step()
    file = await workshop.file("directory/a.txt")
    assert (file.state, file.content_id, file.length) == (FileState.LIVE, None, None)
    workshop.places.lengths = True
    await workshop.work()
    assert await workshop.known() == {"a.txt": "words"}
    assert await quota(workshop) == (0, 0)
    workshop.places.put("directory/a.txt", b"other words")
    await workshop.request(source, "a.txt")
    await workshop.read()
    assert (await workshop.known())["a.txt"] == "other words"
    assert (await workshop.file("directory/a.txt")).length == 11
    await workshop.assert_sound()


async def test_copies_may_be_switched_off_and_on(workshop: Workshop) -> None:
    house = workshop.house
    workshop.places.put("directory/a", b"first" * 100)
    workshop.places.put("directory/b", b"stays")
    source = await workshop.source()
    await workshop.work()
    assert await quota(workshop) == (505, 0)

    async def switch(copies: bool) -> None:
        current = await house.catalog.read(lambda tx: tx.sources.get(source.id))
        assert current is not None
        await house.catalog.write(
            lambda tx: sources.change(tx, house.caller, current, Wish("directory", copies=copies))
        )

    await switch(False)
    for data in (b"second" * 100, b"third" * 100):
        workshop.places.put("directory/a", data)
        await workshop.again(source)
        file = await workshop.file("directory/a")
        assert (file.content_id, file.length) == (None, len(data))
        assert await quota(workshop) == (5, 0)
        await workshop.assert_sound()
    assert (await workshop.known())["a"].startswith("third")
    await switch(True)
    workshop.places.put("directory/a", b"fourth" * 100)
    await workshop.again(source)
    assert await workshop.data("directory/a") == b"fourth" * 100
    assert await quota(workshop) == (605, 0)
    await workshop.assert_sound()


async def test_letting_go_of_bytes_that_came_by_an_upload_of_nobody(workshop: Workshop) -> None:
    """The upload of a file is forgotten some time after it ended."""
    house = workshop.house
    workshop.places.put("directory/a", b"first" * 100)
    source = await workshop.source()
    await workshop.work()
    file = await workshop.file("directory/a")

    def forget(tx: Tx) -> None:
        upload = tx.uploads.of_file(file.id)
        assert upload is not None
        tx.uploads.forget(upload.id)
        current = tx.sources.get(source.id)
        assert current is not None
        sources.change(tx, house.caller, current, Wish("directory", copies=False))

    await house.catalog.write(forget)
    workshop.places.put("directory/a", b"second")
    await workshop.again(source)
    assert await quota(workshop) == (0, 0)
    await workshop.assert_sound()


async def test_a_step_that_is_done_twice_is_harmless(workshop: Workshop) -> None:
    workshop.places.put("directory/a", b"a" * 100)
    await workshop.source()
    await workshop.syncing.step()
    (job,) = await workshop.house.catalog.write(fetching._take)  # by one that dies now
    assert await workshop.fetching.step() == 0
    await workshop.due()
    assert await workshop.fetching.step() == 1
    await workshop.fetching._attempt(job, {})  # it was not dead
    await workshop.read()
    assert await workshop.data("directory/a") == b"a" * 100
    assert await quota(workshop) == (100, 0)


async def test_failing_at_what_is_forgotten_is_nothing(workshop: Workshop) -> None:
    source = await workshop.source()
    service = workshop.office.service
    item = Item(new_id(), source.id, "x", "", "", None, None, 0, 0, "", Millis(1))
    job = fetching.Job(item, source, service, workshop.house.caller)
    await workshop.house.catalog.write(fetching._failed, job, "source.unreadable")
    await workshop.house.catalog.write(workshop.fetching._missing, job)
    assert "file.not_fetched" not in await workshop.house.kinds()


async def test_other_bytes_for_a_file_take_the_place_of_those_it_had(workshop: Workshop) -> None:
    """Twice: what the first version's upload left is gone by the second."""
    workshop.places.put("directory/a", b"1" * 2000)
    source = await workshop.source()
    await workshop.work()
    for data in (b"2" * 3000, b"3" * 10):
        former = await workshop.file("directory/a")
        workshop.places.put("directory/a", data)
        await workshop.again(source)
        assert await workshop.data("directory/a") == data
        content = await workshop.house.content(former.content_id)
        assert content.state == "condemned"
        assert await quota(workshop) == (len(data), 0)
    await workshop.assert_sound()

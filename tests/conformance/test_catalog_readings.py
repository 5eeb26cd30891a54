"""Every catalog: what was read in files, folders, places of files, and records."""

import pytest
from tests.support.nouns import a_file, a_reading, a_record, house

from kade.core.clock import Millis
from kade.core.files import File, FileState
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.readings import Reading, ReadingState
from kade.core.records import Record


async def kept(catalog: Catalog, *readings: Reading) -> None:
    def fill(tx: Tx) -> None:
        for each in readings:
            tx.readings.add(each)

    await catalog.write(fill)


async def test_a_reading_keeps_every_field(catalog: Catalog) -> None:
    made = a_reading()
    await kept(catalog, made)
    changed = Reading(
        made.file_id,
        new_id(),
        ReadingState.DONE,
        1000,
        Millis(2),
        3,
        "email",
        "message/rfc822",
        "títle",
        "Filer",
        '{"a":1}',
        '[{"name":"x"}]',
        "[]",
        4,
        1 << 40,
        6,
        7,
        8,
        Millis(9),
        10,
        11,
        Millis(12),
    )
    assert await catalog.read(lambda tx: tx.readings.get(made.file_id)) == made
    await catalog.write(lambda tx: tx.readings.change(changed))
    assert await catalog.write(lambda tx: tx.readings.lock(made.file_id)) == changed
    assert await catalog.read(lambda tx: tx.readings.get_many([made.file_id, new_id()])) == {
        made.file_id: changed
    }
    assert await catalog.read(lambda tx: tx.readings.get(new_id())) is None
    assert await catalog.write(lambda tx: tx.readings.lock(new_id())) is None


@pytest.mark.parametrize("text", ["", "één woord\n", "x" * 300_000, "half of a pair \ud800 alone"])
async def test_a_text_is_kept_as_it_is_but_for_what_is_none(catalog: Catalog, text: str) -> None:
    made = a_reading()
    await kept(catalog, made)
    for said in ("before", text):
        await catalog.write(lambda tx, mine: tx.readings.set_text(made.file_id, mine), said)
    found = await catalog.read(lambda tx: tx.readings.texts([made.file_id, new_id()]))
    assert found == {made.file_id: text.replace("\ud800", "?")}
    await catalog.write(lambda tx: tx.readings.forget([made.file_id]))
    assert await catalog.read(lambda tx: tx.readings.texts([made.file_id])) == {}
    assert await catalog.read(lambda tx: tx.readings.get(made.file_id)) is None


async def test_readings_are_taken_by_priority_and_left_alone_for_a_while(catalog: Catalog) -> None:
    assert await catalog.read(lambda tx: tx.readings.next_due()) is None
    low, high = a_reading(due_at=Millis(1)), a_reading(due_at=Millis(5), priority=9)
    later, done = a_reading(due_at=Millis(90)), a_reading(due_at=Millis(0), state=ReadingState.DONE)
    await kept(catalog, low, high, later, done)
    assert await catalog.read(lambda tx: tx.readings.next_due()) == 1
    assert await catalog.read(lambda tx: tx.readings.waiting()) == 3

    async def take(at: int) -> list[Id]:
        taken = await catalog.write(lambda tx: tx.readings.take_due(Millis(at), Millis(at + 50), 2))
        return [each.file_id for each in taken]

    assert await take(10) == [high.file_id, low.file_id]
    assert await take(10) == []
    assert await take(60) == [high.file_id, low.file_id]


async def test_what_the_index_was_not_told_is_found_until_it_was(catalog: Catalog) -> None:
    told, untold = a_reading(stamp=3, indexed=3, indexed_at=Millis(10)), a_reading()
    gone = a_reading(state=ReadingState.GONE, stamp=2, indexed=2, indexed_at=Millis(5))
    await kept(catalog, told, untold, gone)
    assert await catalog.read(lambda tx: tx.readings.unindexed(9)) == [untold]
    assert await catalog.read(lambda tx: tx.readings.untold()) == 1
    await catalog.write(lambda tx: tx.readings.mark_indexed([(untold.file_id, 1)], Millis(20)))
    assert await catalog.read(lambda tx: tx.readings.untold()) == 0
    since = await catalog.read(lambda tx: tx.readings.page(None, 9, Millis(10)))
    assert [each.file_id for each in since] == sorted([told.file_id, untold.file_id])
    first, second, third = sorted([told.file_id, untold.file_id, gone.file_id])
    every = await catalog.read(lambda tx: tx.readings.page(first, 1))
    assert [each.file_id for each in every] == [second] != [third]
    assert await catalog.write(lambda tx: tx.readings.unmark(Millis(20))) == 1
    assert [each.file_id for each in await catalog.read(lambda tx: tx.readings.unindexed(9))] == [
        untold.file_id
    ]
    assert await catalog.read(lambda tx: tx.readings.forgettable(Millis(5), 9)) == []
    assert await catalog.read(lambda tx: tx.readings.forgettable(Millis(6), 9)) == [gone.file_id]


async def test_a_folder_has_those_above_it_and_goes_when_nothing_is_in_it(catalog: Catalog) -> None:
    _, space = await catalog.write(house)
    deep = await catalog.write(lambda tx: tx.folders.ensure(space.id, "Server/Één/b"))
    assert (deep.path_folded, deep.parent_folded) == ("server/één/b", "server/één")
    assert await catalog.write(lambda tx: tx.folders.ensure(space.id, "SERVER/één/B")) == deep
    beside = await catalog.write(lambda tx: tx.folders.ensure(space.id, "Server/a"))
    below = await catalog.read(lambda tx: tx.folders.below(space.id, "server"))
    assert [each.path for each in below] == ["Server/a", "Server/Één"]
    assert [each.path for each in await catalog.read(lambda tx: tx.folders.below(space.id, ""))] == ["Server"]
    assert await catalog.read(lambda tx: tx.folders.at(space.id, "nowhere")) is None
    many = await catalog.read(lambda tx: tx.folders.get_many([deep.id, new_id()]))
    assert many == {deep.id: deep}
    await catalog.write(lambda tx: tx.files.add(a_file(space, folder_id=beside.id)))
    assert await catalog.write(lambda tx: tx.folders.prune(space.id)) == 2
    assert await catalog.read(lambda tx: tx.folders.at(space.id, "server/a")) == beside


async def test_files_are_found_by_their_place(catalog: Catalog) -> None:
    _, space = await catalog.write(house)
    folder = await catalog.write(lambda tx: tx.folders.ensure(space.id, "f"))
    here = a_file(space, folder_id=folder.id, name_folded="b", modified_at=Millis(7))
    older = a_file(space, folder_id=folder.id, name_folded="b", state=FileState.TRASHED)
    first = a_file(space, folder_id=folder.id, name_folded="a")
    top = a_file(space, name_folded="b")
    for each in (older, here, first, top):
        await catalog.write(lambda tx, file: tx.files.add(file), each)
    both = (FileState.LIVE, FileState.TRASHED)

    async def at(folder_id: Id | None, states: tuple[FileState, ...]) -> list[File]:
        return await catalog.read(lambda tx: tx.files.at(space.id, folder_id, "b", states))

    assert {each.id for each in await at(folder.id, both)} == {here.id, older.id}
    assert await at(folder.id, (FileState.LIVE,)) == [here]
    assert await at(None, both) == [top]
    inside = await catalog.read(lambda tx: tx.files.in_folder(space.id, folder.id, (FileState.LIVE,)))
    assert inside == [first, here]
    assert await catalog.read(lambda tx: tx.files.in_folder(space.id, None, both)) == [top]
    assert await catalog.read(lambda tx: tx.files.get_many([top.id, new_id()])) == {top.id: top}


async def test_changes_are_told_longest_ago_first_within_their_window(catalog: Catalog) -> None:
    _, space = await catalog.write(house)
    files = [a_file(space, changed_at=Millis(at)) for at in (30, 10, 20, 20)]
    hidden = [a_file(space, changed_at=Millis(20), state=FileState.HELD)]
    for each in (*files, *hidden):
        await catalog.write(lambda tx, file: tx.files.add(file), each)

    async def changed(since: int, before: int, limit: int = 9) -> list[Id]:
        found = await catalog.read(
            lambda tx: tx.files.changed(space.id, Millis(since), Millis(before), limit)
        )
        return [each.id for each in found]

    one, two = sorted([files[2].id, files[3].id])
    assert await changed(10, 31) == [files[1].id, one, two, files[0].id]
    assert await changed(11, 30) == [one, two]
    assert await changed(10, 31, 2) == [files[1].id, one]


async def test_a_record_is_put_by_its_key(catalog: Catalog) -> None:
    subject = new_id()
    one, two = a_record("b", subject_id=subject), a_record("a/1", subject_id=subject, value='{"x":1}')
    other = [
        a_record("b", instance="other", subject_id=subject),
        a_record("b", collection="other", subject_id=subject),
    ]
    for each in (one, two, *other):
        await catalog.write(lambda tx, record: tx.records.put(record), each)
    changed = one._replace(value="[]", subject_id=new_id())
    await catalog.write(lambda tx: tx.records.put(changed))
    assert await catalog.read(lambda tx: tx.records.get("instance", "collection", "b")) == changed
    assert await catalog.write(lambda tx: tx.records.lock("instance", "collection", "b")) == changed
    assert await catalog.read(lambda tx: tx.records.get("instance", "collection", "c")) is None
    assert await catalog.write(lambda tx: tx.records.lock("instance", "collection", "c")) is None

    async def found(read: str, *given: str) -> list[Record]:
        return await catalog.read(lambda tx: getattr(tx.records, read)("instance", "collection", *given))

    assert await found("of_subject", subject) == [two]
    assert await found("of_collection") == [two, changed]
    assert await found("with_prefix", "a/") == [two]
    assert await found("with_prefix", "a/2") == []
    assert await catalog.write(lambda tx: tx.records.remove("instance", "collection", "b"))
    assert not await catalog.write(lambda tx: tx.records.remove("instance", "collection", "b"))
    await catalog.write(lambda tx: tx.records.forget_subject(subject))
    assert await found("of_collection") == []
    assert await catalog.read(lambda tx: tx.records.get("other", "collection", "b")) is None

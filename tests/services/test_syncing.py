"""Synchronising: what stands elsewhere becomes files here, and stays the same ones."""

from dataclasses import replace

import pytest
from tests.services.workshop import SAID, Workshop

from kade.core.annotations import Annotations
from kade.core.errors import KadeError, SourceReason
from kade.core.files import File, FileState
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.sources import Item
from kade.services import files, sources, spaces
from kade.services.sources import Wish


async def annotated(workshop: Workshop, path: str) -> File:
    file = await workshop.file(path)
    return await workshop.house.catalog.write(files.annotate, workshop.house.caller, file, SAID)


def same(one: File, other: File) -> bool:
    return (one.id, one.annotations) == (other.id, other.annotations)


async def test_what_stands_there_is_copied_read_and_found(workshop: Workshop) -> None:
    workshop.places.put("directory/a.txt", b"eerste tekst")
    workshop.places.put("directory/sub/b.txt", b"x" * 5000)
    workshop.places.put("elsewhere/c.txt")
    source = await workshop.source()
    await workshop.work()
    assert await workshop.states() == {"directory/a.txt": "live", "directory/sub/b.txt": "live"}
    assert await workshop.data("directory/a.txt") == b"eerste tekst"
    assert await workshop.data("directory/sub/b.txt") == b"x" * 5000
    file = await workshop.file("directory/a.txt")
    assert (file.media_type, file.length) == ("text/plain", 12)
    assert file.modified_at == workshop.places.things["directory/a.txt"].modified_at
    assert await workshop.known() == {"a.txt": "eerste tekst", "b.txt": "x" * 5000}
    run = await workshop.last_run(source)
    assert (run.seen, run.added, run.error) == (2, 2, "")
    assert not await workshop.syncing.step()
    await workshop.assert_sound()


async def test_a_second_look_changes_nothing(workshop: Workshop) -> None:
    workshop.places.put("directory/a.txt")
    source = await workshop.source()
    await workshop.work()
    before = await workshop.all()
    run = await workshop.again(source)
    assert (run.seen, run.added, run.changed, run.removed) == (1, 0, 0, 0)
    assert await workshop.all() == before
    assert workshop.places.reads == ["a.txt"]


async def test_a_change_is_read_again_and_keeps_who_it_is(workshop: Workshop) -> None:
    workshop.places.put("directory/a.txt", b"before" * 100)
    source = await workshop.source()
    await workshop.work()
    before = await annotated(workshop, "directory/a.txt")
    workshop.places.put("directory/a.txt", b"after" * 500)
    assert (await workshop.again(source)).changed == 1
    after = await workshop.file("directory/a.txt")
    assert same(before, after)
    assert after.length == 2500
    assert await workshop.data("directory/a.txt") == b"after" * 500
    assert (await workshop.known())["a.txt"].startswith("after")
    await workshop.assert_sound()


async def test_a_resynchronised_source_is_read_anew_once(workshop: Workshop) -> None:
    workshop.places.put("directory/a.txt")
    source = await workshop.source()
    await workshop.work()
    source = await workshop.house.catalog.write(
        lambda tx: sources.change(tx, workshop.house.caller, source, Wish("directory"), resynchronise=True)
    )
    await workshop.work()
    assert workshop.places.reads == ["a.txt", "a.txt"]
    await workshop.again(source)
    assert workshop.places.reads == ["a.txt", "a.txt"]


@pytest.mark.parametrize("copies", [True, False])
async def test_what_is_renamed_stays_the_same_file(workshop: Workshop, copies: bool) -> None:
    workshop.places.put("directory/a.txt", b"words of it")
    workshop.places.put("directory/taken/A.txt")
    source = await workshop.source(copies=copies)
    await workshop.work()
    before = await annotated(workshop, "directory/a.txt")
    workshop.places.move("directory/a.txt", "directory/sub/b.txt")
    run = await workshop.again(source)
    assert (run.renamed, run.added, run.removed) == (1, 0, 0)
    assert same(before, await workshop.file("directory/sub/b.txt"))
    workshop.places.move("directory/sub/b.txt", "directory/taken/a.txt")
    workshop.places.put("directory/taken/a.txt", b"other words")
    await workshop.again(source)
    after = await workshop.file("directory/taken/a (2).txt")
    assert same(before, after)
    assert "other words\nextra" in (await workshop.known()).values()
    await workshop.assert_sound()


async def test_a_copy_is_no_rename(workshop: Workshop) -> None:
    workshop.places.put("directory/a.txt", identity="node")
    source = await workshop.source()
    await workshop.work()
    before = await workshop.file("directory/a.txt")
    workshop.places.put("directory/b.txt", identity="node")  # a hard link
    workshop.places.put("directory/c.txt", identity="another")
    workshop.places.anonymous("directory/c.txt")
    run = await workshop.again(source)
    assert (run.added, run.renamed) == (2, 0)
    assert (await workshop.file("directory/a.txt")).id == before.id


@pytest.mark.parametrize("aside", ["directory/0.txt", "directory/b.txt"])
async def test_what_is_put_aside_for_another_version_leaves_the_file_where_it_was(
    workshop: Workshop, aside: str
) -> None:
    workshop.places.put("directory/a.txt", b"old", identity="node")
    source = await workshop.source()
    await workshop.work()
    before = await annotated(workshop, "directory/a.txt")
    workshop.places.move("directory/a.txt", aside)
    workshop.places.put("directory/a.txt", b"new", identity="another")
    run = await workshop.again(source)
    assert (run.renamed, run.added, run.changed) == (0, 1, 1)
    assert set(await workshop.states()) == {"directory/a.txt", aside}
    assert same(before, await workshop.file("directory/a.txt"))
    assert (await workshop.data("directory/a.txt"), await workshop.data(aside)) == (b"new", b"old")


@pytest.mark.parametrize("copies", [True, False])
async def test_what_is_gone_is_trashed_and_comes_back_as_it_was(workshop: Workshop, copies: bool) -> None:
    workshop.places.put("directory/a.txt", b"a")
    workshop.places.put("directory/b.txt", b"b")
    source = await workshop.source(copies=copies)
    await workshop.work()
    before = await annotated(workshop, "directory/a.txt")
    kept = workshop.places.things.pop("directory/a.txt")
    assert (await workshop.again(source)).removed == 1
    assert (await workshop.states())["directory/a.txt"] == FileState.TRASHED
    assert (await workshop.again(source)).removed == 0
    workshop.places.things["directory/a.txt"] = kept
    run = await workshop.again(source)
    assert (run.restored, run.added) == (1, 0)
    after = await workshop.file("directory/a.txt")
    assert same(before, after)
    assert after.state == FileState.LIVE
    await workshop.assert_sound()


async def test_what_a_user_removed_stays_so_until_it_changes(workshop: Workshop) -> None:
    workshop.places.put("directory/a.txt", b"a")
    source = await workshop.source()
    await workshop.work()
    before = await workshop.file("directory/a.txt")
    await workshop.house.catalog.write(files.remove, workshop.house.caller, before)
    for _ in range(2):
        await workshop.again(source)
        assert (await workshop.states())["directory/a.txt"] == FileState.TRASHED
    workshop.places.put("directory/a.txt", b"something else")
    assert (await workshop.again(source)).restored == 1
    assert await workshop.data("directory/a.txt") == b"something else"
    assert (await workshop.file("directory/a.txt")).id == before.id


async def test_of_two_sources_that_overlap_the_first_keeps_its_file(workshop: Workshop) -> None:
    workshop.places.put("directory/sub/a.txt")
    await workshop.source()
    await workshop.work()
    inner = await workshop.source("directory/sub")
    await workshop.work()
    run = await workshop.last_run(inner)
    assert (run.seen, run.added, run.error) == (1, 0, "")
    assert set(await workshop.states()) == {"directory/sub/a.txt"}


async def test_names_that_differ_by_case_only_are_two_files(workshop: Workshop) -> None:
    for name in ("Note", "note", ".hidden", ".HIDDEN", "a.txt", "A.TXT"):
        workshop.places.put(f"directory/{name}", name.encode())
    source = await workshop.source()
    await workshop.work()
    assert set(await workshop.states()) == {
        "directory/Note",
        "directory/note (2)",
        "directory/.HIDDEN",
        "directory/.hidden (2)",
        "directory/A.TXT",
        "directory/a (2).txt",
    }
    assert await workshop.data("directory/note (2)") == b"note"
    before = await workshop.all()
    await workshop.again(source)
    assert await workshop.all() == before


async def test_so_many_of_one_name_have_still_one_each(workshop: Workshop) -> None:
    source = await workshop.source("")
    folder = workshop.office.service.name

    def fill(tx: Tx) -> str:
        for number in range(2, 1000):
            wanted = (folder, f"a ({number}).txt", f"key {number}")
            workshop.keeper.request(tx, workshop.house.caller, source, wanted, Annotations(), 1)
        workshop.keeper.request(tx, workshop.house.caller, source, (folder, "a.txt", "a.txt"), SAID, 1)
        return ""

    await workshop.house.catalog.write(fill)
    workshop.places.put("A.txt", b"one more")
    await workshop.syncing.step()
    names = {path for path in await workshop.states() if path.startswith("A (")}
    assert len(names) == 1


@pytest.mark.parametrize("unreadable", ["directory/sub", "directory/sub/a.txt", "directory"])
async def test_what_cannot_be_looked_at_is_not_removed(workshop: Workshop, unreadable: str) -> None:
    workshop.places.put("directory/sub/a.txt")
    workshop.places.put("directory/sub2/b.txt")
    workshop.places.put("directory/c.txt")
    source = await workshop.source()
    await workshop.work()
    workshop.places.unreadable.add(unreadable)
    for _ in range(3):
        await workshop.again(source)
    assert set((await workshop.states()).values()) == {"live"}


async def test_a_walk_that_breaks_off_removes_nothing(workshop: Workshop) -> None:
    for name in "abc":
        workshop.places.put(f"directory/{name}")
    source = await workshop.source()
    await workshop.work()
    workshop.places.break_after = 1
    assert (await workshop.again(source)).error == str(SourceReason.UNREACHABLE)
    workshop.places.break_after = None
    workshop.places.refusal = KadeError(SourceReason.LOGIN_REFUSED)
    assert (await workshop.again(source)).error == str(SourceReason.LOGIN_REFUSED)
    workshop.places.refusal = ValueError("of its own")
    assert (await workshop.again(source)).error == "request.unexpected"
    assert set((await workshop.states()).values()) == {"live"}
    assert (await workshop.house.kinds()).count("source.failed") == 3
    workshop.places.refusal = None
    assert (await workshop.again(source)).error == ""
    await workshop.assert_sound()


async def test_a_place_that_is_suddenly_empty_is_looked_at_twice(workshop: Workshop) -> None:
    workshop.places.put("directory/a")
    workshop.places.put("directory/b")
    source = await workshop.source()
    await workshop.work()
    kept = dict(workshop.places.things)
    for _ in range(2):
        workshop.places.things.clear()
        assert (await workshop.again(source)).error == str(SourceReason.EMPTY)
        assert set((await workshop.states()).values()) == {"live"}
        workshop.places.things.update(kept)
        assert (await workshop.again(source)).error == ""
    workshop.places.things.clear()
    await workshop.again(source)
    assert (await workshop.again(source)).removed == 2
    assert set((await workshop.states()).values()) == {"trashed"}
    assert (await workshop.again(source)).error in ("", str(SourceReason.EMPTY))


async def test_an_empty_place_is_no_trouble(workshop: Workshop) -> None:
    source = await workshop.source()
    await workshop.work()
    run = await workshop.last_run(source)
    assert (run.seen, run.error) == (0, "")


@pytest.mark.parametrize("by_walk", [True, False])
async def test_a_run_that_was_taken_over_does_nothing_more(workshop: Workshop, by_walk: bool) -> None:
    for name in "abc":
        workshop.places.put(f"directory/{name}")
    source = await workshop.source()
    await workshop.work()
    other = workshop.another()
    del workshop.places.things["directory/b"]
    taken = False

    async def take_over(_key: str) -> None:
        nonlocal taken
        if taken or not by_walk:
            return
        taken = True
        await workshop.due()
        assert await other.syncing.step()

    workshop.places.walking = take_over
    await workshop.ask(source)
    if not by_walk:
        run_id = new_id()

        async def steal(_key: str) -> None:
            def write(tx: Tx) -> None:
                current = tx.sources.get(source.id)
                assert current is not None
                tx.sources.change(current._replace(run_id=run_id))

            await workshop.house.catalog.write(write)

        workshop.places.walking = steal
        workshop.places.break_after = 1  # the refusal comes after it was taken over
    await workshop.syncing.step()
    runs = await workshop.house.catalog.read(lambda tx: tx.sources.runs(source.id, 9))
    assert len([run for run in runs if run.ended_at is None]) == 1
    assert (await workshop.states())["directory/b"] == ("trashed" if by_walk else "live")


async def test_what_is_seen_twice_in_one_walk_is_one_file(workshop: Workshop) -> None:
    workshop.places.twice = True
    workshop.places.put("directory/a.txt")
    source = await workshop.source()
    await workshop.work()
    assert (await workshop.last_run(source)).error == ""
    assert await workshop.states() == {"directory/a.txt": "live"}
    assert (await workshop.again(source)).error == ""


async def test_many_are_noted_in_batches(workshop: Workshop) -> None:
    for number in range(230):
        workshop.places.put(f"directory/{number}")
    source = await workshop.source(copies=False)
    await workshop.syncing.step()
    assert len(await workshop.states()) == 230
    kept = {f"directory/{number}": workshop.places.things[f"directory/{number}"] for number in range(10)}
    workshop.places.things = dict(kept)
    run = await workshop.again(source)
    assert (run.seen, run.removed) == (10, 220)


async def test_names_that_the_space_refuses_are_counted_and_left(workshop: Workshop) -> None:
    space = workshop.office.group.space
    policy = replace(space.policy, refused_extensions=("exe",))
    await workshop.house.catalog.write(spaces.set_policy, workshop.house.caller, space, policy)
    workshop.places.put("directory/a.exe", identity="node")
    workshop.places.put("directory/b.txt", identity="fine")
    workshop.places.put("/".join(["directory", *["deep"] * 70, "c.txt"]))
    source = await workshop.source()
    await workshop.work()
    run = await workshop.last_run(source)
    assert (run.seen, run.added, run.failed, run.error) == (3, 1, 2, "")
    workshop.places.move("directory/b.txt", "directory/b.exe")
    run = await workshop.again(source)
    assert (run.failed, run.renamed) == (3, 0)


async def test_without_trash_what_is_gone_is_gone(workshop: Workshop) -> None:
    space = workshop.office.group.space
    policy = replace(space.policy, trash_ms=0)
    await workshop.house.catalog.write(spaces.set_policy, workshop.house.caller, space, policy)
    workshop.places.put("directory/a")
    workshop.places.put("directory/b")
    source = await workshop.source()
    await workshop.work()
    before = await workshop.file("directory/a")
    del workshop.places.things["directory/a"]
    await workshop.again(source)
    assert set(await workshop.states()) == {"directory/b"}
    assert await workshop.house.catalog.read(lambda tx: tx.items.get(before.id)) is None
    assert set(await workshop.known()) == {"b"}


async def test_what_was_never_fetched_goes_without_a_trace(workshop: Workshop) -> None:
    workshop.places.put("directory/a")
    workshop.places.put("directory/b")
    source = await workshop.source()
    await workshop.syncing.step()
    assert await workshop.states() == {"directory/a": "held", "directory/b": "held"}
    del workshop.places.things["directory/a"]
    await workshop.again(source)
    assert await workshop.states() == {"directory/b": "live"}


async def test_what_was_asked_for_is_neither_removed_nor_noted_before_it_is_read(workshop: Workshop) -> None:
    workshop.places.put("directory/a")
    source = await workshop.source()
    await workshop.work()
    file = await workshop.request(source, "not yet there")
    await workshop.request(source, "a")
    workshop.places.put("directory/a", b"changed")
    await workshop.ask(source)
    await workshop.syncing.step()
    assert (await workshop.last_run(source)).changed == 0
    assert (await workshop.file("directory/not yet there")).id == file.id
    await workshop.read()
    assert await workshop.data("directory/a") == b"changed"


async def test_items_without_a_file_are_forgotten(workshop: Workshop) -> None:
    workshop.places.put("directory/a")
    source = await workshop.source()
    await workshop.work()
    lost = Item(new_id(), source.id, "lost", "", "", None, None, 0, 0, "", None)
    await workshop.house.catalog.write(lambda tx: tx.items.add(lost))
    run = await workshop.again(source)
    assert (run.removed, run.error) == (0, "")
    assert await workshop.house.catalog.read(lambda tx: tx.items.get(lost.file_id)) is None


async def test_what_comes_back_under_another_name_is_the_same_file(workshop: Workshop) -> None:
    workshop.places.put("directory/a", b"a")
    workshop.places.put("directory/b", b"b")
    source = await workshop.source()
    await workshop.work()
    before = await annotated(workshop, "directory/a")
    kept = workshop.places.things.pop("directory/a")
    await workshop.again(source)
    workshop.places.things["directory/c"] = kept
    await workshop.again(source)
    after = await workshop.file("directory/c")
    assert same(before, after) and after.state == FileState.LIVE
    assert set(await workshop.states()) == {"directory/b", "directory/c"}


async def test_a_file_that_came_by_another_door_is_taken_over(workshop: Workshop) -> None:
    workshop.places.put("directory/a", b"a")
    one = await workshop.source()
    await workshop.work()
    before = await annotated(workshop, "directory/a")
    await workshop.house.catalog.write(lambda tx: tx.items.forget(before.id))
    workshop.places.put("directory/a", b"from there")
    run = await workshop.again(one)
    assert (run.added, run.restored) == (1, 0)
    assert same(before, await workshop.file("directory/a"))
    assert await workshop.data("directory/a") == b"from there"
    await workshop.assert_sound()

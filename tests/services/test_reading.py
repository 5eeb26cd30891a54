"""Reading files and telling the index: marked by the journal, read within limits, told until it knows."""

from dataclasses import replace

import pytest
from tests.services.workshop import SAID, Workshop
from tests.support.bodies import Body

from kade.core.clock import Millis, now
from kade.core.errors import KadeError, SearchReason, SourceReason
from kade.core.events import Event
from kade.core.extraction import Attachment, Extracted, Remark, RemarkKind
from kade.core.files import File
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.readings import Reading, ReadingState
from kade.services import files, readings, spaces, uploads
from kade.services.extracting import Extracting
from kade.services.indexing import _forget_gone


async def deposited(workshop: Workshop, name: str, data: bytes = b"words") -> File:
    """A file that came by another door."""
    house, space = workshop.house, workshop.office.group.space
    upload = await house.catalog.write(
        lambda tx: uploads.begin(
            tx, house.caller, house.namers, house.rules, space.id, uploads.Wish(name, len(data))
        )
    )
    await house.appending.append(house.caller, upload.id, 0, Body([data]))
    found = await house.catalog.read(lambda tx: tx.files.get(upload.file_id))
    assert found is not None
    return found


async def set_index(workshop: Workshop, index: bool) -> None:
    house, space = workshop.house, workshop.office.group.space
    policy = replace(space.policy, index=index)
    await house.catalog.write(spaces.set_policy, house.caller, space, policy)
    await workshop.reacting.catch_up()


async def test_whatever_door_a_file_came_by_it_is_read(workshop: Workshop) -> None:
    file = await deposited(workshop, "a.txt", b"twee woorden Twee")
    large = await deposited(workshop, "b.txt", b"woord " * 20_000)
    await workshop.read()
    reading = await workshop.reading(file.id)
    assert (reading.state, reading.words, reading.distinct, reading.word_length) == ("done", 3, 2, 5)
    assert (reading.kept, reading.length, reading.media_type) == (17, 17, "text/plain")
    assert reading.stamp == reading.indexed
    assert (await workshop.reading(large.id)).words == 20_000
    assert await workshop.house.catalog.read(readings.text_of, file.id) == "twee woorden Twee"
    assert await workshop.house.catalog.read(readings.text_of, new_id()) == ""
    assert set(await workshop.known()) == {"a.txt", "b.txt"}


async def test_what_is_said_of_a_file_is_found_too(workshop: Workshop) -> None:
    async def titled(data: bytes, name: str) -> Extracted:
        return Extracted(
            text=data.decode(),
            length=9,
            title="the title",
            author="an author",
            attachments=(Attachment("x", 1),),
        )

    workshop.extractor.reads = titled
    file = await deposited(workshop, "a.txt", b"text")
    await workshop.read()
    await workshop.house.catalog.write(files.annotate, workshop.house.caller, file, SAID)
    await workshop.read()
    (document,) = workshop.index.documents.values()
    assert (document.text, document.tags, document.author) == (
        "the title\ntext\nextra",
        ("tag",),
        "an author",
    )
    assert (document.folder, document.trashed) == ("", False)
    assert workshop.extractor.read == ["a.txt"]
    assert '"name": "x"' in (await workshop.reading(file.id)).attachments
    current = await workshop.house.catalog.read(lambda tx: tx.files.get(file.id))
    assert current is not None
    moved = await workshop.house.catalog.write(
        files.move, workshop.house.caller, current, "some/where", "b.txt"
    )
    await workshop.house.catalog.write(files.remove, workshop.house.caller, moved)
    await workshop.read()
    (document,) = workshop.index.documents.values()
    assert (document.name, document.folder, document.trashed) == ("b.txt", "some/where", True)
    trashed = await workshop.house.catalog.read(lambda tx: tx.files.get(file.id))
    assert trashed is not None
    await workshop.house.catalog.write(files.purge, workshop.house.caller, trashed)
    await workshop.read()
    assert workshop.index.documents == {}
    assert workshop.extractor.read == ["a.txt"]


async def test_files_elsewhere_in_the_house_are_not_read(workshop: Workshop) -> None:
    upload = await workshop.house.begin(4)
    await workshop.house.append(upload, 0, b"data")
    file = await workshop.house.file(upload)
    await workshop.house.catalog.write(files.purge, workshop.house.caller, file)
    await workshop.house.catalog.write(lambda tx: tx.journal.append(Event("file.created", "nobody")))
    await workshop.read()
    assert workshop.extractor.read == []
    assert workshop.index.documents == {}


async def test_searching_a_space_can_be_switched_off_and_on(workshop: Workshop) -> None:
    made = [await deposited(workshop, f"{number}.txt") for number in range(3)]
    await workshop.read()
    await set_index(workshop, False)
    await workshop.read()
    assert workshop.index.documents == {}
    await set_index(workshop, True)  # before what is gone is forgotten
    await workshop.read()
    assert set(workshop.index.documents) == {file.id for file in made}
    await set_index(workshop, False)
    await workshop.read()
    await _age(workshop)
    assert await workshop.indexing.forget_gone() == 3
    assert await workshop.house.catalog.read(lambda tx: tx.readings.get(made[0].id)) is None
    assert await workshop.indexing.forget_gone() == 0
    await set_index(workshop, True)
    await workshop.read()
    assert set(workshop.index.documents) == {file.id for file in made}


async def _age(workshop: Workshop) -> None:
    """Let an hour go by for everything that the index was told."""

    def age(tx: Tx) -> None:
        for each in tx.readings.page(None, 5000):
            tx.readings.change(each._replace(indexed_at=Millis(now() - 3_700_000)))

    await workshop.house.catalog.write(age)


async def test_many_files_are_marked_in_parts(workshop: Workshop) -> None:
    await workshop.source(copies=False)
    await set_index(workshop, False)
    for number in range(1200):
        workshop.places.put(f"directory/{number}")
    await workshop.syncing.step()
    await workshop.reacting.catch_up()
    assert await workshop.house.catalog.read(lambda tx: tx.readings.waiting()) == 0
    for index, count in ((True, 1200), (False, 0), (True, 1200)):
        await set_index(workshop, index)
        assert await workshop.house.catalog.read(lambda tx: tx.readings.waiting()) == count
    kinds = await workshop.house.kinds()
    assert kinds.count("space.reading_continued") == 3 * 2  # after the first and the second part


async def test_a_space_that_is_gone_is_nobodys_trouble(workshop: Workshop) -> None:
    await workshop.house.catalog.write(lambda tx: tx.journal.append(Event("space.policy_changed", new_id())))
    await workshop.reacting.catch_up()
    assert "reaction.failed" not in await workshop.house.kinds()


@pytest.mark.parametrize(
    ("kind", "state"),
    [(RemarkKind.ENCRYPTED, "done"), (RemarkKind.CRASHED, "failed"), (RemarkKind.TIMED_OUT, "failed")],
)
async def test_what_did_not_go_well_is_told_and_tried_again_once(
    workshop: Workshop, kind: RemarkKind, state: str
) -> None:
    async def fails(data: bytes, name: str) -> Extracted:
        return Extracted(remarks=(Remark(kind),))

    workshop.extractor.reads = fails
    file = await deposited(workshop, "a.txt")
    await workshop.read()
    if state == "failed":
        assert (await workshop.reading(file.id)).state == ReadingState.WAITING
        await workshop.due()
        await workshop.read()
    reading = await workshop.reading(file.id)
    assert (reading.state, reading.attempts) == (state, 2 if state == "failed" else 0)
    kinds = await workshop.house.kinds()
    assert kinds[-1] == ("file.reading_failed" if state == "failed" else "file.read_in_part")
    assert set(await workshop.known()) == {"a.txt"}  # by its name it is found nevertheless


async def test_a_place_out_of_reach_is_waited_for(workshop: Workshop) -> None:
    workshop.places.put("directory/a", b"words")
    await workshop.source(copies=False)
    await workshop.syncing.step()
    workshop.places.refusal = KadeError(SourceReason.UNREACHABLE)
    for _ in range(3):
        await workshop.read()
        await workshop.due()
    file = await workshop.file("directory/a")
    assert ((await workshop.reading(file.id)).state, (await workshop.reading(file.id)).attempts) == (
        "waiting",
        3,
    )
    workshop.places.refusal = None
    await workshop.read()
    assert await workshop.known() == {"a": "words"}
    del workshop.places.things["directory/a"]
    await workshop.house.catalog.write(lambda tx: tx.journal.append(Event("file.changed", file.id)))
    for _ in range(6):
        await workshop.read()
        await workshop.due()
    assert (await workshop.reading(file.id)).state == ReadingState.FAILED
    assert (await workshop.house.kinds())[-1] == "file.reading_failed"


async def test_one_that_breaks_what_reads_it_holds_up_nobody(workshop: Workshop) -> None:
    async def breaks(data: bytes, name: str) -> Extracted:
        if name == "a.txt":
            raise ValueError("of its own")
        if name == "b.txt":
            raise OSError("of the disk")
        return Extracted(text="read")

    workshop.extractor.reads = breaks
    made = [await deposited(workshop, f"{name}.txt") for name in "abc"]
    await workshop.read()
    states = [(await workshop.reading(file.id)).state for file in made]
    assert states == ["waiting", "waiting", "done"]


async def test_what_is_too_large_is_not_read(workshop: Workshop) -> None:
    workshop.places.put("directory/hidden length", b"x" * 2000)
    workshop.places.put("directory/large", b"x" * 2000)
    workshop.places.put("directory/fits", b"x" * 1000)
    workshop.places.lengths = False
    await workshop.source(copies=False)
    await workshop.syncing.step()
    file = await workshop.file("directory/large")
    await workshop.house.catalog.write(lambda tx: files.change(tx, file, length=2000))
    small = Extracting(workshop.house.catalog, workshop.spool, workshop.extractor, 1000)
    await workshop.reacting.catch_up()
    await small.step()
    assert workshop.extractor.read == ["fits"]
    for name in ("hidden length", "large"):
        reading = await workshop.reading((await workshop.file(f"directory/{name}")).id)
        assert (reading.state, "too_large" in reading.remarks) == ("done", True)
    assert list((workshop.folder / "spool").iterdir()) == []


@pytest.mark.parametrize("change", ["replace", "purge", "index off"])
async def test_what_changes_while_it_is_read_is_not_mixed_up(workshop: Workshop, change: str) -> None:
    workshop.places.put("directory/a", b"before")
    source = await workshop.source()
    await workshop.syncing.step()
    await workshop.fetching.step()
    file = await workshop.file("directory/a")

    async def meanwhile(data: bytes, name: str) -> Extracted:
        if data == b"before" and change == "replace":
            workshop.places.put("directory/a", b"after")
            await workshop.ask(source)
            await workshop.syncing.step()
            await workshop.fetching.step()
        elif change == "purge":
            current = await workshop.file("directory/a")
            await workshop.house.catalog.write(files.purge, workshop.house.caller, current)
            await workshop.reacting.catch_up()
        elif change == "index off":
            await set_index(workshop, False)
        return Extracted(text=data.decode())

    workshop.extractor.reads = meanwhile
    await workshop.read()
    await workshop.due()
    await workshop.read()
    assert await workshop.known() == ({"a": "after"} if change == "replace" else {})
    assert (await workshop.reading(file.id)).state == ("done" if change == "replace" else "gone")


async def test_what_changes_elsewhere_while_it_is_read_is_not_mixed_up(workshop: Workshop) -> None:
    workshop.places.put("directory/a", b"before")
    source = await workshop.source(copies=False)
    await workshop.syncing.step()

    async def meanwhile(data: bytes, name: str) -> Extracted:
        if data == b"before":
            workshop.places.put("directory/a", b"after")
            await workshop.ask(source)
            await workshop.syncing.step()
        return Extracted(text=data.decode())

    workshop.extractor.reads = meanwhile
    await workshop.read()
    assert await workshop.known() == {"a": ""}  # by its name it is found
    await workshop.read()
    await workshop.due()
    await workshop.read()
    assert await workshop.known() == {"a": "after"}


@pytest.mark.parametrize("how", ["gone", "changed"])
async def test_what_is_not_there_as_it_was_seen_is_not_read(workshop: Workshop, how: str) -> None:
    workshop.places.put("directory/a", b"before")
    await workshop.source(copies=False)
    await workshop.syncing.step()
    if how == "gone":
        del workshop.places.things["directory/a"]
    else:
        workshop.places.put("directory/a", b"after")
    await workshop.read()
    file = await workshop.file("directory/a")
    assert ((await workshop.reading(file.id)).state, workshop.extractor.read) == ("waiting", [])
    assert await workshop.known() == {"a": ""}  # by its name it is found


async def test_without_bytes_there_is_nothing_to_read(workshop: Workshop) -> None:
    file = await deposited(workshop, "a.txt")
    await workshop.reacting.catch_up()
    await workshop.house.catalog.write(lambda tx: files.change(tx, file, content_id=None))
    for _ in range(6):
        await workshop.read()
        await workshop.due()
    assert (await workshop.reading(file.id)).state == ReadingState.FAILED


async def test_a_spool_leaves_nothing_behind(workshop: Workshop) -> None:
    left = workshop.folder / "spool" / "left"
    left.write_bytes(b"by one that died")
    workshop.spool.prepare()
    assert not left.exists()
    left.parent.rmdir()
    await deposited(workshop, "a.txt")  # in its row: it is copied
    large = b"x" * 70_000
    await deposited(workshop, "b.txt", large)  # a segment: it is not
    await workshop.read()
    assert (await workshop.known())["b.txt"] == large.decode()
    assert list((workshop.folder / "spool").iterdir()) == []


async def test_what_lies_in_several_segments_is_put_together(workshop: Workshop) -> None:
    house = workshop.house
    space = workshop.office.group.space
    upload = await house.catalog.write(
        lambda tx: uploads.begin(
            tx, house.caller, house.namers, house.rules, space.id, uploads.Wish("a.txt", 6000)
        )
    )
    for at, letter in ((0, b"a"), (2000, b"b"), (4000, b"c")):
        await house.appending.append(house.caller, upload.id, at, Body([letter * 2000]))

    def split(tx: Tx) -> None:
        (extent,) = tx.contents.extents(upload.content_id)
        parts = [extent._replace(length=3000), extent._replace(start=extent.start + 3000, length=3000)]
        tx.contents.set_extents(upload.content_id, parts, 6000, now())

    await house.catalog.write(split)
    await workshop.read()
    assert (await workshop.known())["a.txt"] == "a" * 2000 + "b" * 2000 + "c" * 2000

    def second_half(tx: Tx) -> None:
        (_, extent) = tx.contents.extents(upload.content_id)
        tx.contents.set_extents(upload.content_id, [extent], 3000, now())
        tx.journal.append(Event("file.changed", upload.file_id))

    await house.catalog.write(second_half)
    await workshop.read()
    assert (await workshop.known())["a.txt"] == "b" * 1000 + "c" * 2000


async def test_an_index_that_fails_is_told_again(workshop: Workshop) -> None:
    await deposited(workshop, "a.txt")
    workshop.index.failing = KadeError(SearchReason.INDEX_BUSY)
    with pytest.raises(KadeError):
        await workshop.read()
    workshop.index.failing = None
    await workshop.read()
    assert set(await workshop.known()) == {"a.txt"}
    assert await workshop.indexing.step() == 0


async def test_long_texts_are_told_in_several_batches(workshop: Workshop) -> None:
    async def long(data: bytes, name: str) -> Extracted:
        return Extracted(text="x" * 2_500_000)

    workshop.extractor.reads = long
    for number in range(3):
        await deposited(workshop, f"{number}.txt")
    await workshop.reacting.catch_up()
    while await workshop.extracting.step():
        pass
    assert [await workshop.indexing.step() for _ in range(4)] == [1, 1, 1, 0]


async def test_what_came_back_meanwhile_is_not_forgotten(workshop: Workshop) -> None:
    file = await deposited(workshop, "a.txt")
    await workshop.read()
    await set_index(workshop, False)
    await workshop.read()
    await _age(workshop)
    old = await workshop.reading(file.id)

    class Late:
        """A catalog's readings as they are seen by one that looked a moment before."""

        def __init__(self, tx: Tx) -> None:
            self.readings = self
            self._tx = tx
            self.forgotten: list[Id] = []

        def forgettable(self, before: Millis, limit: int) -> list[Id]:
            return [old.file_id, new_id()]

        def lock(self, file_id: Id) -> Reading | None:
            return self._tx.readings.lock(file_id)

        def forget(self, file_ids: list[Id]) -> None:
            self._tx.readings.forget(file_ids)

    await set_index(workshop, True)
    assert await workshop.house.catalog.write(lambda tx: _forget_gone(Late(tx))) == 0  # type: ignore[arg-type]
    await workshop.read()
    assert set(await workshop.known()) == {"a.txt"}


async def test_what_is_asked_for_most_is_read_first(workshop: Workshop) -> None:
    source = await workshop.source()
    for name in "abc":
        workshop.places.put(f"directory/{name}", name.encode())
    await workshop.work()
    workshop.extractor.read.clear()
    for name, priority in (("a", 1), ("b", 900), ("c", 500)):
        workshop.places.put(f"directory/{name}", name.encode() * 2)
        await workshop.request(source, name, priority)
    await workshop.read()
    assert workshop.extractor.read == ["b", "c", "a"]


async def test_bytes_that_come_from_no_generator_are_read_as_well(workshop: Workshop) -> None:
    class Pieces:
        left = [b"so", b"me"]

        def __aiter__(self) -> "Pieces":
            return self

        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop(0)

    workshop.places.put("directory/a", b"some")
    workshop.places.pieces = Pieces
    await workshop.source(copies=False)
    await workshop.work()
    assert await workshop.known() == {"a": "some"}

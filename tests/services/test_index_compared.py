"""The doctor of the index: what it lost, knows as it was, or should have forgotten."""

from tests.services.conftest import House
from tests.support.memory_search import MemoryIndex
from tests.support.nouns import a_reading

from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.readings import Reading, ReadingState
from kade.core.search import Document
from kade.services import index_soundness
from kade.services.soundness import Finding


async def findings(house: House, index: MemoryIndex) -> list[Finding]:
    return [each async for each in index_soundness.compared(house.catalog, index)]


def document(file_id: Id, stamp: int) -> Document:
    return Document(file_id, stamp, Id("space"), "name")


async def kept(house: House, *readings: Reading) -> None:
    def fill(tx: Tx) -> None:
        for each in readings:
            tx.readings.add(each)

    await house.catalog.write(fill)


async def test_an_index_that_knows_what_it_was_told_is_sound(house: House) -> None:
    told, untold = a_reading(stamp=3, indexed=3), a_reading(stamp=2, indexed=1)
    new, gone = a_reading(), a_reading(state=ReadingState.GONE, stamp=4, indexed=4)
    await kept(house, told, untold, new, gone)
    index = MemoryIndex()
    assert [each.code for each in await findings(house, index)] == ["index.missing"]
    await index.apply([document(told.file_id, 3), document(untold.file_id, 1)])
    assert await findings(house, index) == []
    await index.apply([document(new.file_id, 1)])  # told a moment ago, and not noted yet
    assert await findings(house, index) == []


async def test_what_differs_is_found_and_mended(house: House) -> None:
    lost, old = a_reading(stamp=1, indexed=1), a_reading(stamp=5, indexed=5)
    gone = a_reading(state=ReadingState.GONE, stamp=2, indexed=2)
    await kept(house, lost, old, gone)
    first, last = Id("0" * 32), Id("f" * 32)
    index = MemoryIndex()
    await index.apply(
        [document(old.file_id, 4), document(gone.file_id, 1), document(first, 1), document(last, 1)]
    )
    found = await findings(house, index)
    assert {(each.code, each.subject) for each in found} == {
        ("index.missing", lost.file_id),
        ("index.stale", old.file_id),
        ("index.superfluous", gone.file_id),
        ("index.superfluous", first),
        ("index.superfluous", last),
    }
    for each in found:
        assert await index_soundness.mend(house.catalog, index, each)
    assert await findings(house, index) == []
    untold = await house.catalog.read(lambda tx: tx.readings.unindexed(9))
    assert {each.file_id for each in untold} == {lost.file_id, old.file_id}
    strange = found[0]._replace(code="index.stale", subject=new_id())
    assert not await index_soundness.mend(house.catalog, index, strange)


async def test_what_is_gone_at_the_second_look_was_a_moment_s(house: House) -> None:
    reading = a_reading(stamp=1, indexed=1)
    await kept(house, reading)
    index = MemoryIndex()

    def progress(_done: int) -> None:
        index.documents[reading.file_id] = document(reading.file_id, 1)

    found = [each async for each in index_soundness.compared(house.catalog, index, progress)]
    assert found == []

"""The journal as its readers want it: by time, by kind, from either end."""

from tests.services.conftest import House

from kade.core.clock import Millis
from kade.core.events import Event
from kade.core.ports import Tx
from kade.services import journal


async def note(house: House, count: int) -> int:
    """Enter so many, every hundredth of a rare kind; the position of the last."""

    def append(tx: Tx) -> int:
        for number in range(count):
            tx.journal.append(Event("rare.seen" if number % 100 == 0 else "file.read", str(number)))
        return tx.journal.last_position()

    return await house.catalog.write(append)


async def test_a_moment_is_found_among_the_entries(house: House) -> None:
    last = await note(house, 50)
    entries = await house.catalog.read(lambda tx: tx.journal.tail(0, last))
    for entry in entries:
        for moment in (entry.at, Millis(entry.at + 1)):
            expected = max((each.position for each in entries if each.at < moment), default=0)
            assert await house.catalog.read(journal.position_before, moment) == expected
    assert await house.catalog.read(journal.position_before, Millis(0)) == 0


async def test_entries_after_a_position_are_found_by_kind(house: House) -> None:
    begin = await note(house, 0)
    await note(house, 2500)  # more than one block
    rare = await house.catalog.read(journal.after, begin, "rare.")
    assert [entry.subject for entry in rare] == [str(number) for number in range(0, 2500, 100)]
    some = await house.catalog.read(journal.after, begin, "rare.", 3)
    assert [entry.subject for entry in some] == ["0", "100", "200"]
    every = await house.catalog.read(journal.after, begin)
    assert [entry.subject for entry in every] == [str(number) for number in range(1000)]
    assert await house.catalog.read(journal.after, begin + 2500) == []


async def test_the_latest_are_found_by_kind(house: House) -> None:
    await note(house, 2500)
    rare = await house.catalog.read(journal.latest, 4, "rare.")
    assert [entry.subject for entry in rare] == ["2100", "2200", "2300", "2400"]
    assert len(await house.catalog.read(journal.latest, 100, "rare.")) == 25
    last = await house.catalog.read(journal.latest, 2)
    assert [entry.subject for entry in last] == ["2498", "2499"]
    assert await house.catalog.read(journal.latest, 0) == []

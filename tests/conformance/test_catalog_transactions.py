"""Every catalog: what a transaction promises, and the journal."""

import asyncio
from itertools import pairwise

import pytest
from tests.support.catalogs import MakeCatalog
from tests.support.nouns import a_segment, a_tenant

from kade.core.errors import KadeError, RequestReason, TenantReason, UploadReason
from kade.core.events import Event, JournalEntry, next_chain
from kade.core.ids import new_id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Origin


def note(tx: Tx, subject: str) -> str:
    tx.journal.append(Event("test.noted", subject))
    return subject


async def entries(catalog: Catalog, count: int, after: int = 0) -> list[JournalEntry]:
    """The journal once it holds so many entries; a sequencer may take a moment."""
    for _ in range(500):
        found = await catalog.read(lambda tx: tx.journal.tail(after, 100_000))
        if len(found) >= count:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"only {len(found)} of {count} entries came")


def assert_whole(journal: list[JournalEntry]) -> None:
    assert [entry.position for entry in journal] == list(range(1, len(journal) + 1))
    assert journal[0].chain == next_chain("", 1, journal[0].at, journal[0].digest)
    for before, entry in pairwise(journal):
        assert entry.chain == next_chain(before.chain, entry.position, entry.at, entry.digest)


async def test_a_function_gets_its_arguments_and_gives_its_result(catalog: Catalog) -> None:
    def fn(tx: Tx, one: int, *, two: int) -> tuple[int, int, int]:
        return one, two, tx.journal.last_position()

    assert await catalog.write(fn, 1, two=2) == (1, 2, 0)
    assert await catalog.read(fn, 1, two=2) == (1, 2, 0)
    assert await catalog.glance(fn, 1, two=2) == (1, 2, 0)


async def test_what_was_written_is_read_by_every_handle(new_catalog: MakeCatalog) -> None:
    one, two = new_catalog(), new_catalog()
    await one.open()
    await two.open()
    segment = a_segment()
    await one.write(lambda tx: tx.segments.add(segment))
    for each in (one, two):
        assert await each.read(lambda tx: tx.segments.get(segment.id)) == segment
        assert await each.glance(lambda tx: tx.segments.get(segment.id)) == segment
        assert await each.write(lambda tx: tx.segments.get(segment.id)) == segment
    await one.close()
    await two.close()


async def test_what_raises_leaves_nothing_its_events_neither(catalog: Catalog) -> None:
    segment = a_segment()

    def fails(tx: Tx) -> None:
        tx.segments.add(segment)
        note(tx, "lost")
        raise KadeError(UploadReason.LOCKED, "x")

    with pytest.raises(KadeError) as refused:
        await catalog.write(fails)
    assert refused.value.reason is UploadReason.LOCKED
    await catalog.write(note, "kept")
    assert await catalog.read(lambda tx: tx.segments.get(segment.id)) is None
    assert [entry.subject for entry in await entries(catalog, 1)] == ["kept"]


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("y"), StopIteration(), ZeroDivisionError()])
async def test_one_that_fails_does_not_harm_its_neighbours(catalog: Catalog, error: Exception) -> None:
    def fails(tx: Tx) -> None:
        tx.segments.add(a_segment())
        raise error

    jobs = [
        catalog.write(fails) if number % 3 == 0 else catalog.write(note, str(number)) for number in range(30)
    ]
    results = await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 20)
    good = [str(number) for number in range(30) if number % 3]
    assert [each for each in results if isinstance(each, str)] == good
    assert sum(isinstance(each, Exception) for each in results) == 10
    assert sorted(entry.subject for entry in await entries(catalog, 20)) == sorted(good)
    assert await catalog.read(lambda tx: tx.segments.page(None, 9)) == []


async def test_a_refusal_by_an_index_does_not_harm_its_neighbours(catalog: Catalog) -> None:
    await catalog.write(lambda tx: tx.tenants.add(a_tenant(name="one")))
    jobs = [catalog.write(lambda tx: tx.tenants.add(a_tenant(name="one"))) for _ in range(5)]
    others = [catalog.write(lambda tx, name: tx.tenants.add(a_tenant(name=name)), f"t{n}") for n in range(5)]
    results = await asyncio.gather(*jobs, *others, return_exceptions=True)
    refused = [each for each in results if isinstance(each, KadeError)]
    assert [each.reason for each in refused] == [TenantReason.NAME_TAKEN] * 5
    assert len(await catalog.read(lambda tx: tx.tenants.all())) == 6


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
async def test_text_that_no_database_keeps_does_not_break_the_journal(catalog: Catalog, text: str) -> None:
    event = Event("test.noted", text, origin=Origin("op", text, text), detail={"name": text, "n": 1})
    await asyncio.gather(
        catalog.write(lambda tx: tx.journal.append(event)), *(catalog.write(note, f"n{n}") for n in range(5))
    )
    journal = await entries(catalog, 6)
    assert_whole(journal)
    assert "\0" not in next(entry.subject for entry in journal if entry.subject.startswith("a"))


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
async def test_text_that_no_database_keeps_is_not_found(catalog: Catalog, text: str) -> None:
    for run in (catalog.read, catalog.write, catalog.glance):
        try:
            assert await run(lambda tx: tx.tenants.named(text)) is None
        except KadeError as error:
            assert error.reason is RequestReason.BAD_VALUE
    assert await catalog.write(note, "still there") == "still there"


async def test_whoever_no_longer_waits_harms_nobody(catalog: Catalog) -> None:
    tasks = [asyncio.create_task(catalog.write(note, str(number))) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[1::2] == [str(number) for number in range(1, 20, 2)]
    reading = asyncio.create_task(catalog.read(lambda tx: tx.journal.last_position()))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    journal = await entries(catalog, 20)  # what began was done, also for those that had gone
    assert_whole(journal)
    assert {entry.subject for entry in journal} == {str(number) for number in range(20)}


async def test_closing_finishes_what_is_queued_and_takes_no_more(new_catalog: MakeCatalog) -> None:
    closing = new_catalog()
    await closing.open()
    tasks = [asyncio.create_task(closing.write(note, str(number))) for number in range(50)]
    await asyncio.sleep(0)
    await closing.close()
    assert await asyncio.wait_for(asyncio.gather(*tasks), 10) == [str(number) for number in range(50)]
    for run in (closing.write, closing.read, closing.glance):
        with pytest.raises(KadeError) as refused:
            await asyncio.wait_for(run(lambda tx: tx.journal.last_position()), 10)
        assert refused.value.reason is RequestReason.SHUTTING_DOWN
    again = new_catalog()
    await again.open()
    assert len(await entries(again, 50)) == 50
    await again.close()


async def test_closing_what_was_never_opened(new_catalog: MakeCatalog) -> None:
    await new_catalog().close()


async def test_the_journal_is_dense_and_chained_whoever_writes(new_catalog: MakeCatalog) -> None:
    handles = [new_catalog() for _ in range(3)]
    for handle in handles:
        await handle.open()
    written = [f"{number}" for number in range(90)]
    await asyncio.gather(*(handles[n % 3].write(note, subject) for n, subject in enumerate(written)))
    for handle in handles:
        journal = await entries(handle, 90)
        assert_whole(journal)
        assert sorted(entry.subject for entry in journal) == sorted(written)
        assert await handle.read(lambda tx: tx.journal.last_position()) == 90
    for handle in handles:
        await handle.close()


async def test_events_of_one_transaction_stay_in_order(catalog: Catalog) -> None:
    def several(tx: Tx, name: str) -> None:
        for number in range(4):
            note(tx, f"{name}{number}")

    await asyncio.gather(*(catalog.write(several, name) for name in "abcdef"))
    subjects = [entry.subject for entry in await entries(catalog, 24)]
    for name in "abcdef":
        assert [each for each in subjects if each[0] == name] == [f"{name}{number}" for number in range(4)]


async def test_the_journal_is_read_after_a_position(catalog: Catalog) -> None:
    assert await catalog.read(lambda tx: (tx.journal.tail(0, 10), tx.journal.last_position())) == ([], 0)
    for number in range(5):
        await catalog.write(note, str(number))
    journal = await entries(catalog, 5)
    assert await catalog.read(lambda tx: tx.journal.tail(2, 2)) == journal[2:4]
    assert await catalog.read(lambda tx: tx.journal.tail(5, 2)) == []


async def test_an_entry_says_all_that_the_event_said(catalog: Catalog) -> None:
    event = Event(
        "test.noted",
        "subject",
        reason="r",
        tenant_id=new_id(),
        principal_id=new_id(),
        credential_id=new_id(),
        origin=Origin("op", "id", "::1"),
        detail={"b": 1, "a": "é"},
    )
    await catalog.write(lambda tx: tx.journal.append(event))
    (entry,) = await entries(catalog, 1)
    assert entry[2:12] == (
        event.kind,
        event.subject,
        "done",
        "r",
        event.tenant_id,
        event.principal_id,
        event.credential_id,
        "op",
        "id",
        "::1",
    )
    assert entry.detail == '{"a":"\\u00e9","b":1}'

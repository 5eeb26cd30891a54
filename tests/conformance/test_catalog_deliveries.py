"""Every catalog: deliveries, and what is waiting to be fetched."""

import asyncio

from tests.support.catalogs import MakeCatalog
from tests.support.nouns import a_delivery, a_file, a_principal, house

from kade.core.clock import Millis
from kade.core.deliveries import Delivery, DeliveryState
from kade.core.files import File
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.query import Query

TIB = 1 << 40


async def _file(catalog: Catalog, arrived_at: int = 5, name: str = "report.pdf", **given: object) -> File:
    def add(tx: Tx) -> File:
        file = a_file(house(tx)[1], arrived_at=Millis(arrived_at), name=name, name_folded=name, **given)
        tx.files.add(file)
        return file

    return await catalog.write(add)


async def _delivered(catalog: Catalog, file: File, *subscribers: Id, **given: object) -> list[Delivery]:
    made = [a_delivery(file, subscriber_id=each, **given) for each in sorted(subscribers)]
    await catalog.write(lambda tx: tx.deliveries.add_all(made))
    return made


async def _of(catalog: Catalog, file: File) -> list[Delivery]:
    return await catalog.read(lambda tx: tx.deliveries.of_file(file.id))


async def test_a_delivery_keeps_every_field(catalog: Catalog) -> None:
    file, one, two = await _file(catalog, 3 * TIB), new_id(), new_id()
    first, second = await _delivered(
        catalog,
        file,
        one,
        two,
        state=DeliveryState.FETCHED,
        fetched_spans=f"0-{TIB}",
        fetched_at=Millis(4 * TIB),
        dismissed_at=Millis(5 * TIB),
    )
    assert await _of(catalog, file) == [first, second]
    got, locked = await catalog.write(
        lambda tx: (
            tx.deliveries.get(first.subscriber_id, file.id),
            tx.deliveries.lock(second.subscriber_id, file.id),
        )
    )
    assert (got, locked) == (first, second)
    for who, what in ((new_id(), file.id), (one, new_id())):
        missing = await catalog.write(
            lambda tx, a, b: (tx.deliveries.get(a, b), tx.deliveries.lock(a, b)), who, what
        )
        assert missing == (None, None)
    await catalog.write(lambda tx: tx.deliveries.add_all([]))


async def test_a_change_is_of_one_delivery_and_of_what_may_change(catalog: Catalog) -> None:
    file = await _file(catalog)
    mine, other = await _delivered(catalog, file, new_id(), new_id())
    changed = mine._replace(
        state=DeliveryState.DISMISSED,
        fetched_spans="1-2",
        fetched_at=Millis(7),
        dismissed_at=Millis(8),
    )
    await catalog.write(lambda tx: tx.deliveries.change(changed._replace(name_folded="z", space_id=new_id())))
    assert await _of(catalog, file) == [changed, other]


async def test_what_is_available_lapses_and_is_revived(catalog: Catalog) -> None:
    file, beside = await _file(catalog), await _file(catalog)
    states = dict(zip(sorted(new_id() for _ in DeliveryState), DeliveryState, strict=True))
    for who, state in states.items():
        await _delivered(catalog, file, who, state=state)
    (untouched,) = await _delivered(catalog, beside, new_id())
    first = next(who for who, state in states.items() if state is DeliveryState.AVAILABLE)
    assert await catalog.write(lambda tx: tx.deliveries.lapse(file.id)) == [first]
    assert await catalog.write(lambda tx: tx.deliveries.lapse(file.id)) == []
    lapsed = {each.subscriber_id: each.state for each in await _of(catalog, file)}
    assert lapsed == {**states, first: DeliveryState.LAPSED}
    await catalog.write(lambda tx: tx.deliveries.revive(file.id))
    before = DeliveryState.LAPSED
    revived = {who: DeliveryState.AVAILABLE if state is before else state for who, state in states.items()}
    assert {each.subscriber_id: each.state for each in await _of(catalog, file)} == revived
    assert await _of(catalog, beside) == [untouched]


async def test_a_files_deliveries_are_renamed_and_forgotten(catalog: Catalog) -> None:
    file, beside = await _file(catalog), await _file(catalog)
    made = await _delivered(catalog, file, new_id(), new_id())
    kept = await _delivered(catalog, beside, made[0].subscriber_id)
    await catalog.write(lambda tx: tx.deliveries.rename(file.id, "ärger.txt"))
    assert await _of(catalog, file) == [each._replace(name_folded="ärger.txt") for each in made]
    await catalog.write(lambda tx: tx.deliveries.forget(file.id))
    assert (await _of(catalog, file), await _of(catalog, beside)) == ([], kept)


async def test_a_page_is_of_one_subscriber_in_one_tenant(catalog: Catalog) -> None:
    me, other = new_id(), new_id()
    here, elsewhere, newer = await _file(catalog, 1), await _file(catalog, 2), await _file(catalog, 3)
    await catalog.write(lambda tx: tx.files.add(here._replace(id=new_id())))
    for file in (here, elsewhere, newer):
        await _delivered(catalog, file, me, other)
    everywhere = [here.space_id, elsewhere.space_id, newer.space_id]
    page = await catalog.read(lambda tx: tx.deliveries.page(me, Query(here.tenant_id, everywhere)))
    assert ([file for _, file in page.entries], page.count) == ([here], 1)
    assert [delivery.subscriber_id for delivery, _ in page.entries] == [me]
    for tenant_id, spaces in ((new_id(), everywhere), (here.tenant_id, [new_id()]), (here.tenant_id, [])):
        nothing = await catalog.read(lambda tx, a, b: tx.deliveries.page(me, Query(a, b)), tenant_id, spaces)
        assert (nothing.entries, nothing.count) == ([], 0)


async def _subscriber(catalog: Catalog) -> Id:
    def add(tx: Tx) -> Id:
        made = a_principal(house(tx)[0].id)
        tx.principals.add(made)
        return made.id

    return await catalog.write(add)


async def _three_waiting(catalog: Catalog, me: Id, other: Id) -> list[Delivery]:
    """Of two files that arrived together and one after; each for both, in the order in which they wait."""
    same = [await _file(catalog, 10), await _file(catalog, 10)]
    made = [each for file in same for each in await _delivered(catalog, file, me, other)]
    made += await _delivered(catalog, await _file(catalog, 11), me, other)
    fetched = await _file(catalog, 9)
    for state in (DeliveryState.FETCHED, DeliveryState.LAPSED, DeliveryState.DISMISSED):
        await _delivered(catalog, fetched, new_id(), state=state)
    return sorted(made, key=lambda each: (each.arrived_at, each.file_id, each.subscriber_id))


async def test_what_waits_is_told_longest_first_and_page_by_page(catalog: Catalog) -> None:
    me, other, gone = [await _subscriber(catalog) for _ in range(3)]
    waiting = await _three_waiting(catalog, me, other)
    await _delivered(catalog, await _file(catalog, 10), gone)
    await catalog.write(lambda tx: tx.principals.remove(gone, Millis(11)))

    async def told(
        of: Id | None, before: int = 12, limit: int = 99, after: Delivery | None = None
    ) -> list[Delivery]:
        return await catalog.read(lambda tx: tx.deliveries.waiting(of, Millis(before), limit, after))

    mine = [each for each in waiting if each.subscriber_id == me]
    assert (await told(None), await told(me)) == (waiting, mine)
    assert await told(None, before=11) == waiting[:4]
    assert await told(me, before=10) == [] and await told(new_id()) == []
    for everything, of in ((waiting, None), (mine, me)):
        seen: list[Delivery] = []
        while more := await told(of, limit=2, after=seen[-1] if seen else None):
            seen += more
        assert seen == everything


async def test_ten_thousand_subscribers_in_one_go_stay_apart(catalog: Catalog) -> None:
    """More rows than one statement may carry values."""
    file = await _file(catalog)
    made = await _delivered(catalog, file, *(new_id() for _ in range(4000)))
    assert await _of(catalog, file) == made


async def test_two_in_two_processes_change_one_delivery_one_after_the_other(
    new_catalog: MakeCatalog,
) -> None:
    one, two = new_catalog(), new_catalog()
    for each in (one, two):
        await each.open()
    file = await _file(one)
    (delivery,) = await _delivered(one, file, new_id())

    def more(tx: Tx) -> None:
        held = tx.deliveries.lock(delivery.subscriber_id, file.id)
        assert held is not None
        tx.deliveries.change(held._replace(fetched_spans=held.fetched_spans + "x"))

    await asyncio.gather(*(each.write(more) for each in (one, two) for _ in range(20)))
    (changed,) = await _of(one, file)
    assert changed.fetched_spans == "x" * 40
    for each in (one, two):
        await each.close()

"""Every catalog: lists that are asked by a tree of terms, beside what the terms say in Python."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from tests.support.catalogs import MakeCatalog
from tests.support.nouns import a_delivery, a_file, a_space, a_tenant

from kade.core.clock import Millis
from kade.core.deliveries import Delivery, DeliveryState
from kade.core.errors import KadeError, RequestReason
from kade.core.files import File, FileState
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.query import (
    ALWAYS,
    NEVER,
    NEWEST_FIRST,
    AllOf,
    AnyOf,
    Compare,
    Field,
    Holds,
    Not,
    OneOf,
    Operator,
    Order,
    Page,
    Part,
    Query,
    Term,
)
from kade.core.spaces import Space

NUMBERS = (7100, 900, None)
NAMES = ("a.txt", "a.txt", "b%c.txt", "b_c.txt", "bxc.txt", "d/e\\f", "ärger.csv", "o'hara", "zz", "zz.txt")
TIMES = (None, 40, 41, 40, None)
STATES = tuple(DeliveryState)
FAR = (1 << 63) - 1


class Listed(NamedTuple):
    """One subscriber's list, and who brought the same files."""

    catalog: Catalog
    tenant_id: Id
    subscriber_id: Id
    creator_id: Id
    spaces: dict[Id, Space]
    entries: list[tuple[Delivery, File]]

    async def page(self, where: Term = ALWAYS, order: Order = NEWEST_FIRST, **cut: int) -> Page[Id]:
        query = Query(self.tenant_id, list(self.spaces), where, order, **({"size": 100} | cut))
        found = await self.catalog.read(lambda tx: tx.deliveries.page(self.subscriber_id, query))
        assert all(pair in self.entries for pair in found.entries)
        return Page([delivery.file_id for delivery, _ in found.entries], found.count)

    async def brought(self, where: Term = ALWAYS, order: Order = NEWEST_FIRST, **cut: int) -> Page[Id]:
        query = Query(self.tenant_id, list(self.spaces), where, order, **({"size": 100} | cut))
        found = await self.catalog.read(lambda tx: tx.files.created(self.creator_id, query))
        assert {each.id for each in found.entries} <= {file.id for _, file in self.entries}
        return Page([file.id for file in found.entries], found.count)

    def expected(self, where: Term = ALWAYS, order: Order = NEWEST_FIRST) -> list[Id]:
        """By the words of ``core.query`` alone."""
        chosen = [each for each, _ in self.entries if self.holds(where, each)]

        def key(each: Delivery) -> tuple[Any, ...]:
            value = self.value(order.field, each)
            return (value is not None, value.encode() if isinstance(value, str) else value or 0, each.file_id)

        return [each.file_id for each in sorted(chosen, key=key, reverse=order.descending)]

    def value(self, field: Field, delivery: Delivery) -> Any:
        return {
            Field.NAME: delivery.name_folded,
            Field.ARRIVED: delivery.arrived_at,
            Field.FETCHED: delivery.fetched_at,
            Field.DISMISSED: delivery.dismissed_at,
            Field.STATE: delivery.state,
            Field.SPACE: delivery.space_id,
            Field.NUMBER: self.spaces[delivery.space_id].number,
        }[field]

    def holds(self, term: Term, delivery: Delivery) -> bool:
        match term:
            case Not(inner):
                return not self.holds(inner, delivery)
            case AllOf(terms):
                return all(self.holds(each, delivery) for each in terms)
            case AnyOf(terms):
                return any(self.holds(each, delivery) for each in terms)
            case OneOf(field, values):
                return any(self.value(field, delivery) == each for each in values)
            case Holds(field, part, text):
                text_here: str = self.value(field, delivery)
                return {
                    Part.START: text_here.startswith(text),
                    Part.END: text_here.endswith(text),
                    Part.ANYWHERE: text in text_here,
                }[part]
            case Compare(field, operator, value):
                return _compared(self.value(field, delivery), operator, value)


def _compared(here: Any, operator: Operator, value: str | int) -> bool:
    if here is None:
        return operator is Operator.NE
    one: Any
    other: Any
    one, other = (each.encode() if isinstance(each, str) else each for each in (here, value))
    answers: dict[Operator, bool] = {
        Operator.EQ: one == other,
        Operator.NE: one != other,
        Operator.GT: one > other,
        Operator.GE: one >= other,
        Operator.LT: one < other,
        Operator.LE: one <= other,
    }
    return answers[operator]


def _fill(tx: Tx) -> tuple[Id, Id, Id, dict[Id, Space], list[tuple[Delivery, File]]]:
    tenant = a_tenant()
    tx.tenants.add(tenant)
    spaces = [a_space(tenant.id, number=number) for number in NUMBERS]
    for space in spaces:
        tx.spaces.add(space)
    creator, subscriber, entries = new_id(), new_id(), []
    for number in range(40):
        file = a_file(
            spaces[number % 3],
            name=NAMES[number % 10],
            name_folded=NAMES[number % 10],
            created_by=creator,
            arrived_at=Millis(100 + number % 4),
            state=FileState.GONE if number % 7 == 0 else FileState.LIVE,
        )
        tx.files.add(file)
        state = STATES[number % 4]
        fetched, dismissed = TIMES[number % 5], TIMES[number % 3]
        delivery = a_delivery(file, subscriber_id=subscriber, state=state)
        delivery = delivery._replace(
            fetched_at=None if fetched is None else Millis(fetched),
            dismissed_at=None if dismissed is None else Millis(dismissed),
        )
        entries.append((delivery, file))
    tx.deliveries.add_all([each for each, _ in entries])
    tx.deliveries.add_all([each._replace(subscriber_id=new_id()) for each, _ in entries])
    return tenant.id, subscriber, creator, {space.id: space for space in spaces}, entries


@pytest.fixture
async def listed(new_catalog: MakeCatalog) -> AsyncIterator[Listed]:
    catalog = new_catalog()
    await catalog.open()
    yield Listed(catalog, *await catalog.write(_fill))
    await catalog.close()


def _comparisons() -> list[Term]:
    values: dict[Field, tuple[str | int, ...]] = {
        Field.NAME: ("a.txt", "b", "ä", "", "zz"),
        Field.ARRIVED: (0, 100, 102, 1 << 40),
        Field.FETCHED: (39, 40, 41),
        Field.DISMISSED: (40, 41),
        Field.STATE: tuple(STATES),
        Field.NUMBER: (900, 901, 7100),
    }
    return [
        Compare(field, operator, value)
        for field, each in values.items()
        for value in each
        for operator in Operator
    ]


async def test_every_comparison_and_its_opposite(listed: Listed) -> None:
    for term in _comparisons():
        yes, no = listed.expected(term), listed.expected(Not(term))
        assert await listed.page(term) == Page(yes, len(yes)), term
        assert await listed.page(Not(term)) == Page(no, len(no)), term
        assert len(yes) + len(no) == len(listed.entries)


@pytest.mark.parametrize("part", Part)
async def test_texts_are_looked_for_as_they_are(listed: Listed, part: Part) -> None:
    texts = (*NAMES, "", "%", "_", "b%", "b_", "\\", "/", "'", "A", "a.TXT", ".", ".txt", "ä", "a", "Ä")
    for text in (*texts, "z" * 70_000, "zz" + "z" * 300):
        for term in (Holds(Field.NAME, part, text), Not(Holds(Field.NAME, part, text))):
            expected = listed.expected(term)
            assert await listed.page(term) == Page(expected, len(expected)), term


async def test_one_of_several_of_one_and_of_none(listed: Listed) -> None:
    some = list(listed.spaces)
    for term in (
        OneOf(Field.STATE, ()),
        OneOf(Field.STATE, (DeliveryState.AVAILABLE,)),
        OneOf(Field.STATE, (DeliveryState.AVAILABLE, DeliveryState.DISMISSED)),
        OneOf(Field.SPACE, tuple(some[:2])),
        OneOf(Field.SPACE, (new_id(),)),
        OneOf(Field.NUMBER, (900,)),
        OneOf(Field.NUMBER, (900, 7100)),
        OneOf(Field.NAME, ("zz", "no", "o'hara")),
        OneOf(Field.FETCHED, (40, 41)),
        OneOf(Field.FETCHED, (41,)),
        OneOf(Field.ARRIVED, tuple(range(1000))),
    ):
        for each in (term, Not(term)):
            expected = listed.expected(each)
            assert await listed.page(each) == Page(expected, len(expected)), each


async def test_terms_are_joined(listed: Listed) -> None:
    old, zz = Compare(Field.ARRIVED, Operator.LT, 102), Holds(Field.NAME, Part.START, "zz")
    fetched = Compare(Field.FETCHED, Operator.GE, 40)
    for term in (
        ALWAYS,
        NEVER,
        Not(ALWAYS),
        Not(NEVER),
        AllOf((old, zz, fetched)),
        AnyOf((old, zz, fetched)),
        AllOf((old, AnyOf((zz, Not(fetched))))),
        AnyOf((AllOf((old, zz)), Not(AllOf((Not(fetched), ALWAYS))), NEVER)),
        Not(AnyOf((old, AllOf((zz, Not(Not(fetched))))))),
        AnyOf(tuple(Compare(Field.ARRIVED, Operator.EQ, moment) for moment in range(102, 602))),
    ):
        expected = listed.expected(term)
        assert await listed.page(term) == Page(expected, len(expected)), term


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(
    "field", [f for f in Field if f not in (Field.FETCHED, Field.DISMISSED, Field.NUMBER)]
)
async def test_what_is_equal_in_a_field_follows_by_id(listed: Listed, field: Field, descending: bool) -> None:
    order = Order(field, descending)
    assert (await listed.page(order=order)).entries == listed.expected(order=order)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("field", [Field.FETCHED, Field.DISMISSED, Field.NUMBER])
async def test_what_is_absent_stands_at_one_end(listed: Listed, field: Field, descending: bool) -> None:
    """Before or after all others, which databases disagree about; among the others nothing changes."""
    order = Order(field, descending)
    absent = {each.file_id for each, _ in listed.entries if listed.value(field, each) is None}
    found = (await listed.page(order=order)).entries
    assert [each for each in found if each not in absent] == [
        each for each in listed.expected(order=order) if each not in absent
    ]
    assert set(found[: len(absent)]) == absent or set(found[-len(absent) :]) == absent


async def test_pages_are_cut_out_of_one_list(listed: Listed) -> None:
    term = Not(Compare(Field.STATE, Operator.EQ, DeliveryState.DISMISSED))
    order = Order(Field.NAME, False)
    everything = listed.expected(term, order)
    for size in (1, 7, 20, 1000):
        for skip in (0, size, 3 * size, len(everything), FAR - 1, FAR * 1000):
            page = await listed.page(term, order, skip=skip, size=size)
            assert page == Page(everything[skip : skip + size], len(everything)), (skip, size)
    assert await listed.page(NEVER, skip=20) == Page([], 0)


async def test_a_creator_lists_what_is_known_of_its_own_files(listed: Listed) -> None:
    space = next(iter(listed.spaces.values()))
    hidden = [
        a_file(space, created_by=listed.creator_id, arrived_at=Millis(100), state=state)
        for state in (FileState.TRASHED, FileState.ERASED, FileState.HELD, FileState.REFUSED)
    ]
    hidden.append(a_file(space, created_by=listed.creator_id, arrived_at=None, state=FileState.LIVE))
    hidden.append(a_file(space, created_by=new_id(), arrived_at=Millis(100)))
    hidden.append(
        a_file(space, created_by=listed.creator_id, arrived_at=Millis(100), origin_id=listed.entries[0][1].id)
    )
    for each in hidden:
        await listed.catalog.write(lambda tx, file: tx.files.add(file), each)
    name = Holds(Field.NAME, Part.END, ".txt")
    for term in (ALWAYS, name, Not(name), OneOf(Field.SPACE, tuple(listed.spaces)[:1]), NEVER):
        for order in (
            NEWEST_FIRST,
            Order(Field.NAME, False),
            Order(Field.SPACE),
            Order(Field.ARRIVED, False),
        ):
            expected = listed.expected(term, order)
            assert await listed.brought(term, order) == Page(expected, len(expected))
            cut = await listed.brought(term, order, skip=3, size=5)
            assert cut == Page(expected[3:8], len(expected))
            assert await listed.brought(term, order, skip=50) == Page([], len(expected))
    numbered = Order(Field.NUMBER, True)
    assert (await listed.brought(OneOf(Field.NUMBER, (900, 7100)), numbered)).entries == (
        listed.expected(OneOf(Field.NUMBER, (900, 7100)), numbered)
    )


async def test_a_number_that_no_database_keeps_is_refused(listed: Listed) -> None:
    with pytest.raises(KadeError) as refused:
        await listed.page(Compare(Field.ARRIVED, Operator.LT, 1 << 70))
    assert refused.value.reason is RequestReason.BAD_VALUE


async def test_nothing_that_is_asked_becomes_part_of_the_statement(listed: Listed) -> None:
    for text in ("x' OR '1'='1", "x'); DROP TABLE deliveries; --", ":a %s $1 ?", 'x" OR ""="'):
        for term in (Compare(Field.NAME, Operator.EQ, text), Holds(Field.NAME, Part.ANYWHERE, text)):
            assert await listed.page(term) == Page([], 0)
        assert await listed.page(OneOf(Field.NAME, (text, text))) == Page([], 0)
    assert (await listed.page()).count == len(listed.entries)


async def test_a_file_that_became_a_record_is_listed_as_one(listed: Listed) -> None:
    """A page gives the file as it is now."""
    delivery, file = listed.entries[1]
    gone = file._replace(state=FileState.GONE, version=file.version + 1, content_id=None)
    assert await listed.catalog.write(lambda tx: tx.files.change(gone))
    query = Query(listed.tenant_id, [file.space_id], Compare(Field.NAME, Operator.EQ, file.name_folded))
    found = await listed.catalog.read(
        lambda tx: tx.deliveries.page(listed.subscriber_id, replace(query, size=100))
    )
    assert (delivery, gone) in found.entries

"""Random filters, answered by each database and told by the trees that they were printed from.

A failure names its seed: ``disagreement(…, seed)`` makes the same filter again.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tests.dialects.fileapi.filter_printer import Printer
from tests.dialects.fileapi.filter_trees import (
    HIDDEN_TYPE,
    KEYS,
    STATUSES,
    TYPES,
    Row,
    a_tree,
    holds,
    shows,
    some_rows,
)
from tests.support.nouns import a_file, a_space, a_tenant
from tests.support.sizes import sizes

from kade.core.clock import Millis
from kade.core.deliveries import Delivery
from kade.core.ids import Id, new_id
from kade.core.names import fold
from kade.core.ports import Catalog, Tx
from kade.core.query import Order, Query, Term
from kade.core.spaces import Space
from kade.dialects.fileapi.filters import PUBLISHER_KEYS, SUBSCRIBER_KEYS, for_publisher, for_subscriber
from kade.web.odata.parser import parse_order

ROWS = list(some_rows(Random(1), 100))
AT_ONCE = 50  # filters in one transaction
WINDOWS = ((0, 1000), (0, 20), (20, 20), (3, 7), (500, 20))  # skip and size
Found = tuple[list[str], int]  # the keys of a page, and how many there are in all


class House(NamedTuple):
    """*spaces* are those that the publisher and the subscriber may see, by business type."""

    tenant_id: Id
    spaces: dict[int, Id]
    publisher_id: Id
    subscriber_id: Id

    def query(self, where: Term, order: Order, window: tuple[int, int]) -> Query:
        return Query(self.tenant_id, list(self.spaces.values()), where, order, *window)


def _delivery(row: Row, space: Space, subscriber_id: Id, file_id: Id) -> Delivery:
    return Delivery(
        subscriber_id=subscriber_id,
        tenant_id=space.tenant_id,
        arrived_at=Millis(row.uploaded),
        file_id=file_id,
        space_id=space.id,
        name_folded=fold(row.name),
        state=STATUSES.index(row.status),
        fetched_spans="",
        fetched_at=None if row.downloaded is None else Millis(row.downloaded),
        dismissed_at=None if row.deleted is None else Millis(row.deleted),
    )


def _publish(tx: Tx, row: Row, space: Space, publisher_id: Id, subscribers: Sequence[Id], key: str) -> None:
    file = a_file(space, id=Id(key), name=row.name, name_folded=fold(row.name), created_by=publisher_id)
    tx.files.add(file._replace(arrived_at=Millis(row.uploaded)))
    tx.deliveries.add_all([_delivery(row, space, each, file.id) for each in subscribers])


def furnish(tx: Tx) -> House:
    """Every row published for a subscriber, and the same again by and for somebody else, and elsewhere."""
    mine, other = a_tenant(), a_tenant()
    house = House(mine.id, {}, new_id(), new_id())
    for tenant in (mine, other):
        tx.tenants.add(tenant)
        spaces = {number: a_space(tenant.id, number=number) for number in (*TYPES, HIDDEN_TYPE)}
        for space in spaces.values():
            tx.spaces.add(space)
        for row in ROWS:
            space, subscribers = spaces[row.type], (house.subscriber_id, new_id())
            key = row.key if tenant is mine else new_id()
            _publish(tx, row, space, house.publisher_id, subscribers, key)
            _publish(tx, row, space, new_id(), (new_id(),), new_id())
        if tenant is mine:
            house.spaces.update({number: spaces[number].id for number in TYPES})
    return house


def disagreement(tx: Tx, house: House, seed: int) -> str | None:
    """What the catalog and the tree say of one random filter, order and page, when it is not the same."""
    chance = Random(seed)
    subscriber = chance.random() < 0.8
    tree = a_tree(chance, subscriber) if chance.random() < 0.98 else None
    printer = Printer(chance)
    text = printer.text(tree) if tree else ""
    key = chance.choice(tuple(SUBSCRIBER_KEYS if subscriber else PUBLISHER_KEYS))
    descending, (skip, size) = chance.random() < 0.5, chance.choice(WINDOWS)
    order = parse_order(printer.order(key, descending), SUBSCRIBER_KEYS)

    told = [
        row
        for row in ROWS
        if row.type != HIDDEN_TYPE and (shows(tree, row) if subscriber else tree is None or holds(tree, row))
    ]
    told.sort(key=lambda row: (KEYS[key](row), row.key), reverse=descending)
    wanted = [row.key for row in told[skip : skip + size]], len(told)
    ask = _subscriber_page if subscriber else _publisher_page
    found = ask(tx, house, text, order, (skip, size))
    return None if found == wanted else f"{seed=} {text=} {key=} {descending=} {found=} {wanted=}"


def _subscriber_page(tx: Tx, house: House, text: str, order: Order, window: tuple[int, int]) -> Found:
    query = house.query(for_subscriber(text).where(house.spaces), order, window)
    page = tx.deliveries.page(house.subscriber_id, query)
    return [delivery.file_id for delivery, _ in page.entries], page.count


def _publisher_page(tx: Tx, house: House, text: str, order: Order, window: tuple[int, int]) -> Found:
    query = house.query(for_publisher(text).where(house.spaces), order, window)
    page = tx.files.created(house.publisher_id, query)
    return [file.id for file in page.entries], page.count


async def test_a_database_answers_a_filter_as_its_tree_does(catalog: Catalog) -> None:
    house = await catalog.write(furnish)

    def disagreements(tx: Tx, first: int) -> list[str]:
        each = (disagreement(tx, house, seed) for seed in range(first, first + AT_ONCE))
        return [one for one in each if one]

    for first in range(0, sizes.filters, AT_ONCE):
        assert await catalog.read(disagreements, first) == []


def test_the_filters_part_the_rows_in_many_ways() -> None:
    trees = [a_tree(Random(seed), statuses=True) for seed in range(300)]
    shown = {tuple(row.key for row in ROWS if shows(tree, row)) for tree in trees}
    assert len(shown) > 100

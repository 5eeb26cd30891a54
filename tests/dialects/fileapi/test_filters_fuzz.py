"""Random filters, answered by each database and told by the trees that they were printed from.

A failure shows its seed: ``a_question(seed)`` makes the same one again.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import pytest
from tests.dialects.fileapi.filter_printer import Printer
from tests.dialects.fileapi.filter_trees import (
    HIDDEN_TYPE,
    KEYS,
    NAMES,
    STATUSES,
    TYPES,
    Junction,
    Name,
    Negation,
    Row,
    Status,
    Tree,
    Type,
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
from kade.core.query import Query
from kade.core.spaces import Space
from kade.dialects.fileapi.filters import PUBLISHER_KEYS, SUBSCRIBER_KEYS, for_publisher, for_subscriber
from kade.web.odata.parser import DEEPEST, MOST_TERMS, parse_order

ROWS = list(some_rows(Random(1), 100))
AT_ONCE = 50  # filters in one transaction
WINDOWS = ((0, 1000), (0, 20), (20, 20), (3, 7), (500, 20))  # skip and size
Found = tuple[list[str], int]  # the keys of a page, and how many there are in all


class Question(NamedTuple):
    """A list as it is asked for, and the tree and the key that the texts were made from."""

    by_subscriber: bool
    tree: Tree | None
    text: str
    key: str
    descending: bool
    order: str
    window: tuple[int, int]


class House(NamedTuple):
    """*spaces* are those that the publisher and the subscriber may see, by business type."""

    tenant_id: Id
    spaces: dict[int, Id]
    publisher_id: Id
    subscriber_id: Id


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


def a_question(seed: int) -> Question:
    chance = Random(seed)
    by_subscriber = chance.random() < 0.8
    tree = a_tree(chance, by_subscriber) if chance.random() < 0.98 else None
    key = chance.choice(tuple(SUBSCRIBER_KEYS if by_subscriber else PUBLISHER_KEYS))
    descending = chance.random() < 0.5
    printer = Printer(chance)
    return Question(
        by_subscriber,
        tree,
        printer.text(tree) if tree else "",
        key,
        descending,
        printer.order(key, descending),
        chance.choice(WINDOWS),
    )


def the_largest_question(window: tuple[int, int]) -> Question:
    """As many terms and brackets as there may be, nested in the way that a database finds the hardest."""
    tree: Tree = Name("ge", "m")
    text = "fileName ge 'm'"
    for name in NAMES[:DEEPEST]:
        tree = Negation(Junction("or", (Name("eq", name), Junction("and", (Type("ne", HIDDEN_TYPE), tree)))))
        text = f"not (fileName eq '{name}' or businessType ne {HIDDEN_TYPE} and {text})"
    others = MOST_TERMS - 2 * DEEPEST - 1
    tree = Junction("and", (*[Status("eq", "all")] * others, tree))
    text = "status eq 'all' and " * others + text
    return Question(True, tree, text, "status", False, "status", window)


def told(question: Question) -> Found:
    """The answer by the tree."""
    tree = question.tree
    rows = [row for row in ROWS if row.type != HIDDEN_TYPE]
    if question.by_subscriber:
        rows = [row for row in rows if shows(tree, row)]
    elif tree is not None:
        rows = [row for row in rows if holds(tree, row)]
    rows.sort(key=lambda row: (KEYS[question.key](row), row.key), reverse=question.descending)
    skip, size = question.window
    return [row.key for row in rows[skip : skip + size]], len(rows)


def found(tx: Tx, house: House, question: Question) -> Found:
    """The answer by the catalog."""
    asked = for_subscriber(question.text) if question.by_subscriber else for_publisher(question.text)
    order = parse_order(question.order, SUBSCRIBER_KEYS if question.by_subscriber else PUBLISHER_KEYS)
    spaces = list(house.spaces.values())
    query = Query(house.tenant_id, spaces, asked.where(house.spaces), order, *question.window)
    if question.by_subscriber:
        deliveries = tx.deliveries.page(house.subscriber_id, query)
        return [delivery.file_id for delivery, _ in deliveries.entries], deliveries.count
    files = tx.files.created(house.publisher_id, query)
    return [file.id for file in files.entries], files.count


async def test_a_database_answers_a_filter_as_its_tree_does(catalog: Catalog) -> None:
    house = await catalog.write(furnish)

    def ask(tx: Tx, seeds: range) -> list[tuple[int, Question, Found]]:
        asked = ((seed, a_question(seed)) for seed in seeds)
        return [(seed, question, found(tx, house, question)) for seed, question in asked]

    for first in range(0, sizes.filters, AT_ONCE):
        for seed, question, answer in await catalog.read(ask, range(first, first + AT_ONCE)):
            assert answer == told(question), (seed, question)


@pytest.mark.parametrize("window", [WINDOWS[0], WINDOWS[-1]])
async def test_a_database_answers_the_largest_filter(catalog: Catalog, window: tuple[int, int]) -> None:
    house = await catalog.write(furnish)
    question = the_largest_question(window)
    answer = await catalog.read(found, house, question)
    assert answer == told(question)
    assert 0 < answer[1] < len(ROWS) / 2


def test_the_filters_part_the_rows_in_many_ways() -> None:
    trees = [a_tree(Random(seed), statuses=True) for seed in range(300)]
    shown = {tuple(row.key for row in ROWS if shows(tree, row)) for tree in trees}
    assert len(shown) > 100

"""Races of handshakes, sources, items and folders on PostgreSQL, stepped at chosen points, then hammered."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from tests.catalog.test_interleaving import NAMERS, Stepped
from tests.support.catalogs import MakeCatalog, on_postgres
from tests.support.nouns import a_run, a_service, a_source, an_installation, an_item

from kade.core.clock import Millis
from kade.core.customers import Customer
from kade.core.errors import AccessReason, KadeError
from kade.core.folders import Folder
from kade.core.ids import new_id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller, Origin
from kade.core.sources import Item, Source
from kade.core.spaces import Space
from kade.services import customers, handshakes, installing, tenants

pytestmark = pytest.mark.needs("postgres")
SECRET = b"a secret of thirty-two bytes, say"
AT, UNTIL = Millis(10), Millis(1000)


class Office(NamedTuple):
    """A tenant with a customer, and a source that is due."""

    catalog: Catalog
    customer: Customer
    space: Space
    source: Source

    async def begun(self) -> str:
        """The first handshake of a chain."""
        key = "a-secret-key-of-a-customer"
        return await self.catalog.write(
            handshakes.initialize, SECRET, self.customer, key, None, Origin("", "", "127.0.0.1")
        )

    async def rotated(self, presented: str) -> str:
        return await self.catalog.write(handshakes.rotate, SECRET, self.customer, presented)


@pytest.fixture
def new_postgres(request: pytest.FixtureRequest) -> MakeCatalog:
    return on_postgres(request)


def furnish(tx: Tx) -> tuple[Customer, Space, Source]:
    caller: Caller = installing.install(tx, NAMERS, "acme", new_id())
    customer = customers.create(tx, caller, NAMERS, "customer", 7)
    customers.add_key(tx, caller, customer, "a-secret-key-of-a-customer")
    space = tenants.root_of(tx, caller.tenant_id)
    installation = an_installation(caller.tenant_id)
    service = a_service(installation)
    source = a_source(space, service, due_at=Millis(1))
    tx.sources.add_installation(installation)
    tx.sources.add_service(service)
    tx.sources.add(source)
    return customer, space, source


@pytest.fixture
async def office(new_postgres: MakeCatalog) -> AsyncIterator[Office]:
    catalog = new_postgres()
    await catalog.open()
    yield Office(catalog, *await catalog.write(furnish))
    await catalog.close()


@pytest.fixture
def stepped(office: Office) -> Stepped:
    return Stepped(office.catalog)


async def test_two_that_rotate_one_handshake_get_the_same_successor(office: Office, stepped: Stepped) -> None:
    first = await office.begun()

    def rotate(tx: Tx) -> str:
        return handshakes.rotate(tx, SECRET, office.customer, first)

    one, two = await stepped.run(rotate, rotate)
    assert one == two != first
    third = await office.rotated(one)
    assert third != one
    with pytest.raises(KadeError) as refused:
        await office.rotated(first)
    assert refused.value.reason is AccessReason.SPENT_HANDSHAKE


async def test_many_that_rotate_together_go_one_link_at_a_time(office: Office) -> None:
    presented = await office.begun()
    seen = {presented}
    for _ in range(5):
        successors = set(await asyncio.gather(*(office.rotated(presented) for _ in range(10))))
        assert len(successors) == 1
        (presented,) = successors
        seen.add(presented)
    assert len(seen) == 6


async def test_a_handshake_that_is_rotated_as_its_chain_is_revoked_ends(
    office: Office, stepped: Stepped
) -> None:
    first = await office.begun()
    (held,) = await office.catalog.read(handshakes.of_customer, office.customer)
    caller = handshakes.caller_of(office.customer, held.chain, Origin())

    def rotate(tx: Tx) -> str:
        return handshakes.rotate(tx, SECRET, office.customer, first)

    def revoke(tx: Tx) -> None:
        handshakes.revoke(tx, caller, held)

    successor, none = await stepped.run(rotate, revoke)
    assert isinstance(successor, str) and none is None
    for each in (first, successor):
        with pytest.raises(KadeError) as refused:
            await office.rotated(each)
        assert refused.value.reason is AccessReason.REVOKED_CREDENTIAL


def take_source(tx: Tx) -> Source | None:
    return tx.sources.take_due(AT, a_run(), UNTIL)


async def test_a_source_that_two_workers_take_is_run_by_one(office: Office, stepped: Stepped) -> None:
    one, two = await stepped.run(take_source, take_source)
    assert isinstance(one, Source) and one.id == office.source.id
    assert two is None
    (run,) = await office.catalog.read(lambda tx: tx.sources.runs(office.source.id, 9))
    assert run.id == one.run_id


async def test_many_workers_run_each_source_once(office: Office) -> None:
    def more(tx: Tx) -> None:
        service = tx.sources.services(office.space.tenant_id)[0]
        for _ in range(9):
            tx.sources.add(a_source(office.space, service, due_at=Millis(2)))

    await office.catalog.write(more)
    taken: list[Source] = []

    async def work() -> None:
        resting = 0
        while resting < 3:  # one that is held by another's transaction is passed over
            found = await office.catalog.write(take_source)
            resting = resting + 1 if found is None else 0
            taken.extend([found] if found else [])

    await asyncio.gather(*(work() for _ in range(8)))
    assert len(taken) == len({each.id for each in taken}) == 10


def take_items(tx: Tx) -> list[Item]:
    return tx.items.take_due(AT, UNTIL, 3)


async def test_an_item_that_two_take_is_fetched_by_one(office: Office, stepped: Stepped) -> None:
    item = an_item(office.source, due_at=Millis(1))
    await office.catalog.write(lambda tx: tx.items.add(item))
    one, two = await stepped.run(take_items, take_items)
    assert [each.file_id for each in one] == [item.file_id]
    assert two == []


async def test_many_that_take_items_fetch_each_once(office: Office) -> None:
    items = [an_item(office.source, due_at=Millis(at % 7)) for at in range(60)]

    def fill(tx: Tx) -> None:
        for each in items:
            tx.items.add(each)

    await office.catalog.write(fill)
    batches = await asyncio.gather(*(office.catalog.write(take_items) for _ in range(30)))
    taken = [each for batch in batches for each in batch]
    while more := await office.catalog.write(take_items):
        taken += more
    assert sorted(each.file_id for each in taken) == sorted(each.file_id for each in items)


async def test_a_folder_that_two_make_is_one(office: Office, stepped: Stepped) -> None:
    def ensure(tx: Tx) -> Folder:
        return tx.folders.ensure(office.space.id, "Reports/2024/May")

    one, two = await stepped.run(ensure, ensure)
    assert isinstance(one, Folder) and one == two
    for above, path in (("", "Reports"), ("reports", "Reports/2024"), ("reports/2024", "Reports/2024/May")):
        (folder,) = await office.catalog.read(lambda tx, at: tx.folders.below(office.space.id, at), above)
        assert folder.path == path


async def test_folders_that_many_make_at_once_are_one_each(office: Office) -> None:
    paths = [f"{a}/{b}" for a in "xyz" for b in "xyz"]

    async def ensure(path: str) -> tuple[str, str]:
        made = await office.catalog.write(lambda tx: tx.folders.ensure(office.space.id, path))
        return made.path, made.id

    made = await asyncio.gather(*(ensure(path) for path in [*paths, *paths[::-1]] * 5))
    assert sorted(path for path, _ in set(made)) == paths
    roots = await office.catalog.read(lambda tx: tx.folders.below(office.space.id, ""))
    assert [each.path for each in roots] == ["x", "y", "z"]

"""Races of deliveries, rules and assemblies on PostgreSQL, stepped at chosen points, and then hammered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import pytest
from tests.catalog.test_interleaving import NAMERS, RULES, Stepped, _finish
from tests.support.catalogs import MakeCatalog, on_postgres
from tests.support.nouns import a_delivery, a_grant, a_principal, a_rule
from tests.support.sizes import sizes

from kade.core.clock import Millis, now
from kade.core.contents import ContentState
from kade.core.deliveries import DeliveryState
from kade.core.errors import FileReason, KadeError, UploadReason
from kade.core.events import Event
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller
from kade.core.ranges import Span
from kade.core.rules import Rule
from kade.core.spaces import Policy, Space
from kade.core.uploads import Upload, UploadState
from kade.services import deliveries, files, installing, joining, retention, rules, spaces, tenants, uploads
from kade.services.reacting import Reacting
from kade.services.uploads import Arrived, Wish

pytestmark = pytest.mark.needs("postgres")
LENGTH = 100
SMALL = Arrived(LENGTH, inline=b"x" * LENGTH, sha256="0", md5="0", detected_type="text/plain")


class Exchange(NamedTuple):
    """Two boxes of a tenant, and who manages them; what arrives in *box* is published on *shelf*."""

    catalog: Catalog
    caller: Caller
    box: Space
    shelf: Space
    rule: Rule

    async def deposit(self) -> File:
        return await self.catalog.write(self.depositing)

    def depositing(self, tx: Tx) -> File:
        wish = Wish("a.bin", LENGTH)
        upload = uploads.begin(tx, self.caller, NAMERS, RULES, self.box.id, wish, SMALL)
        file = tx.files.get(upload.file_id)
        assert file is not None
        return file

    async def published(self) -> list[File]:
        return await self.catalog.read(lambda tx: tx.files.of_space(self.shelf.id, (FileState.LIVE,)))

    async def assert_sound(self) -> None:
        """The books add up, and no file has a content that is to go."""

        def look(tx: Tx) -> None:
            for subject in (self.box.id, self.shelf.id, self.caller.tenant_id):
                quota = tx.quotas.get(subject)
                assert quota is not None and (quota.used, quota.reserved) == tx.quotas.actual(subject)
            for file in tx.files.of_spaces([self.box.id, self.shelf.id], (FileState.LIVE,)):
                content = tx.contents.get(file.content_id or Id(""))
                assert content is not None and content.state == ContentState.LIVE

        await self.catalog.read(look)

    async def sequenced(self) -> None:
        """Return once everything that was noted by now stands in the journal."""
        mark = new_id()
        await self.catalog.write(lambda tx: tx.journal.append(Event("mark", mark)))
        for _ in range(500):
            noted = await self.catalog.read(lambda tx: tx.journal.tail(0, 10_000))
            if mark in [entry.subject for entry in noted]:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the journal stands still")


@pytest.fixture
def new_postgres(request: pytest.FixtureRequest) -> MakeCatalog:
    return on_postgres(request)


@pytest.fixture
async def exchange(new_postgres: MakeCatalog) -> AsyncIterator[Exchange]:
    catalog = new_postgres()
    await catalog.open()

    def build(tx: Tx) -> tuple[Caller, Space, Space, Rule]:
        caller = installing.install(tx, NAMERS, "acme", new_id())
        root = tenants.root_of(tx, caller.tenant_id)
        box, shelf = (spaces.create(tx, caller, NAMERS, root.id, name) for name in ("box", "shelf"))
        rule = a_rule(box, shelf)
        tx.rules.add(rule)
        return caller, box, shelf, rule

    yield Exchange(catalog, *await catalog.write(build))
    await catalog.close()


@pytest.fixture
def stepped(exchange: Exchange) -> Stepped:
    return Stepped(exchange.catalog)


def _publishing(exchange: Exchange, file: File) -> Callable[[Tx], None]:
    return lambda tx: rules._publish(tx, NAMERS, exchange.rule, file)


@pytest.mark.parametrize("going", ["purge", "retention"])
@pytest.mark.parametrize("publishing_first", [True, False])
async def test_a_content_is_published_before_it_goes_or_not_at_all(
    exchange: Exchange, stepped: Stepped, going: str, publishing_first: bool
) -> None:
    file = await exchange.deposit()
    publish = _publishing(exchange, file)

    def go(tx: Tx) -> None:
        if going == "purge":
            files.purge(tx, exchange.caller, file)
        else:
            retention.take_step(tx, file)

    results = await (stepped.run(publish, go) if publishing_first else stepped.run(go, publish))
    assert not [each for each in results if isinstance(each, Exception)]
    assert len(await exchange.published()) == (1 if publishing_first else 0)
    await exchange.assert_sound()


async def test_many_that_are_published_while_they_are_purged_are_whole_or_not_there(
    exchange: Exchange,
) -> None:
    for _ in range(max(sizes.interleavings // 10, 2)):
        made = [await exchange.deposit() for _ in range(8)]
        await asyncio.gather(
            *(exchange.catalog.write(_publishing(exchange, file)) for file in made),
            *(exchange.catalog.write(files.purge, exchange.caller, file) for file in reversed(made)),
        )
        await exchange.assert_sound()


async def test_two_processes_publish_each_file_once(exchange: Exchange) -> None:
    def react(tx: Tx, entry: object) -> None:
        rules.apply(tx, NAMERS, entry)  # type: ignore[arg-type]

    for _ in range(2):
        made = await asyncio.gather(*(exchange.deposit() for _ in range(10)))
        await exchange.sequenced()
        await asyncio.gather(*(Reacting(exchange.catalog, "rules", react).catch_up() for _ in range(3)))
        origins = [file.origin_id for file in await exchange.published()]
        assert len(origins) == len(set(origins)) and {file.id for file in made} <= set(origins)
    await exchange.assert_sound()


async def _assembly(exchange: Exchange) -> Upload:
    return await exchange.catalog.write(
        joining.begin_assembly, exchange.caller, NAMERS, RULES, exchange.box.id, Wish("whole", None)
    )


async def _part(exchange: Exchange, assembly: Upload) -> Upload:
    part = await exchange.catalog.write(joining.begin_part, exchange.caller, NAMERS, RULES, assembly)
    await exchange.catalog.write(lambda tx: uploads.set_length(tx, RULES, part, 10))
    await exchange.catalog.write(_finish(exchange.caller, part._replace(length=10, reserved=10)))
    return part


def _placing(exchange: Exchange, assembly: Upload, position: int, part: Upload) -> Callable[[Tx], None]:
    return lambda tx: joining.place(tx, exchange.caller, RULES, assembly, position, part)


async def test_of_two_parts_at_one_position_one_stays(exchange: Exchange, stepped: Stepped) -> None:
    assembly = await _assembly(exchange)
    one, two = await _part(exchange, assembly), await _part(exchange, assembly)
    results = await stepped.run(_placing(exchange, assembly, 0, one), _placing(exchange, assembly, 0, two))
    assert results == (None, None)
    left = await exchange.catalog.read(
        lambda tx: (tx.uploads.parts(assembly.id), tx.uploads.get(one.id), tx.uploads.placed(assembly.id))
    )
    assert left == ([two.id], None, 10)
    assert await exchange.catalog.write(joining.assemble, exchange.caller, RULES, assembly) == 1
    await exchange.assert_sound()


@pytest.mark.parametrize("placing_first", [True, False])
async def test_a_part_is_placed_before_the_file_is_assembled_or_refused(
    exchange: Exchange, stepped: Stepped, placing_first: bool
) -> None:
    assembly = await _assembly(exchange)
    one, two = await _part(exchange, assembly), await _part(exchange, assembly)
    await exchange.catalog.write(_placing(exchange, assembly, 0, one))
    place = _placing(exchange, assembly, 1, two)

    def assemble(tx: Tx) -> int:
        return joining.assemble(tx, exchange.caller, RULES, assembly)

    if placing_first:
        assert await stepped.run(place, assemble) == (None, 2)
    else:
        count, refused = await stepped.run(assemble, place)
        assert count == 1 and isinstance(refused, KadeError) and refused.reason is UploadReason.FINISHED
    found = await exchange.catalog.read(lambda tx: tx.files.get(assembly.file_id))
    assert found is not None and (found.state, found.length) == (FileState.LIVE, 20 if placing_first else 10)
    await exchange.assert_sound()


async def test_an_assembly_is_assembled_once(exchange: Exchange, stepped: Stepped) -> None:
    assembly = await _assembly(exchange)
    await exchange.catalog.write(_placing(exchange, assembly, 0, await _part(exchange, assembly)))

    def assemble(tx: Tx) -> int:
        return joining.assemble(tx, exchange.caller, RULES, assembly)

    assert await stepped.run(assemble, assemble) == (1, 1)
    await exchange.assert_sound()


async def test_an_assembly_that_is_used_as_its_time_ends_lives(exchange: Exchange, stepped: Stepped) -> None:
    assembly = await _assembly(exchange)
    part = await _part(exchange, assembly)
    stale = assembly._replace(expires_at=Millis(now() - 1))

    def sweep(tx: Tx) -> None:
        uploads.expire(tx, RULES, stale)

    assert await stepped.run(_placing(exchange, assembly, 0, part), sweep) == (None, None)
    kept = await exchange.catalog.read(lambda tx: tx.uploads.get(assembly.id))
    assert kept is not None and kept.state == UploadState.OPEN
    assert await exchange.catalog.write(joining.assemble, exchange.caller, RULES, assembly) == 1


async def _delivered(exchange: Exchange) -> tuple[Caller, File]:
    file = await exchange.deposit()
    subscriber = a_principal(exchange.caller.tenant_id)

    def deliver(tx: Tx) -> None:
        tx.principals.add(subscriber)
        tx.grants.add(a_grant(subscriber.id, exchange.box.id, verbs=(Verb.SUBSCRIBE,)))
        tx.deliveries.add_all([a_delivery(file, subscriber_id=subscriber.id)])

    await exchange.catalog.write(deliver)
    return Caller(subscriber.id, subscriber.name, subscriber.tenant_id), file


async def test_ranges_that_are_fetched_together_all_count(exchange: Exchange, stepped: Stepped) -> None:
    subscriber, file = await _delivered(exchange)

    def fetched(start: int, stop: int) -> Callable[[Tx], object]:
        return lambda tx: deliveries.fetched(tx, subscriber, file.id, [Span(start, stop)])

    await stepped.run(fetched(0, 10), fetched(10, 20))
    await asyncio.gather(*(exchange.catalog.write(fetched(at, at + 5)) for at in range(20, LENGTH, 5)))
    (delivery,) = await exchange.catalog.read(lambda tx: tx.deliveries.of_file(file.id))
    assert delivery.state == DeliveryState.FETCHED
    await exchange.sequenced()
    kinds = [entry.kind for entry in await exchange.catalog.read(lambda tx: tx.journal.tail(0, 1000))]
    assert kinds.count("delivery.fetched") == 1


@pytest.mark.parametrize("fetching_first", [True, False])
async def test_a_file_is_fetched_or_lapses_first_and_is_fetched_in_the_end(
    exchange: Exchange, stepped: Stepped, fetching_first: bool
) -> None:
    subscriber, file = await _delivered(exchange)

    def fetch(tx: Tx) -> None:
        deliveries.fetched(tx, subscriber, file.id, [Span(0, LENGTH)])

    def go(tx: Tx) -> None:
        retention.take_step(tx, file)

    await (stepped.run(fetch, go) if fetching_first else stepped.run(go, fetch))
    (delivery,) = await exchange.catalog.read(lambda tx: tx.deliveries.of_file(file.id))
    assert delivery.state == DeliveryState.FETCHED
    await exchange.sequenced()
    kinds = [entry.kind for entry in await exchange.catalog.read(lambda tx: tx.journal.tail(0, 1000))]
    assert (kinds.count("delivery.fetched"), kinds.count("delivery.lapsed")) == (
        1,
        0 if fetching_first else 1,
    )


@pytest.mark.parametrize("withdrawing_first", [True, False])
async def test_a_right_that_goes_as_a_file_comes_shows_nothing(
    exchange: Exchange, stepped: Stepped, withdrawing_first: bool
) -> None:
    subscriber, _ = await _delivered(exchange)
    (grant,) = await exchange.catalog.read(lambda tx: tx.grants.of_principal(subscriber.principal_id))

    def withdraw(tx: Tx) -> None:
        tx.grants.remove(grant.id)

    run = (
        stepped.run(withdraw, exchange.depositing)
        if withdrawing_first
        else stepped.run(exchange.depositing, withdraw)
    )
    (file,) = [each for each in await run if isinstance(each, File)]
    assert await exchange.catalog.read(deliveries.spaces, subscriber) == {}
    with pytest.raises(KadeError) as refused:
        await exchange.catalog.read(deliveries.find, subscriber, file.id)
    assert refused.value.reason is FileReason.UNKNOWN


async def test_a_file_is_restored_or_erased(exchange: Exchange, stepped: Stepped) -> None:
    await exchange.catalog.write(lambda tx: tx.spaces.set_policy(exchange.box.id, Policy(trash_ms=60_000)))
    file = await exchange.deposit()
    await exchange.catalog.write(files.remove, exchange.caller, file)
    trashed = await exchange.catalog.read(lambda tx: tx.files.get(file.id))
    assert trashed is not None

    def restore(tx: Tx) -> None:
        files.restore(tx, exchange.caller, trashed)

    def erase(tx: Tx) -> None:
        retention.take_step(tx, trashed)

    one, two = await stepped.run(restore, erase)
    assert one is None and isinstance(two, KadeError) and two.reason is FileReason.WRONG_STATE
    await exchange.assert_sound()

"""Every catalog: installations, services, sources, runs and items."""

import pytest
from tests.support.nouns import a_run, a_service, a_source, a_space, an_installation, an_item, house

from kade.core.clock import Millis
from kade.core.errors import KadeError, SourceReason
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.sources import Item, Service, Source
from kade.core.spaces import Space


async def furnished(catalog: Catalog) -> tuple[Space, Service]:
    tenant, space = await catalog.write(house)
    installation = an_installation(tenant.id)
    service = a_service(installation)

    def fill(tx: Tx) -> None:
        tx.sources.add_installation(installation)
        tx.sources.add_service(service)

    await catalog.write(fill)
    return space, service


async def test_an_installation_keeps_every_field_and_its_name_in_its_tenant(catalog: Catalog) -> None:
    (one, _), (two, _) = await catalog.write(house), await catalog.write(house)
    zulu, alpha = an_installation(one.id, "Zulu", takes_requests=False), an_installation(one.id, "alpha")
    for each in (zulu, alpha, an_installation(two.id, "Zulu")):
        await catalog.write(lambda tx, made: tx.sources.add_installation(made), each)
    assert await catalog.read(lambda tx: tx.sources.installations(one.id)) == [alpha, zulu]
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.sources.add_installation(an_installation(one.id, "ZULU")))
    assert refused.value.reason is SourceReason.NAME_TAKEN
    changed = zulu._replace(takes_requests=True)
    await catalog.write(lambda tx: tx.sources.change_installation(changed))
    await catalog.write(lambda tx: tx.sources.remove_installation(alpha.id))
    (left,) = await catalog.read(lambda tx: tx.sources.installations(one.id))
    assert left == changed
    assert left.takes_requests is True


async def test_a_service_keeps_every_field_and_its_name_in_its_tenant(catalog: Catalog) -> None:
    tenant, _ = await catalog.write(house)
    installation = an_installation(tenant.id)
    await catalog.write(lambda tx: tx.sources.add_installation(installation))
    mail = a_service(
        installation,
        "info@example.org",
        kind="mailbox",
        location="imaps://x",
        secret=b"\0x",
        settings='{"a":1}',
    )
    files = a_service(installation, "GOFSERV001")
    for each in (mail, files):
        await catalog.write(lambda tx, made: tx.sources.add_service(made), each)
    assert await catalog.read(lambda tx: tx.sources.services(tenant.id)) == [files, mail]
    assert await catalog.read(lambda tx: tx.sources.service(mail.id)) == mail
    assert await catalog.read(lambda tx: tx.sources.service(new_id())) is None
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.sources.change_service(mail._replace(name_folded="gofserv001")))
    assert refused.value.reason is SourceReason.NAME_TAKEN
    await catalog.write(lambda tx: tx.sources.change_service(files._replace(location="/srv")))
    await catalog.write(lambda tx: tx.sources.remove_service(mail.id))
    assert await catalog.read(lambda tx: tx.sources.services(tenant.id)) == [files._replace(location="/srv")]


async def test_a_source_keeps_every_field_and_its_place(catalog: Catalog) -> None:
    space, service = await furnished(catalog)
    assert not await catalog.read(lambda tx: tx.sources.exist())
    made = a_source(space, service, path="A/b", shown="Ü", copies=False, resynchronise=True)
    other = a_source(space, service, due_at=None, requested_at=Millis(5))
    removed = a_source(space, service, path="a/B", removed_at=Millis(3))
    for each in (made, other, removed):
        await catalog.write(lambda tx, source: tx.sources.add(source), each)
    assert await catalog.read(lambda tx: tx.sources.get(made.id)) == made
    assert await catalog.write(lambda tx: tx.sources.lock(made.id)) == made
    assert await catalog.read(lambda tx: tx.sources.get(new_id())) is None
    assert await catalog.write(lambda tx: tx.sources.lock(new_id())) is None
    for found in (
        await catalog.read(lambda tx: tx.sources.of_space(space.id)),
        await catalog.read(lambda tx: tx.sources.of_service(service.id)),
        await catalog.read(lambda tx: tx.sources.all()),
    ):
        assert found == sorted([made, other], key=lambda each: each.id)
    assert await catalog.read(lambda tx: tx.sources.exist())
    assert await catalog.read(lambda tx: tx.sources.uses(service.id))
    for each in (other, removed):
        await catalog.write(lambda tx, source: tx.sources.forget(source.id), each)
    assert await catalog.read(lambda tx: tx.sources.of_space(space.id)) == [made]
    assert not await catalog.read(lambda tx: tx.sources.uses(new_id()))
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.sources.add(a_source(space, service, path="a/B")))
    assert refused.value.reason is SourceReason.NAME_TAKEN


async def test_the_source_that_is_due_longest_is_taken_by_one(catalog: Catalog) -> None:
    space, service = await furnished(catalog)
    late = a_source(space, service, due_at=Millis(100))
    asked = a_source(space, service, due_at=Millis(900), requested_at=Millis(50))
    later = a_source(space, service, due_at=Millis(901))
    resting = a_source(space, service, due_at=None)
    for each in (late, asked, later, resting):
        await catalog.write(lambda tx, source: tx.sources.add(source), each)
    assert await catalog.read(lambda tx: tx.sources.next_due()) == 50

    async def take(at: int) -> Source | None:
        return await catalog.write(lambda tx: tx.sources.take_due(Millis(at), a_run(), Millis(at + 1000)))

    first, second = await take(200), await take(200)
    assert first is not None
    assert second is not None
    assert (first.id, second.id) == (asked.id, late.id)
    assert (first.requested_at, first.run_until) == (None, 1200)
    assert await take(900) is None
    assert await catalog.read(lambda tx: tx.sources.next_due()) == 901
    run = await catalog.read(lambda tx: tx.sources.run(first.run_id or Id("")))
    assert run is not None
    assert run.source_id == asked.id
    again = await take(1201)  # who took it is dead
    assert again is not None
    assert again.id == late.id
    assert again.run_id != second.run_id


async def test_a_run_that_nobody_ended_is_begun_again(catalog: Catalog) -> None:
    space, service = await furnished(catalog)
    source = a_source(space, service, due_at=None, requested_at=Millis(5))
    await catalog.write(lambda tx: tx.sources.add(source))

    async def take(at: int) -> Source | None:
        return await catalog.write(lambda tx: tx.sources.take_due(Millis(at), a_run(), Millis(at + 100)))

    first = await take(10)
    assert first is not None
    assert await take(110) is None
    assert await catalog.read(lambda tx: tx.sources.next_due()) == 110
    again = await take(111)
    assert again is not None and again.run_id != first.run_id
    ended = again._replace(run_id=None, run_until=None)
    await catalog.write(lambda tx: tx.sources.change(ended))
    assert await take(999) is None
    assert await catalog.read(lambda tx: tx.sources.next_due()) is None
    await catalog.write(lambda tx: tx.sources.forget(source.id))
    assert await catalog.read(lambda tx: tx.sources.get(source.id)) is None
    assert await catalog.read(lambda tx: tx.sources.runs(source.id, 9)) == []
    await catalog.write(lambda tx: tx.sources.remove_service(service.id))


async def test_runs_are_kept_newest_first_and_trimmed(catalog: Catalog) -> None:
    space, service = await furnished(catalog)
    source = a_source(space, service)
    await catalog.write(lambda tx: tx.sources.add(source))
    runs = []
    for at in range(4):
        run = a_run()
        runs.append(run)
        await catalog.write(
            lambda tx, mine, now: tx.sources.take_due(Millis(now), mine, Millis(now)), run, at + 1
        )
    ended = runs[-1]._replace(
        source_id=source.id,
        ended_at=Millis(9),
        seen=1,
        added=2,
        changed=3,
        renamed=4,
        removed=5,
        restored=6,
        failed=7,
        error="source.empty",
    )
    await catalog.write(lambda tx: tx.sources.change_run(ended))
    found = await catalog.read(lambda tx: tx.sources.runs(source.id, 10))
    assert [each.id for each in found] == [each.id for each in reversed(runs)]
    assert found[0] == ended
    await catalog.write(lambda tx: tx.sources.trim_runs(source.id, 9))
    await catalog.write(lambda tx: tx.sources.trim_runs(source.id, 2))
    assert [each.id for each in await catalog.read(lambda tx: tx.sources.runs(source.id, 10))] == [
        runs[3].id,
        runs[2].id,
    ]
    assert await catalog.read(lambda tx: tx.sources.run(runs[0].id)) is None


async def test_without_sources_nothing_is_due(catalog: Catalog) -> None:
    assert await catalog.read(lambda tx: tx.sources.next_due()) is None
    assert await catalog.read(lambda tx: tx.items.next_due()) is None


async def sourced(catalog: Catalog) -> Source:
    space, service = await furnished(catalog)
    source = a_source(space, service)
    await catalog.write(lambda tx: tx.sources.add(source))
    return source


async def test_an_item_keeps_every_field_and_its_key(catalog: Catalog) -> None:
    source, other = await sourced(catalog), await sourced(catalog)
    made = an_item(
        source,
        "ä/b",
        signature="1:2",
        identity="dev:7",
        seen_in=new_id(),
        queued_at=Millis(1),
        priority=1000,
        failures=2,
        error="source.changed",
        due_at=Millis(4),
    )
    second, elsewhere = an_item(source, "Ä/b", identity="dev:7"), an_item(other, "ä/b")
    for each in (made, second, elsewhere):
        await catalog.write(lambda tx, item: tx.items.add(item), each)
    assert await catalog.read(lambda tx: tx.items.get(made.file_id)) == made
    assert await catalog.read(lambda tx: tx.items.get(new_id())) is None
    many = await catalog.read(lambda tx: tx.items.get_many([second.file_id, new_id()]))
    assert many == {second.file_id: second}
    by_keys = await catalog.read(lambda tx: tx.items.by_keys(source.id, ["ä/b", "Ä/b", "c"]))
    assert by_keys == {"ä/b": made, "Ä/b": second}
    same = await catalog.read(lambda tx: tx.items.by_identity(source.id, "dev:7"))
    assert same == sorted([made, second])
    for wrong in (an_item(source, "ä/b"), second._replace(key="ä/b")):
        verb = "add" if wrong.file_id != second.file_id else "change"
        with pytest.raises(KeyError):
            await catalog.write(lambda tx, name, item: getattr(tx.items, name)(item), verb, wrong)
    await catalog.write(lambda tx: tx.items.change(second._replace(key="c", source_id=other.id)))
    there = await catalog.read(lambda tx: tx.items.of_source(other.id, None, 9))
    assert there == sorted([second._replace(key="c", source_id=other.id), elsewhere])
    await catalog.write(lambda tx: tx.items.forget(made.file_id))
    assert await catalog.read(lambda tx: tx.items.of_source(source.id, None, 9)) == []


async def test_what_a_run_did_not_see_is_found_page_by_page(catalog: Catalog) -> None:
    source = await sourced(catalog)
    items = sorted(an_item(source, seen_in=new_id() if at % 2 else None) for at in range(6))
    for each in items:
        await catalog.write(lambda tx, item: tx.items.add(item), each)
    run = new_id()
    await catalog.write(lambda tx: tx.items.mark_seen([items[0].file_id, items[3].file_id], run))
    first = await catalog.read(lambda tx: tx.items.unseen(source.id, run, None, 3))
    rest = await catalog.read(lambda tx: tx.items.unseen(source.id, run, first[-1].file_id, 3))
    assert [each.file_id for each in [*first, *rest]] == [items[at].file_id for at in (1, 2, 4, 5)]


async def test_items_are_taken_by_priority_and_left_alone_for_a_while(catalog: Catalog) -> None:
    source = await sourced(catalog)
    low, lower = an_item(source, due_at=Millis(10)), an_item(source, due_at=Millis(20))
    high = an_item(source, due_at=Millis(30), priority=7)
    later, never = an_item(source, due_at=Millis(99), priority=1000), an_item(source)
    for each in (low, lower, high, later, never):
        await catalog.write(lambda tx, item: tx.items.add(item), each)
    assert await catalog.read(lambda tx: tx.items.next_due()) == 10

    async def take(at: int, limit: int) -> list[Item]:
        return await catalog.write(lambda tx: tx.items.take_due(Millis(at), Millis(at + 500), limit))

    assert [each.file_id for each in await take(50, 2)] == [high.file_id, low.file_id]
    assert [each.file_id for each in await take(50, 2)] == [lower.file_id]
    assert await take(50, 2) == []
    assert (await take(600, 9))[0].file_id == later.file_id


async def test_where_files_are_searched_is_known(catalog: Catalog) -> None:
    tenant, root = await catalog.write(house)
    assert not await catalog.read(lambda tx: tx.spaces.indexed())
    policy = root.policy.__class__(index=True)
    gone = a_space(tenant.id, root.id, policy=policy, removed_at=Millis(1))
    await catalog.write(lambda tx: tx.spaces.add(gone))
    assert not await catalog.read(lambda tx: tx.spaces.indexed())
    await catalog.write(lambda tx: tx.spaces.set_policy(root.id, policy))
    assert await catalog.read(lambda tx: tx.spaces.indexed())

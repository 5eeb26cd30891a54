"""Every catalog: business types, rules, cursors, and what grants, files and uploads say for deliveries."""

import asyncio

import pytest
from tests.support.catalogs import MakeCatalog
from tests.support.nouns import (
    a_business_type,
    a_file,
    a_grant,
    a_principal,
    a_rule,
    a_space,
    a_tenant,
    an_upload,
    house,
)

from kade.core.business_types import Direction
from kade.core.clock import Millis
from kade.core.errors import BusinessTypeReason, KadeError, RuleReason, SpaceReason
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.spaces import Policy, Space
from kade.core.uploads import UploadKind, UploadState

GIB = 1 << 30


async def test_a_new_catalog_has_no_rules(catalog: Catalog) -> None:
    assert not await catalog.read(lambda tx: tx.rules.exist())


async def test_a_business_type_keeps_every_field_and_its_number(catalog: Catalog) -> None:
    policy = Policy(
        ("md5",), 5, GIB * GIB // 8, 6, 7, file_names=("*.xml", "ä_?.csv"), refused_extensions=("exe",)
    )
    big, small = a_business_type(1 << 40, policy=policy), a_business_type(0, direction=Direction.PUBLISH)
    for each in (big, small):
        await catalog.write(lambda tx, made: tx.business_types.add(made), each)
    assert await catalog.read(lambda tx: tx.business_types.all()) == [small, big]
    assert await catalog.read(lambda tx: tx.business_types.get(big.number)) == big
    assert await catalog.read(lambda tx: tx.business_types.get(5)) is None
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.business_types.add(a_business_type(0)))
    assert refused.value.reason is BusinessTypeReason.NUMBER_TAKEN
    changed = small._replace(name="Ü", direction=Direction.SUBSCRIBE, policy=policy)
    await catalog.write(lambda tx: tx.business_types.change(changed._replace(created_at=Millis(1))))
    assert await catalog.read(lambda tx: tx.business_types.all()) == [changed, big]
    await catalog.write(lambda tx: tx.business_types.remove(0))
    assert await catalog.read(lambda tx: tx.business_types.all()) == [big]


async def test_a_number_is_one_spaces_in_a_tenant(catalog: Catalog) -> None:
    (one, root), (two, _) = await catalog.write(house), await catalog.write(house)
    mine, other = a_space(one.id, root.id), a_space(one.id, root.id, number=1 << 40)
    theirs, gone = a_space(two.id, number=7101), a_space(one.id, number=7101, removed_at=Millis(1))
    for each in (mine, other, theirs, gone):
        await catalog.write(lambda tx, space: tx.spaces.add(space), each)
    await catalog.write(lambda tx: tx.spaces.set_number(mine.id, 7101))
    numbered = mine._replace(number=7101)
    by_tenant = sorted((numbered, theirs), key=lambda space: space.tenant_id)
    assert await catalog.read(lambda tx: tx.spaces.of_number(7101)) == by_tenant
    assert await catalog.read(lambda tx: tx.spaces.of_number(7101, one.id)) == [numbered]
    assert await catalog.read(lambda tx: tx.spaces.of_number(1 << 40)) == [other]
    assert await catalog.read(lambda tx: tx.spaces.of_number(7101, new_id())) == []
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.spaces.set_number(root.id, 7101))
    assert refused.value.reason is SpaceReason.NUMBER_TAKEN


async def _boxes(catalog: Catalog, number: int) -> list[Space]:
    def make(tx: Tx) -> list[Space]:
        _, root = house(tx)
        made = [a_space(root.tenant_id, root.id) for _ in range(number)]
        for each in made:
            tx.spaces.add(each)
        return made

    return await catalog.write(make)


async def test_rules_are_of_a_space_and_go_with_it(catalog: Catalog) -> None:
    one, two, three = await _boxes(catalog, 3)
    made = sorted([a_rule(one, two), a_rule(one, three), a_rule(two, one), a_rule(three, two)])
    for each in reversed(made):
        await catalog.write(lambda tx, rule: tx.rules.add(rule), each)

    async def of(space: Space) -> list[Id]:
        return [each.target_id for each in await catalog.read(lambda tx: tx.rules.of_space(space.id))]

    assert await catalog.read(lambda tx: tx.rules.of_tenant(one.tenant_id)) == made
    assert await catalog.read(lambda tx: tx.rules.exist())
    assert await catalog.read(lambda tx: tx.rules.of_tenant(new_id())) == []
    assert set(await of(one)) == {two.id, three.id}
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.rules.add(a_rule(one, two)))
    assert refused.value.reason is RuleReason.EXISTS
    first = made[0]
    assert await catalog.write(lambda tx: (tx.rules.remove(first.id), tx.rules.remove(first.id))) == (
        True,
        False,
    )
    await catalog.write(lambda tx: tx.rules.add(first))
    await catalog.write(lambda tx: tx.rules.forget_space(two.id))
    left = [each for each in made if two.id not in (each.space_id, each.target_id)]
    assert await catalog.read(lambda tx: tx.rules.of_tenant(one.tenant_id)) == left


async def test_a_cursor_begins_at_nothing_and_stays_where_it_was_moved(catalog: Catalog) -> None:
    assert await catalog.read(lambda tx: tx.cursors.get("one")) == 0
    assert await catalog.write(lambda tx: tx.cursors.lock("one")) == 0

    def move(tx: Tx, name: str, position: int) -> int:
        before = tx.cursors.lock(name)
        tx.cursors.move(name, position)
        return before

    assert await catalog.write(move, "one", GIB * GIB // 8) == 0
    assert await catalog.write(move, "two", 5) == 0
    assert await catalog.write(lambda tx: (tx.cursors.lock("one"), tx.cursors.get("one"))) == (
        GIB * GIB // 8,
        GIB * GIB // 8,
    )
    assert await catalog.read(lambda tx: tx.cursors.get("two")) == 5


async def test_a_cursor_is_moved_by_one_at_a_time_from_its_first_step_on(new_catalog: MakeCatalog) -> None:
    handles = [new_catalog(), new_catalog()]
    for each in handles:
        await each.open()

    def step(tx: Tx) -> int:
        position = tx.cursors.lock("one")
        tx.cursors.move("one", position + 1)
        return position

    found = await asyncio.gather(*(handle.write(step) for handle in handles for _ in range(20)))
    assert sorted(found) == list(range(40))
    for each in handles:
        await each.close()


async def test_grants_reach_the_numbered_spaces_of_a_tenant(catalog: Catalog) -> None:
    def build(tx: Tx) -> tuple[Id, Id, list[Space]]:
        tenant, other = a_tenant(), a_tenant()
        for each in (tenant, other):
            tx.tenants.add(each)
        owner = a_principal(tenant.id)
        tx.principals.add(owner)
        top = a_space(tenant.id, number=1)
        below = a_space(tenant.id, top.id, number=1 << 40)
        plain, gone = a_space(tenant.id, top.id), a_space(tenant.id, top.id, number=4, removed_at=Millis(1))
        foreign = a_space(other.id, number=5)
        for space in (top, below, plain, gone, foreign):
            tx.spaces.add(space)
        both = (Verb.SUBSCRIBE, Verb.READ)
        tx.grants.add(a_grant(owner.id, top.id, verbs=both, not_before=Millis(10), not_after=Millis(20)))
        tx.grants.add(a_grant(owner.id, below.id, verbs=(Verb.WRITE,)))
        tx.grants.add(a_grant(owner.id, foreign.id, verbs=both))
        return tenant.id, owner.id, [top, below, foreign]

    tenant_id, owner, (top, below, foreign) = await catalog.write(build)

    async def numbered(tenant: Id, verb: Verb, at: int) -> list[tuple[int, Id]]:
        found = await catalog.read(lambda tx: tx.grants.numbered(owner, tenant, verb, Millis(at)))
        return list(found.items())

    assert await numbered(tenant_id, Verb.SUBSCRIBE, 10) == [(1, top.id), (1 << 40, below.id)]
    assert await numbered(tenant_id, Verb.SUBSCRIBE, 19) == [(1, top.id), (1 << 40, below.id)]
    for at in (9, 20):
        assert await numbered(tenant_id, Verb.SUBSCRIBE, at) == []
    assert await numbered(tenant_id, Verb.WRITE, 9) == [(1 << 40, below.id)]
    assert await numbered(foreign.tenant_id, Verb.SUBSCRIBE, 9) == [(5, foreign.id)]
    assert await numbered(tenant_id, Verb.LIST, 10) == []
    assert await numbered(new_id(), Verb.SUBSCRIBE, 10) == []


async def test_holders_are_told_once_each_by_grants_on_and_above(catalog: Catalog) -> None:
    def build(tx: Tx) -> tuple[list[Id], list[Space]]:
        _, root = house(tx)
        middle, beside = a_space(root.tenant_id, root.id), a_space(root.tenant_id, root.id)
        leaf = a_space(root.tenant_id, middle.id)
        for space in (middle, beside, leaf):
            tx.spaces.add(space)
        owners = sorted(a_principal(root.tenant_id) for _ in range(4))
        for owner in owners:
            tx.principals.add(owner)
        above, here, brief, other = (each.id for each in owners)
        wants = (Verb.SUBSCRIBE,)
        tx.grants.add(a_grant(above, root.id, verbs=wants))
        tx.grants.add(a_grant(above, leaf.id, verbs=(Verb.LIST, Verb.SUBSCRIBE)))
        tx.grants.add(a_grant(here, leaf.id, verbs=wants))
        tx.grants.add(a_grant(brief, middle.id, verbs=wants, not_before=Millis(10), not_after=Millis(20)))
        tx.grants.add(a_grant(other, beside.id, verbs=wants))
        tx.grants.add(a_grant(other, leaf.id))
        return [each.id for each in owners], [root, middle, beside, leaf]

    (above, here, brief, other), (root, middle, beside, leaf) = await catalog.write(build)

    async def holders(space: Space, at: int, verb: Verb = Verb.SUBSCRIBE) -> list[Id]:
        return await catalog.read(lambda tx: tx.grants.holders(space.id, verb, Millis(at)))

    assert await holders(leaf, 10) == [above, here, brief]
    for at in (9, 20):
        assert await holders(leaf, at) == [above, here]
    assert await holders(middle, 19) == [above, brief]
    assert await holders(root, 10) == [above] and await holders(beside, 10) == [above, other]
    assert await holders(leaf, 10, Verb.LIST) == sorted((above, other))
    assert await catalog.read(lambda tx: tx.grants.holders(new_id(), Verb.LIST, Millis(1))) == []


async def test_a_grant_leads_to_its_tenant_in_its_time(catalog: Catalog) -> None:
    def build(tx: Tx) -> tuple[Id, Id, Id]:
        (one, first), (two, second), (_, third) = house(tx), house(tx), house(tx)
        owner = a_principal(one.id)
        tx.principals.add(owner)
        tx.grants.add(a_grant(owner.id, first.id))
        tx.grants.add(a_grant(owner.id, first.id))
        tx.grants.add(a_grant(owner.id, second.id, not_before=Millis(10), not_after=Millis(20)))
        tx.grants.add(a_grant(owner.id, third.id))
        tx.spaces.remove(third.id, Millis(1))
        return owner.id, one.id, two.id

    owner, one, two = await catalog.write(build)

    async def tenants(at: int) -> list[Id]:
        return await catalog.read(lambda tx: tx.grants.tenants_of(owner, Millis(at)))

    assert await tenants(10) == await tenants(19) == sorted((one, two))
    assert await tenants(9) == await tenants(20) == [one]
    assert await catalog.read(lambda tx: tx.grants.tenants_of(new_id(), Millis(1))) == []


async def _add(catalog: Catalog, *files: File) -> None:
    for file in files:
        await catalog.write(lambda tx, each: tx.files.add(each), file)


async def test_files_are_due_longest_first(catalog: Catalog) -> None:
    _, space = await catalog.write(house)
    late, early, now_, never = (a_file(space, due_at=at) for at in (9, 5, 10, None))
    trashed = a_file(space, due_at=5, state=FileState.TRASHED)
    await _add(catalog, late, early, now_, never, trashed)

    async def due(moment: int, limit: int = 9) -> list[File]:
        return await catalog.read(lambda tx: tx.files.due(Millis(moment), limit))

    fives = sorted((early, trashed))
    assert await due(10) == [*fives, late] and await due(10, 2) == fives
    assert await due(5) == [] and await due(6) == fives


async def test_a_file_is_published_from_another_into_a_space_once(catalog: Catalog) -> None:
    one, two = await _boxes(catalog, 2)
    origin = a_file(one)
    copy = a_file(two, origin_id=origin.id, arrived_at=Millis(GIB * GIB // 8), state=FileState.ERASED)
    await _add(catalog, origin, copy, a_file(one, origin_id=None), a_file(one))

    async def from_origin(origin_id: Id, space: Space) -> File | None:
        return await catalog.read(lambda tx: tx.files.from_origin(origin_id, space.id))

    assert await from_origin(origin.id, two) == copy
    assert await from_origin(origin.id, one) is None and await from_origin(copy.id, two) is None
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        await _add(catalog, a_file(two, origin_id=origin.id))


async def test_parts_have_positions(catalog: Catalog) -> None:
    space = await catalog.write(lambda tx: house(tx)[1])
    final = an_upload(space, kind=UploadKind.FINAL)
    parts = [an_upload(space, kind=UploadKind.PARTIAL, length=None, offset=GIB * n) for n in (1, 2, 4)]
    for each in (final, *parts):
        await catalog.write(lambda tx, upload: tx.uploads.add(upload), each)
    one, two, three = (each.id for each in parts)

    def put(tx: Tx) -> list[Id | None]:
        return [
            tx.uploads.put_part(final.id, position, part_id)
            for position, part_id in ((7, one), (0, two), (7, three), (7, three), (3, new_id()))
        ]

    assert await catalog.write(put) == [None, None, one, three, None]
    found = await catalog.read(
        lambda tx: (tx.uploads.positions(final.id), tx.uploads.parts(final.id), tx.uploads.placed(final.id))
    )
    positions, part_ids, placed = found
    assert (positions, part_ids[::2], placed) == ([0, 3, 7], [two, three], 6 * GIB)
    nothing = await catalog.read(
        lambda tx: (tx.uploads.positions(one), tx.uploads.parts(one), tx.uploads.placed(one))
    )
    assert nothing == ([], [], 0)

    async def finals(part_id: Id, state: UploadState) -> list[Id]:
        return await catalog.read(lambda tx: tx.uploads.finals_of(part_id, state))

    assert await finals(three, UploadState.OPEN) == [final.id]
    assert await finals(three, UploadState.JOINING) == await finals(one, UploadState.OPEN) == []
    await catalog.write(lambda tx: tx.uploads.join(final.id))
    joined = await catalog.read(lambda tx: tx.uploads.get(final.id))
    assert joined == final._replace(state=UploadState.JOINING)
    assert await finals(three, UploadState.JOINING) == [final.id]
    assert await finals(three, UploadState.OPEN) == []


async def test_a_space_that_goes_takes_its_grants_along(catalog: Catalog) -> None:
    def make(tx: Tx) -> tuple[Space, Space, Id]:
        tenant, root = house(tx)
        below, who = a_space(tenant.id, root.id), a_principal(tenant.id)
        tx.spaces.add(below)
        tx.principals.add(who)
        for space in (root, below):
            tx.grants.add(a_grant(who.id, space.id))
        return root, below, who.id

    root, below, who = await catalog.write(make)
    await catalog.write(lambda tx: tx.grants.forget_space(below.id))
    left = await catalog.read(lambda tx: tx.grants.of_principal(who))
    assert [each.space_id for each in left] == [root.id]

"""Business types, applications with their rights, further tenants, the sandbox."""

from dataclasses import replace

import pytest
from tests.services.conftest import House
from tests.services.exchange import (
    ByNumber,
    a_subscriber,
    a_type,
    an_application,
    delivered,
    entitle,
    published,
)
from tests.services.test_appending import refusal
from tests.support.nouns import a_principal

from kade.core.bindings import Noun
from kade.core.business_types import NUMBERS, Direction
from kade.core.clock import Millis, now
from kade.core.errors import (
    AccessReason,
    BusinessTypeReason,
    FileReason,
    GrantReason,
    KadeError,
    RequestReason,
    SpaceReason,
    TenantReason,
)
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Principal, PrincipalKind
from kade.core.query import Query
from kade.core.spaces import Policy, Space
from kade.services import (
    access,
    applications,
    business_types,
    deliveries,
    files,
    installing,
    partners,
    principals,
    sandbox,
    spaces,
    tenants,
)

MONTH = 30 * 86_400_000


async def principal(house: House, caller: Caller) -> Principal:
    return await house.catalog.read(principals.find, house.caller, caller.principal_id)


def nobody(house: House) -> Caller:
    return Caller(new_id(), "nobody", house.caller.tenant_id)


async def test_a_type_is_the_same_for_every_tenant(house: House) -> None:
    space = await a_type(house, 7101, Policy(max_file_size=10))
    second = await house.catalog.write(tenants.add, house.caller, "second")
    there = replace(house.caller, tenant_id=second.id)
    other = await house.catalog.write(business_types.offer, there, house.namers, 7101)
    assert (other.tenant_id, other.number, other.name) == (second.id, 7101, "7101")
    assert other.policy == space.policy == Policy(max_file_size=10)
    kind = await house.catalog.read(business_types.find, 7101)
    policy = Policy(keep_content_ms=MONTH, keep_record_ms=6 * MONTH, file_names=("*.xml",))
    changed = kind._replace(name="  New  ", direction=Direction.PUBLISH, policy=policy)
    await house.catalog.write(lambda tx: tx.spaces.set_policy(space.id, Policy(trash_ms=5, max_file_size=10)))
    await house.catalog.write(business_types.change, house.caller, changed)
    found = await house.catalog.read(lambda tx: (tx.spaces.get(space.id), tx.spaces.get(other.id)))
    assert [each and each.policy for each in found] == [replace(policy, trash_ms=5), policy]
    assert (await house.catalog.read(business_types.find, 7101)).policy == policy
    assert (await house.kinds())[-1] == "business_type.changed"


async def test_a_type_is_made_changed_and_removed_by_whom_the_installation_belongs_to(house: House) -> None:
    space = await a_type(house, 7101)
    kind = await house.catalog.read(business_types.find, 7101)
    second = await house.catalog.write(tenants.add, house.caller, "second")
    operator = await house.catalog.write(
        principals.create,
        replace(house.caller, tenant_id=second.id),
        house.namers,
        PrincipalKind.OPERATOR,
        "op",
    )
    root = await house.catalog.read(tenants.root_of, second.id)
    await house.catalog.write(access.grant, operator.id, root.id)
    stranger = Caller(operator.id, operator.name, second.id)
    for acting in (
        house.catalog.write(business_types.create, stranger, 1, "x", Direction.BOTH, Policy()),
        house.catalog.write(business_types.change, stranger, kind),
        house.catalog.write(business_types.remove, stranger, 7101),
    ):
        assert await refusal(acting) is AccessReason.VERB_NOT_GRANTED
    removing = house.catalog.write(business_types.remove, house.caller, 7101)
    assert await refusal(removing) is BusinessTypeReason.IN_USE
    await house.catalog.write(spaces.remove, house.caller, space)
    await house.catalog.write(business_types.remove, house.caller, 7101)
    for missing in (
        house.catalog.write(business_types.remove, house.caller, 7101),
        house.catalog.write(business_types.change, house.caller, kind),
    ):
        assert await refusal(missing) is BusinessTypeReason.UNKNOWN
    assert (await house.kinds())[-2:] == ["space.removed", "business_type.removed"]


@pytest.mark.parametrize(
    ("number", "name", "policy", "reason"),
    [
        (7101, "again", Policy(), BusinessTypeReason.NUMBER_TAKEN),
        (1, "a/b", Policy(), BusinessTypeReason.BAD_NAME),
        (1, "x", Policy(keep_content_ms=2, keep_record_ms=1), SpaceReason.BAD_POLICY),
        (1, "x", Policy(keep_record_ms=1), SpaceReason.BAD_POLICY),
    ],
)
async def test_a_type_that_cannot_be_is_refused(
    house: House, number: int, name: str, policy: Policy, reason: object
) -> None:
    await a_type(house, 7101)
    before = await house.kinds()
    making = house.catalog.write(business_types.create, house.caller, number, name, Direction.BOTH, policy)
    assert await refusal(making) is reason
    assert await house.kinds() == before


async def test_a_space_that_is_there_becomes_the_one_for_a_type(house: House) -> None:
    house.namers.register(ByNumber())

    def make(tx: Tx) -> None:
        business_types.create(tx, house.caller, 5, "five", Direction.BOTH, Policy(max_file_size=9))
        business_types.create(tx, house.caller, 6, "six", Direction.BOTH, Policy())

    await house.catalog.write(make)
    mine = house.space
    numbered = await house.catalog.write(business_types.offer, house.caller, house.namers, 5, mine)
    assert numbered.number == 5
    stands = await house.catalog.read(spaces.find, house.caller, mine.id)
    assert (stands.policy.max_file_size, stands.policy.digests) == (9, ("md5",))
    bound = await house.catalog.read(lambda tx: tx.bindings.key_of("by number", Noun.SPACE, mine.id))
    assert bound == "5"
    again = await house.catalog.write(business_types.offer, house.caller, house.namers, 5, stands)
    assert again == stands
    assert await house.catalog.write(business_types.offer, house.caller, house.namers, 5) == stands
    other = await house.new_space()
    for space, number in ((stands, 6), (other, 5)):
        giving = house.catalog.write(business_types.offer, house.caller, house.namers, number, space)
        assert await refusal(giving) is SpaceReason.NUMBER_TAKEN
    unknown = house.catalog.write(business_types.offer, house.caller, house.namers, 99)
    assert await refusal(unknown) is BusinessTypeReason.UNKNOWN
    limited = await house.catalog.write(
        lambda tx: business_types.offer(tx, house.caller, house.namers, 6, ceiling=77)
    )
    quota = await house.catalog.read(lambda tx: tx.quotas.get(limited.id))
    assert quota is not None and quota.ceiling == 77
    assert (await house.kinds()).count("space.numbered") == 2


async def test_an_application_is_entitled_once_and_no_more_when_it_is_withdrawn(house: House) -> None:
    await a_type(house, 7101)
    caller = await an_application(house)
    one = await entitle(house, caller, 7101, Verb.WRITE)
    assert await entitle(house, caller, 7101, Verb.WRITE) == one
    two = await entitle(house, caller, 7101, Verb.SUBSCRIBE)
    assert (one.verbs, two.verbs) == ((Verb.WRITE,), (Verb.SUBSCRIBE,))
    limited = two._replace(id=new_id(), verbs=(Verb.READ,), not_after=Millis(now() + 60_000))
    await house.catalog.write(lambda tx: tx.grants.add(limited))
    three = await entitle(house, caller, 7101, Verb.READ)
    assert three.not_after is None
    assert (await house.kinds())[-3:] == ["grant.given"] * 3
    stranger = nobody(house)
    withdrawing = house.catalog.write(applications.withdraw, stranger, one.id)
    assert await refusal(withdrawing) is AccessReason.VERB_NOT_GRANTED
    await house.catalog.write(applications.withdraw, house.caller, one.id)
    again = house.catalog.write(applications.withdraw, house.caller, one.id)
    assert await refusal(again) is GrantReason.UNKNOWN
    assert (await house.kinds())[-1] == "grant.revoked"


@pytest.mark.parametrize(
    ("direction", "verb", "right"),
    [
        (Direction.BOTH, Verb.WRITE, True),
        (Direction.BOTH, Verb.SUBSCRIBE, True),
        (Direction.PUBLISH, Verb.WRITE, True),
        (Direction.PUBLISH, Verb.SUBSCRIBE, False),
        (Direction.SUBSCRIBE, Verb.WRITE, False),
        (Direction.SUBSCRIBE, Verb.SUBSCRIBE, True),
    ],
)
async def test_a_type_has_its_direction(house: House, direction: Direction, verb: Verb, right: bool) -> None:
    await a_type(house, 7101, direction=direction)
    caller = await an_application(house)
    if right:
        assert (await entitle(house, caller, 7101, verb)).verbs == (verb,)
    else:
        assert await refusal(entitle(house, caller, 7101, verb)) is BusinessTypeReason.WRONG_DIRECTION
    assert await refusal(entitle(house, caller, 1, verb)) is BusinessTypeReason.UNKNOWN


async def test_only_who_manages_entitles(house: House) -> None:
    await a_type(house, 7101)
    application = await principal(house, await an_application(house))
    stranger = nobody(house)
    entitling = house.catalog.write(
        applications.entitle, stranger, house.namers, application, 7101, Verb.WRITE
    )
    assert await refusal(entitling) is AccessReason.VERB_NOT_GRANTED


async def test_an_application_may_call_from_its_networks(house: House) -> None:
    application = await principal(house, await an_application(house))

    async def set_to(*networks: str) -> str:
        return await house.catalog.write(applications.set_networks, house.caller, application, networks)

    assert await set_to("10.1.2.3/8", "2001:DB8::1/32", "127.0.0.1") == (
        "10.0.0.0/8 2001:db8::/32 127.0.0.1/32"
    )
    stands = await house.catalog.read(principals.find, house.caller, application.id)
    assert stands.networks == "10.0.0.0/8 2001:db8::/32 127.0.0.1/32"
    for wrong in ("10.0.0.0/33", "", "example"):
        assert await refusal(set_to("10.0.0.0/8", wrong)) is RequestReason.BAD_VALUE
    assert await set_to() == ""
    second = await house.catalog.write(tenants.add, house.caller, "second")
    root = await house.catalog.read(tenants.root_of, second.id)
    other = a_principal(second.id)
    await house.catalog.write(lambda tx: tx.principals.add(other))
    await house.catalog.write(access.grant, other.id, root.id)
    foreign = Caller(other.id, other.name, second.id)
    setting = house.catalog.write(applications.set_networks, foreign, application, ["10.0.0.0/8"])
    assert await refusal(setting) is AccessReason.VERB_NOT_GRANTED


async def test_operators_of_the_first_tenant_manage_every_one(house: House) -> None:
    plain = await house.catalog.write(
        partners.create, house.caller, house.namers, PrincipalKind.APPLICATION, "plain"
    )
    second = await house.catalog.write(tenants.add, house.caller, "second")
    assert await house.catalog.read(tenants.named, "second") == second
    late = await house.catalog.write(
        partners.create, house.caller, house.namers, PrincipalKind.OPERATOR, "late"
    )
    root = await house.catalog.read(tenants.root_of, second.id)
    for who, manages in ((house.caller.principal_id, True), (late.id, True), (plain.id, False)):
        caller = Caller(who, "x", second.id)
        assert await house.catalog.read(access.allowed, caller, Verb.MANAGE, root.id) is manages
        assert not await house.catalog.read(access.allowed, caller, Verb.SUBSCRIBE, root.id)
    assert await refusal(house.catalog.write(tenants.add, nobody(house), "third")) is (
        AccessReason.VERB_NOT_GRANTED
    )
    assert await refusal(house.catalog.write(tenants.add, house.caller, "second")) is TenantReason.NAME_TAKEN
    assert await refusal(house.catalog.read(tenants.named, "third")) is TenantReason.UNKNOWN


def test_a_catalog_without_tenants_has_no_first() -> None:
    class Tenants:
        def all(self) -> list[object]:
            return []

    class Empty:
        tenants = Tenants()

    with pytest.raises(KadeError) as refused:
        installing.local_operator(Empty())  # type: ignore[arg-type]
    assert refused.value.reason is TenantReason.UNKNOWN


async def admit(house: House, caller: Caller) -> None:
    application = await principal(house, caller)
    await house.catalog.write(sandbox.admit, house.caller, house.namers, house.rules, application)


async def sandbox_of(house: House, caller: Caller) -> tuple[Caller, list[File]]:
    """The caller in the sandbox, and what is on its list there."""
    found = await house.catalog.read(applications.tenants_of, caller.principal_id)
    there = replace(caller, tenant_id=found["sandbox"])

    def look(tx: Tx) -> list[File]:
        shelves = list(deliveries.spaces(tx, there).values())
        return [file for _, file in deliveries.page(tx, there, Query(Id(""), shelves)).entries]

    return there, await house.catalog.read(look)


async def test_a_new_application_finds_test_files_in_the_sandbox(house: House) -> None:
    one, two = await an_application(house, "one"), await an_application(house, "two")
    for caller in (one, two, one):
        await admit(house, caller)
    there, mine = await sandbox_of(house, one)
    assert sorted(each.length or 0 for each in mine) == [33, 76, 107]
    for file in mine:
        content = await house.content(file.content_id)
        assert content.inline is not None and len(content.inline) == content.length == file.length
        assert len(await delivered(house, file.id)) == 2
    assert (await sandbox_of(house, two))[1] == mine
    shelves = await house.catalog.read(deliveries.spaces, there)
    assert list(shelves) == [sandbox.DOWNLOADS]
    may = {
        number: verb
        for verb in (Verb.WRITE, Verb.SUBSCRIBE)
        for number in await house.catalog.read(
            lambda tx, v: tx.grants.numbered(one.principal_id, there.tenant_id, v, now()), verb
        )
    }
    assert may == {sandbox.UPLOADS: Verb.WRITE, sandbox.DOWNLOADS: Verb.SUBSCRIBE}


async def test_a_test_file_that_was_removed_is_there_again_for_the_next(house: House) -> None:
    one, two = await an_application(house, "one"), await an_application(house, "two")
    await admit(house, one)
    there, mine = await sandbox_of(house, one)
    await house.catalog.write(files.purge, replace(house.caller, tenant_id=there.tenant_id), mine[0])
    await admit(house, two)
    for caller in (one, two):
        _, files_now = await sandbox_of(house, caller)
        assert sorted(each.length or 0 for each in files_now) == [33, 76, 107]


async def test_nothing_of_one_tenant_is_seen_in_another(house: House) -> None:
    await a_type(house, 7101)
    caller = await a_subscriber(house)
    file = await published(house, await _space(house, 7101))
    await admit(house, caller)
    there, theirs = await sandbox_of(house, caller)
    assert file.id not in [each.id for each in theirs]
    finding = house.catalog.read(deliveries.find, there, file.id)
    assert await refusal(finding) is FileReason.UNKNOWN
    finding = house.catalog.read(deliveries.find, caller, theirs[0].id)
    assert await refusal(finding) is FileReason.UNKNOWN
    names = await house.catalog.read(applications.tenants_of, caller.principal_id)
    assert set(names) == {"acme", "sandbox"}
    assert file.state == FileState.LIVE


async def _space(house: House, number: int) -> Space:
    (found,) = await house.catalog.read(lambda tx: tx.spaces.of_number(number, house.caller.tenant_id))
    return found


@pytest.mark.parametrize("number", [-1, NUMBERS[-1] + 1])
async def test_a_type_has_a_number_that_publishers_can_name(house: House, number: int) -> None:
    making = house.catalog.write(business_types.create, house.caller, number, "far", Direction.BOTH, Policy())
    assert await refusal(making) is RequestReason.BAD_VALUE

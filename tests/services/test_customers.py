"""Customers, their keys and groups: made, changed, refused."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec
import pytest
from tests.services.conftest import House
from tests.services.filing import a_key, a_source, an_office, settings

from kade.core.customers import FileGroup
from kade.core.errors import AccessReason, KadeError, PrincipalReason, Reason, RequestReason, SpaceReason
from kade.core.grants import Verb
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, CredentialKind, PrincipalKind
from kade.services import access, customers, groups, principals, spaces, tenants


async def refused(house: House, reason: Reason, work: Callable[[Tx], object]) -> None:
    with pytest.raises(KadeError) as error:
        await house.catalog.write(work)
    assert error.value.reason is reason


async def test_a_customer_has_a_number_and_a_space_in_which_it_may_do_everything(house: House) -> None:
    made = await house.catalog.write(customers.create, house.caller, house.namers, "acme")
    assert (made.account.number, made.account.page_size) == (1001, 25)
    caller = Caller(made.principal.id, "acme", house.caller.tenant_id)
    for verb in (Verb.MANAGE, Verb.WRITE, Verb.READ, Verb.REMOVE, Verb.LIST):
        assert await house.catalog.read(access.allowed, caller, verb, made.space_id)
    root = await house.catalog.read(tenants.root_of, house.caller.tenant_id)
    assert not await house.catalog.read(access.allowed, caller, Verb.LIST, root.id)
    assert await house.catalog.read(customers.numbered, 1001) == made
    assert await house.catalog.read(customers.of_principal, made.principal) == made
    assert await house.catalog.read(customers.of_tenant, house.caller) == [made]


async def test_numbers_are_unique_and_in_bounds(house: House) -> None:
    await house.catalog.write(customers.create, house.caller, house.namers, "chosen", 2434)
    following = await house.catalog.write(customers.create, house.caller, house.namers, "following")
    assert following.account.number == 2435
    for number, reason in (
        (2434, PrincipalReason.NAME_TAKEN),
        (0, RequestReason.BAD_VALUE),
        (10**9, RequestReason.BAD_VALUE),
    ):
        with pytest.raises(KadeError) as error:
            await house.catalog.write(customers.create, house.caller, house.namers, f"n {number}", number)
        assert error.value.reason is reason
    for unknown in (0, 7, 10**12):
        with pytest.raises(KadeError) as error:
            await house.catalog.read(customers.numbered, unknown)
        assert error.value.reason is PrincipalReason.UNKNOWN


async def test_a_removed_customer_is_unknown(house: House) -> None:
    made = await house.catalog.write(customers.create, house.caller, house.namers, "acme")
    await house.catalog.write(principals.remove, house.caller, made.principal)
    await refused(house, PrincipalReason.UNKNOWN, lambda tx: customers.numbered(tx, 1001))


async def test_who_is_no_customer_is_told_apart(house: House) -> None:
    other = await house.catalog.write(
        principals.create, house.caller, house.namers, PrincipalKind.APPLICATION, "other"
    )
    await refused(house, PrincipalReason.UNKNOWN, lambda tx: customers.of_principal(tx, other))


async def test_what_holds_for_a_customer_is_changed_by_whoever_manages(house: House) -> None:
    made = await house.catalog.write(customers.create, house.caller, house.namers, "acme")
    account = msgspec.structs.replace(made.account, page_size=250, downloads=False, blocked=True)
    changed = await house.catalog.write(customers.change, house.caller, made, account)
    assert await house.catalog.read(customers.numbered, 1001) == changed
    again = msgspec.structs.replace(account, blocked=False)
    await house.catalog.write(customers.change, house.caller, changed, again)
    assert [kind for kind in await house.kinds() if kind.startswith("customer.")] == [
        "customer.created",
        "customer.blocked",
        "customer.changed",
    ]
    for size in (4, 251):
        wrong = msgspec.structs.replace(account, page_size=size)
        await refused(
            house,
            RequestReason.BAD_VALUE,
            partial(customers.change, caller=house.caller, customer=made, account=wrong),
        )
    itself = Caller(made.principal.id, "acme", house.caller.tenant_id)
    await refused(
        house, AccessReason.VERB_NOT_GRANTED, lambda tx: customers.change(tx, itself, made, account)
    )


async def test_keys_are_kept_as_hashes_and_listed(house: House) -> None:
    office = await an_office(house)
    key, credential_id = await a_key(house, office.customer)
    await house.catalog.write(
        principals.register, house.caller, office.customer.principal, CredentialKind.KEY, "x"
    )
    (found,) = await house.catalog.read(customers.keys, office.customer)
    assert (found.id, found.fingerprint) == (credential_id, customers.fingerprint(key))
    assert key not in repr(found)


async def test_a_group_is_a_space_that_is_searched(house: House) -> None:
    office = await an_office(house, keep_deleted_ms=5)
    group = office.group
    assert group.keeps_deleted
    assert group.space.policy.index
    assert group.space.parent_id == office.customer.space_id
    assert await house.catalog.read(groups.find, office.customer, "EXAMPLE group") == group
    assert await house.catalog.read(groups.of_space, group.space.id) == group
    assert await house.catalog.read(groups.of_space, new_id()) is None
    assert await house.catalog.read(groups.find, office.customer, "other") is None


async def test_another_space_becomes_a_group_once(house: House) -> None:
    office = await an_office(house)
    box = await house.new_space(replace(house.space.policy, trash_ms=7), name="partner")

    def make(tx: Tx, name: str) -> FileGroup:
        said = settings(office.customer, name)
        return groups.create(tx, house.caller, house.namers, office.customer, said, space=box)

    made = await house.catalog.write(make, "Partner")
    assert (made.space.id, made.space.policy.index, made.space.policy.trash_ms) == (box.id, True, 7)
    caller = Caller(office.customer.principal.id, "acme", house.caller.tenant_id)
    assert await house.catalog.read(access.allowed, caller, Verb.READ, box.id)
    for name in ("Another name", "partner", "example GROUP"):
        await refused(house, SpaceReason.NAME_TAKEN, partial(make, name=name))
    every = await house.catalog.read(groups.of_customer, office.customer)
    assert [group.name for group in every] == ["Example group", "Partner"]


async def test_groups_of_two_customers_may_be_called_alike(house: House) -> None:
    one, two = await an_office(house, "one"), await an_office(house, "two")
    assert one.group.name == two.group.name
    assert one.group.space.id != two.group.space.id
    assert await house.catalog.read(groups.of_customer, one.customer) == [one.group]


async def test_a_group_is_changed_and_ended(house: House) -> None:
    office = await an_office(house, keep_deleted_ms=5)
    source = await a_source(house, office)
    said = msgspec.structs.replace(office.group.settings, active=False, downloads=False, name="ignored")

    def change(tx: Tx, period: int | None) -> FileGroup:
        return groups.change(tx, house.caller, office.group, said, keep_deleted_ms=period)

    kept = await house.catalog.write(change, None)
    assert (kept.name, kept.settings.active, kept.space.policy.trash_ms) == ("Example group", False, 5)
    changed = await house.catalog.write(change, 0)
    assert not changed.keeps_deleted
    assert await house.catalog.read(groups.find, office.customer, "example group") == changed
    await house.catalog.write(groups.remove, house.caller, changed)
    assert await house.catalog.read(groups.find, office.customer, "example group") is None
    space = await house.catalog.read(lambda tx: tx.spaces.get(office.group.space.id))
    assert space is not None
    assert not space.policy.index
    gone = await house.catalog.read(lambda tx: tx.sources.get(source.id))
    assert gone is not None
    assert gone.removed_at is not None


async def test_a_group_whose_space_was_removed_is_none(house: House) -> None:
    office = await an_office(house)
    await house.catalog.write(spaces.remove, house.caller, office.group.space)
    assert await house.catalog.read(groups.of_customer, office.customer) == []
    assert await house.catalog.read(groups.find, office.customer, "Example group") is None


async def test_who_is_restricted_to_some_spaces_reaches_no_other(house: House) -> None:
    office = await an_office(house)
    other = await house.catalog.write(
        lambda tx: groups.create(
            tx, house.caller, house.namers, office.customer, settings(office.customer, "Other")
        )
    )
    principal = office.customer.principal
    whole = Caller(principal.id, principal.name, principal.tenant_id)
    part = replace(whole, spaces=frozenset({other.space.id}))
    assert set(await house.catalog.read(access.reach, whole, Verb.READ)) == {
        office.customer.space_id,
        office.group.space.id,
        other.space.id,
    }
    assert await house.catalog.read(access.reach, part, Verb.READ) == [other.space.id]
    assert not await house.catalog.read(access.allowed, part, Verb.READ, office.group.space.id)
    assert await house.catalog.read(access.allowed, part, Verb.READ, other.space.id)

"""Handshakes: what each success issues, and which of them count."""

import asyncio
from dataclasses import replace

import msgspec
import pytest
from tests.services.conftest import House
from tests.services.filing import Office, a_key, an_office

from kade.core.clock import Millis, now
from kade.core.errors import AccessReason, KadeError, Reason
from kade.core.ports import Tx
from kade.core.principals import Origin
from kade.core.records import Record
from kade.services import customers, handshakes, principals
from kade.services.handshakes import Chain, Held

SECRET = b"a secret of thirty-two bytes, say"


async def begun(house: House, office: Office) -> str:
    """The first handshake of a chain for the office's group."""
    key, _ = await a_key(house, office.customer)
    spaces = (office.group.space.id,)
    return await house.catalog.write(
        handshakes.initialize, SECRET, office.customer, key, spaces, Origin("", "", "127.0.0.1")
    )


async def rotated(house: House, office: Office, presented: str) -> str:
    return await house.catalog.write(handshakes.rotate, SECRET, office.customer, presented)


async def refused(house: House, office: Office, presented: str) -> Reason:
    with pytest.raises(KadeError) as error:
        await house.catalog.write(handshakes.rotate, SECRET, office.customer, presented)
    return error.value.reason


async def aged(house: House, office: Office, by_ms: int) -> None:
    """Have every chain be unused for so long."""

    def age(tx: Tx) -> None:
        for held in handshakes.of_customer(tx, office.customer):
            old = msgspec.structs.replace(held.chain, used_at=Millis(now() - by_ms))
            value = msgspec.json.encode(old).decode()
            tx.records.put(
                Record(customers.INSTANCE, "handshakes", held.name, office.customer.principal.id, value)
            )

    await house.catalog.write(age)


async def test_a_handshake_has_its_form_and_tells_nothing_of_the_secret(house: House) -> None:
    office = await an_office(house)
    seen = {await begun(house, office) for _ in range(5)}
    assert len(seen) == 5
    for each in seen:
        assert len(each) == handshakes.LENGTH
        assert each.startswith("API_")
        assert each.removeprefix("API_").isalnum()
    records = await house.catalog.read(lambda tx: tx.records.of_collection(customers.INSTANCE, "handshakes"))
    assert not any(each[26:] in repr(records) for each in seen)


async def test_each_success_issues_the_next_one_and_ends_the_one_before(house: House) -> None:
    office = await an_office(house)
    first = await begun(house, office)
    second = await rotated(house, office, first)
    third = await rotated(house, office, second)
    assert len({first, second, third}) == 3
    assert await refused(house, office, first) is AccessReason.SPENT_HANDSHAKE
    assert await rotated(house, office, third) not in (first, second, third)


async def test_a_lost_reply_is_no_end(house: House) -> None:
    office = await an_office(house)
    first = await begun(house, office)
    lost = await rotated(house, office, first)
    assert await rotated(house, office, first) == lost
    following = await rotated(house, office, lost)
    assert await rotated(house, office, lost) == following
    assert await refused(house, office, first) is AccessReason.SPENT_HANDSHAKE


async def test_two_at_once_get_the_same_successor(house: House) -> None:
    office = await an_office(house)
    first = await begun(house, office)
    answers = await asyncio.gather(*(rotated(house, office, first) for _ in range(10)))
    assert len(set(answers)) == 1


async def test_an_error_consumes_nothing(house: House) -> None:
    office = await an_office(house)
    first = await begun(house, office)

    def fails(tx: Tx) -> None:
        handshakes.rotate(tx, SECRET, office.customer, first)
        raise ValueError("the work failed")

    with pytest.raises(ValueError, match="the work failed"):
        await house.catalog.write(fails)
    second = await rotated(house, office, first)
    assert await rotated(house, office, first) == second


@pytest.mark.parametrize(
    "forged", ["", "API_", "API_" + "x" * 95, "API_" + "x" * 96, "x" * 100, "API_" + "é" * 96]
)
async def test_what_is_no_handshake_is_unknown(house: House, forged: str) -> None:
    office = await an_office(house)
    assert await refused(house, office, forged) is AccessReason.UNKNOWN_CREDENTIAL


async def test_another_customers_and_another_secrets_handshakes_do_not_count(house: House) -> None:
    one, two = await an_office(house, "one"), await an_office(house, "two")
    first = await begun(house, one)
    assert await refused(house, two, first) is AccessReason.UNKNOWN_CREDENTIAL
    with pytest.raises(KadeError) as error:
        await house.catalog.read(handshakes.verify, b"another", one.customer, first)
    assert error.value.reason is AccessReason.SPENT_HANDSHAKE
    assert await rotated(house, one, first)


async def test_a_chain_ends_after_a_month_without_use(house: House) -> None:
    office = await an_office(house)
    first = await begun(house, office)
    await aged(house, office, handshakes.IDLE_MS - 60_000)
    second = await rotated(house, office, first)
    await aged(house, office, handshakes.IDLE_MS + 1)
    assert await refused(house, office, second) is AccessReason.EXPIRED_CREDENTIAL
    assert await house.catalog.write(handshakes.forget_expired, office.customer) == 0
    await aged(house, office, 2 * handshakes.IDLE_MS + 1)
    assert await house.catalog.write(handshakes.forget_expired, office.customer) == 1
    assert await refused(house, office, second) is AccessReason.UNKNOWN_CREDENTIAL


async def test_a_revoked_chain_and_a_revoked_key_end_it(house: House) -> None:
    office = await an_office(house)
    first, other = await begun(house, office), await begun(house, office)
    (held,) = [
        each
        for each in await house.catalog.read(handshakes.of_customer, office.customer)
        if each.name == first[4:26]
    ]
    for _ in range(2):  # once more is harmless
        await house.catalog.write(handshakes.revoke, house.caller, held)
        (held,) = [
            each
            for each in await house.catalog.read(handshakes.of_customer, office.customer)
            if each.name == first[4:26]
        ]
    assert await refused(house, office, first) is AccessReason.REVOKED_CREDENTIAL
    assert (await house.kinds()).count("handshake.revoked") == 1
    await rotated(house, office, other)
    for key in await house.catalog.read(customers.keys, office.customer):
        await house.catalog.write(principals.revoke, house.caller, key)
    assert await refused(house, office, other) is AccessReason.REVOKED_CREDENTIAL


async def test_a_chain_that_was_forgotten_cannot_be_revoked(house: House) -> None:
    office = await an_office(house)
    chain = Chain(office.customer.principal.id, house.space.id, None, 1, now(), now())
    await house.catalog.write(handshakes.revoke, house.caller, Held("x" * 22, chain))
    assert "handshake.revoked" not in await house.kinds()


async def test_only_a_key_of_ones_own_begins_a_chain(house: House) -> None:
    one, two = await an_office(house, "one"), await an_office(house, "two")
    key, credential_id = await a_key(house, one.customer)
    for wrong, customer in (("no key", one.customer), (key, two.customer)):
        with pytest.raises(KadeError) as error:
            await house.catalog.write(handshakes.initialize, SECRET, customer, wrong, None, Origin())
        assert error.value.reason is AccessReason.UNKNOWN_CREDENTIAL
    credential = await house.catalog.read(lambda tx: tx.credentials.get(credential_id))
    assert credential is not None
    await house.catalog.write(principals.revoke, house.caller, credential)
    with pytest.raises(KadeError) as error:
        await house.catalog.write(handshakes.initialize, SECRET, one.customer, key, None, Origin())
    assert error.value.reason is AccessReason.REVOKED_CREDENTIAL


async def test_a_caller_acts_in_the_spaces_of_its_chain(house: House) -> None:
    office = await an_office(house)
    first = await begun(house, office)
    held = await house.catalog.read(handshakes.verify, SECRET, office.customer, first)
    caller = handshakes.caller_of(office.customer, held.chain, Origin("search"))
    assert caller.spaces == frozenset({office.group.space.id})
    assert (caller.principal_id, caller.origin.operation) == (office.customer.principal.id, "search")
    every = msgspec.structs.replace(held.chain, spaces=None)
    assert handshakes.caller_of(office.customer, every, Origin()).spaces is None
    assert replace(caller, spaces=None) == handshakes.caller_of(office.customer, every, Origin("search"))

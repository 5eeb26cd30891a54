"""Signing keys: one signs, the others count until their tokens are over."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import pytest
from tests.conformance.test_catalog_signing_keys import a_signing_key
from tests.services.conftest import House
from tests.services.test_appending import refusal
from tests.support.nouns import a_principal

from kade.catalog.sqlite import SqliteCatalog
from kade.core.clock import Millis
from kade.core.errors import AccessReason, KadeError, RequestReason, SigningKeyReason
from kade.core.events import Event
from kade.core.ids import new_id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller
from kade.core.signing_keys import LONGEST_LIFE_MS, SigningKey
from kade.services import access, signing_keys, tenants
from kade.services.signing_keys import KeyRing

T = TypeVar("T")
P = ParamSpec("P")

LIFE = 60 * 60 * 1000


class Clock:
    """A time that tests set."""

    def __init__(self, at: int = 1_000_000) -> None:
        self.at = at

    def __call__(self) -> Millis:
        return Millis(self.at)


class Watched(SqliteCatalog):
    """Counts how often it is glanced at; breaks down when it is told to."""

    glances = 0
    broken = False

    async def glance(self, fn: "Callable[Concatenate[Tx, P], T]", *args: P.args, **kwargs: P.kwargs) -> T:
        self.glances += 1
        if self.broken:
            raise KadeError(RequestReason.CATALOG_UNAVAILABLE)
        return await super().glance(fn, *args, **kwargs)


def minted(at: Millis) -> SigningKey:
    return a_signing_key(at, at + LIFE)


def ring_of(catalog: Catalog, clock: Clock) -> KeyRing:
    return KeyRing(catalog, minted, clock)


async def events(house: House) -> list[tuple[str, str]]:
    entries = await house.catalog.read(lambda tx: tx.journal.tail(0, 1000))
    return [(each.kind, each.subject) for each in entries if each.kind.startswith("signing_key.")]


def test_a_key_signs_for_its_time_and_counts_as_long_as_its_tokens() -> None:
    key = a_signing_key(0, 100)
    end = 100 + LONGEST_LIFE_MS
    for moment, signs, verifies in ((0, True, True), (99, True, True), (100, False, True)):
        assert (key.signs(Millis(moment)), key.verifies(Millis(moment))) == (signs, verifies)
    assert key.verifies(Millis(end - 1)) and not key.verifies(Millis(end))
    revoked = key._replace(revoked_at=Millis(5))
    assert not revoked.signs(Millis(1)) and not revoked.verifies(Millis(1))


async def test_a_key_is_made_when_there_is_none_that_signs(house: House) -> None:
    clock = Clock()
    ring = ring_of(house.catalog, clock)
    first = await ring.signing(house.caller)
    assert await ring.signing(house.caller) == first
    clock.at += LIFE - 1
    assert await ring.signing(house.caller) == first
    clock.at += 1
    second = await ring.signing(house.caller)
    assert second.id != first.id and second.created_at == first.retires_at
    assert await events(house) == [("signing_key.created", first.id), ("signing_key.created", second.id)]


async def test_two_processes_that_find_none_may_each_make_one(house: House) -> None:
    clock = Clock()
    rings = [ring_of(house.catalog, clock) for _ in range(4)]
    made = {key.id for key in await asyncio.gather(*(each.signing(house.caller) for each in rings))}
    stored = await house.catalog.read(lambda tx: tx.signing_keys.all())
    assert made <= {key.id for key in stored}
    for ring in rings:
        for key in stored:
            assert await ring.find(key.id) == key
    # Whoever comes second within the transaction takes what is there.
    fresh = minted(clock())
    assert await house.catalog.write(signing_keys.ensure, house.caller, fresh) == stored[0]
    assert await house.catalog.read(lambda tx: tx.signing_keys.all()) == stored


async def test_a_retired_key_is_published_until_its_tokens_are_over(house: House) -> None:
    clock = Clock()
    ring = ring_of(house.catalog, clock)
    old = await ring.signing(house.caller)
    clock.at = old.retires_at
    new = await ring.signing(house.caller)
    assert await ring.published() == [new, old]
    clock.at = old.retires_at + LONGEST_LIFE_MS - 1
    assert await ring.find(old.id) == old
    assert await ring.published() == [new, old]
    clock.at += 1
    assert await ring.find(old.id) is None  # though the ring knows it still
    assert await ring.published() == [new]


async def test_rotating_makes_another_sign_and_keeps_the_others_good(house: House) -> None:
    clock = Clock()
    ring = ring_of(house.catalog, clock)
    old = await ring.signing(house.caller)
    clock.at += 5
    fresh = ring.mint(clock())
    await house.catalog.write(signing_keys.rotate, house.caller, fresh)
    assert await ring.signing(house.caller) == fresh
    kept = await ring_of(house.catalog, clock).find(old.id)
    assert kept == old._replace(retires_at=clock())
    clock.at += 5
    again = ring.mint(clock())
    await house.catalog.write(signing_keys.rotate, house.caller, again)
    assert await events(house) == [
        ("signing_key.created", old.id),
        ("signing_key.retired", old.id),
        ("signing_key.created", fresh.id),
        ("signing_key.retired", fresh.id),
        ("signing_key.created", again.id),
    ]


async def test_a_revoked_key_signs_no_more_and_is_unknown_to_who_looks(house: House) -> None:
    clock = Clock()
    ring = ring_of(house.catalog, clock)
    key = await ring.signing(house.caller)
    await house.catalog.write(signing_keys.revoke, house.caller, key.id, clock())
    again = house.catalog.write(signing_keys.revoke, house.caller, key.id, clock())
    assert await refusal(again) is SigningKeyReason.UNKNOWN
    unknown = house.catalog.write(signing_keys.revoke, house.caller, new_id(), clock())
    assert await refusal(unknown) is SigningKeyReason.UNKNOWN
    assert await ring_of(house.catalog, clock).find(key.id) is None
    assert (await ring.signing(house.caller)).id != key.id
    assert ("signing_key.revoked", key.id) in await events(house)


async def test_only_who_manages_the_house_changes_its_keys(house: House) -> None:
    nobody = Caller(new_id(), "nobody", house.caller.tenant_id)
    second = await house.catalog.write(tenants.create, "second")
    root = await house.catalog.read(tenants.root_of, second.id)
    elsewhere = a_principal(second.id)
    await house.catalog.write(lambda tx: tx.principals.add(elsewhere))
    await house.catalog.write(access.grant, elsewhere.id, root.id)
    clock = Clock()
    for caller in (nobody, Caller(elsewhere.id, elsewhere.name, second.id)):
        for changing in (
            house.catalog.write(signing_keys.rotate, caller, minted(clock())),
            house.catalog.write(signing_keys.revoke, caller, new_id(), clock()),
        ):
            assert await refusal(changing) is AccessReason.VERB_NOT_GRANTED
    assert await events(house) == []


@pytest.fixture
def watched(house: House, tmp_path: Path) -> Watched:
    return Watched(tmp_path / "catalog.sqlite", readers=1)


async def test_unknown_ids_are_looked_for_once_a_second(house: House, watched: Watched) -> None:
    clock = Clock()
    await watched.open()
    try:
        ring = ring_of(watched, clock)
        key = await ring_of(house.catalog, clock).signing(house.caller)
        assert await ring.find(key.id) == key
        assert watched.glances == 1
        strange = ["", "../../etc/passwd", "x" * 10_000, *(new_id() for _ in range(50))]
        assert set(await asyncio.gather(*(ring.find(each) for each in strange))) == {None}
        assert await ring.find(key.id) == key
        assert watched.glances == 1
        later = minted(clock())
        await house.catalog.write(lambda tx: tx.signing_keys.add(later))
        clock.at += 999
        assert await ring.find(later.id) is None
        clock.at += 1
        # Several that wait for the same look all learn what it saw.
        assert await asyncio.gather(*(ring.find(later.id) for _ in range(5))) == [later] * 5
        assert watched.glances == 2
        clock.at -= 10_000  # the clock was set back
        assert await ring.find("unknown") is None
        assert watched.glances == 3
    finally:
        await watched.close()


async def test_a_catalog_that_was_away_is_asked_again_at_once(house: House, watched: Watched) -> None:
    clock = Clock()
    await watched.open()
    try:
        ring = ring_of(watched, clock)
        key = await ring_of(house.catalog, clock).signing(house.caller)
        watched.broken = True
        assert await refusal(ring.find(key.id)) is RequestReason.CATALOG_UNAVAILABLE
        watched.broken = False
        assert await ring.find(key.id) == key
    finally:
        await watched.close()


async def test_what_happened_to_a_key_names_no_secret(house: House) -> None:
    key = await ring_of(house.catalog, Clock()).signing(house.caller)
    entries = await house.catalog.read(lambda tx: tx.journal.tail(0, 1000))
    (created,) = [each for each in entries if each.subject == key.id]
    expected = Event.by(house.caller, "signing_key.created", key.id, retires_at=key.retires_at)
    assert (created.kind, created.detail) == (expected.kind, f'{{"retires_at":{key.retires_at}}}')

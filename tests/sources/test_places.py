"""Every kind of place, by one suite. A new kind is a line in ``WORLDS``."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.sources.services import read, seen
from tests.sources.worlds import World, Worlds, folder_world, mailbox_world, website_world

from kade.core.errors import KadeError, SourceReason

WORLDS: dict[str, Worlds] = {"folder": folder_world, "mailbox": mailbox_world, "website": website_world}
NEEDS = {"mailbox": [pytest.mark.needs("dovecot")]}
LONG = os.urandom(700_000).hex().encode()


@pytest.fixture(
    params=[pytest.param(made, id=kind, marks=NEEDS.get(kind, [])) for kind, made in WORLDS.items()]
)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with request.param(tmp_path) as made:
        yield made


async def test_a_walk_sees_everything_once_and_the_same_again(world: World) -> None:
    for thing in ("one", "two", "three"):
        await world.put(thing, thing.encode())
    async with world.open() as place:
        found = await seen(place)
        assert {await world.key(thing) for thing in ("one", "two", "three")} <= found.keys()
        assert await seen(place) == found
    async with world.open() as place:
        assert await seen(place) == found


async def test_what_is_seen_can_be_read(world: World) -> None:
    small, large = await world.put("small", b"a few bytes"), await world.put("large", LONG)
    async with world.open() as place:
        found = await seen(place)
        assert await read(place, found[await world.key("small")]) == small
        item = found[await world.key("large")]
        assert await read(place, item) == large
        assert item.length in (None, len(large))


async def test_a_look_finds_one_thing_as_a_walk_does(world: World) -> None:
    await world.put("one", b"1")
    async with world.open() as place:
        found = await seen(place)
        for key, item in found.items():
            assert await place.look(key) == item
        assert await place.look((await world.key("one")) + "0") is None


@pytest.mark.parametrize(
    "key", ["", "/", "..", "../x", "a//b", "a/../b", "\0", "a\nb", "x" * 5000, "INBOX/1/2"]
)
async def test_a_look_at_no_key_at_all_finds_nothing(world: World, key: str) -> None:
    await world.put("one", b"1")
    async with world.open() as place:
        assert await place.look(key) is None


async def test_what_is_removed_is_gone(world: World) -> None:
    await world.put("one", b"1")
    await world.put("two", b"2")
    async with world.open() as place:
        before = await seen(place)
        key = await world.key("one")
        await world.remove("one")
        after = await seen(place)
        assert before.keys() - after.keys() == {key}
        assert await place.look(key) is None
        with pytest.raises(KadeError) as caught:
            await read(place, before[key])
        assert caught.value.reason is SourceReason.CHANGED


async def test_what_is_renamed_keeps_identity_and_signature(world: World) -> None:
    if not world.renames:
        return
    await world.put("one", b"1")
    async with world.open() as place:
        before = (await seen(place))[await world.key("one")]
        await world.rename("one", "another")
        found = await seen(place)
        after = found[await world.key("another")]
    assert before.key not in found
    assert before.identity
    assert (after.identity, after.signature) == (before.identity, before.signature)


async def test_two_things_have_two_identities(world: World) -> None:
    await world.put("one", b"the same")
    await world.put("two", b"the same")
    async with world.open() as place:
        identities = [item.identity for item in (await seen(place)).values() if item.identity]
    assert len(identities) == len(set(identities))


async def test_what_is_changed_has_another_signature_and_is_not_read_as_before(world: World) -> None:
    await world.put("one", b"before")
    await world.put("two", b"stays")
    async with world.open() as place:
        before = await seen(place)
        data = await world.put("one", b"after!")
        after = await seen(place)
        [old] = {(item.key, item.signature) for item in before.values()} - {
            (item.key, item.signature) for item in after.values()
        }
        with pytest.raises(KadeError) as caught:
            await read(place, before[old[0]])
        assert caught.value.reason is SourceReason.CHANGED
        assert await read(place, after[await world.key("one")]) == data


async def test_several_are_read_while_a_walk_goes_on(world: World) -> None:
    kept = {thing: await world.put(thing, thing.encode() * 10_000) for thing in ("one", "two", "three")}
    async with world.open() as place:
        found = await seen(place)
        walk = place.walk()
        await anext(walk)
        items = [found[await world.key(thing)] for thing in kept]
        assert await asyncio.gather(*(read(place, item) for item in items)) == list(kept.values())
        rest = [item async for item in walk]
        assert len(rest) == len(found) - 1


async def test_a_walk_or_a_reading_that_is_given_up_leaves_the_place_usable(world: World) -> None:
    data = await world.put("one", LONG)
    async with world.open() as place:
        found = await seen(place)
        for _ in range(5):
            async for _item in place.walk():
                break
            async for _piece in place.read(found[await world.key("one")]):
                break
        assert await read(place, found[await world.key("one")]) == data
        assert await seen(place) == found

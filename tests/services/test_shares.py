"""Shares: what is in one and nothing else, for as long as whoever shared it may read it."""

import pytest
from tests.services.asking import SECRET, asked
from tests.services.conftest import House
from tests.services.test_appending import refusal

from kade.core.errors import (
    AccessReason,
    ContactReason,
    FileReason,
    ShareReason,
    SpaceReason,
)
from kade.core.files import File
from kade.core.grants import ALL_VERBS
from kade.core.ids import new_id
from kade.core.principals import Caller, Origin, PrincipalKind
from kade.services import access, contacts, files, principals, requests, shares, tenants
from kade.services.requests import SlotWish
from kade.services.shares import MOST_THINGS, Shared, Thing


async def a_file(house: House, name: str) -> File:
    upload = await house.begin(4, name)
    return await house.file(await house.append(upload, 0, b"text"))


async def share(house: House, *things: Thing, **more: object) -> Shared:
    return await house.catalog.write(
        lambda tx: shares.create(tx, house.caller, SECRET, things, **more)  # type: ignore[arg-type]
    )


async def come(house: House, made: Shared) -> Shared:
    token = shares.token(SECRET, made.share)
    return (await house.catalog.read(shares.visit, token, Origin("page")))[1]


async def names(house: House, found: Shared) -> list[str]:
    return [file.name for file in await house.catalog.read(shares.listed, found)]


async def test_files_and_spaces_are_shared_and_nothing_else(house: House) -> None:
    one, two = await a_file(house, "one.txt"), await a_file(house, "two.txt")
    alone = await come(house, await share(house, Thing(file_id=one.id)))
    assert await names(house, alone) == ["one.txt"]
    assert (await house.catalog.read(shares.readable, alone, one.id)).id == one.id
    for other in (two.id, new_id(), None):
        assert await refusal(house.catalog.read(shares.readable, alone, other)) is FileReason.UNKNOWN
    every = await come(house, await share(house, Thing(space_id=house.space.id), Thing(file_id=one.id)))
    later = await a_file(house, "later.txt")
    assert await names(house, every) == ["one.txt", "two.txt", "later.txt"]
    assert (await house.catalog.read(shares.readable, every, later.id)).id == later.id
    await house.catalog.write(files.purge, house.caller, one)
    assert await names(house, alone) == []
    assert await refusal(house.catalog.read(shares.readable, alone, one.id)) is FileReason.UNKNOWN


async def test_a_removed_share_ends(house: House) -> None:
    one = await a_file(house, "one.txt")
    contact = await house.catalog.write(contacts.create, house.caller, "Name", "post@example.org")
    made = await share(house, Thing(file_id=one.id), contact_id=contact.id)
    other = await share(house, Thing(file_id=one.id))
    assert made.share.contact_id == contact.id
    assert await house.catalog.read(shares.find, house.caller, made.share.id) == made
    assert await house.catalog.read(shares.page, house.caller, 0, 10) == [other, made]
    await house.catalog.write(shares.remove, house.caller, made.share)
    assert await refusal(come(house, made)) is AccessReason.UNKNOWN_CREDENTIAL
    assert await house.catalog.read(shares.page, house.caller, 0, 10) == [other]
    nobody = Caller(new_id(), "nobody", house.caller.tenant_id)
    elsewhere = Caller(house.caller.principal_id, "admin", new_id())
    for caller, share_id in (
        (house.caller, made.share.id),
        (house.caller, new_id()),
        (house.caller, None),
        (nobody, other.share.id),
        (elsewhere, other.share.id),
    ):
        assert await refusal(house.catalog.read(shares.find, caller, share_id)) is ShareReason.UNKNOWN
    removed = house.catalog.write(shares.remove, nobody, other.share)
    assert await refusal(removed) is AccessReason.VERB_NOT_GRANTED


@pytest.mark.parametrize("ended", ["grant", "principal"])
async def test_nobody_gives_away_what_was_taken_from_them(house: House, ended: str) -> None:
    one = await a_file(house, "one.txt")
    catalog = house.catalog
    desk = await catalog.write(
        principals.create, house.caller, house.namers, PrincipalKind.APPLICATION, "desk"
    )
    root = await catalog.read(tenants.root_of, house.caller.tenant_id)
    grant = await catalog.write(access.grant, desk.id, root.id, ALL_VERBS)
    caller = Caller(desk.id, desk.name, house.caller.tenant_id)
    made = await catalog.write(shares.create, caller, SECRET, [Thing(file_id=one.id)])
    assert await names(house, made) == ["one.txt"]
    if ended == "grant":
        await catalog.write(lambda tx: tx.grants.remove(grant.id))
    else:
        await catalog.write(principals.remove, house.caller, desk)
    assert await names(house, made) == []
    assert await refusal(catalog.read(shares.readable, made, one.id)) is FileReason.UNKNOWN
    unread = catalog.write(shares.create, caller, SECRET, [Thing(file_id=one.id)])
    assert await refusal(unread) is FileReason.UNKNOWN


async def test_what_cannot_be_shared(house: House) -> None:
    one = await a_file(house, "one.txt")
    assert await refusal(share(house)) is ShareReason.EMPTY
    assert await refusal(share(house, *[Thing(file_id=one.id)] * (MOST_THINGS + 1))) is ShareReason.EMPTY
    assert await refusal(share(house, Thing(file_id=new_id()))) is FileReason.UNKNOWN
    assert await refusal(share(house, Thing(space_id=new_id()))) is SpaceReason.UNKNOWN
    unknown = share(house, Thing(file_id=one.id), contact_id=new_id())
    assert await refusal(unknown) is ContactReason.UNKNOWN


async def test_a_link_to_a_request_is_none_to_a_share(house: House) -> None:
    guest = await asked(house, SlotWish("Anything"))
    token = requests.token(SECRET, guest.view.request)
    found = house.catalog.read(shares.visit, token, Origin("page"))
    assert await refusal(found) is ShareReason.UNKNOWN
    made = await share(house, Thing(file_id=(await a_file(house, "one.txt")).id))
    visited = house.catalog.read(requests.visit, shares.token(SECRET, made.share), Origin("page"))
    assert await refusal(visited) is not None

"""Every catalog: file requests with their slots, contacts, shares and webhooks."""

from typing import NamedTuple

import pytest
from tests.support.nouns import (
    a_contact,
    a_file,
    a_principal,
    a_request,
    a_share,
    a_slot,
    a_space,
    a_webhook,
    an_upload,
    house,
)

from kade.core.clock import Millis
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.requests import FileRequest, Slot
from kade.core.shares import SharedThing
from kade.core.spaces import Space


class Asking(NamedTuple):
    """A tenant's root space, and a contact of it."""

    catalog: Catalog
    space: Space
    contact_id: Id

    async def guest(self) -> Id:
        made = a_principal(self.space.tenant_id)
        await self.catalog.write(lambda tx: tx.principals.add(made))
        return made.id

    async def request(self, *slots: Slot, **given: object) -> FileRequest:
        """One more request; the *slots* become its own."""
        made = a_request(self.space, await self.guest())._replace(**given)  # type: ignore[arg-type]
        own = [slot._replace(request_id=made.id) for slot in slots]
        await self.catalog.write(lambda tx: tx.file_requests.add(made, own))
        return made

    async def page(self, *spaces: Space, skip: int = 0, limit: int = 9, closed: bool = False) -> list[Id]:
        ids = [each.id for each in spaces or (self.space,)]
        found = await self.catalog.read(
            lambda tx: tx.file_requests.page(self.space.tenant_id, ids, skip, limit, closed=closed)
        )
        return [each.id for each in found]


@pytest.fixture
async def asking(catalog: Catalog) -> Asking:
    tenant, space = await catalog.write(house)
    contact = a_contact(tenant.id)
    await catalog.write(lambda tx: tx.contacts.add(contact))
    return Asking(catalog, space, contact.id)


def slots_of(*given: dict[str, object]) -> list[Slot]:
    """Slots in this order, of no request yet."""
    nobody = a_request(a_space(new_id()), new_id())
    return [a_slot(nobody, at, **each) for at, each in enumerate(given)]


async def test_a_request_keeps_every_field(asking: Asking) -> None:
    catalog = asking.catalog
    made = await asking.request(
        *slots_of({}),
        name="Ünterlagen",
        description="Why\nwe ask",
        contact_id=asking.contact_id,
        link=3,
        password="$argon2id$",  # noqa: S106 - no password, but how a hash begins
        language="nl",
        notify="who@example.org",
        expires_at=Millis(7),
    )
    await asking.request(*slots_of({}))
    assert await catalog.read(lambda tx: tx.file_requests.get(made.id)) == made
    assert await catalog.write(lambda tx: tx.file_requests.lock(made.id)) == made
    assert await catalog.read(lambda tx: tx.file_requests.of_guest(made.guest_id)) == made
    for verb in ("get", "lock", "of_guest"):
        assert await catalog.write(lambda tx, name: getattr(tx.file_requests, name)(new_id()), verb) is None
    changed = made._replace(
        link=4, password=None, completed_at=Millis(8), closed_at=Millis(9), contact_id=None
    )
    await catalog.write(lambda tx: tx.file_requests.change(changed))
    assert await catalog.read(lambda tx: tx.file_requests.get(made.id)) == changed


async def test_requests_are_listed_newest_first_in_the_spaces_that_are_named(asking: Asking) -> None:
    catalog, root = asking.catalog, asking.space
    other = a_space(root.tenant_id, root.id)
    (_, foreign) = await catalog.write(house)
    await catalog.write(lambda tx: tx.spaces.add(other))
    here = [await asking.request(*slots_of({})) for _ in range(3)]
    there = await asking.request(*slots_of({}), space_id=other.id)
    closed = await asking.request(*slots_of({}), closed_at=Millis(1))
    await Asking(catalog, foreign, asking.contact_id).request(*slots_of({}))
    newest = [each.id for each in sorted(here, reverse=True)]
    assert await asking.page() == newest
    assert await asking.page(skip=1, limit=1) == newest[1:2]
    assert await asking.page(root, other) == sorted([*newest, there.id], reverse=True)
    assert await asking.page(closed=True) == sorted([*newest, closed.id], reverse=True)
    assert await asking.page(foreign) == []
    assert await catalog.read(lambda tx: tx.file_requests.page(root.tenant_id, [], 0, 9)) == []


async def test_of_a_contact_the_open_requests_are_counted(asking: Asking) -> None:
    whose = {"contact_id": asking.contact_id}
    for moments in ({}, {}, {"completed_at": Millis(1)}, {"closed_at": Millis(1)}):
        await asking.request(*slots_of({}), **whose, **moments)
    await asking.request(*slots_of({}))
    assert await asking.catalog.read(lambda tx: tx.file_requests.open_of_contact(asking.contact_id)) == 2
    assert await asking.catalog.read(lambda tx: tx.file_requests.open_of_contact(new_id())) == 0


async def test_slots_keep_every_field_and_their_order(asking: Asking) -> None:
    catalog = asking.catalog
    full = {"description": "All of it", "required": False, "max_size": 1 << 50, "accepts": "image/* text/csv"}
    wanted = slots_of(full, {}, {})
    one, two = await asking.request(*wanted[::-1]), await asking.request(*slots_of({}))
    found = await catalog.read(lambda tx: tx.file_requests.slots([two.id, one.id]))
    assert found[one.id] == [slot._replace(request_id=one.id) for slot in wanted]
    assert [slot.required for slot in found[one.id]] == [False, True, True]
    assert [slot.request_id for slot in found[two.id]] == [two.id]
    single = await catalog.read(lambda tx: tx.file_requests.slot(wanted[0].id))
    assert single == found[one.id][0] and single is not None and single.required is False
    assert await catalog.read(lambda tx: tx.file_requests.slot(new_id())) is None
    nobody = new_id()
    assert await catalog.read(lambda tx: tx.file_requests.slots([nobody])) == {nobody: []}
    assert await catalog.read(lambda tx: tx.file_requests.slots([])) == {}


async def test_a_slot_is_filled_and_vacated(asking: Asking) -> None:
    catalog = asking.catalog
    one, two = slots_of({}, {})
    await asking.request(one, two)
    file, other = a_file(asking.space), a_file(asking.space)

    async def fill(slot: Slot, file_id: Id | None) -> None:
        await catalog.write(lambda tx: tx.file_requests.fill(slot.id, file_id))

    async def there() -> list[Id | None]:
        found = [await catalog.read(lambda tx, of: tx.file_requests.slot(of), slot.id) for slot in (one, two)]
        return [slot.file_id for slot in found if slot is not None]

    await fill(one, file.id)
    await fill(two, other.id)
    assert await there() == [file.id, other.id]
    await catalog.write(lambda tx: tx.file_requests.vacate(new_id()))
    await catalog.write(lambda tx: tx.file_requests.vacate(file.id))
    assert await there() == [None, other.id]
    await fill(two, file.id)
    assert await there() == [None, file.id]
    await fill(two, None)
    assert await there() == [None, None]


async def test_uploads_of_a_slot_are_found(asking: Asking) -> None:
    slot_id, other_id = new_id(), new_id()
    mine = [an_upload(asking.space, slot_id=slot_id) for _ in range(2)]
    others = [an_upload(asking.space, slot_id=other_id), an_upload(asking.space)]

    def fill(tx: Tx) -> None:
        for each in (*mine, *others):
            tx.uploads.add(each)

    await asking.catalog.write(fill)
    found = await asking.catalog.read(lambda tx: tx.uploads.of_slot(slot_id))
    assert sorted(found) == sorted(mine)
    await asking.catalog.write(lambda tx: tx.uploads.forget(mine[0].id))
    assert await asking.catalog.read(lambda tx: tx.uploads.of_slot(slot_id)) == mine[1:]
    assert await asking.catalog.read(lambda tx: tx.uploads.of_slot(new_id())) == []
    kept = await asking.catalog.read(lambda tx: tx.uploads.get(others[1].id))
    assert kept is not None and kept.slot_id is None


async def test_a_contact_keeps_every_field_and_is_known_when_it_is_gone(asking: Asking) -> None:
    catalog, tenant_id = asking.catalog, asking.space.tenant_id
    _, foreign = await catalog.write(house)
    made = [a_contact(tenant_id, name=name, language="de", details='{"a": 1}') for name in ("Ä", "b", "c")]
    for each in (*made, a_contact(foreign.tenant_id)):
        await catalog.write(lambda tx, one: tx.contacts.add(one), each)
    assert await catalog.read(lambda tx: tx.contacts.get(made[0].id)) == made[0]
    assert await catalog.read(lambda tx: tx.contacts.get(new_id())) is None
    changed = made[0]._replace(name="Z", email="z@example.org", details="{}", language="")
    gone = made[1]._replace(removed_at=Millis(5))
    for each in (changed, gone):
        await catalog.write(lambda tx, one: tx.contacts.change(one), each)
    assert await catalog.read(lambda tx: tx.contacts.get(gone.id)) == gone
    everybody = [each.id for each in await catalog.read(lambda tx: tx.contacts.page(tenant_id, 0, 9))]
    assert everybody == sorted([made[0].id, made[2].id, asking.contact_id], reverse=True)
    assert await catalog.read(lambda tx: tx.contacts.get(changed.id)) == changed
    (second,) = await catalog.read(lambda tx: tx.contacts.page(tenant_id, 1, 1))
    assert second.id == everybody[1]


async def test_a_share_keeps_every_field_and_its_things_in_order(asking: Asking) -> None:
    catalog, tenant_id = asking.catalog, asking.space.tenant_id
    made = a_share(tenant_id, await asking.guest(), contact_id=asking.contact_id, link=2)
    other = a_share(tenant_id, await asking.guest())
    things = [SharedThing(made.id, 0, new_id(), None), SharedThing(made.id, 1, None, asking.space.id)]
    await catalog.write(lambda tx: tx.shares.add(made, things[::-1]))
    await catalog.write(lambda tx: tx.shares.add(other, []))
    assert await catalog.read(lambda tx: tx.shares.get(made.id)) == made
    assert await catalog.read(lambda tx: tx.shares.of_guest(made.guest_id)) == made
    for verb in ("get", "of_guest"):
        assert await catalog.read(lambda tx, name: getattr(tx.shares, name)(new_id()), verb) is None
    found = await catalog.read(lambda tx: tx.shares.things([made.id, other.id]))
    assert found == {made.id: things, other.id: []}
    newest = sorted([made, other], reverse=True)
    assert await catalog.read(lambda tx: tx.shares.page(tenant_id, 0, 9)) == newest
    assert await catalog.read(lambda tx: tx.shares.page(tenant_id, 1, 9)) == newest[1:]
    assert await catalog.read(lambda tx: tx.shares.page(tenant_id, 0, 1)) == newest[:1]
    assert await catalog.read(lambda tx: tx.shares.page(new_id(), 0, 9)) == []
    gone = made._replace(link=3, removed_at=Millis(4))
    await catalog.write(lambda tx: tx.shares.change(gone))
    assert await catalog.read(lambda tx: tx.shares.get(made.id)) == gone
    assert await catalog.read(lambda tx: tx.shares.page(tenant_id, 0, 9)) == [other]


async def test_a_webhook_keeps_every_field_and_is_removed_once(asking: Asking) -> None:
    catalog, tenant_id = asking.catalog, asking.space.tenant_id
    assert not await catalog.read(lambda tx: tx.webhooks.exist())
    made = [a_webhook(tenant_id, secret=bytes(range(256))), a_webhook(tenant_id)]
    for each in made[::-1]:
        await catalog.write(lambda tx, hook: tx.webhooks.add(hook), each)
    assert await catalog.read(lambda tx: tx.webhooks.exist())
    assert await catalog.read(lambda tx: tx.webhooks.get(made[0].id)) == made[0]
    assert await catalog.read(lambda tx: tx.webhooks.get(new_id())) is None
    assert await catalog.read(lambda tx: tx.webhooks.of_tenant(tenant_id)) == sorted(made)
    assert await catalog.read(lambda tx: tx.webhooks.of_tenant(new_id())) == []
    removals = [
        await catalog.write(lambda tx, at: tx.webhooks.remove(made[0].id, Millis(at)), at) for at in (5, 6)
    ]
    assert removals == [True, False]
    assert not await catalog.write(lambda tx: tx.webhooks.remove(new_id(), Millis(5)))
    assert await catalog.read(lambda tx: tx.webhooks.get(made[0].id)) == made[0]._replace(
        removed_at=Millis(5)
    )
    assert await catalog.read(lambda tx: tx.webhooks.of_tenant(tenant_id)) == made[1:]
    await catalog.write(lambda tx: tx.webhooks.remove(made[1].id, Millis(7)))
    assert not await catalog.read(lambda tx: tx.webhooks.exist())

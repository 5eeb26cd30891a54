"""Telling: what is to be told to whom, once, though the reaction is run twice or dies."""

from __future__ import annotations

import json
from typing import Any

from tests.services.asking import ANYTHING, LETTER, PDF, SECRET, Guest, ask, asked, come
from tests.services.conftest import House

from kade.core.clock import Millis, now
from kade.core.events import Event
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.tasks import Task
from kade.core.webhooks import Webhook
from kade.services import contacts, requests, telling
from kade.services.reacting import Reacting

DAY = 86_400_000


async def told(house: House, kind: str = telling.MAIL) -> list[dict[str, Any]]:
    """What is to be told by now, in order of its time."""
    reacting = Reacting(house.catalog, "telling", telling.follow)
    await reacting.catch_up()
    await reacting.catch_up()

    def look(tx: Tx) -> list[Task]:
        return [
            task
            for space in tx.spaces.of_tenant(house.caller.tenant_id)
            for task in tx.tasks.of_space(space.id, kind)
        ]

    found = sorted(await house.catalog.read(look), key=lambda task: task.due_at)
    return [{**json.loads(task.request), "in_days": round((task.due_at - now()) / DAY)} for task in found]


async def test_a_contact_is_invited_and_reminded(house: House) -> None:
    contact = await house.catalog.write(contacts.create, house.caller, "Name", "post@example.org")
    view = await ask(house, LETTER, contact_id=contact.id, expires_at=Millis(now() + 14 * DAY))
    found = await told(house)
    assert [(each["letter"], each["in_days"]) for each in found] == [
        ("invitation", 0),
        ("reminder", 11),
        ("reminder", 13),
    ]
    assert {each["to"] for each in found} == {"post@example.org"}
    assert {each["request"] for each in found} == {view.request.id}
    await house.catalog.write(requests.renew_link, house.caller, SECRET, view.request)
    again = [each for each in await told(house) if each["letter"] == "invitation"]
    assert [each["link"] for each in again] == [1, 2]


async def test_without_an_end_nobody_is_reminded(house: House) -> None:
    contact = await house.catalog.write(contacts.create, house.caller, "Name", "post@example.org")
    await ask(house, LETTER, contact_id=contact.id)
    await ask(house, LETTER, contact_id=contact.id, expires_at=Millis(now() + DAY))
    assert [each["letter"] for each in await told(house)] == ["invitation", "invitation"]


async def test_a_public_link_is_handed_over_by_whoever_made_it(house: House) -> None:
    await ask(house, ANYTHING)
    assert await told(house) == []


async def test_whoever_wants_to_know_is_told_that_all_was_sent(house: House) -> None:
    guest: Guest = await asked(house, LETTER, notify="desk@example.org")
    await guest.put(guest.slots[0], "letter.pdf", PDF)
    await guest.send()
    quiet = await asked(house, LETTER)
    await quiet.put(quiet.slots[0], "letter.pdf", PDF)
    await quiet.send()
    (only,) = await told(house)
    assert (only["letter"], only["to"]) == ("completed", "desk@example.org")


async def test_webhooks_are_called_of_their_kind_and_tenant(house: House) -> None:
    def hook(kind: str, tenant: str | None = None) -> Webhook:
        tenant_id = house.caller.tenant_id if tenant is None else new_id()
        by = house.caller.principal_id
        return Webhook(
            new_id(),
            tenant_id,
            "desk",
            kind,
            "https://example.org/",
            b"",
            by,
            now(),
            None,
        )

    wanted, other, gone = hook("request.created"), hook("contact.created"), hook("request.created")

    def add(tx: Tx) -> None:
        for each in (wanted, other, gone):
            tx.webhooks.add(each)
        assert tx.webhooks.remove(gone.id, now()) and not tx.webhooks.remove(gone.id, now())

    await house.catalog.write(add)
    view = await ask(house, LETTER)
    (only,) = await told(house, telling.calls_of("desk"))
    assert (only["webhook"], only["event"], only["subject"]) == (
        wanted.id,
        "request.created",
        view.request.id,
    )


async def test_what_is_of_no_tenant_or_of_nothing_known_is_passed(house: House) -> None:
    def note(tx: Tx) -> None:
        tx.journal.append(Event("connection.refused"))
        tx.journal.append(Event("request.created", new_id(), tenant_id=house.caller.tenant_id))

    await house.catalog.write(note)
    assert await told(house) == []


async def test_a_receipt_is_written_to_whoever_asks_for_it(house: House) -> None:
    guest = await come(house, await ask(house, ANYTHING))

    def write(tx: Tx) -> None:
        telling.write(tx, guest.view.request, telling.Letter.RECEIPT, "me@example.org")

    await house.catalog.write(write)
    assert [(each["letter"], each["to"]) for each in await told(house)] == [("receipt", "me@example.org")]

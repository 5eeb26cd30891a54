"""Mails about requests, through a real SMTP server: what they say, and when they are not sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.portal.house import House, running_house
from tests.services.conftest import until
from tests.support.smtp import Mailbox, smtp_server

from kade.core.clock import Millis, now
from kade.core.ports import Tx
from kade.core.tasks import TaskState
from kade.services import contacts, requests, telling
from kade.services.installing import local_operator
from kade.services.requests import SlotWish
from kade.services.telling import Letter

SLOTS = (SlotWish("Contract"), SlotWish("Logo", required=False))
FORTNIGHT = 14 * 86_400_000


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with smtp_server() as found:
        yield found


@pytest.fixture
async def house(tmp_path: Path, box: Mailbox) -> AsyncIterator[House]:
    settings = {
        "KADE_MAIL_HOST": "127.0.0.1",
        "KADE_MAIL_PORT": str(box.port),
        "KADE_MAIL_SECURITY": "none",
        "KADE_MAIL_SENDER": "kade@example.org",
    }
    async with running_house(tmp_path, settings) as made:
        yield made


async def arrived(box: Mailbox, count: int) -> None:
    """Return once so many messages are there."""

    async def there() -> bool:
        return len(box.messages) >= count

    await until(there)


async def settled(house: House, states: dict[TaskState, int]) -> None:
    """Return once so many mails are in these states."""

    def look(tx: Tx) -> dict[TaskState, int]:
        found: dict[TaskState, int] = {}
        for space in tx.spaces.of_tenant(local_operator(tx).tenant_id):
            for task in tx.tasks.of_space(space.id, telling.MAIL):
                if task.due_at <= now() or task.state != TaskState.WAITING:
                    found[TaskState(task.state)] = found.get(TaskState(task.state), 0) + 1
        return found

    async def so() -> bool:
        return await house.kade.catalog.read(look) == states

    await until(so)


async def contact(house: House) -> str:
    return (
        await house.kade.catalog.write(
            lambda tx: contacts.create(tx, local_operator(tx), "Example Ltd", "post@example.org")
        )
    ).id


async def test_an_invitation_has_the_link_and_says_what_is_asked_for(house: House, box: Mailbox) -> None:
    link = await house.ask(
        *SLOTS,
        name="Renewal",
        description="We need these.",
        contact_id=await contact(house),
        expires_at=Millis(now() + FORTNIGHT),
    )
    await arrived(box, 1)
    (mail,) = box.messages
    text = mail.get_content()
    assert (mail["To"], mail["Subject"]) == ("post@example.org", "Request for files: Renewal")
    assert f"{house.base}{link.path}\n" in text
    assert (
        "- Contract\n- Logo (Optional)\n" in text and "We need these." in text and "It is open until" in text
    )


async def test_a_dutch_customer_is_written_to_in_dutch(house: House, box: Mailbox) -> None:
    await house.ask(*SLOTS, name="Verlenging", contact_id=await contact(house), language="nl")
    await arrived(box, 1)
    (mail,) = box.messages
    assert mail["Subject"] == "Verzoek om bestanden: Verlenging"
    assert "- Logo (Optioneel)" in mail.get_content()


async def test_whoever_asked_is_told_what_came(house: House, box: Mailbox) -> None:
    link = await house.ask(SlotWish("Contract"), name="Renewal", notify="desk@example.org")
    await house.put(link, link.slots[0], "contract.txt", b"signed")
    await house.send("POST", f"{link.path}/send")
    await arrived(box, 1)
    (mail,) = box.messages
    text = mail.get_content()
    assert (mail["To"], mail["Subject"]) == ("desk@example.org", "Files received: Renewal")
    assert "- Contract: contract.txt (6 B)\n  SHA-256 " in text
    assert link.path.rpartition("/")[2] not in text  # the link is that of who was asked


async def test_a_server_that_refuses_for_now_gets_it_again(house: House, box: Mailbox) -> None:
    box.refuse = 1
    await house.ask(*SLOTS, contact_id=await contact(house))

    def hurry(tx: Tx) -> bool:
        for space in tx.spaces.of_tenant(local_operator(tx).tenant_id):
            for task in tx.tasks.of_space(space.id, telling.MAIL):
                if task.attempts == 1 and task.lease_holder is None:
                    assert "451" in task.last_error and task.due_at > now()
                    return tx.tasks.change(
                        task._replace(due_at=now(), lease_fence=task.lease_fence + 1), task.lease_fence
                    )
        return False

    await until(lambda: house.kade.catalog.write(hurry))
    await arrived(box, 1)


async def test_a_mailbox_that_is_none_is_not_tried_again(house: House, box: Mailbox) -> None:
    box.refuse, box.answer = 1, "550 no such mailbox"
    await house.ask(*SLOTS, contact_id=await contact(house))
    await settled(house, {TaskState.FAILED: 1})
    assert box.messages == []


async def test_what_need_not_be_said_any_longer_is_not_sent(house: House, box: Mailbox) -> None:
    link = await house.ask(SlotWish("Contract"), contact_id=await contact(house))
    await arrived(box, 1)
    await house.put(link, link.slots[0], "contract.txt", b"signed")
    await house.send("POST", f"{link.path}/send")

    def remind(tx: Tx) -> None:
        request = tx.file_requests.get(link.request_id)
        assert request is not None
        telling.write(tx, request, Letter.REMINDER, "post@example.org")
        telling.write(tx, request, Letter.RECEIPT, "post@example.org")

    await house.kade.catalog.write(remind)
    await arrived(box, 2)
    await settled(house, {TaskState.SUCCEEDED: 3})
    assert [mail["Subject"].partition(":")[0] for mail in box.messages] == ["Request for files", "Receipt"]


async def test_an_old_link_is_not_sent(house: House, box: Mailbox) -> None:
    link = await house.ask(SlotWish("Contract"), contact_id=await contact(house))
    await arrived(box, 1)
    secret = house.kade.sealer.derive("links")

    def renew(tx: Tx) -> None:
        request = tx.file_requests.get(link.request_id)
        assert request is not None
        telling.write(tx, request, Letter.REMINDER, "post@example.org")  # of the former link
        requests.renew_link(tx, local_operator(tx), secret, request)

    await house.kade.catalog.write(renew)
    await arrived(box, 2)
    await settled(house, {TaskState.SUCCEEDED: 3})
    assert len(box.messages) == 2
    assert link.path not in box.messages[1].get_content()


async def test_links_of_mails_are_not_kept(house: House, box: Mailbox) -> None:
    link = await house.ask(SlotWish("Contract"), contact_id=await contact(house))
    await arrived(box, 1)

    def look(tx: Tx) -> list[str]:
        spaces = tx.spaces.of_tenant(local_operator(tx).tenant_id)
        return [task.request for space in spaces for task in tx.tasks.of_space(space.id, telling.MAIL)]

    token = link.path.rpartition("/")[2]
    found = await house.kade.catalog.read(look)
    assert found and all(token not in each and json.loads(each)["letter"] == "invitation" for each in found)


async def test_a_receipt_is_mailed_to_who_asks_for_it(house: House, box: Mailbox) -> None:
    link = await house.ask(SlotWish("Contract"), name="Papers", language="nl")
    assert (await house.send("POST", f"{link.path}/receipt", data={"email": "a@example.org"})).status == 303
    await house.put(link, link.slots[0], "contract.txt", b"words")
    await house.send("POST", f"{link.path}/send")
    page = await house.get(link)
    assert f'action="{link.path}/receipt"' in page.text
    for typed in ("", "nobody", "a@example.org\r\nBcc: b@example.org"):
        refused = await house.send("POST", f"{link.path}/receipt", data={"email": typed})
        assert (refused.status, "Enter an e-mail address" in refused.text) == (422, True)
    for number in range(5):
        sent = await house.send("POST", f"{link.path}/receipt", data={"email": f"a{number}@example.org"})
        assert (sent.status, sent.headers["Location"]) == (303, f"{link.path}?mailed=yes")
    assert "on its way" in (await house.send("GET", f"{link.path}?mailed=yes")).text
    refused = await house.send("POST", f"{link.path}/receipt", data={"email": "a@example.org"})
    assert (refused.status, "several times" in refused.text) == (429, True)
    await arrived(box, 5)
    assert {message["To"] for message in box.messages} == {f"a{number}@example.org" for number in range(5)}
    text = box.messages[0].get_content()
    (file,) = await house.sent_files(link)
    assert file.sha256 is not None
    assert file.sha256 in text
    assert "contract.txt" in text


async def test_without_a_mail_server_nothing_is_offered(tmp_path: Path) -> None:
    async with running_house(tmp_path / "other") as house:
        link = await house.ask(SlotWish("Contract"))
        await house.put(link, link.slots[0], "contract.txt", b"words")
        await house.send("POST", f"{link.path}/send")
        assert "/receipt" not in (await house.get(link)).text
        assert (
            await house.send("POST", f"{link.path}/receipt", data={"email": "a@example.org"})
        ).status == 303

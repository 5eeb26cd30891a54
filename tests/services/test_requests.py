"""File requests: filled by whoever has the link and nobody else, held back until sent, closed at once."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.services.asking import (
    ANYTHING,
    LETTER,
    LOGO,
    PDF,
    PNG,
    SECRET,
    Guest,
    ask,
    asked,
    come,
    states,
)
from tests.services.conftest import House
from tests.services.test_appending import refusal
from tests.support.bodies import Body, Stream

from kade.core.clock import Millis, now
from kade.core.errors import (
    AccessReason,
    ContactReason,
    FileReason,
    FileRequestReason,
    KadeError,
    QuotaReason,
    Reason,
    SlotReason,
    UploadReason,
)
from kade.core.files import FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Origin
from kade.core.requests import RequestState
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.services import contacts, files, requests, spaces, uploads
from kade.services.doctoring import Doctoring
from kade.services.requests import RequestWish, SlotWish


async def test_a_request_is_filled_sent_and_then_its_files_are_there(house: House) -> None:
    guest = await asked(house, LOGO, LETTER, ANYTHING, description="Why we ask")
    logo, letter, anything = guest.slots
    first = await guest.put(logo, "logo.png", PNG)
    second = await guest.put(letter, "letter.pdf", PDF)
    ids = [first.file_id, second.file_id]
    assert await states(house, ids) == [FileState.RECEIVING] * 2
    view = await guest.look()
    assert view.placed[logo.id].length == len(PNG) and view.placed[letter.id].file.name == "letter.pdf"
    assert anything.id not in view.placed
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (0, len(PNG) + len(PDF))

    sent = await guest.send()
    assert sent.request.state(now()) is RequestState.COMPLETED
    assert await states(house, ids) == [FileState.LIVE] * 2
    assert sent.placed[logo.id].sha256 == (await house.content(first.content_id)).sha256
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (len(PNG) + len(PDF), 0)
    kinds = await house.kinds()
    assert kinds.count("slot.filled") == 2 and kinds.count("file.created") == 2
    assert kinds.index("request.created") < kinds.index("slot.filled") < kinds.index("request.completed")


async def test_what_was_sent_stays_sent(house: House) -> None:
    guest = await asked(house, LETTER)
    slot = guest.slots[0]
    sent = await guest.put(slot, "letter.pdf", PDF)
    await guest.send()
    for late in (
        guest.send(),
        guest.put(slot, "other.pdf", PDF),
        house.catalog.write(requests.empty, guest.caller, slot.id),
    ):
        assert await refusal(late) is FileRequestReason.COMPLETED
    await expire_uploads(house)
    assert await states(house, [sent.file_id]) == [FileState.LIVE]
    assert (await guest.look()).placed[slot.id].file.id == sent.file_id
    file = await house.file(sent)
    await house.catalog.write(files.purge, house.caller, file)
    view = await guest.look()
    assert view.placed == {} and view.slots[0].file_id is None
    assert view.request.completed_at is not None


async def test_the_last_one_counts_until_all_is_sent(house: House) -> None:
    guest = await asked(house, LETTER)
    slot = guest.slots[0]
    former = await guest.put(slot, "draft.pdf", PDF)
    unfinished = await guest.begin(slot, "half.pdf", 10_000)
    latter = await guest.put(slot, "final.pdf", PDF + b"%")
    assert await states(house, [former.file_id]) == [FileState.REFUSED]
    await guest.send()
    expected = [FileState.REFUSED, FileState.REFUSED, FileState.LIVE]
    assert await states(house, [former.file_id, unfinished.file_id, latter.file_id]) == expected
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (len(PDF) + 1, 0)


async def test_a_slot_can_be_emptied_and_filled_again(house: House) -> None:
    guest = await asked(house, LETTER)
    slot = guest.slots[0]
    former = await guest.put(slot, "draft.pdf", PDF)
    await house.catalog.write(requests.empty, guest.caller, slot.id)
    assert (await guest.look()).placed == {} and guest.slots[0].file_id is None
    assert await states(house, [former.file_id]) == [FileState.REFUSED]
    assert await refusal(guest.send()) is FileRequestReason.SLOTS_EMPTY
    await guest.put(slot, "final.pdf", PDF)
    assert (await guest.send()).request.completed_at is not None


async def test_many_that_fill_one_slot_leave_one_file(house: House) -> None:
    guest = await asked(house, ANYTHING)
    slot = guest.slots[0]
    done = await asyncio.gather(*(guest.put(slot, f"{n}.txt", b"text" * (n + 1)) for n in range(50)))
    found = await states(house, [each.file_id for each in done])
    assert sorted(found) == [FileState.RECEIVING] + [FileState.REFUSED] * 49
    view = await guest.send()
    live = [each for each, state in zip(done, found, strict=True) if state == FileState.RECEIVING]
    assert view.slots[0].file_id == live[0].file_id
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (view.placed[slot.id].length, 0)


@pytest.mark.parametrize(
    ("slots", "put", "missing"),
    [
        ((LOGO, LETTER, ANYTHING), (0, 2), (1,)),
        ((LOGO, LETTER, ANYTHING), (), (0, 1)),
        ((ANYTHING, ANYTHING), (), (0, 1)),
    ],
)
async def test_what_is_required_must_be_there(
    house: House, slots: Sequence[SlotWish], put: Sequence[int], missing: Sequence[int]
) -> None:
    guest = await asked(house, *slots)
    for each in put:
        await guest.put(guest.slots[each], "a.png", PNG)
    error = await caught(guest)
    assert error == " ".join(guest.slots[each].id for each in missing)


async def caught(guest: Guest) -> str:
    """The slots that stood in the way of sending."""
    with pytest.raises(KadeError) as refused:
        await guest.send()
    assert refused.value.reason is FileRequestReason.SLOTS_EMPTY
    return refused.value.subject


@pytest.mark.parametrize(
    ("wish", "name", "length", "reason"),
    [
        (LOGO, "logo.png", 10_241, UploadReason.MAX_SIZE),
        (LOGO, "logo.pdf", 100, SlotReason.WRONG_TYPE),
        (LOGO, "logo", 100, SlotReason.WRONG_TYPE),
        (LOGO, "logo.png", 0, SlotReason.EMPTY_FILE),
        (LOGO, "logo.png", None, UploadReason.BAD_LENGTH),
        (LOGO, "a/logo.png", 100, FileReason.BAD_NAME),
        (ANYTHING, "logo.png", (1 << 60) + 1, UploadReason.MAX_SIZE),
    ],
)
async def test_what_a_slot_is_not_for_is_refused_before_it_is_sent(
    house: House, wish: SlotWish, name: str, length: int | None, reason: Reason
) -> None:
    guest = await asked(house, wish)
    assert await refusal(guest.begin(guest.slots[0], name, length)) is reason
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (0, 0)


async def test_parts_are_no_files_of_slots(house: House) -> None:
    guest = await asked(house, ANYTHING)
    begun = guest.begin(guest.slots[0], "part", 5, kind=UploadKind.PARTIAL)
    assert await refusal(begun) is UploadReason.BAD_LENGTH


@pytest.mark.parametrize("data", [b"%PDF-1.7\n" + bytes(900), b"MZ" + bytes(range(128)) * 8, b"<html>" * 200])
async def test_another_type_is_refused_at_its_first_bytes(house: House, data: bytes) -> None:
    guest = await asked(house, LOGO)
    slot = guest.slots[0]
    upload = await guest.begin(slot, "logo.png", 5000)
    stream = Stream()
    running = asyncio.create_task(guest.append(upload, stream))
    stream.feed(data)
    assert await refusal(running) is SlotReason.WRONG_TYPE  # the rest was never sent
    assert await refusal(guest.put(slot, "logo.png", data[:40])) is SlotReason.WRONG_TYPE
    assert (await guest.look()).placed == {}


@pytest.mark.parametrize(
    ("accepts", "name", "data"),
    [
        (("application/pdf", "image/*"), "a.pdf", PDF),
        (("text/csv",), "a.csv", b"a;b\n1;2\n" * 100),
        (("application/json",), "a.json", b'{"a": 1}'),
        (("application/octet-stream",), "a.bin", bytes([1, 2, 254, 255] * 200)),
        ((), "anything", b"MZ\x90" + bytes(600)),
    ],
)
async def test_what_a_slot_is_for_is_welcome(
    house: House, accepts: Sequence[str], name: str, data: bytes
) -> None:
    guest = await asked(house, SlotWish("Any of these", accepts=accepts))
    await guest.put(guest.slots[0], name, data)
    assert (await guest.send()).placed[guest.slots[0].id].length == len(data)


async def test_an_upload_goes_on_where_it_was_cut(house: House) -> None:
    guest = await asked(house, LETTER)
    upload = await guest.begin(guest.slots[0], "letter.pdf", len(PDF))
    cut = await guest.append(upload, Body([PDF[:200]], remaining=200))
    assert cut.offset == 200
    again = await come(house, guest.view)
    found = await house.catalog.read(uploads.find, again.caller, upload.id)
    done = await again.append(found, PDF[200:], offset=200)
    assert done.state == UploadState.FINISHED
    assert (await again.send()).placed[again.slots[0].id].length == len(PDF)


async def test_a_guest_reaches_nothing_but_the_slots(house: House) -> None:
    theirs = await asked(house, ANYTHING)
    upload = await theirs.begin(theirs.slots[0], "theirs.txt", 4)
    guest = await asked(house, ANYTHING)
    assert await refusal(guest.begin(theirs.slots[0], "a.txt", 4)) is SlotReason.UNKNOWN
    assert await refusal(guest.append(upload, b"mine")) is UploadReason.UNKNOWN
    emptied = house.catalog.write(requests.empty, guest.caller, theirs.slots[0].id)
    assert await refusal(emptied) is SlotReason.UNKNOWN
    without_slot = guest.begin(guest.slots[0], "a.txt", 4, slot_id=None)
    assert await refusal(without_slot) is not None
    for verb in Verb:
        found = house.catalog.read(spaces.find, guest.caller, house.space.id, verb)
        assert await refusal(found) is not None
    assert await house.catalog.read(requests.view, guest.view.request) == await guest.look()
    seen = house.catalog.read(requests.find, guest.caller, guest.view.request.id)
    assert await refusal(seen) is FileRequestReason.UNKNOWN


async def test_a_closed_request_ends_at_once(house: House) -> None:
    guest = await asked(house, LETTER, ANYTHING)
    waiting = await guest.put(guest.slots[0], "letter.pdf", PDF)
    upload = await guest.begin(guest.slots[1], "long.txt", 5000)
    stream = Stream()
    running = asyncio.create_task(guest.append(upload, stream))
    stream.feed(b"text" * 300)
    await house.reached(upload, 1200)
    await house.catalog.write(requests.close, house.caller, guest.view.request)
    house.tools.transfers.stop_of(guest.caller.credential_id or "")
    assert await refusal(running) is not None
    assert await refusal(come(house, guest.view)) is AccessReason.UNKNOWN_CREDENTIAL
    assert await refusal(guest.put(guest.slots[0], "a.pdf", PDF)) is FileRequestReason.UNKNOWN
    found = await states(house, [waiting.file_id, upload.file_id])
    assert found == [FileState.REFUSED] * 2
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (0, 0)
    closed = house.catalog.write(requests.close, house.caller, guest.view.request)
    assert await refusal(closed) is FileRequestReason.UNKNOWN
    renewed = house.catalog.write(requests.renew_link, house.caller, SECRET, guest.view.request)
    assert await refusal(renewed) is FileRequestReason.UNKNOWN
    assert await house.catalog.read(requests.page, house.caller, 0, 10) == []
    kept = await house.catalog.read(lambda tx: requests.page(tx, house.caller, 0, 10, closed=True))
    assert [each.request.state(now()) for each in kept] == [RequestState.CLOSED]


async def test_what_was_sent_survives_the_request(house: House) -> None:
    guest = await asked(house, LETTER)
    sent = await guest.put(guest.slots[0], "letter.pdf", PDF)
    view = await guest.send()
    await house.catalog.write(requests.close, house.caller, view.request)
    assert await states(house, [sent.file_id]) == [FileState.LIVE]


async def test_a_new_link_ends_the_former(house: House) -> None:
    view = await ask(house, LETTER)
    former = requests.token(SECRET, view.request)
    renewed = await house.catalog.write(requests.renew_link, house.caller, SECRET, view.request)
    latter = requests.token(SECRET, renewed)
    assert latter != former and requests.token(b"another secret", renewed) != latter
    assert await refusal(come(house, view, former)) is AccessReason.UNKNOWN_CREDENTIAL
    assert (await come(house, view, latter)).view.request == renewed
    await house.catalog.write(requests.close, house.caller, renewed)
    assert await refusal(come(house, view, latter)) is AccessReason.UNKNOWN_CREDENTIAL
    assert await refusal(come(house, view, "no token at all \udc80")) is AccessReason.UNKNOWN_CREDENTIAL


async def test_after_its_time_nothing_is_taken(house: House) -> None:
    guest = await asked(house, LETTER, expires_at=Millis(now() + 300))
    waiting = await guest.put(guest.slots[0], "letter.pdf", PDF)
    begun = await guest.begin(guest.slots[0], "late.pdf", len(PDF))
    await asyncio.sleep(0.35)
    assert (await guest.look()).request.state(now()) is RequestState.EXPIRED
    for late in (guest.send(), guest.append(begun, PDF), guest.begin(guest.slots[0], "a.pdf", 5)):
        assert await refusal(late) is FileRequestReason.EXPIRED
    await expire_uploads(house)
    assert await states(house, [waiting.file_id, begun.file_id]) == [FileState.REFUSED] * 2
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (0, 0)


async def test_what_waits_in_an_open_request_waits_for_long(house: House) -> None:
    guest = await asked(house, LETTER, ANYTHING)
    waiting = await guest.put(guest.slots[0], "letter.pdf", PDF)
    begun = await guest.begin(guest.slots[1], "half.txt", 5000)
    await expire_uploads(house)
    assert await states(house, [waiting.file_id, begun.file_id]) == [FileState.RECEIVING] * 2
    old = begun._replace(created_at=Millis(now() - 8 * 86_400_000))
    await house.catalog.write(age, old)
    await expire_uploads(house)
    assert await states(house, [waiting.file_id, begun.file_id]) == [FileState.RECEIVING, FileState.REFUSED]
    assert (await guest.send()).placed.keys() == {guest.slots[0].id}


def age(tx: Tx, upload: Upload) -> None:
    """Have the upload begun when *upload* says."""
    tx.uploads.forget(upload.id)
    tx.uploads.add(upload)


async def expire_uploads(house: House) -> None:
    """Let the time of every upload be over, and look at each."""
    every = await house.catalog.read(lambda tx: tx.uploads.page(None, 100))
    for each in every:
        await house.catalog.write(age, each._replace(expires_at=Millis(1)))
        await house.catalog.write(uploads.expire, house.rules, each)


async def test_a_full_space_takes_nothing(house: House) -> None:
    space = await house.new_space(ceiling=100)
    view = await house.catalog.write(
        requests.create, house.caller, SECRET, space.id, RequestWish("Small", (ANYTHING,))
    )
    guest = await come(house, view)
    assert await refusal(guest.begin(guest.slots[0], "a.txt", 101)) is QuotaReason.EXCEEDED
    await guest.put(guest.slots[0], "a.txt", b"x" * 100)
    assert (await guest.send()).request.completed_at is not None


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (RequestWish("", (ANYTHING,)), FileRequestReason.BAD_NAME),
        (RequestWish(" \n ", (ANYTHING,)), FileRequestReason.BAD_NAME),
        (RequestWish("x" * 256, (ANYTHING,)), FileRequestReason.BAD_NAME),
        (RequestWish("A", ()), FileRequestReason.SLOT_COUNT),
        (RequestWish("A", (ANYTHING,) * 11), FileRequestReason.SLOT_COUNT),
        (RequestWish("A", (SlotWish(""),)), FileRequestReason.BAD_NAME),
        (RequestWish("A", (SlotWish("B", max_size=0),)), FileRequestReason.BAD_LIMIT),
        (RequestWish("A", (SlotWish("B", max_size=1 << 61),)), FileRequestReason.BAD_LIMIT),
        (RequestWish("A", (SlotWish("B", accepts=("pdf",)),)), FileReason.BAD_MEDIA_TYPE),
        (RequestWish("A", (SlotWish("B", accepts=("",)),)), FileReason.BAD_MEDIA_TYPE),
        (RequestWish("A", (ANYTHING,), description="x" * 10_001), FileRequestReason.BAD_LIMIT),
        (RequestWish("A", (ANYTHING,), expires_at=Millis(1)), FileRequestReason.BAD_LIMIT),
        (RequestWish("A", (ANYTHING,), contact_id=new_id()), ContactReason.UNKNOWN),
        (RequestWish("A", (ANYTHING,), notify="nobody"), ContactReason.BAD_ADDRESS),
    ],
)
async def test_what_cannot_be_asked(house: House, wish: RequestWish, reason: Reason) -> None:
    made = house.catalog.write(requests.create, house.caller, SECRET, house.space.id, wish)
    assert await refusal(made) is reason


async def test_names_may_hold_slashes(house: House) -> None:
    view = await ask(house, SlotWish("Invoice 2026/11"), name="  Either/or  ", notify="desk@example.org")
    assert (view.request.name, view.slots[0].name) == ("Either/or", "Invoice 2026/11")
    assert view.request.notify == "desk@example.org"


async def test_requests_are_listed_to_those_who_may_see_them(house: House) -> None:
    made = [await ask(house, ANYTHING, name=f"Request {n}") for n in range(4)]
    found = await house.catalog.read(requests.page, house.caller, 1, 2)
    assert [each.request.id for each in found] == [made[2].request.id, made[1].request.id]
    view = await house.catalog.read(requests.find, house.caller, made[0].request.id)
    assert view == made[0]
    nobody = Caller(new_id(), "nobody", house.caller.tenant_id)
    assert await house.catalog.read(requests.page, nobody, 0, 10) == []
    elsewhere = Caller(house.caller.principal_id, "admin", new_id())
    for caller, request_id in ((nobody, made[0].request.id), (elsewhere, made[0].request.id)):
        assert (
            await refusal(house.catalog.read(requests.find, caller, request_id)) is FileRequestReason.UNKNOWN
        )
    for unknown in (new_id(), None):
        refused = house.catalog.read(requests.find, house.caller, unknown)
        assert await refusal(refused) is FileRequestReason.UNKNOWN
    closed = house.catalog.write(requests.close, nobody, made[0].request)
    assert await refusal(closed) is AccessReason.VERB_NOT_GRANTED


async def test_a_guest_without_a_request_sees_none(house: House) -> None:
    stranger = Caller(new_id(), "guest", house.caller.tenant_id)
    assert await refusal(house.catalog.read(requests.of_guest, stranger)) is FileRequestReason.UNKNOWN


async def test_doctor_finds_nothing_amiss(house: House) -> None:
    guest = await asked(house, LOGO, LETTER)
    doctor = Doctoring(house.catalog, house.store, house.tools.digesting, 60_000, pause_s=0.0)

    async def findings() -> list[object]:
        return [each async for each in doctor.examine(digests=True)]

    await guest.put(guest.slots[0], "logo.png", PNG)
    assert await findings() == []
    await guest.put(guest.slots[1], "letter.pdf", PDF)
    await guest.send()
    assert await findings() == []


async def test_contacts(house: House) -> None:
    write, read = house.catalog.write, house.catalog.read
    made = await write(contacts.create, house.caller, " Jansen / Bouw ", " post@example.org ", language="nl")
    assert (made.name, made.email) == ("Jansen / Bouw", "post@example.org")
    other = await write(
        contacts.create, house.caller, "Other", "other@example.org", details='{"city": "Delft"}'
    )
    assert await read(contacts.page, house.caller, 0, 10) == [other, made]
    changed = await write(
        contacts.change, house.caller, made._replace(name="Jansen", email="a.b@example.org")
    )
    assert await read(contacts.find, house.caller, made.id) == changed
    view = await ask(house, ANYTHING, contact_id=made.id)
    assert view.request.contact_id == made.id
    assert await refusal(write(contacts.remove, house.caller, changed)) is ContactReason.IN_USE
    await write(requests.close, house.caller, view.request)
    await write(contacts.remove, house.caller, changed)
    assert await read(contacts.page, house.caller, 0, 10) == [other]
    nobody = Caller(new_id(), "nobody", house.caller.tenant_id)
    elsewhere = Caller(house.caller.principal_id, "admin", new_id())
    unknown: list[tuple[Caller, Id | None]] = [
        (house.caller, made.id),
        (house.caller, new_id()),
        (house.caller, None),
        (nobody, other.id),
        (elsewhere, other.id),
    ]
    for caller, contact_id in unknown:
        assert await refusal(read(contacts.find, caller, contact_id)) is ContactReason.UNKNOWN
    refused = write(contacts.create, nobody, "Name", "a@example.org")
    assert await refusal(refused) is AccessReason.VERB_NOT_GRANTED


@pytest.mark.parametrize(
    "address", ["", "a", "a@b", "a@b.c", "a b@example.org", "a@example.org, b@example.org", "a@ex\nample.org"]
)
async def test_what_is_no_address(house: House, address: str) -> None:
    made = house.catalog.write(contacts.create, house.caller, "Name", address)
    assert await refusal(made) is ContactReason.BAD_ADDRESS


async def test_a_link_is_for_one_thing(house: House) -> None:
    view = await ask(house, ANYTHING)
    found = await house.catalog.read(requests.visit, requests.token(SECRET, view.request), Origin("page"))
    assert found[0].spaces == frozenset() and found[0].credential_id is not None

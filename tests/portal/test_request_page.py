"""The page of a request over HTTP: its states, what may be done with a link, and what may not."""

import asyncio
import html
import re

import pytest
from tests.portal.house import TUS, House
from tests.support.requests import CONTRACT, LOGO, PDF, PNG, RECORDING, soon

from kade.services.requests import SlotWish

PASSWORD = "open sesame"  # noqa: S105 - of no account
EVERYWHERE = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


async def test_every_answer_has_the_headers(house: House) -> None:
    link = await house.ask(CONTRACT)
    answers = [
        await house.get(link),
        await house.send("GET", f"{link.path}?language=nl"),
        await house.send("GET", f"{link.path}/nothing/at/all"),
        await house.send("GET", "/r"),
        await house.send("GET", "/r/unknown"),
        await house.send("PUT", link.path),
        await house.send("POST", f"{link.path}/send"),
        await house.send("POST", f"{link.path}/password"),
        await house.send("DELETE", f"{link.path}/slots/none/file"),
        await house.send("OPTIONS", f"{link.path}/uploads"),
        await house.send("HEAD", f"{link.path}/uploads/none", headers=TUS),
        await house.put(link, link.slots[0], "contract.pdf", PDF),
    ]
    for answer in answers:
        for name, value in EVERYWHERE.items():
            assert answer.headers[name] == value, (answer.status, name)
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy == POLICY
        assert answer.status < 500


async def test_nothing_runs_or_comes_from_elsewhere(house: House) -> None:
    page = await house.get(await house.ask())
    scripts = re.findall(r"<script\b([^>]*)>", page.text)
    assert scripts
    assert all('src="/assets/' in each or 'type="application/json"' in each for each in scripts)
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
    assert all(each.startswith(("/assets/", "/r/", "?", "#", "data:,")) for each in addresses), addresses
    assert not re.search(r'\son\w+="|\sstyle="', page.text)


async def test_what_is_asked_for_is_shown(house: House) -> None:
    link = await house.ask(CONTRACT, RECORDING, name="Papers", description="Thanks", expires_at=soon(60_000))
    page = await house.get(link)
    assert page.status == 200
    for text in ("Papers", "Thanks", "2 files asked for, 1 required", "PDF, at most 10.4 MB", "Open until"):
        assert text in page.text
    assert 'accept="application/pdf,.pdf"' in page.text
    await house.put(link, link.slots[0], "contract.pdf", PDF)
    page = await house.get(link)
    assert page.text.count('data-state="held"') == 1
    assert "contract.pdf" in page.text


async def test_links_that_are_over_tell_nothing(house: House) -> None:
    expired = await house.ask(name="Papers", expires_at=soon(100))
    closed = await house.ask(name="Papers")
    await house.close(closed)
    await asyncio.sleep(0.15)
    unknown = await house.send("GET", "/r/0000000000000000000000000000000000000000")
    after_expiry, after_closing = await house.get(expired), await house.get(closed)
    assert (after_expiry.status, after_closing.status, unknown.status) == (410, 404, 404)
    assert after_closing.text == unknown.text
    assert "has expired" in after_expiry.text
    assert "Papers" not in after_expiry.text + after_closing.text
    for link in (expired, closed):
        assert (await house.begin(link, link.slots[0], "contract.pdf", 5)).status in (404, 410)
        assert (await house.send("POST", f"{link.path}/send")).status in (404, 410)


async def test_files_are_sent_and_the_page_is_the_receipt(house: House) -> None:
    link = await house.ask(CONTRACT, RECORDING, name="Papers")
    missing = await house.send("POST", f"{link.path}/send")
    assert missing.status == 422
    assert "One required file is missing" in missing.text
    assert f'href="#choose-{link.slots[0].id}"' in missing.text
    assert f'href="#choose-{link.slots[1].id}"' not in missing.text
    await house.put(link, link.slots[0], "contract.pdf", PDF)
    for _ in range(2):  # somebody presses twice
        sent = await house.send("POST", f"{link.path}/send")
        assert (sent.status, sent.headers["Location"]) == (303, link.path)
    ((name, sha256),) = await house.sent_files(link)
    receipt = await house.get(link)
    assert (receipt.status, name) == (200, "contract.pdf")
    assert sha256 is not None
    for text in ("Your files were sent", "contract.pdf", sha256, "818 B".replace("818", str(len(PDF)))):
        assert text in receipt.text
    late = await house.begin(link, link.slots[1], "late.txt", 5)
    assert (late.status, late.text) == (403, "The request is closed; nothing more can be added.\n")


async def test_a_file_is_replaced_and_taken_out(house: House) -> None:
    link = await house.ask(RECORDING)
    (slot,) = link.slots
    await house.put(link, slot, "first.txt", b"1")
    await house.put(link, slot, "second.txt", b"2")
    assert "second.txt" in (await house.get(link)).text
    assert (await house.send("DELETE", f"{link.path}/slots/{slot.id}/file")).status == 204
    assert 'data-state="empty"' in (await house.get(link)).text
    assert (await house.send("POST", f"{link.path}/send")).status == 422
    assert await house.sent_files(link) == []


@pytest.mark.parametrize(
    ("name", "data", "status", "said"),
    [
        ("logo.pdf", PDF, 422, "This kind of file is not accepted here. Accepted: PNG or JPEG.\n"),
        ("logo.png", PDF, 422, "This kind of file is not accepted here. Accepted: PNG or JPEG.\n"),
        ("logo.png", PNG + bytes(2_000_000), 413, "The file is too large: at most 2 MB.\n"),
        ("logo.png", b"", 422, "The file is empty.\n"),
        ("\n.png", PNG, 400, "The file's name cannot be used. Rename it, and try again.\n"),
    ],
)
async def test_what_does_not_fit_is_refused_in_words(
    house: House, name: str, data: bytes, status: int, said: str
) -> None:
    link = await house.ask(LOGO)
    answer = await house.put(link, link.slots[0], name, data)
    assert (answer.status, answer.text) == (status, said)
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_a_refusal_is_in_the_language_of_the_page(house: House) -> None:
    link = await house.ask(LOGO)
    headers = {"Cookie": "kade_language=nl", "Accept-Language": "en"}
    answer = await house.begin(link, link.slots[0], "logo.pdf", 5, headers)
    assert answer.text == "Dit soort bestand wordt hier niet aangenomen. Wel: PNG of JPEG.\n"


async def test_a_link_reaches_nothing_but_its_own_request(house: House) -> None:
    mine, other = await house.ask(CONTRACT, RECORDING), await house.ask(CONTRACT, name="Secret")
    begun = await house.begin(other, other.slots[0], "contract.pdf", len(PDF))
    key = begun.headers["Location"].rpartition("/")[2]
    for method in ("HEAD", "DELETE"):
        nothing = await house.send(method, f"{mine.path}/uploads/nothing", headers=TUS)
        answer = await house.send(method, f"{mine.path}/uploads/{key}", headers=TUS)
        assert (answer.status, answer.text) == (nothing.status, nothing.text)
        assert answer.status == 404
    assert (await house.append(f"{mine.path}/uploads/{key}", PDF)).status == 404
    assert (await house.begin(mine, other.slots[0], "contract.pdf", 5)).status == 404
    assert (await house.send("DELETE", f"{mine.path}/slots/{other.slots[0].id}/file")).status == 404
    for path in ("uploads/../../x", "uploads/%2e%2e%2f", "uploads/%00", "slots/%00/file", "uploads/a/b"):
        assert (await house.send("DELETE", f"{mine.path}/{path}", headers=TUS)).status in (404, 405)
    assert (await house.append(begun.headers["Location"], PDF)).status == 204


async def test_parts_and_unknown_lengths_are_not_taken(house: House) -> None:
    link = await house.ask(RECORDING)
    (slot,) = link.slots
    for headers in ({"Upload-Concat": "partial"}, {"Upload-Concat": "final;/r/x"}):
        assert (await house.begin(link, slot, "a.txt", 5, headers)).status in (400, 403, 404)
    told = {**TUS, "Upload-Defer-Length": "1", "Upload-Metadata": "slot " + "AA=="}
    assert (await house.send("POST", f"{link.path}/uploads", headers=told)).status in (400, 404)
    none = await house.send("POST", f"{link.path}/uploads", headers={**TUS, "Upload-Length": "5"})
    assert none.status == 404


async def test_fifty_uploads_into_one_slot_leave_one_file(house: House) -> None:
    link = await house.ask(RECORDING)
    (slot,) = link.slots
    answers = await asyncio.gather(*(house.put(link, slot, f"{n}.txt", b"x" * (n + 1)) for n in range(50)))
    assert {each.status for each in answers} == {204}
    assert (await house.send("POST", f"{link.path}/send")).status == 303
    assert len(await house.sent_files(link)) == 1


async def test_hostile_names_are_only_text(house: House) -> None:
    evil = "<img src=x onerror=alert(1)>\"'`{{7*7}}</script>"
    slot = SlotWish(evil[:60], evil, required=True)
    link = await house.ask(slot, name=evil, description=evil)
    await house.put(link, link.slots[0], "<svg onload=alert(1)>.svg", b"<svg onload='alert(1)'/>")
    pages = [await house.get(link)]
    await house.send("POST", f"{link.path}/send")
    pages.append(await house.get(link))
    for page in pages:
        assert "<img" not in page.text
        assert "<svg onload" not in page.text
        assert "{{7*7}}" in page.text
        assert html.escape("<svg onload=alert(1)>.svg") in page.text


async def test_a_password_is_asked_for_once(house: House) -> None:
    link = await house.ask(CONTRACT, name="Papers", password=PASSWORD)
    page = await house.get(link)
    assert (page.status, "Papers" in page.text) == (200, False)
    assert (await house.begin(link, link.slots[0], "contract.pdf", 5)).status == 401
    assert (await house.send("POST", f"{link.path}/send")).status == 401
    wrong = await house.send("POST", f"{link.path}/password", data={"password": "sesame"})
    assert (wrong.status, "not the password" in wrong.text, dict(wrong.cookies)) == (401, True, {})
    empty = await house.send("POST", f"{link.path}/password")
    assert (empty.status, "Enter the password" in empty.text) == (401, True)
    right = await house.send("POST", f"{link.path}/password", data={"password": PASSWORD})
    assert (right.status, right.headers["Location"]) == (303, link.path)
    cookie = right.cookies["kade_request"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (link.path, True, "strict")
    assert PASSWORD not in cookie.value
    headers = {"Cookie": f"kade_request={cookie.value}"}
    assert "Papers" in (await house.get(link, headers=headers)).text
    assert (await house.begin(link, link.slots[0], "contract.pdf", 5, headers)).status == 201
    other = await house.ask(CONTRACT, name="Other", password=PASSWORD)
    assert "Other" not in (await house.get(other, headers=headers)).text


async def test_behind_https_cookies_are_secure(house: House) -> None:
    link = await house.ask(CONTRACT, password=PASSWORD)
    headers = {"X-Forwarded-Proto": "https"}
    entered = await house.send("POST", f"{link.path}/password", data={"password": PASSWORD}, headers=headers)
    assert entered.cookies["kade_request"]["secure"] is True
    chosen = await house.send("GET", f"{link.path}?language=nl", headers=headers)
    assert (chosen.status, chosen.headers["Location"]) == (303, link.path)
    assert chosen.cookies["kade_language"]["secure"] is True


async def test_passwords_cannot_be_guessed(house: House) -> None:
    link = await house.ask(CONTRACT, password=PASSWORD)
    other = await house.ask(CONTRACT, password=PASSWORD)
    path, guess = f"{link.path}/password", {"password": "guess"}
    answers = await asyncio.gather(*(house.send("POST", path, data=guess) for _ in range(30)))
    assert sorted(answer.status for answer in answers) == [401] * 10 + [429] * 20
    for asked in (link, other):  # by this link, and from this address
        refused = await house.send("POST", f"{asked.path}/password", data={"password": PASSWORD})
        assert refused.status == 429
        assert 590 <= int(refused.headers["Retry-After"]) <= 600
        assert "Try again in 10 minutes" in refused.text


async def test_the_journal_holds_no_link(house: House) -> None:
    link = await house.ask(CONTRACT, password=PASSWORD)
    await house.get(link)
    await house.send("GET", f"{link.path}/nothing")
    await house.begin(link, link.slots[0], "contract.pdf", 5)
    await house.kade.audit.flush()
    entries = await house.kade.catalog.read(lambda tx: tx.journal.tail(0, 1000))
    assert [entry for entry in entries if entry.reason == "access.no_credential"]
    assert not [entry for entry in entries if link.token in repr(entry)]

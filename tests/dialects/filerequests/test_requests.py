"""File requests on the wire: the original's example, what is refused, lists, and what comes of one."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.dialects.filerequests.house import ASKED, Application, Build, House
from tests.support.bodies import Body

from kade.core.clock import now
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Origin
from kade.dialects.filerequests import ids
from kade.dialects.filerequests.ids import Prefix
from kade.services import requests, uploads
from kade.services.uploads import Wish

ATOM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")


async def filled(house: House, told: dict[str, Any], data: bytes = b"text") -> None:
    """Whoever has the public link puts a file into the first slot and sends it."""
    kade, token = house.kade, told["links"]["publicRequest"]["href"].rpartition("/")[2]
    guest, view = await kade.catalog.read(requests.visit, token, Origin("page"))

    def begin(tx: Tx) -> Any:
        wish = Wish("logo.png", len(data), slot_id=view.slots[0].id)
        return uploads.begin(tx, guest, kade.namers, kade.rules, view.request.space_id, wish)

    upload = await kade.catalog.write(begin)
    await kade.appending.append(guest, upload.id, 0, Body([data]))
    await kade.catalog.write(requests.send, guest)


@pytest.mark.needs("curl")
async def test_the_example_of_the_page_runs_as_printed(house: House, desk: Application) -> None:
    customer, directory = await desk.customer(), await desk.directory("Renewals")
    body = json.dumps({**ASKED, "customerId": customer, "directoryId": directory}, indent=2)
    command = (
        "curl --request POST"
        f" --url {house.api}/file-requests"
        f" --header 'Authorization: Bearer {desk.key}'"
        " --header 'Content-Type: application/json'"
        f" --data '{body}'"
    )
    done = await asyncio.to_thread(
        subprocess.run, ["bash", "-c", f"{command} -s"], capture_output=True, check=True
    )
    told = json.loads(done.stdout)
    assert list(told) == [
        "id",
        "name",
        "description",
        "directoryId",
        "customerId",
        "requestedFiles",
        "completedAt",
        "createdAt",
        "links",
    ]
    (slot,) = told["requestedFiles"]
    assert list(slot) == ["id", "name", "description", "required", "maxFileSize", "uploadedFileId"]
    assert {key: slot[key] for key in ASKED["requestedFiles"][0]} == ASKED["requestedFiles"][0]
    assert (told["name"], told["description"]) == (ASKED["name"], ASKED["description"])
    assert (told["directoryId"], told["customerId"]) == (directory, customer)
    assert told["id"].startswith("frq_") and slot["id"].startswith("fqf_")
    assert told["completedAt"] is None and slot["uploadedFileId"] is None
    assert ATOM.fullmatch(told["createdAt"])
    href = f"{house.api}/customers/{customer}"
    assert told["links"] == {"customer": {"href": href, "type": "application/json"}, "publicRequest": None}


async def test_a_request_without_a_customer_has_a_public_link(house: House, desk: Application) -> None:
    for changes in ({}, {"customerId": None, "directoryId": None, "description": None}):
        answer = await desk.ask(**changes)
        told = answer.json
        assert answer.headers["Location"] == f"{house.api}/file-requests/{told['id']}"
        assert (told["customerId"], told["directoryId"], told["links"]["customer"]) == (None, None, None)
        assert told["links"]["publicRequest"]["type"] == "text/html"
        assert told["links"]["publicRequest"]["href"].startswith(f"{house.base}/r/")
        again = await desk.call("GET", f"/file-requests/{told['id']}")
        assert (again.status, again.json) == (200, told)


async def test_what_was_sent_is_told_and_can_be_fetched(house: House, desk: Application) -> None:
    directory = await desk.directory("Renewals")
    told = await desk.asked(directoryId=directory)
    await filled(house, told, b"the logo")
    done = (await desk.call("GET", f"/file-requests/{told['id']}")).json
    assert ATOM.fullmatch(done["completedAt"])
    file_id = done["requestedFiles"][0]["uploadedFileId"]
    file = (await desk.call("GET", f"/files/{file_id}")).json
    assert (file["id"], file["type"], file["name"], file["size"]) == (file_id, "file", "logo.png", 8)
    listed = (await desk.call("GET", f"/files?directory={directory}")).json
    assert [each["id"] for each in listed["data"]] == [file_id]
    link = (await desk.call("GET", f"/files/{file_id}/download")).json
    fetched = await house.call("GET", link["link"])
    assert (fetched.status, fetched.body) == (200, b"the logo")
    assert (await desk.call("DELETE", f"/files/{file_id}")).status == 204
    history = (await desk.call("GET", f"/file-requests/{told['id']}")).json
    assert history["completedAt"] == done["completedAt"]
    assert history["requestedFiles"][0]["uploadedFileId"] is None


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"name": None}, {"name"}),
        ({"name": "   "}, {"name"}),
        ({"name": 7}, {"name"}),
        ({"name": "x" * 256}, {"name"}),
        ({"name": "a\0b"}, {"name"}),
        ({"requestedFiles": None}, {"requestedFiles"}),
        ({"requestedFiles": []}, {"requestedFiles"}),
        ({"requestedFiles": [{"name": "a"}] * 11}, {"requestedFiles"}),
        ({"requestedFiles": {"0": {}}}, {"requestedFiles"}),
        ({"requestedFiles": ["Logo", {}]}, {"requestedFiles.0", "requestedFiles.1.name"}),
        ({"requestedFiles": [{"name": "a", "required": "true"}]}, {"requestedFiles.0.required"}),
        ({"requestedFiles": [{"name": "a", "maxFileSize": 0}]}, {"requestedFiles.0.maxFileSize"}),
        ({"requestedFiles": [{"name": "a", "maxFileSize": "5"}]}, {"requestedFiles.0.maxFileSize"}),
        ({"requestedFiles": [{"name": "a", "maxFileSize": 1.5}]}, {"requestedFiles.0.maxFileSize"}),
        ({"requestedFiles": [{"name": "a", "maxFileSize": 2**70}]}, {"requestedFiles.0.maxFileSize"}),
        ({"requestedFiles": [{"name": "a", "acceptedTypes": "pdf"}]}, {"requestedFiles.0.acceptedTypes"}),
        ({"requestedFiles": [{"name": "a", "acceptedTypes": ["pdf"]}]}, {"requestedFiles"}),
        ({"description": ["why"]}, {"description"}),
        ({"description": "x" * 10_001}, {"description"}),
        ({"customerId": "cst_unknown"}, {"customerId"}),
        ({"customerId": ids.told(Prefix.CUSTOMER, Id("0" * 32))}, {"customerId"}),
        ({"directoryId": "fsd_unknown"}, {"directoryId"}),
        ({"directoryId": ids.told(Prefix.FILE, Id("1" * 32))}, {"directoryId"}),
        ({"directoryId": ids.told(Prefix.DIRECTORY, Id("1" * 32))}, {"directoryId"}),
        ({"expiresAt": "tomorrow"}, {"expiresAt"}),
        ({"expiresAt": "2031-01-01T00:00:00"}, {"expiresAt"}),
        ({"expiresAt": "2001-01-01T00:00:00+01:00"}, {"expiresAt"}),
        ({"language": "fr"}, {"language"}),
        ({"notifyEmail": "nobody"}, {"notifyEmail"}),
        ({"name": "", "requestedFiles": [{}], "language": 1}, {"name", "requestedFiles.0.name", "language"}),
    ],
)
async def test_every_field_that_is_wrong_is_told(
    desk: Application, changes: dict[str, Any], wrong: set[str]
) -> None:
    answer = await desk.ask(**changes)
    assert answer.wrong == wrong
    assert answer.json["code"] == 422 and list(answer.json) == ["code", "message", "errors"]
    assert (await desk.call("GET", "/file-requests")).json["data"] == []


async def test_what_is_left_out_is_null_or_as_usual(desk: Application) -> None:
    told = await desk.asked(description="  ", requestedFiles=[{"name": " Logo ", "unknown": 1}], other=True)
    assert told["description"] is None
    (slot,) = told["requestedFiles"]
    del slot["id"]
    assert slot == {
        "name": "Logo",
        "description": None,
        "required": True,
        "maxFileSize": None,
        "uploadedFileId": None,
    }
    asked = [{"name": f"{n}", "maxFileSize": n + 1.0, "required": n % 2 == 0} for n in range(10)]
    told = await desk.asked(requestedFiles=asked)
    assert [each["name"] for each in told["requestedFiles"]] == [str(n) for n in range(10)]
    assert [each["maxFileSize"] for each in told["requestedFiles"]] == list(range(1, 11))
    typed = await desk.asked(requestedFiles=[{"name": "a", "acceptedTypes": ["image/*", "application/pdf"]}])
    assert typed["requestedFiles"][0]["acceptedTypes"] == ["image/*", "application/pdf"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b"\xff", 400),
        ({"Content-Type": "application/json"}, b"[" * 100_000, 400),
        ({"Content-Type": "application/json"}, b"[]", 400),
        ({"Content-Type": "application/json"}, b'{"name": NaN}', 400),
        ({"Content-Type": "application/json"}, b" " * (1 << 20) + b"{}", 413),
        ({"Content-Type": "application/json; charset=utf-8"}, b"{}", 422),
        ({"Content-Type": "application/json", "Accept": "text/html"}, b"{}", 406),
        ({"Content-Type": "application/json", "Idempotency-Key": " "}, json.dumps(ASKED).encode(), 422),
    ],
)
async def test_a_body_that_is_none(
    desk: Application, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await desk.call("POST", "/file-requests", headers, data=io.BytesIO(body))
    assert (answer.status, answer.json["code"]) == (status, status)
    assert isinstance(answer.json["message"], str)


async def test_lists_are_pages_of_fifteen(house: House, desk: Application) -> None:
    empty = (await desk.call("GET", "/file-requests")).json
    path = f"{house.api}/file-requests"
    assert list(empty) == [
        "current_page",
        "data",
        "first_page_url",
        "from",
        "next_page_url",
        "path",
        "per_page",
        "prev_page_url",
        "to",
    ]
    assert (empty["data"], empty["from"], empty["to"], empty["next_page_url"]) == ([], None, None, None)
    made = [(await desk.asked(name=f"Request {n}"))["id"] for n in range(31)]
    made.reverse()
    found: list[str] = []
    url: str | None = f"{path}?page=1"
    while url is not None:
        page = (await desk.call("GET", url.removeprefix(house.api))).json
        assert page["first_page_url"] == f"{path}?page=1" and page["path"] == path and page["per_page"] == 15
        assert (page["from"], page["to"]) == (len(found) + 1, len(found) + len(page["data"]))
        found += [each["id"] for each in page["data"]]
        url = page["next_page_url"]
    assert found == made and page["current_page"] == 3
    assert page["prev_page_url"] == f"{path}?page=2"
    for odd in ("0", "-1", "x", "", "%00", "99999999999999999999", "1.5"):
        first = (await desk.call("GET", f"/file-requests?page={odd}")).json
        assert first["current_page"] == 1
    beyond = (await desk.call("GET", "/file-requests?page=99")).json
    assert (beyond["data"], beyond["prev_page_url"]) == ([], f"{path}?page=98")


async def test_a_request_that_is_deleted_is_gone_and_what_was_sent_stays(
    house: House, desk: Application
) -> None:
    told = await desk.asked()
    await filled(house, told)
    file_id = (await desk.call("GET", f"/file-requests/{told['id']}")).json["requestedFiles"][0][
        "uploadedFileId"
    ]
    assert (await desk.call("DELETE", f"/file-requests/{told['id']}")).status == 204
    for method in ("GET", "DELETE"):
        assert (await desk.call(method, f"/file-requests/{told['id']}")).status == 404
    assert (await desk.call("GET", f"/files/{file_id}")).status == 200
    assert (await desk.call("GET", "/file-requests")).json["data"] == []


async def test_said_again_with_its_key_nothing_is_made_twice(house: House, desk: Application) -> None:
    key, said = {"Idempotency-Key": "7f3a"}, {"password": "of the page"}
    first = await desk.ask(key, **said)
    again = await desk.ask(key, **said)
    assert (again.status, again.json) == (first.status, first.json)
    other = await desk.ask(key, name="Something else")
    assert other.status == 422
    somebody = await house.application("somebody")
    theirs = await somebody.ask(key)
    assert theirs.status == 201 and theirs.json["id"] != first.json["id"]
    without = await desk.ask()
    assert without.json["id"] != first.json["id"]
    many = await asyncio.gather(*(desk.ask({"Idempotency-Key": "many"}) for _ in range(10)))
    assert len({each.json["id"] for each in many}) == 1


async def test_one_portal_knows_nothing_of_another(house: House, desk: Application) -> None:
    other = await house.application("other", tenant="acme")
    customer, directory = await desk.customer(), await desk.directory("Renewals")
    told = await desk.asked(customerId=customer, directoryId=directory)
    file_id = await desk.file("a.txt", b"text", directory)
    assert (await other.ask(customerId=customer)).wrong == {"customerId"}
    assert (await other.ask(directoryId=directory)).wrong == {"directoryId"}
    unknown = {
        "/file-requests/": told["id"],
        "/customers/": customer,
        "/files/": file_id,
    }
    for path, key in unknown.items():
        nothing = path + key[:-4] + ("0000" if key[-4:] != "0000" else "0001")
        for method in ("GET", "DELETE"):
            theirs, none = await other.call(method, path + key), await other.call(method, nothing)
            assert (theirs.status, theirs.body) == (404, none.body) == (none.status, none.body), path
    assert (await other.call("GET", f"/files/{directory}")).status == 404
    assert (await other.call("GET", f"/files?directory={directory}")).wrong == {"directory"}
    assert (await other.call("GET", "/file-requests")).json["data"] == []
    assert (await other.call("GET", "/customers")).json["data"] == []


async def test_an_application_without_a_right_gets_nothing(house: House, desk: Application) -> None:
    stranger = await house.application("stranger", verbs=())
    told = await desk.asked()
    assert (await stranger.call("GET", f"/file-requests/{told['id']}")).status == 404
    assert (await stranger.ask()).status in (403, 404, 422)
    assert (await stranger.call("POST", "/customers", json={"companyName": "x"})).status == 422
    assert (await stranger.call("GET", "/customers")).status == 403


async def test_dates_are_told_in_the_zone(build: Build) -> None:
    async with build({"KADE_DIALECTS_FILEREQUESTS_ZONE": "Asia/Kolkata"}) as house:
        told = await (await house.application()).asked()
        assert told["createdAt"].endswith("+05:30")


async def test_expiry_ends_a_request(house: House, desk: Application) -> None:
    soon = (now() + 3_600_000) // 1000
    told = await desk.asked(expiresAt=datetime.fromtimestamp(soon, UTC).isoformat())
    found = await house.kade.catalog.read(
        lambda tx: tx.file_requests.get(ids.read(Prefix.REQUEST, told["id"]) or Id(""))
    )
    assert found is not None and found.expires_at == soon * 1000

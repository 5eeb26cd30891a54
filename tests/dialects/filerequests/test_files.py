"""Customers, directories, files, and links to download by."""

from __future__ import annotations

import io
from typing import Any

import pytest
from tests.dialects.filerequests.house import CUSTOMER, Application, Build, House

from kade.dialects.filerequests import ids
from kade.dialects.filerequests.ids import Prefix


async def test_a_customer_is_made_told_changed_and_removed(house: House, desk: Application) -> None:
    made = await desk.call("POST", "/customers", json=CUSTOMER)
    told = made.json
    assert list(told) == [
        "id",
        "companyName",
        "address",
        "zipCode",
        "city",
        "countryCode",
        "primaryEmail",
        "phone",
        "integration",
        "integrationId",
        "customerGroups",
        "createdAt",
    ]
    assert {key: told[key] for key in CUSTOMER} == CUSTOMER
    assert (told["countryCode"], told["phone"], told["customerGroups"]) == ("NL", None, [])
    assert made.headers["Location"] == f"{house.api}/customers/{told['id']}"
    changed = await desk.call("PATCH", f"/customers/{told['id']}", json={"city": "Delft", "phone": "015 1"})
    assert changed.json == {**told, "city": "Delft", "phone": "015 1"}
    cleared = await desk.call("PATCH", f"/customers/{told['id']}", json={"phone": None})
    assert cleared.json == {**told, "city": "Delft"}
    assert (await desk.call("GET", f"/customers/{told['id']}")).json == cleared.json
    assert (await desk.call("GET", "/customers")).json["data"] == [cleared.json]
    asked = await desk.asked(customerId=told["id"])
    assert (await desk.call("DELETE", f"/customers/{told['id']}")).status == 409
    await desk.call("DELETE", f"/file-requests/{asked['id']}")
    assert (await desk.call("DELETE", f"/customers/{told['id']}")).status == 204
    assert (await desk.call("GET", f"/customers/{told['id']}")).status == 404


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"companyName": ""}, {"companyName"}),
        ({"companyName": "a\nb"}, {"companyName"}),
        ({"primaryEmail": "nobody"}, {"primaryEmail"}),
        ({"primaryEmail": None, "city": 5}, {"primaryEmail", "city"}),
        ({"countryCode": "nl"}, {"countryCode"}),
        ({"countryCode": "NLD"}, {"countryCode"}),
        ({"phone": 15}, {"phone"}),
    ],
)
async def test_what_is_no_customer(desk: Application, changes: dict[str, Any], wrong: set[str]) -> None:
    assert (await desk.call("POST", "/customers", json={**CUSTOMER, **changes})).wrong == wrong
    customer = await desk.customer()
    assert (await desk.call("PATCH", f"/customers/{customer}", json=changes)).wrong == wrong


async def test_a_change_must_change_something(desk: Application) -> None:
    customer = await desk.customer()
    for body in ({}, {"unknown": 1}):
        assert (await desk.call("PATCH", f"/customers/{customer}", json=body)).wrong == {"companyName"}


async def test_directories_hold_directories_and_files(house: House, desk: Application) -> None:
    top = await desk.directory("Top")
    below = await desk.directory("Below", top)
    file_id = await desk.file("näme.txt", b"text", top)
    listed = (await desk.call("GET", f"/files?directory={top}")).json
    assert [(each["id"], each["type"], each["name"], each["size"]) for each in listed["data"]] == [
        (below, "directory", "Below", None),
        (file_id, "file", "näme.txt", 4),
    ]
    told = (await desk.call("GET", f"/files/{top}")).json
    assert list(told) == ["id", "type", "name", "size", "mime", "fileShareId", "createdAt"]
    assert (await desk.call("DELETE", f"/files/{top}")).status == 409
    for each in (file_id, below, top):
        assert (await desk.call("DELETE", f"/files/{each}")).status == 204
        assert (await desk.call("GET", f"/files/{each}")).status == 404
    for name in ("", "..", "a/b", "x" * 256, "Twice"):
        answer = await desk.call("POST", "/files", json={"name": name})
        if name == "Twice":
            assert answer.status == 201
            answer = await desk.call("POST", "/files", json={"name": "twice"})
        assert answer.wrong == {"name"}, name


async def test_many_files_are_listed_page_by_page(desk: Application) -> None:
    top = await desk.directory("Top")
    below = [await desk.directory(f"d{n}", top) for n in range(2)]
    there = [*below, *[await desk.file(f"{n}.txt", b"x", top) for n in range(17)]]
    first = (await desk.call("GET", f"/files?directory={top}")).json
    second = (await desk.call("GET", f"/files?directory={top}&page=2")).json
    assert [each["id"] for each in first["data"] + second["data"]] == there
    assert second["next_page_url"] is None


async def test_a_file_in_a_form(house: House, desk: Application) -> None:
    body = bytes(range(256)) * 4000
    answer = await desk.put("../../etc/passwd", body)
    assert (answer.status, answer.json["name"]) == (201, "passwd")  # what browsers of old put before a name
    answer = await desk.put("large.bin", body)
    assert (answer.status, answer.json["size"]) == (201, len(body))
    link = (await desk.call("GET", f"/files/{answer.json['id']}/download")).json["link"]
    whole = await house.call("GET", link)
    assert whole.body == body
    assert whole.headers["Content-Disposition"] == 'attachment; filename="large.bin"'
    assert (
        whole.headers["X-Content-Type-Options"] == "nosniff"
        and "sandbox" in whole.headers["Content-Security-Policy"]
    )
    part = await house.call("GET", link, headers={"Range": "bytes=256-511"})
    assert (part.status, part.body) == (206, bytes(range(256)))
    beyond = await house.call("GET", link, headers={"Range": f"bytes={len(body)}-"})
    assert beyond.status == 416
    for form in (b"no form", b"--b\r\n\r\n--b--\r\n"):
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        refused = await desk.call("POST", "/files", headers, data=io.BytesIO(form))
        assert refused.status in (400, 422), form
    nowhere = await desk.put("a.txt", b"x", "fsd_nothing")
    assert nowhere.wrong == {"directory"}
    assert (await desk.call("POST", "/files", {"Content-Type": "text/csv"}, data=b"a")).status == 415


async def test_a_link_is_for_one_file_and_some_minutes(build: Build) -> None:
    async with build({"KADE_DIALECTS_FILEREQUESTS_LINK_LIFETIME": "10s"}) as house:
        desk = await house.application()
        one, two = await desk.file("1.txt", b"1"), await desk.file("2.txt", b"2")
        link = (await desk.call("GET", f"/files/{one}/download")).json["link"]
        path, _, token = link.rpartition("/")
        others = [ids.read(Prefix.FILE, each) or "" for each in (one, two)]
        until = token.split("-")[1]
        for forged in (
            token.replace(*others),
            token.replace(until, f"{int(until, 16) + 1000:x}"),
            token[:-1] + ("0" if token[-1] != "0" else "1"),
            "x",
            "%00",
            "a-b-c-d",
            "%C3%A9",
        ):
            assert (await house.call("GET", f"{path}/{forged}")).status == 404, forged
        assert (await house.call("GET", link)).body == b"1"
        await desk.call("DELETE", f"/files/{one}")
        assert (await house.call("GET", link)).status == 404


async def test_directories_have_no_bytes(desk: Application) -> None:
    top = await desk.directory("Top")
    assert (await desk.call("GET", f"/files/{top}/download")).status == 404

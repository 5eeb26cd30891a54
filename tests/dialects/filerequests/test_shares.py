"""File shares on the wire, and the page behind their links."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dialects.filerequests.house import Application, House


async def shared(desk: Application, *content: str, **more: Any) -> dict[str, Any]:
    answer = await desk.call("POST", "/file-shares", json={"content": list(content), **more})
    assert answer.status == 201, answer
    told: dict[str, Any] = answer.json
    return told


async def test_files_and_directories_are_shared_by_a_page(house: House, desk: Application) -> None:
    top = await desk.directory("Top")
    inside = await desk.file("inside <b>.txt", b"inside", top)
    alone, other = await desk.file("alone.txt", b"alone"), await desk.file("other.txt", b"other")
    told = await shared(desk, top, alone)
    assert list(told) == ["id", "sharedWithCustomerId", "sharedContent", "createdAt", "links"]
    assert [each["id"] for each in told["sharedContent"]] == [top, alone]
    assert told["links"]["customer"] is None and told["links"]["publicShare"]["type"] == "text/html"
    assert (await desk.call("GET", f"/file-shares/{told['id']}")).json == told
    assert (await desk.call("GET", "/file-shares")).json["data"] == [told]

    link = told["links"]["publicShare"]["href"]
    page = await house.call("GET", link, headers={"Accept-Language": "en"})
    text = page.body.decode()
    assert page.status == 200 and "2 files are ready" in text
    assert "inside &lt;b&gt;.txt" in text and "alone.txt" in text and "other.txt" not in text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    addresses = [part.partition('"')[0] for part in text.split('href="/s/')[1:]]
    bodies = set()
    for each in addresses:
        fetched = await house.call("GET", f"{house.base}/s/{each}")
        assert fetched.headers["Content-Disposition"].startswith("attachment;")
        assert "sandbox" in fetched.headers["Content-Security-Policy"]
        bodies.add(fetched.body)
    assert bodies == {b"inside", b"alone"}
    part = await house.call("GET", f"{house.base}/s/{addresses[0]}", headers={"Range": "bytes=0-1"})
    assert part.status == 206

    one = await shared(desk, other)
    stranger = addresses[0].rpartition("/")[2]
    other_token = one["links"]["publicShare"]["href"].rpartition("/")[2]
    for path in (f"{other_token}/{stranger}", f"{other_token}/%00", f"{other_token}/..%2f{stranger}"):
        refused = await house.call("GET", f"{house.base}/s/{path}")
        assert refused.status == 404 and b"inside" not in refused.body
    assert (await desk.call("DELETE", f"/file-shares/{told['id']}")).status == 204
    ended = await house.call("GET", link)
    unknown = await house.call("GET", link[:-1] + ("0" if link[-1] != "0" else "1"))
    assert (ended.status, ended.body) == (unknown.status, unknown.body) and ended.status == 404
    assert (await house.call("GET", f"{house.base}/s/{addresses[0]}")).status == 404
    assert (await desk.call("GET", f"/files/{inside}")).status == 200


async def test_an_empty_share_says_so_in_dutch(house: House, desk: Application) -> None:
    link = (await shared(desk, await desk.directory("Leeg")))["links"]["publicShare"]["href"]
    page = await house.call("GET", link, headers={"Accept-Language": "nl"})
    assert page.status == 200 and "Er staat nu niets klaar." in page.body.decode()


async def test_a_link_to_a_request_opens_no_share(house: House, desk: Application) -> None:
    request = (await desk.asked())["links"]["publicRequest"]["href"].rpartition("/")[2]
    share = (await shared(desk, await desk.directory("Top")))["links"]["publicShare"]["href"]
    assert (await house.call("GET", f"{house.base}/s/{request}")).status == 404
    assert (await house.call("GET", share.replace("/s/", "/r/"))).status == 404


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"content"}),
        ({"content": []}, {"content"}),
        ({"content": "fsf_x"}, {"content"}),
        ({"content": ["fsf_x"]}, {"content.0"}),
        ({"content": ["fsf_0000000000000000000000000"]}, {"content"}),
        ({"content": ["fsd_0000000000000000000000000"]}, {"content"}),
        ({"content": ["fsf_0000000000000000000000000"] * 101}, {"content"}),
        ({"content": ["fsf_0000000000000000000000000"], "customerId": "cst_x"}, {"customerId"}),
    ],
)
async def test_what_cannot_be_shared(desk: Application, body: dict[str, Any], wrong: set[str]) -> None:
    assert (await desk.call("POST", "/file-shares", json=body)).wrong == wrong


async def test_a_share_with_a_customer_has_no_public_link(house: House, desk: Application) -> None:
    customer, top = await desk.customer(), await desk.directory("Top")
    told = await shared(desk, top, customerId=customer)
    assert told["sharedWithCustomerId"] == customer and told["links"]["publicShare"] is None
    assert told["links"]["customer"]["href"] == f"{house.api}/customers/{customer}"
    other = await house.application("other", tenant="acme")
    for method in ("GET", "DELETE"):
        assert (await other.call(method, f"/file-shares/{told['id']}")).status == 404
    refused = await other.call("POST", "/file-shares", json={"content": [top]})
    assert refused.wrong == {"content"}

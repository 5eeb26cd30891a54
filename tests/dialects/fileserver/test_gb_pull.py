"""Grote Berichten, pull: what the standard demands of the server's side of a download."""

import hashlib
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from tests.dialects.fileserver.conftest import Build
from tests.dialects.fileserver.house import House, Partner

DATA = bytes(range(256)) * 40
SIZE = len(DATA)


async def fetched(house: House, partner: Partner, path: str, **headers: str) -> tuple[int, bytes, str]:
    """Status, body and Content-Range."""
    url = f"{house.exchange}/download/{path}"
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    answer = await house.call("GET", url, by=partner.session, headers=named)
    return answer.status, answer.body, answer.headers.get("Content-Range", "")


async def test_ranges_and_conditions(house: House) -> None:
    """GB001, GB005: Range, If-Match, If-Range, ETag and Content-Range."""
    partner = await house.partner("partner")
    path = (await house.upload(0, DATA)).text
    whole = await house.download(partner, path)
    tag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
    assert (whole.status, whole.body) == (200, DATA)
    assert whole.headers["Accept-Ranges"] == "bytes" and tag.startswith('"')
    rest = (206, DATA[100:], f"bytes 100-{SIZE - 1}/{SIZE}")
    assert await fetched(house, partner, path, Range="bytes=100-") == rest
    assert await fetched(house, partner, path, Range="bytes=100-", If_Match=tag) == rest
    assert await fetched(house, partner, path, Range="bytes=100-", If_Match=f'"other", {tag}') == rest
    assert await fetched(house, partner, path, Range="bytes=100-", If_Range=tag) == rest
    assert await fetched(house, partner, path, Range="bytes=100-", If_Range=date) == rest
    assert (await fetched(house, partner, path, Range="bytes=100-", If_Match='"other"'))[0] == 412
    assert (await fetched(house, partner, path, Range="bytes=100-", If_Match=f"W/{tag}"))[0] == 412
    for other in ('"other"', f"W/{tag}", "Thu, 01 Jan 1970 00:00:00 GMT", "nonsense"):
        assert await fetched(house, partner, path, Range="bytes=100-", If_Range=other) == (200, DATA, "")
    assert await fetched(house, partner, path, Range="bytes=0-9") == (206, DATA[:10], f"bytes 0-9/{SIZE}")
    assert await fetched(house, partner, path, Range=f"bytes=0-{SIZE}") == (
        206,
        DATA,
        f"bytes 0-{SIZE - 1}/{SIZE}",
    )
    status, _, told = await fetched(house, partner, path, Range=f"bytes={SIZE}-")
    assert (status, told) == (416, f"bytes */{SIZE}")


async def test_pieces_make_the_file(house: House) -> None:
    """GB003 to GB005, server's half: a 206 says where its bytes belong, a 200 is all of them."""
    partner = await house.partner("partner")
    path = (await house.upload(0, DATA)).text
    built = bytearray(SIZE)
    for start in range(0, SIZE, 999):
        status, body, told = await fetched(house, partner, path, Range=f"bytes={start}-{start + 1200}")
        first, last = told.removeprefix("bytes ").partition("/")[0].split("-")
        assert status == 206
        built[int(first) : int(last) + 1] = body
    assert bytes(built) == DATA


async def test_a_reference_leads_to_the_file_that_it_tells_of(house: House) -> None:
    """MD002, MD005, MD006, MD009, MD010: a unique address, the size, the checksum and the type."""
    partner = await house.partner("partner")
    paths = [(await house.upload(0, data)).text for data in (DATA, DATA)]
    addresses = set()
    for path in paths:
        answer = await house.call("GET", f"/gb/externalDataReference/{path}")
        (reference,) = answer.json["dataReference"]
        address = reference["transport"]["location"]["senderUrl"]["value"]
        addresses.add(address)
        got = await house.call("GET", address.replace("127.0.0.1", "localhost"), by=partner.session)
        assert len(got.body) == reference["content"]["size"]
        assert got.headers["Content-Type"] == reference["content"]["contentType"]
        md5 = hashlib.md5(got.body, usedforsecurity=False).hexdigest().upper()
        assert reference["content"]["checksum"] == {"value": md5, "type": "MD5"}
    assert len(addresses) == 2


async def test_a_file_is_there_in_its_time(house: House) -> None:
    """MD003, MD004: from creationTime, at once without one, and until expirationTime at least."""
    partner = await house.partner("partner")
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    for start, end, status in (
        (None, None, 200),
        (-hour, None, 200),
        (-hour, hour, 200),
        (None, hour, 200),
        (hour, None, 404),
        (-2 * hour, -hour, 404),
    ):
        frame = {
            name: (now + delta).isoformat()
            for name, delta in (("startDate", start), ("endDate", end))
            if delta is not None
        }
        path = (await house.upload(0, b"x", **frame)).text
        assert (await house.download(partner, path)).status == status, frame
        answer = await house.call("GET", f"/gb/externalDataReference/{path}")
        told = answer.json["dataReference"][0]["lifetime"]
        assert set(told) == {
            {"startDate": "creationTime", "endDate": "expirationTime"}[name] for name in frame
        }


@pytest.mark.parametrize("status", [401, 403])
async def test_an_organisation_that_nobody_registered(build: Build, status: int) -> None:
    """GB010: 403 by the setting."""
    more = {"MATCH_OIN": "true", "UNKNOWN_CERTIFICATE_STATUS": str(status)}
    async with build({f"KADE_DIALECTS_FILESERVER_{key}": value for key, value in more.items()}) as house:
        await house.partner("partner")
        path = (await house.upload(0, b"x")).text
        stranger = house.session(identity=house.authority.issue_client("s", oin="00000009999999990000"))
        answer = await house.call("GET", f"{house.exchange}/download/{path}", by=stranger)
        assert answer.status == status
        await house.register_number("partner", "00000009999999990000")  # GB009
        answer = await house.call("GET", f"{house.exchange}/download/{path}", by=stranger)
        assert (answer.status, answer.body) == (200, b"x")


async def test_without_a_certificate_there_is_no_connection(house: House) -> None:
    """GB006, GB008."""
    nobody = house.session()
    with pytest.raises(aiohttp.ClientError):
        await house.call("GET", f"{house.exchange}/download/x", by=nobody)

"""FileService as clients know it (spec 1.1): what goes in comes out, over both sides."""

import email
import email.policy
import hashlib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import aiohttp
import pytest
from tests.dialects.fileserver.forms import file_part
from tests.dialects.fileserver.house import Answer, House, Partner

from kade.core.ports import Tx

UNEXPECTED = b'"A unexpected error occurred!"'
TUS = {"Tus-Resumable": "1.0.0"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest().upper()


def parts_of(answer: Answer) -> list[EmailMessage]:
    """The parts of a multipart answer, read by the standard library."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.body, policy=email.policy.HTTP)
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


async def begin_by_tus(house: House, partner: Partner, length: int, name: str = "") -> str:
    """The path of a new upload of the partner's."""
    metadata = {"Upload-Metadata": f"filename {name}"} if name else {}
    created = await house.call(
        "POST",
        f"{house.exchange}/upload",
        by=partner.session,
        headers={**TUS, "Upload-Length": str(length), **metadata},
    )
    assert created.status == 201
    return created.headers["Location"].rpartition("/")[2]


@pytest.mark.parametrize("size", [0, 1, 10_000, 16 << 10, (16 << 10) + 1, 3_000_000])
async def test_an_application_publishes_and_a_partner_fetches(house: House, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    partner = await house.partner("partner")
    put = await house.upload(partner.id, data, "year report.pdf")
    assert put.status == 200 and put.headers["Content-Type"].startswith("text/plain")
    assert len(put.text) == 127 and put.text.isalnum()
    fetched = await house.download(partner, put.text)
    assert (fetched.status, fetched.body) == (200, data)
    assert 'filename="year report.pdf"' in fetched.headers["Content-Disposition"]
    told = (await house.call("GET", f"/files/{put.text}/info")).json
    assert told["sha256Checksum"] == sha256(data)
    assert told["md5Checksum"] == hashlib.md5(data, usedforsecurity=False).hexdigest().upper()
    assert (told["length"], told["userId"], told["name"]) == (size, partner.id, "year report.pdf")


async def test_a_client_of_http_1_0_gets_it_without_chunks(house: House) -> None:
    data = bytes(range(256)) * 400
    partner = await house.partner("partner")
    path = (await house.upload(partner.id, data)).text
    key = {"Authorization": f"Bearer {house.key}"}
    async with aiohttp.ClientSession(version=aiohttp.HttpVersion10, headers=key) as old:
        answer = await house.call("GET", f"/files/{path}", by=old)
    assert "Transfer-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert parts_of(answer)[1].get_payload(decode=True) == data


async def test_a_partner_uploads_and_an_application_fetches(house: House) -> None:
    partner = await house.partner("partner")
    data = b"from the partner" * 5000
    path = await begin_by_tus(house, partner, len(data), "cGhvdG8ucG5n")
    listed = (await house.call("GET", "/files")).json
    assert listed == [path]  # incomplete ones too
    for incomplete in (f"/files/{path}", f"/files/{path}/info", f"/gb/externalDataReference/{path}"):
        answer = await house.call("GET", incomplete)
        assert (answer.status, answer.body) == (404, b"")
    headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    url = f"{house.exchange}/upload/{path}"
    assert (await house.call("PATCH", url, by=partner.session, data=data, headers=headers)).status == 204
    checksum, file = parts_of(await house.call("GET", f"/files/{path}"))
    assert checksum.get_content().strip() == sha256(data)
    assert file.get_payload(decode=True) == data
    assert (await house.call("GET", f"/files/{path}/info")).json["name"] == "photo.png"


async def test_the_two_parts_are_upstreams(house: House) -> None:
    partner = await house.partner("partner")
    path = (await house.upload(partner.id, b"\r\n--data")).text
    answer = await house.call("GET", f"/files/{path}", headers={"Accept": "multipart/form-data"})
    boundary = answer.headers["Content-Type"].partition('boundary="')[2].rstrip('"')
    assert boundary.startswith("uuid:")
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    data = b"\r\n--data"
    part = "--{}\r\nContent-Type: {}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{}>\r\n\r\n"
    assert answer.body == (
        part.format(boundary, "text/plain", "sha256Checksum").encode()
        + sha256(data).encode()
        + b"\r\n"
        + part.format(boundary, "application/octet-stream", "file").encode()
        + data
        + f"\r\n--{boundary}--\r\n".encode()
    )
    head = await house.call("HEAD", f"/files/{path}")
    assert (head.status, head.body) == (200, b"")
    refused = await house.call("GET", f"/files/{path}", headers={"Accept": "application/json"})
    assert refused.status == 406


async def test_file_info_has_instants_and_no_nulls(house: House) -> None:
    partner = await house.partner("partner")
    path = (await house.upload(partner.id, b"x")).text
    told = (await house.call("GET", f"/files/{path}/info")).json
    assert set(told) == {
        "path",
        "name",
        "contentType",
        "md5Checksum",
        "sha256Checksum",
        "timestamp",
        "userId",
        "length",
        "lastModified",
    }
    for member in ("timestamp", "lastModified"):
        moment = datetime.strptime(told[member], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
        assert len(told[member]) == len("2026-01-01T00:00:00.000Z")


async def test_paths_ascend_over_all_users(house: House) -> None:
    partners = [await house.partner(name) for name in ("one", "two")]
    paths = [(await house.upload(partner.id, b"x")).text for partner in partners * 4]
    assert (await house.call("GET", "/files")).json == sorted(paths)


async def test_files_are_deleted_complete_or_not(house: House) -> None:
    partner = await house.partner("partner")
    complete = (await house.upload(partner.id, b"x")).text
    incomplete = await begin_by_tus(house, partner, 10)
    for path, query in ((complete, ""), (incomplete, "?force=true")):
        answer = await house.call("DELETE", f"/files/{path}{query}")
        assert (answer.status, answer.json) == (200, True)
        assert (await house.call("DELETE", f"/files/{path}{query}")).status == 404
        assert (await house.download(partner, path)).status == 404
    head = await house.call("HEAD", f"{house.exchange}/upload/{incomplete}", by=partner.session, headers=TUS)
    assert head.status == 404
    assert (await house.call("GET", "/files")).json == []
    quota = await house.kade.catalog.read(lambda tx: tx.quotas.get(tx.tenants.all()[0].id))
    assert quota is not None and (quota.used, quota.reserved) == (0, 0)


NOW = datetime.now(UTC)
PAST, FUTURE = (NOW - timedelta(days=1)).isoformat(), (NOW + timedelta(days=1)).isoformat()
LATER = (NOW + timedelta(days=2)).isoformat()
EARLIER = (NOW - timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("start", "end", "visible"),
    [
        (None, None, True),
        (None, FUTURE, True),
        (None, PAST, False),
        (PAST, None, True),
        (PAST, FUTURE, True),
        (EARLIER, PAST, False),
        (FUTURE, None, False),
        (FUTURE, LATER, False),
    ],
)
async def test_time_frames_hold_for_partners_alone(
    house: House, start: str | None, end: str | None, visible: bool
) -> None:
    """The rule that upstream intends (spec 1.3); its operator precedence is not copied."""
    partner = await house.partner("partner")
    given = {name: value for name, value in (("startDate", start), ("endDate", end)) if value is not None}
    path = (await house.upload(partner.id, b"x", **given)).text
    assert (await house.download(partner, path)).status == (200 if visible else 404)
    assert (await house.call("GET", f"/files/{path}")).status == 200
    told = (await house.call("GET", f"/files/{path}/info")).json
    assert {name for name in told if name.endswith("Date")} == set(given)
    for name, value in given.items():
        off = datetime.fromisoformat(told[name]) - datetime.fromisoformat(value)
        assert abs(off) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"sha256Checksum": sha256(b"something else")},
        {"sha256Checksum": "A" * 32},
        {"sha256Checksum": "A" * 31},
        {"sha256Checksum": "Z" * 64},
        {"startDate": "tomorrow"},
        {"startDate": FUTURE, "endDate": PAST},
        {"endDate": '"2026-01-01T00:00:00Z'},
    ],
)
async def test_a_file_that_is_refused_leaves_nothing(house: House, fields: dict[str, str]) -> None:
    partner = await house.partner("partner")
    for size in (10, 100_000):
        refused = await house.upload(partner.id, b"x" * size, **fields)
        assert (refused.status, refused.body) == (500, UNEXPECTED)
    assert (await house.call("GET", "/files")).json == []
    quota = await house.kade.catalog.read(lambda tx: tx.quotas.get(tx.tenants.all()[0].id))
    assert quota is not None and (quota.used, quota.reserved) == (0, 0)
    assert (await house.call("DELETE", f"/users/{partner.id}")).status == 204


@pytest.mark.parametrize("data", [b"small", b"large" * 100_000])
async def test_a_checksum_may_be_in_either_case(house: House, data: bytes) -> None:
    partner = await house.partner("partner")
    for given in (sha256(data), sha256(data).lower()):
        assert (await house.upload(partner.id, data, sha256Checksum=given)).status == 200


@pytest.mark.parametrize(
    "path",
    ["unknown", "a", "%2e%2e%2fetc%2fpasswd", "a%00b", "..%5c..", "x%0d%0aSet-Cookie:a", "%c0%ae", "fs"],
)
async def test_paths_that_are_not_there(house: House, path: str) -> None:
    for method, rest in (("GET", ""), ("GET", "/info"), ("DELETE", "")):
        answer = await house.call(method, f"/files/{path}{rest}")
        assert (answer.status, answer.body) == (404, b""), (method, rest)


async def test_users_that_are_not_there_get_nothing(house: House) -> None:
    for number in ("7", "x", "..%2f0"):
        answer = await house.post_form(f"/files/user/{number}", [file_part(b"x")])
        assert (answer.status, answer.body) == (404, b"")


async def test_another_partners_file_is_like_none(house: House) -> None:
    owner, other = await house.partner("owner"), await house.partner("other")
    path = (await house.upload(owner.id, b"x")).text
    foreign, unknown = await house.download(other, path), await house.download(other, "a" * 127)
    assert (foreign.status, foreign.body) == (unknown.status, unknown.body) == (404, b"file.unknown\n")


async def test_a_removed_users_certificate_is_refused_on_open_connections(house: House) -> None:
    partner = await house.partner("partner")
    path = (await house.upload(partner.id, b"x")).text
    assert (await house.download(partner, path)).status == 200
    new = house.authority.issue_client("partner")
    body = {"name": "partner", "certificate": new.base64_der}
    assert (await house.call("PUT", f"/users/{partner.id}", json=body)).status == 204
    assert (await house.download(partner, path)).status == 401


async def test_quota_and_size_are_told_apart(house: House) -> None:
    partner = await house.partner("partner")

    def limit(tx: Tx) -> None:
        space = next(each for each in tx.spaces.of_tenant(tx.tenants.all()[0].id) if each.name == "partner")
        tx.quotas.set_ceiling(space.id, 1_000_000)

    await house.kade.catalog.write(limit)
    assert (await house.upload(partner.id, b"x" * 900_000)).status == 200
    full = await house.upload(partner.id, b"x" * 200_000)
    assert (full.status, full.body) == (507, UNEXPECTED)
    assert (await house.upload(partner.id, b"x" * 100_000)).status == 200

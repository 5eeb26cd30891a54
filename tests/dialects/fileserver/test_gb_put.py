"""Grote Berichten, push: what a partner puts is there as a whole, in place of what was there before."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.dialects.fileserver.conftest import Build
from tests.dialects.fileserver.house import Answer, House, Partner
from tests.services.conftest import until
from tests.support.pki import client_context
from yarl import URL

from kade.core.events import Outcome
from kade.core.spaces import Policy

LARGE = bytes(range(256)) * 1024


async def put(house: House, partner: Partner, key: str, data: Any, **headers: str) -> Answer:
    """PUT below the partner's own place, with exactly this key."""
    url = URL(f"{house.exchange}/gb/{partner.id}/{key}", encoded=True)
    async with partner.session.put(url, data=data, headers=headers) as response:
        return Answer(response.status, response.headers, await response.read())


async def contents_of(house: House, partner: Partner) -> dict[str, bytes]:
    """Name and bytes of every complete file that there is, fetched as the partner."""
    found: dict[str, bytes] = {}
    for path in (await house.call("GET", "/files")).json:
        info = await house.call("GET", f"/files/{path}/info")
        if info.status == 200:
            found[info.json["name"]] = (await house.download(partner, path)).body
    return found


@pytest.mark.parametrize("data", [b"", b"small", LARGE], ids=["empty", "small", "large"])
async def test_each_put_overwrites(house: House, data: bytes) -> None:
    """GB002, GB016."""
    partner = await house.partner("partner")
    assert (await put(house, partner, "a.xml", b"before" * 5000)).status == 201
    (old,) = (await house.call("GET", "/files")).json
    answer = await put(house, partner, "a.xml", data, **{"Content-Type": "text/xml"})
    assert (answer.status, answer.body) == (204, b"")
    (path,) = (await house.call("GET", "/files")).json
    assert path != old and (await house.download(partner, old)).status == 404
    fetched = await house.download(partner, path)
    assert (fetched.body, fetched.headers["ETag"]) == (data, answer.headers["ETag"])
    assert fetched.headers["Content-Type"] == "text/xml"
    kinds = [each.kind for each in await house.journal()]
    assert kinds.count("file.created") == 2 and kinds.count("file.purged") == 1
    quota = await house.kade.catalog.read(lambda tx: tx.quotas.get(tx.files.page(None, 9)[0].space_id))
    assert quota is not None and (quota.used, quota.reserved) == (len(data), 0)


async def test_chunks_are_taken_too(house: House) -> None:
    partner = await house.partner("partner")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(LARGE), 1000):
            yield LARGE[start : start + 1000]

    answer = await put(house, partner, "folder/of/mine/b.bin", pieces())
    assert answer.status == 201
    assert await contents_of(house, partner) == {"b.bin": LARGE}


async def test_two_partners_have_places_of_their_own(house: House) -> None:
    one, two = await house.partner("one"), await house.partner("two")
    assert (await put(house, one, "a", b"1")).status == 201
    assert (await put(house, two, "a", b"2")).status == 201
    assert len((await house.call("GET", "/files")).json) == 2


async def test_the_place_of_another_is_forbidden(house: House) -> None:
    """GB010: the same answer whether there is such a partner or not."""
    one, two = await house.partner("one"), await house.partner("two")
    assert (await put(house, one, "a", b"1")).status == 201
    for number in (one.id, 77, "x", "-1", "00", "1%20"):
        url = URL(f"{house.exchange}/gb/{number}/a", encoded=True)
        async with two.session.put(url, data=b"2") as response:
            assert (response.status, await response.text()) == (403, "access.verb_not_granted\n"), number
    assert await contents_of(house, one) == {"a": b"1"}
    refused = [each for each in await house.journal() if each.outcome == Outcome.REFUSED]
    assert {each.reason for each in refused} >= {"access.verb_not_granted"}


BAD_KEYS = [
    "",
    ".",
    "..",
    "%2e%2e",
    "..%2f..%2fkade.toml",
    "a/../b",
    "a//b",
    "/a",
    "a/",
    "a%00b",
    "a%20b",
    "a%5cb",
    "%c3%a9.txt",
    "%ff",
    "a" * 201,
    "a/b/c/d/e",
]


async def test_names_are_those_of_the_standard(house: House) -> None:
    """MD007; and nothing leads out of the partner's place."""
    partner = await house.partner("partner")
    for key in BAD_KEYS:
        answer = await put(house, partner, key, b"x")
        assert (answer.status, answer.body) == (400, b"file.bad_name\n"), key
    injected = await put(house, partner, "a%0d%0aSet-Cookie:%20x=y", b"x")
    assert injected.status == 404 and "Set-Cookie" not in injected.headers
    assert (await house.call("GET", "/files")).json == []


async def test_conditions_hold_for_what_is_there(house: House) -> None:
    partner = await house.partner("partner")
    assert (await put(house, partner, "a", b"1", **{"If-Match": "*"})).status == 412
    first = await put(house, partner, "a", b"1", **{"If-None-Match": "*"})
    assert first.status == 201
    assert (await put(house, partner, "a", b"2", **{"If-None-Match": "*"})).status == 412
    assert (await put(house, partner, "a", b"2", **{"If-Match": '"other"'})).status == 412
    tag = first.headers["ETag"]
    assert (await put(house, partner, "a", b"2", **{"If-None-Match": f'"x", W/{tag}'})).status == 412
    assert (await put(house, partner, "a", b"2", **{"If-Match": f'"x", {tag}'})).status == 204
    assert (await put(house, partner, "a", b"3", **{"If-Match": tag})).status == 412
    assert await contents_of(house, partner) == {"a": b"2"}


async def test_what_cannot_be_kept_as_it_is_meant_is_refused(house: House) -> None:
    partner = await house.partner("partner")
    for headers, status, reason in (
        ({"Content-Range": "bytes 0-1/5"}, 400, "request.bad_value"),
        ({"Content-Encoding": "gzip"}, 415, "request.unsupported_media_type"),
        ({"Content-Type": "nonsense"}, 400, "file.bad_media_type"),
    ):
        answer = await put(house, partner, "a", b"x", **headers)
        assert (answer.status, answer.text) == (status, f"{reason}\n")


async def test_only_put(house: House) -> None:
    partner = await house.partner("partner")
    for method in ("GET", "HEAD", "POST", "DELETE", "PATCH"):
        answer = await house.call(method, f"{house.exchange}/gb/{partner.id}/a", by=partner.session)
        assert (answer.status, answer.headers["Allow"]) == (405, "PUT")


@pytest.mark.parametrize("status", [401, 403])
async def test_an_unknown_certificate(build: Build, status: int) -> None:
    """GB008, GB010."""
    async with build({"KADE_DIALECTS_FILESERVER_UNKNOWN_CERTIFICATE_STATUS": str(status)}) as house:
        stranger = house.session(identity=house.authority.issue_client("stranger"))
        async with stranger.put(f"{house.exchange}/gb/0/a", data=b"x") as response:
            assert response.status == status


async def test_quota_and_size_are_told_before_the_body_is_sent(build: Build) -> None:
    async with build({"KADE_UPLOADS_QUOTA": "1000", "KADE_UPLOADS_MAX_SIZE": "5000"}) as house:
        partner = await house.partner("partner")
        for length, status in ((2000, b"507"), (6000, b"413")):
            async with line(house, partner) as (reader, writer):
                writer.write(head(partner, f"Content-Length: {length}\r\nExpect: 100-continue\r\n"))
                assert status in await reader.readline()
        async with line(house, partner) as (reader, writer):
            writer.write(head(partner, "Content-Length: 3\r\nExpect: 100-continue\r\n"))
            assert b"100" in await reader.readline()
            writer.write(b"abc")
            await reader.readline()
            assert b"201" in await reader.readline()

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(5):
                yield b"x" * 600

        assert (await put(house, partner, "b", pieces())).status == 507
        assert await contents_of(house, partner) == {"a": b"abc"}


async def test_a_body_of_unknown_end_is_refused(house: House) -> None:
    """Else a client that forgets its length would empty the file."""
    partner = await house.partner("partner")
    async with line(house, partner) as (reader, writer):
        writer.write(head(partner, ""))
        assert b"411" in await reader.readline()


@pytest.mark.parametrize("framing", ["Content-Length: 200000", "Transfer-Encoding: chunked"])
async def test_a_cut_put_leaves_the_old_file(house: House, framing: str) -> None:
    partner = await house.partner("partner")
    await put(house, partner, "a", b"old")
    async with line(house, partner) as (_reader, writer):
        writer.write(head(partner, f"{framing}\r\n"))
        writer.write(b"186a0\r\n" + b"x" * 100_000 + b"\r\n" if "chunked" in framing else b"x" * 100_000)
        await writer.drain()
        await until(lambda: count_of_uploads(house, 2))
        assert await contents_of(house, partner) == {"a": b"old"}
    await until(lambda: count_of_uploads(house, 1))
    assert await contents_of(house, partner) == {"a": b"old"}
    assert (await put(house, partner, "a", b"new")).status == 204
    assert await contents_of(house, partner) == {"a": b"new"}


async def test_a_put_that_crawls_is_cut(build: Build) -> None:
    async with build({"KADE_LIMITS_SLOW_AFTER": "300ms"}) as house:
        partner = await house.partner("partner")
        async with line(house, partner) as (reader, writer):
            writer.write(head(partner, "Content-Length: 100000\r\n") + b"x")
            assert b"408" in await reader.readline()
        assert (await house.call("GET", "/files")).json == []


async def test_the_last_of_two_at_once_wins_whole(house: House) -> None:
    partner = await house.partner("partner")
    bodies = [bytes([number]) * 100_000 for number in range(8)]
    answers = await asyncio.gather(*(put(house, partner, "a", body) for body in bodies))
    assert sorted(each.status for each in answers) == [201] + [204] * 7
    (found,) = (await contents_of(house, partner)).values()
    assert found in bodies


async def test_what_is_overwritten_can_be_restored_where_the_box_keeps_trash(house: House) -> None:
    partner = await house.partner("partner")
    await put(house, partner, "a", b"old")
    (old,) = await house.kade.catalog.read(lambda tx: tx.files.page(None, 9))
    await house.kade.catalog.write(lambda tx: tx.spaces.set_policy(old.space_id, Policy(trash_ms=60_000)))
    assert (await put(house, partner, "a", b"new")).status == 204
    states = await house.kade.catalog.read(lambda tx: [each.state for each in tx.files.page(None, 9)])
    assert states == ["trashed", "live"]
    # The application removes it; its place is free again, and the trash keeps both.
    (path,) = (await house.call("GET", "/files")).json
    await house.call("DELETE", f"/files/{path}")
    assert (await put(house, partner, "a", b"third")).status == 204
    assert await contents_of(house, partner) == {"a": b"third"}


async def count_of_uploads(house: House, count: int) -> bool:
    return len(await house.kade.catalog.read(lambda tx: tx.uploads.page(None, 9))) == count


@asynccontextmanager
async def line(
    house: House, partner: Partner
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection as the partner; it is broken off at the end."""
    context: ssl.SSLContext = client_context(house.authority.pem, partner.identity)
    port = URL(house.exchange).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def head(partner: Partner, fields: str) -> bytes:
    return f"PUT /files/gb/{partner.id}/a HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode()

"""The form of an upload: every order, encoding and size of it, and forms that are meant to hurt."""

import asyncio
import base64
import binascii
import json
import quopri
import socket
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.dialects.fileserver.forms import BOUNDARY, Part, body_of, content_type, file_part, written
from tests.dialects.fileserver.house import Answer, House
from tests.support.sizes import sizes

JSON_PART = ("Content-Type: application/json",)
START = "2020-01-02T03:04:05.678Z"
BASE64 = ("Content-Type: image/png", "Content-Transfer-Encoding: base64")


async def post(house: House, body: bytes, boundary: str = BOUNDARY, pieces: int = 0) -> Answer:
    """Send a body to the first user, chunked in pieces of that size when one is given."""

    async def cut() -> AsyncIterator[bytes]:
        for start in range(0, len(body), pieces):
            yield body[start : start + pieces]

    data = cut() if pieces else body
    return await house.call("POST", "/files/user/0", data=data, headers=content_type(boundary))


async def content(house: House, path: str) -> bytes:
    answer = await house.call("GET", f"/files/{path}")
    boundary = answer.headers["Content-Type"].partition('boundary="')[2].rstrip('"')
    return answer.body.split(b"Content-ID: <file>\r\n\r\n", 1)[1].removesuffix(
        f"\r\n--{boundary}--\r\n".encode()
    )


async def test_fields_stand_before_or_after_the_file_as_text_or_json(house: House) -> None:
    await house.partner("partner")
    file, text = file_part(b"data"), Part("startDate", START.encode())
    quoted = Part("startDate", json.dumps(START).encode(), None, JSON_PART)
    nothing = Part("startDate", b"null", None, JSON_PART)
    for parts, told in (
        ([text, file], START),
        ([file, text], START),
        ([quoted, file], START),
        ([file, quoted, Part("unknown", b"ignored")], START),
        ([file, nothing], None),
        ([file, Part("startDate", b"")], None),
        ([file, Part("startDate", b"2020-01-02T04:04:05.678+01:00")], START),
        ([file, Part("startDate", b"2020-01-02T03:04:05.678")], START),
    ):
        path = (await house.post_form("/files/user/0", parts)).text
        assert (await house.call("GET", f"/files/{path}/info")).json.get("startDate") == told, parts


@pytest.mark.parametrize("pieces", [0, 1, 7, 64, 1000])
async def test_a_form_may_come_in_any_pieces(house: House, pieces: int) -> None:
    """The boundary's beginning inside of the data is data, wherever the pieces are cut."""
    await house.partner("partner")
    data = f"\r\n--{BOUNDARY[:-1]}\r\n\r\n--{BOUNDARY}x\r\n--\r\r\n".encode() * 20
    answer = await post(house, body_of([Part("a", b"1"), file_part(data), Part("b", b"2")]), pieces=pieces)
    assert answer.status == 200
    assert await content(house, answer.text) == data


@pytest.mark.parametrize("pieces", [0, 5, 1000])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 10_000])
async def test_encoded_parts_are_decoded(house: House, size: int, pieces: int) -> None:
    await house.partner("partner")
    data = (bytes(range(256)) * 40)[:size]
    quoted_printable = ("Content-Transfer-Encoding: Quoted-Printable",)
    long_line = b"".join(f"={byte:02X}".encode() for byte in data)
    for encoded, headers in (
        (base64.b64encode(data), BASE64),
        (base64.encodebytes(data).replace(b"\n", b"\r\n"), BASE64),
        (binascii.b2a_qp(data, istext=False).replace(b"\n", b"\r\n"), quoted_printable),
        (long_line, quoted_printable),
        (data, ("Content-Transfer-Encoding: binary",)),
    ):
        answer = await post(house, body_of([file_part(encoded, "a.png", *headers)]), pieces=pieces)
        assert answer.status == 200, (encoded[:40], headers)
        assert await content(house, answer.text) == data
    assert quopri.decodestring(long_line) == data


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (file_part(b"!!!!", "a", *BASE64), 500),
        (file_part(b"QQ", "a", *BASE64), 500),
        (file_part(b"QQ==QQ==", "a", *BASE64), 500),
        (file_part(b"x", "a", "Content-Transfer-Encoding: rot13"), 500),
        (file_part(b"x", "a", "Content-Type: nonsense"), 500),
        (file_part(b"x", ""), 500),
        (Part("file", b"x"), 500),
        (file_part(b"x", ".."), 500),
        (file_part(b"x", "a\x00b"), 500),
        (file_part(b"x", "n" * 256), 500),
        (file_part(b"x", "a\u202egnp.exe"), 500),
        (Part("other", b"x", "a"), 400),
    ],
)
async def test_parts_that_are_refused(house: House, part: Part, status: int) -> None:
    await house.partner("partner")
    assert (await house.post_form("/files/user/0", [part])).status == status
    assert (await house.call("GET", "/files")).json == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("plain.txt", "plain.txt"),
        ("C:\\fakepath\\a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("été – 日本.pdf", "été – 日本.pdf"),
        ("semi;colon=1.txt", "semi;colon=1.txt"),
        ('say \\"hi\\".txt', 'say "hi".txt'),
    ],
)
async def test_names_of_files(house: House, given: str, kept: str) -> None:
    partner = await house.partner("partner")
    path = (await house.upload(0, b"x", given)).text
    told = (await house.call("GET", f"/files/{path}/info")).json["name"]
    assert told == (kept.rpartition("/")[2] if "/" in kept else kept)
    disposition = (await house.download(partner, path)).headers["Content-Disposition"]
    assert disposition.startswith("attachment; ") and "\r" not in disposition and "\n" not in disposition


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 500),
        (b"no form at all", 500),
        (f"--{BOUNDARY}--\r\n".encode(), 400),
        (written(file_part(b"cut off")), 500),
        (written(file_part(b"cut off"))[:40], 500),
        (body_of([file_part(b"one"), file_part(b"two")]), 500),
        (body_of([Part(f"field{n}", b"x") for n in range(33)]), 413),
        (body_of([Part("field", b"x" * (65 << 10)), file_part(b"x")]), 413),
        (body_of([file_part(b"x"), Part("sha256Checksum", b"x" * (65 << 10))]), 413),
        (body_of([file_part(b"x", "a", "X: " + "y" * 9000)]), 500),
        (body_of([file_part(b"x", "a", *(f"X{n}: y" for n in range(17)))]), 500),
        (body_of([file_part(b"x", "a", "Bad header: y")]), 500),
        (b"\r\n" + b"x" * (600 << 10) + body_of([file_part(b"x")]), 500),
        (b"\r\n" * (300 << 10) + body_of([file_part(b"x")]), 500),
    ],
    ids=[
        "nothing",
        "no form",
        "no parts",
        "no end",
        "cut in a header",
        "two files",
        "many parts",
        "large field before the file",
        "large field after the file",
        "long header",
        "many headers",
        "bad header",
        "text before the form",
        "empty lines before the form",
    ],
)
async def test_forms_that_are_refused(house: House, body: bytes, status: int) -> None:
    await house.partner("partner")
    assert (await post(house, body)).status == status
    assert (await house.call("GET", "/files")).json == []


async def test_a_boundary_is_needed_and_limited(house: House) -> None:
    await house.partner("partner")
    body = body_of([file_part(b"x")])
    for media_type, status in (
        ("multipart/form-data", 500),
        ("multipart/form-data; boundary=", 500),
        (f"multipart/form-data; boundary={'b' * 300}", 500),
        ("multipart/mixed; boundary=x", 415),
        ("application/json", 415),
    ):
        answer = await house.call("POST", "/files/user/0", data=body, headers={"Content-Type": media_type})
        assert answer.status == status, media_type


async def test_a_line_that_breaks_leaves_nothing(house: House) -> None:
    await house.partner("partner")
    host, port = house.server.bases["web"].removeprefix("http://").split(":")
    head = (
        "POST /service/rest/v1/files/user/0 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
        f"Authorization: Bearer {house.key}\r\nContent-Type: {content_type()['Content-Type']}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + written(file_part(b"x" * 300_000))[:200_000])
        await _eventually(lambda: house.call("GET", "/files"), lambda answer: len(answer.json) == 1)
    await _eventually(lambda: house.call("GET", "/files"), lambda answer: answer.json == [])
    quota = await house.kade.catalog.read(lambda tx: tx.quotas.get(tx.tenants.all()[0].id))
    assert quota is not None and (quota.used, quota.reserved) == (0, 0)


async def _eventually(ask: Callable[[], Awaitable[Answer]], good: Callable[[Answer], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if good(await ask()):
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("encoded", [False, True])
async def test_memory_stays_flat_while_a_large_file_passes(house: House, encoded: bool) -> None:
    await house.partner("partner")
    block = bytes(range(256)) * 1024
    count = (sizes.body // (4 if encoded else 1)) // len(block)
    headers = BASE64 if encoded else ()
    line = base64.b64encode(block[: 255 * 1024]) + b"\r\n" if encoded else block

    async def form() -> AsyncIterator[bytes]:
        yield written(file_part(b"", "large", *headers)).removesuffix(b"\r\n")
        for _ in range(count):
            yield line
        yield b"\r\n" + body_of([])

    tracemalloc.start()
    try:
        answer = await house.call("POST", "/files/user/0", data=form(), headers=content_type())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 200
    size = count * len(block[: 255 * 1024] if encoded else block)
    assert (await house.call("GET", f"/files/{answer.text}/info")).json["length"] == size
    assert peak < 48 << 20

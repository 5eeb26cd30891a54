"""Publishing in one request, as documented and as clients do it; what is wrong leaves nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Answer, Application, Build, House, Right, Stock
from tests.support.file_api import related

from kade.core.business_types import REFUSED_EXTENSIONS, Direction
from kade.core.ports import Tx
from kade.core.spaces import Policy
from kade.services import tenants

NUMBER = 8000
MARK = b"--foo_bar_baz"
TYPE = {"Content-Type": "multipart/related;boundary=foo_bar_baz"}
TOLD = b'{"name": "a.txt", "businesstypeid": "8000"}'
FILE_API = ["correlationId", "message", "errorCode", "exception"]


@dataclass
class Scene:
    """A publisher and a subscriber of one business type."""

    house: House
    publisher: Application
    subscriber: Application

    async def post(
        self, body: bytes, headers: dict[str, str] | None = None, kind: str = "multipart"
    ) -> Answer:
        return await self.publisher.call("POST", f"/files?uploadType={kind}", headers or TYPE, data=body)

    async def content(self) -> bytes:
        """Of the one file that was delivered, which is then on the list no longer."""
        (item,) = (await self.subscriber.listed()).json["data"]
        answer = await self.subscriber.get(item["fileId"])
        assert (answer.status, len(answer.body)) == (200, item["fileSize"])
        return answer.body


@pytest.fixture
async def scene(house: House) -> AsyncIterator[Scene]:
    yield await prepare(house)


async def prepare(house: House) -> Scene:
    publisher = await house.application("publisher", [Right("acme", NUMBER, PUBLISH)])
    subscriber = await house.application("subscriber", [Right("acme", NUMBER, SUBSCRIBE)])
    return Scene(house, publisher, subscriber)


def parts(*each: bytes, end: bytes = b"--\r\n") -> bytes:
    """A body of parts that bring their own headers, or none: an empty line only."""
    return b"".join(MARK + b"\r\n" + part + b"\r\n" for part in each) + MARK + end


JSON_PART = b"Content-Type: application/json; charset=UTF-8\r\n\r\n" + TOLD
BARE = b"\r\ncontent"

FORMS: dict[str, tuple[bytes, bytes]] = {
    "as documented": (parts(JSON_PART, BARE), b"content"),
    "no headers at all": (parts(b"\r\n" + TOLD, BARE), b"content"),
    "headers of a file": (
        parts(JSON_PART, b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\ncontent"),
        b"content",
    ),
    "without a last line break": (parts(JSON_PART, BARE, end=b"--"), b"content"),
    "a preamble": (b"This is a message in several parts.\r\n" + parts(JSON_PART, BARE), b"content"),
    "a preamble of empty lines": (b"\r\n\r\n" + parts(JSON_PART, BARE), b"content"),
    "an epilogue": (parts(JSON_PART, BARE) + b"and so on\r\n" * 5000, b"content"),
    "empty": (parts(JSON_PART, b"\r\n"), b""),
    "line breaks of its own": (parts(JSON_PART, b"\r\n\r\n\r\na\r\n\r\n"), b"\r\n\r\na\r\n\r\n"),
    "what looks like a delimiter": (
        parts(JSON_PART, b"\r\n--foo_bar_ba\r\n --foo_bar_baz--\r\n-"),
        b"--foo_bar_ba\r\n --foo_bar_baz--\r\n-",
    ),
    "Base64": (parts(JSON_PART, b"Content-Transfer-Encoding: base64\r\n\r\nY29udGVudA=="), b"content"),
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_body_and_what_it_brings(scene: Scene, name: str) -> None:
    body, content = FORMS[name]
    answer = await scene.post(body)
    assert (answer.status, answer.json["size"], answer.json["numChunks"]) == (201, len(content), 1)
    assert await scene.content() == content


DESCRIPTIONS: dict[str, object] = {
    "as clients write it": {"name": "a.txt", "businesstypeid": "8000"},
    "as documented": {"FileName": "a.txt", "BusinessTypeId": "8000"},
    "a number": {"name": "a.txt", "businessTypeId": 8000},
    "more than that": {"name": "a.txt", "businesstypeid": "8000", "else": {"a": [1, None]}},
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
async def test_a_description(scene: Scene, name: str) -> None:
    headers, body = related(DESCRIPTIONS[name], b"content")
    answer = await scene.post(body, headers)
    assert answer.status == 201, answer
    assert (answer.json["name"], answer.json["businessType"]) == ("a.txt", {"id": NUMBER, "name": "8000"})
    assert answer.json["tenantId"] == "acme"
    assert len(answer.json["creationDate"]) == len("2021-03-25T07:30:23.6570000Z")


async def test_boundaries(scene: Scene) -> None:
    for boundary in ("a", "b" * 70, "----=_Part_1_'()+,-./:=?", "0 1"):
        _, body = related({"name": "a.txt", "businesstypeid": 8000}, b"content", boundary)
        for written in (f'"{boundary}"', boundary if boundary.isalnum() else f'"{boundary}"'):
            for kind in ("multipart/related; boundary={}", 'Multipart/Related;type="x"; BOUNDARY={} ; a=b'):
                answer = await scene.post(body, {"Content-Type": kind.format(written)})
                assert answer.status == 201, (boundary, kind, answer)


DEEP = b'{"name": ' + b"[" * 30_000

WRONG: dict[str, tuple[dict[str, str], bytes]] = {
    "no type": ({"Content-Type": ""}, parts(JSON_PART, BARE)),
    "another type": ({"Content-Type": "multipart/form-data;boundary=foo_bar_baz"}, parts(JSON_PART, BARE)),
    "no boundary": ({"Content-Type": "multipart/related"}, parts(JSON_PART, BARE)),
    "an empty boundary": ({"Content-Type": 'multipart/related;boundary=""'}, parts(JSON_PART, BARE)),
    "another boundary": ({"Content-Type": "multipart/related;boundary=other"}, parts(JSON_PART, BARE)),
    "no body": (TYPE, b""),
    "no parts": (TYPE, MARK + b"--\r\n"),
    "a description alone": (TYPE, parts(JSON_PART)),
    "three parts": (TYPE, parts(JSON_PART, BARE, BARE)),
    "no end": (TYPE, parts(JSON_PART, BARE, end=b"")),
    "half an end": (TYPE, parts(JSON_PART, BARE, end=b"-")),
    "no end, long": (TYPE, parts(JSON_PART, b"\r\n" + b"x" * 300_000, end=b"")),
    "line feeds alone": (TYPE, parts(JSON_PART, BARE).replace(b"\r\n", b"\n")),
    "a long preamble": (TYPE, b"x" * 200_000 + parts(JSON_PART, BARE)),
    "many headers": (TYPE, parts(b"a: b\r\n" * 50 + b"\r\n" + TOLD, BARE)),
    "a long header": (TYPE, parts(b"a: " + b"b" * 20_000 + b"\r\n\r\n" + TOLD, BARE)),
    "no JSON": (TYPE, parts(b"\r\nname=a.txt", BARE)),
    "a list": (TYPE, parts(b"\r\n[1]", BARE)),
    "no text": (TYPE, parts(b'\r\n{"name": "\xff"}', BARE)),
    "half a letter": (TYPE, parts(b'\r\n{"name": "\\ud800", "businesstypeid": 8000}', BARE)),
    "deep": (TYPE, parts(b"\r\n" + DEEP, BARE)),
    "a long description": (TYPE, parts(b"\r\n" + b" " * 70_000 + TOLD, BARE)),
    "no name": (TYPE, parts(b'\r\n{"businesstypeid": "8000"}', BARE)),
    "an empty name": (TYPE, parts(b'\r\n{"name": "", "businesstypeid": "8000"}', BARE)),
    "a name that is none": (TYPE, parts(b'\r\n{"name": 1, "businesstypeid": "8000"}', BARE)),
    "no type of business": (TYPE, parts(b'\r\n{"name": "a.txt"}', BARE)),
    **{
        f"business type {each}": (
            TYPE,
            parts(b'\r\n{"name": "a.txt", "businesstypeid": %s}' % each.encode(), BARE),
        )
        for each in ('"x"', "true", "8000.0", "-1", '"8000 "', "[]", "1e999", "1" + "0" * 400, '"\\u0668"')
    },
    "an unknown encoding": (TYPE, parts(JSON_PART, b"Content-Transfer-Encoding: x\r\n\r\ncontent")),
}


@pytest.mark.parametrize("kind", ["multipart", "resumable"])
async def test_what_is_wrong_is_refused_and_leaves_nothing(scene: Scene, kind: str) -> None:
    for name, (headers, body) in WRONG.items():
        answer = await scene.post(body, headers, kind)
        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/json"), name
        assert list(answer.json) == FILE_API, name
        assert answer.json["errorCode"] == "400" and answer.json["message"], name
        assert answer.json["exception"] is None, name
    assert await scene.house.stock() == Stock()
    assert (await scene.publisher.listed("publisher")).json["count"] == 0


async def test_other_parameters_that_are_wrong(scene: Scene) -> None:
    body = parts(JSON_PART, BARE)
    token = "0" * 32
    cases: dict[str, tuple[str, int]] = {
        "POST /files": ("", 400),
        "POST /files?uploadType=media": ("", 400),
        f"POST /files?uploadType=resumable&uploadToken={token}": ("", 404),
        "POST /files?uploadType=resumable&uploadToken=x%00y": ("", 404),
        "PUT /files?uploadType=multipart": ("", 400),
        "PUT /files?uploadType=resumable&position=1": ("", 400),
        f"PUT /files?uploadType=resumable&uploadToken={token}": ("", 400),
        f"PUT /files?uploadType=resumable&uploadToken={token}&position=-1": ("", 400),
        f"PUT /files?uploadType=resumable&uploadToken={token}&position=100000": ("", 400),
        f"PUT /files?uploadType=resumable&uploadToken={token}&position=1&close=perhaps": ("", 400),
        f"PUT /files?uploadType=resumable&uploadToken={token}&position=1": ("", 404),
        "PUT /files?uploadType=resumable&uploadToken=%00&position=1": ("", 404),
        f"PUT /files?UPLOADTYPE=Resumable&uploadtoken={token}&Position=1&CLOSE=True": ("", 404),
    }
    for request, (_, status) in cases.items():
        method, path = request.split(" ")
        answer = await scene.publisher.call(method, path, TYPE, data=body)
        assert (answer.status, list(answer.json)) == (status, FILE_API), request
    assert await scene.house.stock() == Stock()


GOOD_NAMES = [
    "a",
    "A-b_c.d(e),f$g+h`i=j'k l;m.txt",
    "jaaropgave één.xml",
    "数据.csv",
    "a." + "b" * 253,
    "...",
    ".a",
]
BAD_NAMES = [
    *("..", ".", "../a.txt", "..\\a.txt", "/etc/passwd", "C:\\a.txt", "a/b", "\\\\host\\share", "a\0b"),
    *('a"b', "a\r\nSet-Cookie: x", "a\tb", "a%2fb", "a<b>", "a:b", "a*", "a?b", "a|b", "a&b", "a#b", "a@b"),
    *("a\u202etxt.exe", "a\u2028b", "~a", "a!b", "{a}", "[a]", "a^b", "x" * 256, "\ufffea", "a\u200bb"),
]


async def test_names(scene: Scene) -> None:
    for name in GOOD_NAMES:
        assert (await scene.publisher.publish(name, NUMBER, b"x")).json["name"] == name
    for name in BAD_NAMES:
        answer = await scene.publisher.publish(name, NUMBER, b"x")
        assert (answer.status, list(answer.json)) == (400, FILE_API), name
        headers, body = related({"name": name, "businesstypeid": "8000"}, b"x")
        assert (await scene.post(body, headers, "resumable")).status == 400, name
    page = (await scene.subscriber.listed(pageSize=100)).json
    assert {each["fileName"] for each in page["data"]} == set(GOOD_NAMES)


async def test_the_rules_of_a_business_type(house: House) -> None:
    """Extensions, patterns and sizes; and the direction, for whoever was granted it before that changed."""
    policy = Policy(
        max_file_size=10, file_names=("*_sepa.csv", "*.xml"), refused_extensions=REFUSED_EXTENSIONS
    )
    await house.business_type(NUMBER, policy=policy)
    await house.business_type(8001, policy=replace(policy, file_names=()))
    await house.business_type(8002, Direction.PUBLISH)
    publisher = await house.application(
        "publisher", [Right("acme", each, PUBLISH) for each in (NUMBER, 8001, 8002)]
    )
    for name, number, size, status in [
        ("x_SEPA.CSV", NUMBER, 10, 201),
        ("x_SEPA.CSV", NUMBER, 11, 400),
        ("x.csv", NUMBER, 1, 400),
        ("x.xml", NUMBER, 0, 201),
        ("x.xml.exe", NUMBER, 1, 400),
        ("x.exe", 8001, 1, 400),
        ("X.PhP7", 8001, 1, 400),
        ("exe", 8001, 1, 201),
        ("x.exe.txt", 8001, 10, 201),
        ("x.txt", 8001, 11, 400),
    ]:
        answer = await publisher.publish(name, number, b"x" * size)
        assert answer.status == status, (name, number, answer)
        headers, body = related({"name": name, "businesstypeid": str(number)}, b"x" * size)
        began = await publisher.call("POST", "/files?uploadType=resumable", headers, data=body)
        assert began.status == (206 if status == 201 else 400), (name, number, began)


async def test_a_file_that_is_too_large_for_one_request(build: Build) -> None:
    limits = {"KADE_DIALECTS_FILEAPI_MULTIPART_LIMIT": "100KiB", "KADE_DIALECTS_FILEAPI_CHUNK_LIMIT": "50KiB"}
    async with build(limits) as house:
        scene = await prepare(house)
        data = b"x" * (100 << 10)
        assert (await scene.publisher.publish("a.txt", NUMBER, data)).status == 201
        refused = await scene.publisher.publish("b.txt", NUMBER, data + b"x")
        assert (refused.status, refused.json["errorCode"]) == (400, "400")
        assert "larger than 102400 bytes" in refused.json["message"]
        headers, body = related({"name": "b.txt", "businesstypeid": 8000}, data[: 50 * 1024 + 1])
        assert (await scene.post(body, headers, "resumable")).status == 400
        token = await scene.publisher.begin("b.txt", NUMBER, data[: 50 * 1024])
        assert (await scene.publisher.add(token, 1, data[: 50 * 1024 + 1])).status == 400
        assert (await scene.publisher.add(token, 1, data[: 50 * 1024])).status == 206
        assert (await scene.publisher.add(token, 2, data[: 50 * 1024], close=True)).json["size"] == 150 << 10
        held = await house.stock()
        assert (held.open_uploads, held.reserved, held.used) == (0, 0, 250 << 10)


async def test_quota(scene: Scene) -> None:
    def set_ceiling(tx: Tx) -> None:
        tx.quotas.set_ceiling(tenants.named(tx, "acme").id, 100_000)

    await scene.house.kade.catalog.write(set_ceiling)
    answer = await scene.publisher.publish("a.txt", NUMBER, b"x" * 200_000)
    assert (answer.status, list(answer.json)) == (507, FILE_API)
    token = await scene.publisher.begin("a.txt", NUMBER, b"x" * 60_000)
    assert (await scene.publisher.add(token, 1, b"x" * 60_000)).status == 507
    assert (await scene.publisher.add(token, 1, b"x" * 1_000)).status == 206
    assert (await scene.publisher.close(token)).status == 201
    held = await scene.house.stock()
    assert (held.open_uploads, held.reserved, held.used) == (0, 0, 61_000)


async def test_an_answer_says_what_the_list_says(scene: Scene) -> None:
    created = (await scene.publisher.publish("a.txt", NUMBER, b"content")).json
    (item,) = (await scene.subscriber.listed()).json["data"]
    assert created["id"] == item["fileId"]
    assert created["creationDate"].startswith(item["uploadDate"].removesuffix("Z"))
    assert json.dumps(created["businessType"]) == json.dumps(item["businessType"])
    assert item["publisherId"] == scene.publisher.client_id

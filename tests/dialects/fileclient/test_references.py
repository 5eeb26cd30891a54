"""Grote Berichten on the client's side: references out and in, and the messages of push (spec 3, 6)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from lxml import etree
from tests.client.servers import running
from tests.dialects.fileclient.conftest import BuildClient, Quays
from tests.dialects.fileclient.house import ClientHouse, Row
from tests.dialects.fileserver.house import Answer
from tests.dialects.fileserver.test_references import schema

PULL = "http://www.logius.nl/digikoppeling/gb/2010/10"
PUSH = "http://www.logius.nl/digikoppeling/gb/2020/09"
XML = {"Content-Type": "application/xml"}
DATA = bytes(range(256)) * 500
KINDS = ("MD5", "SHA1", "SHA256", "SHA384", "SHA512")
CLOSED = "http://localhost:9/files/gb/0/a"  # nobody answers there


class Sending:
    """A file server that sends these bytes, whatever was said of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self.data, headers={"ETag": '"1"', "Content-Type": "application/pdf"})


@pytest.fixture
async def client(build_client: BuildClient) -> AsyncIterator[ClientHouse]:
    """A File Client alone."""
    async with build_client(max_attempts=1) as made:
        yield made


def digest(data: bytes, kind: str = "SHA256") -> str:
    return hashlib.new(kind.lower(), data, usedforsecurity=False).hexdigest().upper()


def reference(url: str, data: bytes, kind: str = "SHA256", *, name: str = "verslag.pdf", **other: Any) -> str:
    """A data-reference that tells the truth, unless told otherwise."""
    said = {"checksum": digest(data, kind), "size": len(data), "type": "application/pdf", **other}
    times = "".join(
        f'<{each} type="xs:dateTime">{said[each]}</{each}>'
        for each in ("creationTime", "expirationTime")
        if each in said
    )
    location = said.get("location", "senderUrl")
    return (
        f'<data-reference xmlns="{PULL}"><lifetime>{times}</lifetime><content contentType="{said["type"]}">'
        f'<filename>{name}</filename><checksum type="{kind}">{said["checksum"]}</checksum>'
        f'<size>{said["size"]}</size></content><transport><location><{location} type="xs:anyURI">{url}'
        f"</{location}></location></transport></data-reference>"
    )


def document(*references: str, name: str = "digikoppeling-external-data-references") -> str:
    return f'<g:{name} xmlns:g="{PULL}" profile="digikoppeling-gb-1.0">{"".join(references)}</g:{name}>'


async def post(client: ClientHouse, path: str, text: str | bytes) -> Answer:
    data = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return await client.call("POST", f"/gb/{path}", data=data, headers=XML)


async def fetch(client: ClientHouse, text: str) -> list[Row]:
    answer = await post(client, "externalDataReference", text)
    assert answer.status == 200, answer
    return list(answer.json)


async def tasks(client: ClientHouse) -> list[Row]:
    return list((await client.call("GET", "/download")).json)


async def told(client: ClientHouse, numbers: str, accept: str = "application/json") -> Answer:
    return await client.call("GET", f"/gb/externalDataReference/{numbers}", headers={"Accept": accept})


# pull


async def test_a_reference_of_the_server_is_fetched_and_referred_to(quays: Quays) -> None:
    """MD001, MD002, MD005 to MD010: what the server tells is what is asked, and what we tell in turn."""
    names = ("één verslag.pdf", "één verslag.pdf", "b")
    paths = [(await quays.server.upload(quays.partner.id, DATA, name)).text for name in names]
    target = f"/gb/externalDataReference/{','.join(paths)}"
    answer = await quays.server.call("GET", target, headers={"Accept": "application/xml"})
    # The test's server certificate names localhost.
    made = await fetch(quays.client, answer.text.replace("https://127.0.0.1", "https://localhost"))
    numbers = [each["fileId"] for each in made]
    for task in made:
        done = await quays.client.over("download", task["fileId"])
        assert (done["status"], done["bytes"]) == ("SUCCEEDED", len(DATA)), done
    names_there = [each.text for each in etree.fromstring(answer.body).iter(f"{{{PULL}}}filename")]
    infos = [(await quays.client.call("GET", f"/files/{number}/info")).json for number in numbers]
    assert [each["name"] for each in infos] == names_there
    listed = ",".join(str(number) for number in numbers)
    ours = (await told(quays.client, listed)).json
    for one, path in zip(ours["dataReference"], paths, strict=True):
        url = one["transport"]["location"]["senderUrl"]["value"]
        assert url == f"{quays.server.exchange}/download/{path}"
        assert one["content"]["checksum"] == {"value": digest(DATA), "type": "SHA256"}
        assert (one["content"]["size"], one["content"]["contentType"]) == (
            len(DATA),
            "application/octet-stream",
        )
    assert [each["content"]["filename"] for each in ours["dataReference"]] == names_there
    for accept in ("application/xml", "text/xml"):
        as_xml = await told(quays.client, listed, accept)
        assert as_xml.headers["Content-Type"] == f"{accept}; charset=utf-8"
        schema("gb-2010-10.xsd").assertValid(etree.fromstring(as_xml.body))


async def test_what_was_sent_by_tus_has_the_url_of_its_upload(quays: Quays) -> None:
    """MD007, MD010; the names of two files of one name differ."""
    sent = [await quays.client.send(f"{quays.server.exchange}/upload", b"x", "a b.txt") for _ in range(2)]
    for task in sent:
        await quays.client.over("upload", task["fileId"])
    paths = (await quays.server.call("GET", "/files")).json
    answer = await told(quays.client, ",".join(str(task["fileId"]) for task in sent), "application/xml")
    root = etree.fromstring(answer.body)
    schema("gb-2010-10.xsd").assertValid(root)
    assert [len(each) for each in root.iter(f"{{{PULL}}}lifetime")] == [0, 0]
    urls = {each.text for each in root.iter(f"{{{PULL}}}receiverUrl")}
    assert urls == {f"{quays.server.exchange}/upload/{path}" for path in paths}
    assert {each.text for each in root.iter(f"{{{PULL}}}filename")} == {"a_b.txt", "a_b-2.txt"}


async def test_every_checksum_of_the_standard(build_client: BuildClient) -> None:
    """MD006: of references that come; ours have the one of the setting."""
    async with running(Sending(DATA)) as base, build_client(reference_checksum="SHA512") as client:
        made = await fetch(client, document(*(reference(f"{base}/a", DATA, kind) for kind in KINDS)))
        for task in made:
            assert (await client.over("download", task["fileId"]))["status"] == "SUCCEEDED"
        (one,) = (await told(client, str(made[0]["fileId"]))).json["dataReference"]
        assert one["content"]["checksum"] == {"value": digest(DATA, "SHA512"), "type": "SHA512"}


async def test_a_lifetime_is_when_it_is_fetched(client: ClientHouse) -> None:
    start, end = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(hours=2)
    times = {"creationTime": start.isoformat(), "expirationTime": end.isoformat()}
    (task,) = await fetch(client, document(reference(CLOSED, DATA, **times)))
    for name, moment in (("startDate", start), ("scheduleTime", start), ("endDate", end)):
        assert abs(datetime.fromisoformat(task[name]) - moment) < timedelta(seconds=1), name
    without_zone = {"creationTime": "2020-01-01T00:00:00"}
    (task,) = await fetch(client, document(reference(CLOSED, DATA, **without_zone)))
    assert task["startDate"] == "2020-01-01T00:00:00.000Z"


async def test_under_either_name_and_below_another_root(client: ClientHouse) -> None:
    one, two = reference(f"{CLOSED}1", b"1"), reference(f"{CLOSED}2", b"22")
    for text, count in (
        (document(one, two), 2),
        (document(one, name="external-data-reference"), 1),
        (f"<x:a xmlns:x='urn:x'><x:b>{document(one, two)}</x:b><x:c/></x:a>", 2),
        (f"<a>{document(one)}{document(two, name='external-data-reference')}</a>", 2),
        (f"<a><b>{one}</b>{two}</a>", 2),
        (f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- c -->{document(one)}', 1),
    ):
        made = await fetch(client, text)
        assert [each["url"] for each in made] == [f"{CLOSED}1", f"{CLOSED}2"][:count], text


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
GOOD = reference(CLOSED, DATA)
NO_REFERENCE = {
    "nothing": "",
    "no XML": "hello",
    "no reference": "<a/>",
    "an empty one": document(),
    "a bomb": BOMB + document(reference(CLOSED, DATA, name="&b;")),
    "an external entity": f'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>{document(GOOD)}',
    "deep": "<a>" * 5000 + document(GOOD) + "</a>" * 5000,
    "a request of push": f'<digikoppeling-external-data-references-request xmlns="{PUSH}"/>',
    "no lifetime": document(GOOD.replace("<lifetime></lifetime>", "")),
    "no name": document(GOOD.replace("<filename>verslag.pdf</filename>", "")),
    "a name that is a path": document(reference(CLOSED, DATA, name="../../x")),
    "another algorithm": document(GOOD.replace("SHA256", "CRC32")),
    "a digest that is too short": document(reference(CLOSED, DATA, checksum="00")),
    "a digest of another type": document(reference(CLOSED, DATA, checksum=digest(DATA, "MD5"))),
    "a size below nothing": document(reference(CLOSED, DATA, size=-1)),
    "no media type": document(reference(CLOSED, DATA, type="nonsense")),
    "no URL": document(reference("", DATA)),
    "a URL without a host": document(reference("https:///x", DATA)),
    "ours to receive": document(reference(CLOSED, DATA, location="receiverUrl")),
    "over": document(reference(CLOSED, DATA, expirationTime="2020-01-01T00:00:00Z")),
    "over before it begins": document(
        reference(CLOSED, DATA, creationTime="2037-01-01T00:00:00Z", expirationTime="2036-01-01T00:00:00Z")
    ),
    "a moment that no clock has": document(reference(CLOSED, DATA, creationTime="2036-01-01T24:00:00Z")),
    "a moment before all years": document(reference(CLOSED, DATA, creationTime="0001-01-01T00:00:00+14:00")),
    "a moment after all years": document(reference(CLOSED, DATA, expirationTime="9999-12-31T23:59:59.9999Z")),
    "another profile": document(GOOD).replace("gb-1.0", "gb-9.0"),
    "too many": document(*[GOOD] * 1001),
}


async def test_what_is_no_reference_is_refused_and_makes_no_task(client: ClientHouse) -> None:
    """Also when only the last one of several is wrong."""
    for name, text in NO_REFERENCE.items():
        answer = await post(client, "externalDataReference", text)
        assert (answer.status, answer.body) == (400, b""), name
    for status, bad in ((400, reference("x", DATA)), (403, reference("http://10.0.0.1/x", DATA))):
        assert (await post(client, "externalDataReference", document(GOOD, bad))).status == status
    assert (await post(client, "externalDataReference", b" " * ((1 << 20) + 1))).status == 413
    assert await tasks(client) == []


@pytest.mark.parametrize(
    ("lie", "word"), [(DATA[:-1], "bytes"), (DATA + b"x", "bytes"), (b"X" + DATA[1:], "sha-256")]
)
async def test_another_size_or_checksum_fails_the_task(client: ClientHouse, lie: bytes, word: str) -> None:
    """GB014, GB015: with a plain sentence, and without a file."""
    async with running(Sending(lie)) as base:
        (task,) = await fetch(client, document(reference(f"{base}/a", DATA)))
        done = await client.over("download", task["fileId"])
        assert done["status"] == "FAILED" and word in done["lastError"].lower(), done
        assert (await client.call("GET", f"/files/{task['fileId']}")).status == 404
        assert (await told(client, str(task["fileId"]))).status == 404


async def test_a_reference_is_whole_or_refused(client: ClientHouse) -> None:
    waiting = (await client.send(CLOSED, b"x"))["fileId"]
    for numbers in ("77", f"{waiting}", f"{waiting},77", "a", ",", ",".join(["0"] * 101), "%2e%2e"):
        answer = await told(client, numbers)
        assert (answer.status, answer.body) == (404, b""), numbers
    assert (await told(client, "0", "text/html")).status == 406


# push


async def request_of(client: ClientHouse, *numbers: int) -> Answer:
    return await client.call("POST", "/gb/externalDataReferenceRequest", json={"fileIds": list(numbers)})


async def pushed(quays: Quays, data: bytes, key: str) -> int:
    """A file that was sent by one PUT; its number."""
    url = f"{quays.server.exchange}/gb/{quays.partner.id}/{key}"
    number = int((await quays.client.send(url, data, f"{key}.pdf", profile="push"))["fileId"])
    assert (await quays.client.over("upload", number))["status"] == "SUCCEEDED"
    return number


async def judged(quays: Quays, request: Answer) -> Answer:
    path = f"/gb/user/{quays.partner.id}/externalDataReferenceRequest"
    answer = await quays.server.call("POST", path, data=io.BytesIO(request.body), headers=XML)
    assert answer.status == 200, answer
    return answer


async def test_the_sender_recovers(quays: Quays) -> None:
    """GB002, GB018: by push, with the message, its answer, and another sending of what was wrong alone."""
    numbers = [await pushed(quays, data, key) for data, key in ((DATA, "a"), (b"small", "b"), (b"c", "c"))]
    request = await request_of(quays.client, *numbers)
    assert request.headers["Content-Type"] == "application/xml; charset=utf-8"
    root = etree.fromstring(request.body)
    schema("gb-2020-09.xsd").assertValid(root)
    assert (root.get("profile"), [each.get("contextId") for each in root]) == (
        "digikoppeling-gb-4.0",
        [str(number) for number in numbers],
    )
    # What arrives is not what was sent: bytes that differ, a length that differs.
    for key, data in (("a", DATA[::-1]), ("b", b"other length")):
        url = f"{quays.server.exchange}/gb/{quays.partner.id}/{key}"
        assert (await quays.server.call("PUT", url, by=quays.partner.session, data=data)).status == 204
    answer = await judged(quays, request)
    outcome = (await post(quays.client, "externalDataReferenceResponse", answer.body)).json
    expected = ["CHECKSUM_ERROR", "INCORRECT_FILE_SIZE", "OK"]
    assert [(each["fileId"], each["status"], each["sentAgain"]) for each in outcome] == [
        (number, status, status != "OK") for number, status in zip(numbers, expected, strict=True)
    ]
    for number in numbers:
        assert (await quays.client.over("upload", number))["status"] == "SUCCEEDED"
    answer = await judged(quays, await request_of(quays.client, *numbers))
    statuses = [each.text for each in etree.fromstring(answer.body).iter(f"{{{PUSH}}}status")]
    assert statuses == ["OK", "OK", "OK"]
    outcome = (await post(quays.client, "externalDataReferenceResponse", answer.body)).json
    assert [each["sentAgain"] for each in outcome] == [False] * 3
    restarted = [each for each in await quays.client.journal() if each.kind == "task.restarted"]
    assert len(restarted) == 2
    paths = (await quays.server.call("GET", "/files")).json
    found = {(await quays.server.download(quays.partner, path)).body for path in paths}
    assert found == {DATA, b"small", b"c"}


def response(request: Answer, status: str, **changes: str) -> bytes:
    """What a partner might answer to a request, with other words in it."""
    text = request.text.replace("references-request", "references-response")
    text = text.replace("data-reference-request", "data-reference-response")
    verdict = f"<gb:status>{status}</gb:status><gb:reason>so it is</gb:reason><gb:transport>"
    text = text.replace("<gb:transport>", verdict)
    for old, new in changes.items():
        text = text.replace(old, new)
    return text.encode()


async def test_an_answer_counts_for_the_file_that_it_is_about(quays: Quays) -> None:
    """Number and URL together: a partner cannot have us send what it was not told of."""
    number = await pushed(quays, DATA, "a")
    request = await request_of(quays.client, number)
    path = "externalDataReferenceResponse"

    async def answered(status: str, **changes: str) -> list[Row]:
        answer = await post(quays.client, path, response(request, status, **changes))
        assert answer.status == 200, answer
        return list(answer.json)

    for status in ("OK", "UNKNOWN_ERROR"):
        (one,) = await answered(status)
        assert (one["status"], one["reason"], one["sentAgain"]) == (status, "so it is", False)
    context = f'contextId="{number}"'
    for changes in ({f"/gb/{quays.partner.id}/a": "/gb/9/a"}, {context: 'contextId="77"'}, {context: ""}):
        (one,) = await answered("FILE_NOT_FOUND", **changes)
        assert "fileId" not in one and one["sentAgain"] is False
    by_tus = (await quays.client.send(f"{quays.server.exchange}/upload", b"x"))["fileId"]
    await quays.client.over("upload", by_tus)
    (one,) = await answered("FILE_NOT_FOUND", **{context: f'contextId="{by_tus}"'})
    assert "fileId" not in one
    await quays.client.call("POST", f"/upload/{by_tus}/cancel")
    for status in ("FILE_NOT_FOUND", "DECOMPRESSION_ERROR", "CHECKSUM_TYPE_NOT_SUPPORTED"):
        (one,) = await answered(status)
        assert one["sentAgain"] is True
        assert (await quays.client.over("upload", number))["status"] == "SUCCEEDED"
    for bad in (
        b"",
        b"<a/>",
        request.body,
        response(request, "FINE"),
        BOMB.encode() + response(request, "OK"),
    ):
        assert (await post(quays.client, path, bad)).status == 400


async def test_a_message_is_about_files_that_were_pushed(quays: Quays) -> None:
    assert (await request_of(quays.client)).status == 400
    assert (await request_of(quays.client, *[0] * 101)).status == 400
    assert (await request_of(quays.client, 77)).status == 404
    by_tus = (await quays.client.send(f"{quays.server.exchange}/upload", b"x"))["fileId"]
    await quays.client.over("upload", by_tus)
    assert (await request_of(quays.client, by_tus)).status == 400
    paused = (await quays.client.send(f"{quays.server.exchange}/gb/9/a", b"x", profile="push"))["fileId"]
    assert (await quays.client.over("upload", paused))["status"] == "FAILED"  # another's place
    assert (await request_of(quays.client, paused)).status == 404
    wrong: tuple[object, ...] = ({"fileIds": "x"}, {"fileIds": [1], "more": 1}, {}, [])
    for bad in wrong:
        answer = await quays.client.call("POST", "/gb/externalDataReferenceRequest", json=bad)
        assert answer.status == 500, bad

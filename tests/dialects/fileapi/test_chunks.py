"""Chunked uploads: any order, at once, again; gaps, expiry, broken lines, a killed server, other people's."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Application, House, Right, Stock
from tests.support.file_api import related
from tests.support.kade_server import KadeServer

from kade.core.clock import Millis
from kade.core.ports import Tx

NUMBER = 8000
RIGHT = Right("acme", NUMBER, PUBLISH)
FILE_API = ["correlationId", "message", "errorCode", "exception"]


async def parties(house: House) -> tuple[Application, Application]:
    publisher = await house.application("publisher", [RIGHT])
    return publisher, await house.application("subscriber", [replace(RIGHT, verb=SUBSCRIBE)])


def chunks(count: int, size: int = 40_000) -> list[bytes]:
    """Different ones, of different lengths, above and below what is kept inline."""
    random_bytes = random.Random(4)
    return [random_bytes.randbytes(size // (1 + position % 4)) for position in range(count)]


async def test_chunks_at_once_in_any_order(house: House) -> None:
    publisher, subscriber = await parties(house)
    pieces = chunks(17)  # fewer than may run at once
    token = await publisher.begin("large.bin", NUMBER, pieces[0])
    later = list(range(1, len(pieces) - 1))
    random.Random(1).shuffle(later)
    answers = await asyncio.gather(*(publisher.add(token, at, pieces[at]) for at in later))
    assert {(each.status, each.body) for each in answers} == {(206, b"")}
    assert await subscriber.names() == []
    closed = await publisher.add(token, len(pieces) - 1, pieces[-1], close=True)
    assert (closed.status, closed.json["numChunks"]) == (201, len(pieces))
    whole = b"".join(pieces)
    assert closed.json["size"] == len(whole)
    assert (await subscriber.get(closed.json["id"])).body == whole
    held = await house.stock()
    assert (held.open_uploads, held.reserved, held.used) == (0, 0, len(whole))


async def test_a_chunk_that_comes_again_replaces_what_was_there(house: House) -> None:
    publisher, subscriber = await parties(house)
    token = await publisher.begin("a.txt", NUMBER, b"wrong " * 9000)
    for data in (b"wrong too", b"one "):
        assert (await publisher.add(token, 0, data)).status == 206
    for data in (b"", b"x" * 50_000, b"two"):
        assert (await publisher.add(token, 1, data)).status == 206
    closed = await publisher.close(token)
    assert (closed.json["size"], closed.json["numChunks"]) == (7, 2)
    assert (await subscriber.get(closed.json["id"])).body == b"one two"
    held = await house.stock()
    assert (held.open_uploads, held.reserved, held.used) == (0, 0, 7)


async def test_the_same_chunk_many_times_at_once(house: House) -> None:
    publisher, subscriber = await parties(house)
    token = await publisher.begin("a.txt", NUMBER, b"0")
    data = b"x" * 30_000
    answers = await asyncio.gather(*(publisher.add(token, 1, data) for _ in range(12)))
    assert {each.status for each in answers} == {206}
    closed = await publisher.close(token)
    assert (await subscriber.get(closed.json["id"])).body == b"0" + data
    assert await house.stock() == Stock(0, 30_001, 0, 2)


async def test_closing_again_gives_the_same_answer(house: House) -> None:
    """However it is said, and at once: the answer may have been lost, and a client then says it again."""
    publisher, subscriber = await parties(house)
    token = await publisher.begin("a.txt", NUMBER, b"one ")
    first = await publisher.add(token, 1, b"two", close=True)
    assert first.status == 201
    again = await asyncio.gather(
        *(publisher.close(token) for _ in range(4)),
        *(publisher.add(token, 1, b"two", close=True) for _ in range(4)),
    )
    assert {(each.status, each.body) for each in again} == {(201, first.body)}
    assert (await subscriber.listed()).json["count"] == 1
    late = await publisher.add(token, 1, b"other")
    assert (late.status, list(late.json)) == (409, FILE_API)
    assert (await subscriber.get(first.json["id"])).body == b"one two"
    created = await house.journal("file.created")
    assert len(created) == 1 and json.loads(created[0].detail or "{}")["deliveries"] == 1


async def test_both_ways_of_closing_at_once(house: House) -> None:
    publisher, subscriber = await parties(house)
    for _ in range(5):
        token = await publisher.begin("a.txt", NUMBER, b"one ")
        assert (await publisher.add(token, 1, b"two")).status == 206
        answers = await asyncio.gather(*(publisher.close(token) for _ in range(5)))
        assert len({each.body for each in answers}) == 1 and answers[0].status == 201, answers
    assert (await subscriber.listed()).json["count"] == 5


async def test_a_gap_is_told_and_can_be_mended(house: House) -> None:
    publisher, subscriber = await parties(house)
    token = await publisher.begin("a.txt", NUMBER, b"0")
    assert (await publisher.add(token, 3, b"3")).status == 206
    for answer in (await publisher.close(token), await publisher.add(token, 1, b"1", close=True)):
        assert (answer.status, list(answer.json)) == (400, FILE_API)
    assert await subscriber.names() == []
    assert (await publisher.add(token, 2, b"2")).status == 206
    closed = await publisher.close(token)
    assert (closed.status, closed.json["numChunks"]) == (201, 4)
    assert (await subscriber.get(closed.json["id"])).body == b"0123"


async def test_a_token_is_its_owner_s_in_its_tenant(house: House) -> None:
    """Every verb by somebody else, or for another tenant, finds what is not there."""
    publisher = await house.application("publisher", [RIGHT, Right("beta", NUMBER, PUBLISH)])
    other = await house.application("other", [RIGHT])
    token = await publisher.begin("a.txt", NUMBER, b"0")
    assert len(token) == 32 and int(token, 16)
    for thief in (other, publisher.of_tenant("beta")):
        unknown = await thief.close("0" * 32)
        assert (unknown.status, list(unknown.json)) == (404, FILE_API)
        for answer in (
            await thief.add(token, 1, b"1"),
            await thief.add(token, 0, b"1", close=True),
            await thief.close(token),
        ):
            assert (answer.status, answer.body) == (404, unknown.body)
    assert (await publisher.close(token)).json["size"] == 1
    for thief in (other, publisher.of_tenant("beta")):
        assert (await thief.close(token)).body == unknown.body


async def test_an_upload_ends_an_hour_after_its_last_chunk(house: House) -> None:
    publisher, subscriber = await parties(house)
    token = await publisher.begin("a.txt", NUMBER, b"x" * 50_000)
    left = await remaining(house, token)
    assert 3_600_000 <= left < 3_610_000
    await house.kade.catalog.write(lambda tx: tx.uploads.set_expiry(token, Millis(1)))  # type: ignore[arg-type]
    for answer in (await publisher.add(token, 1, b"1"), await publisher.close(token)):
        assert answer.status == 404
    assert await house.stock() == Stock()
    assert await subscriber.names() == []
    assert [each.subject for each in await house.journal("upload.expired")] == [token]


async def remaining(house: House, token: str) -> int:
    def look(tx: Tx) -> int:
        found = tx.uploads.get(token)  # type: ignore[arg-type]
        assert found is not None
        return found.expires_at - found.created_at

    return await house.kade.catalog.read(look)


async def test_a_line_that_is_cut_in_a_chunk(house: House) -> None:
    """What came of the chunk is not one; sent again it counts, and of the broken one nothing is left."""
    publisher, subscriber = await parties(house)
    token = await publisher.begin("a.bin", NUMBER, b"0" * 20_000)
    data = b"1" * 200_000
    query = f"/files?uploadType=resumable&uploadToken={token}&position=1"
    for reset in (True, False):
        await asyncio.to_thread(half_a_chunk, house, publisher, query, data, reset)
    gap = await publisher.add(token, 2, b"2", close=True)
    assert gap.status == 400
    assert (await publisher.add(token, 1, data)).status == 206
    closed = await publisher.close(token)
    assert (await subscriber.get(closed.json["id"])).body == b"0" * 20_000 + data + b"2"
    assert await house.stock() == Stock(0, 220_001, 0, 3)


def half_a_chunk(house: House, publisher: Application, query: str, data: bytes, reset: bool) -> None:
    """Half the body, and then the client is gone; returns when the server has ended the line, too."""
    address = urlsplit(house.api)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as line:
        line.sendall(
            f"PUT {address.path}{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {publisher.token}\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
        )
        line.sendall(data[: len(data) // 2])
        if reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        line.shutdown(socket.SHUT_WR)
        while line.recv(65536):
            pass


async def test_a_first_chunk_that_does_not_come_leaves_nothing(house: House) -> None:
    publisher, _ = await parties(house)
    headers, body = related({"name": "a.txt", "businesstypeid": "8000"}, b"x" * 100_000)
    address = urlsplit(house.api)
    for kind in ("multipart", "resumable"):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            f"POST {address.path}/files?uploadType={kind} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {publisher.token}\r\nContent-Type: {headers['Content-Type']}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
        )
        writer.write(body[:50_000])
        writer.write_eof()
        await reader.read()
        writer.close()
    assert await house.stock() == Stock()


async def test_rights_that_are_withdrawn_in_the_middle(house: House) -> None:
    """Another right keeps the door open; chunks and closing are refused all the same."""
    publisher = await house.application("publisher", [RIGHT, Right("acme", 8001, PUBLISH)])
    subscriber = await house.application("subscriber", [replace(RIGHT, verb=SUBSCRIBE)])
    token = await publisher.begin("a.txt", NUMBER, b"0")
    await house.withdraw(publisher, RIGHT)
    for answer in (await publisher.add(token, 1, b"1"), await publisher.add(token, 1, b"1", close=True)):
        assert (answer.status, list(answer.json)) == (404, FILE_API)
    assert (await publisher.close(token)).status == 403
    assert await subscriber.names() == []
    await house.kade.catalog.write(lambda tx: tx.uploads.set_expiry(token, Millis(1)))  # type: ignore[arg-type]
    assert await house.stock() == Stock()


async def test_acknowledged_chunks_survive_a_kill(tmp_path: Path) -> None:
    with KadeServer(tmp_path / "quay") as server:
        publisher, subscriber = await asyncio.to_thread(two_programs, server)
        pieces = chunks(6)
        async with aiohttp.ClientSession() as session:
            client = Wire(server, session)
            mine = await client.token(*publisher)
            headers, body = related({"name": "large.dat", "businesstypeid": "8000"}, pieces[0])
            began = await client.call(mine, "POST", "?uploadType=resumable", body, headers)
            query = f"?uploadType=resumable&uploadToken={json.loads(began[1])['uploadToken']}"
            for at in (4, 2, 1, 3):
                assert (await client.call(mine, "PUT", f"{query}&position={at}", pieces[at]))[0] == 206
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            assert (await client.call(mine, "PUT", f"{query}&position=5&close=true", pieces[5]))[0] == 201
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            status, told = await client.call(mine, "POST", query)
            assert status == 201 and json.loads(told)["numChunks"] == 6
            theirs = await client.token(*subscriber)
            file_id = json.loads(told)["id"]
            got = await client.call(theirs, "GET", f"/{file_id}?role=subscriber")
            assert got == (200, b"".join(pieces))
            page = json.loads((await client.call(theirs, "GET", "?role=subscriber"))[1])
            assert page["count"] == 0


class Wire:
    """Calls to a server process."""

    def __init__(self, server: KadeServer, session: aiohttp.ClientSession) -> None:
        self._url = server.web_url
        self._session = session

    async def token(self, client_id: str, secret: str) -> str:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        async with self._session.post(f"{self._url}/connect/token", data=form) as answer:
            return str((await answer.json())["access_token"])

    async def call(
        self, token: str, method: str, rest: str, data: bytes = b"", more: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token}", **(more or {})}
        url = f"{self._url}/fileapi/v1.0/files{rest}"
        async with self._session.request(method, url, data=data, headers=headers) as answer:
            return answer.status, await answer.read()


def two_programs(server: KadeServer) -> tuple[tuple[str, str], tuple[str, str]]:
    """Client ids and secrets of a publisher and a subscriber of business type 8000, in the first tenant."""
    server.run("business-type", "add", "8000")
    made = []
    for name in ("publisher", "subscriber"):
        told = json.loads(server.run("application", "add", name, "--no-sandbox", "--json"))
        server.run("application", "grant", name, "--type", "8000", "--as", name)
        made.append((told["client_id"], told["client_secret"]))
    return made[0], made[1]

"""Downloads: ranges, headers, and when a file counts as downloaded (spec 1(c) 11 to 16)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Application, Build, House, Right
from tests.support.pki import Authority, client_context
from tests.support.processes import peak_resident_bytes, reset_peak
from tests.support.raw_http import ConnectionEnded, RawConnection, build_request

from kade.core.ids import Id
from kade.core.names import fold
from kade.core.ports import Tx

NUMBER = 8000
DATA = bytes(range(100))
LARGE = 24 << 20  # more than the buffers of both ends of a connection hold


@dataclass
class Scene:
    """A publisher, a subscriber, and raw connections."""

    house: House
    publisher: Application
    subscriber: Application

    async def file(self, data: bytes = DATA, name: str = "a.txt") -> str:
        return await self.publisher.published(name, NUMBER, data)

    async def available(self) -> list[str]:
        """The ids on the default list."""
        answer = await self.subscriber.listed(pageSize=1000)
        return [each["fileId"] for each in answer.json["data"]]

    def connect(self) -> RawConnection:
        address = urlsplit(self.house.base)
        tls = client_context(None) if address.scheme == "https" else None
        return RawConnection.open(address.hostname or "", address.port or 0, tls)

    def request(self, path: str, *fields: tuple[str, str]) -> bytes:
        own = ("Authorization", f"Bearer {self.subscriber.token}")
        return build_request("GET", f"/fileapi/v1.0{path}", [own, *fields])

    def break_off(self, file_id: str, reset: bool, *fields: tuple[str, str]) -> None:
        """Read the beginning of a file, and be gone."""
        line = self.connect()
        line.send(self.request(f"/files/{file_id}?role=subscriber", *fields))
        assert line.read_head().status in (200, 206)
        line.read_some()
        line.reset() if reset else line.close()

    async def nothing_runs(self) -> None:
        """Return when no transfer runs any longer."""
        for _ in range(1000):
            if not self.house.kade.transfers._running:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("a transfer runs still")

    async def asked_to_end(self) -> None:
        """Return when every transfer that runs was asked to end."""
        for _ in range(1000):
            if all(stop.is_set() for stop in self.house.kade.transfers._running):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("a transfer was not asked to end")


@pytest.fixture
async def scene(house: House) -> Scene:
    return await prepare(house)


@pytest.fixture
async def by_tls(build: Build, tmp_path: Path) -> AsyncIterator[Scene]:
    """The same on a listener with TLS, where the kernel sends nothing by itself."""
    files = Authority.create().issue_server("localhost", "127.0.0.1").write(tmp_path / "pki", "server")
    tls = {
        "KADE_WEB_TLS": "true",
        "KADE_WEB_CERTIFICATE": str(files.certificate),
        "KADE_WEB_KEY": str(files.key),
    }
    async with build(tls) as house:
        yield await prepare(house)


async def prepare(house: House) -> Scene:
    publisher = await house.application("publisher", [Right("acme", NUMBER, PUBLISH)])
    subscriber = await house.application("subscriber", [Right("acme", NUMBER, SUBSCRIBE)])
    return Scene(house, publisher, subscriber)


# Range → status, first and last byte.
RANGES: dict[str, tuple[int, int, int]] = {
    "bytes=0-49": (206, 0, 49),
    "bytes=50-": (206, 50, 99),
    "bytes=-50": (206, 50, 99),
    "bytes=-1000": (206, 0, 99),
    "bytes=0-0": (206, 0, 0),
    "bytes=99-99": (206, 99, 99),
    "bytes=90-1000000": (206, 90, 99),
    "bytes=0-9223372036854775807": (206, 0, 99),
    "Bytes=5-6": (206, 5, 6),
    "bytes=5-4": (200, 0, 99),
    "bytes=0-1,5-6": (200, 0, 99),
    "bytes=0-0,-1": (200, 0, 99),
    "items=0-1": (200, 0, 99),
    "bytes 0-1": (200, 0, 99),
    "bytes=a-b": (200, 0, 99),
    "bytes=-": (200, 0, 99),
    "bytes=0-1-2": (200, 0, 99),
    "bytes=+1-2": (200, 0, 99),
    "bytes=99999999999999999999-": (200, 0, 99),
    "bytes=100-": (416, 0, 0),
    "bytes=107-110": (416, 0, 0),
    "bytes=-0": (416, 0, 0),
}


async def test_ranges(scene: Scene) -> None:
    file_id = await scene.file()
    for value, (status, first, last) in RANGES.items():
        answer = await scene.subscriber.get(file_id, headers={"Range": value})
        assert answer.status == status, value
        if status == 416:
            assert answer.headers["Content-Range"] == "bytes */100"
            assert answer.json["errorCode"] == "416" and answer.json["message"] == "Range not satisfiable."
            continue
        assert answer.body == DATA[first : last + 1], value
        assert answer.headers["Content-Type"] == "application/octet-stream"
        ranged = f"bytes {first}-{last}/100" if status == 206 else None
        assert answer.headers.get("Content-Range") == ranged, value


async def test_no_range_of_an_empty_file_can_be_had(scene: Scene) -> None:
    file_id = await scene.file(b"")
    for value in ("bytes=0-0", "bytes=0-", "bytes=-1"):
        answer = await scene.subscriber.get(file_id, headers={"Range": value})
        assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */0")
    assert await scene.available() == [file_id]
    stale = {"Range": "bytes=0-", "If-Range": '"other"'}
    whole = await scene.subscriber.get(file_id, headers=stale)
    assert (whole.status, whole.body, whole.headers["Content-Length"]) == (200, b"", "0")
    assert await scene.available() == []


async def test_conditions(scene: Scene) -> None:
    file_id = await scene.file()
    head = await scene.subscriber.call("HEAD", f"/files/{file_id}?role=subscriber")
    tag, date = head.headers["ETag"], head.headers["Last-Modified"]
    assert tag.startswith('"') and len(tag) > 20
    for headers, status in [
        ({"If-Range": tag, "Range": "bytes=0-1"}, 206),
        ({"If-Range": date, "Range": "bytes=0-1"}, 206),
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f"W/{tag}, *"}, 304),
        ({"If-Match": '"other"'}, 412),
        ({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412),
    ]:
        answer = await scene.subscriber.get(file_id, headers=headers)
        assert answer.status == status, headers
        assert len(answer.body) == (2 if status == 206 else 0)
    assert await scene.available() == [file_id]
    for stale in ('"other"', f"W/{tag}", "Thu, 01 Jan 1970 00:00:00 GMT", "yesterday"):
        answer = await scene.subscriber.get(file_id, headers={"If-Range": stale, "Range": "bytes=0-1"})
        assert (answer.status, answer.body) == (200, DATA), stale


async def test_get_and_head_agree(scene: Scene) -> None:
    file_id = await scene.file()
    path = f"/files/{file_id}?role=subscriber"
    got = await scene.subscriber.call("GET", path, {"Accept": "application/json"})
    for headers in ({}, {"Range": "bytes=0-1"}, {"Range": "bytes=500-"}, {"Accept": "x/y"}):
        head = await scene.subscriber.call("HEAD", path, headers)
        assert (head.status, head.body) == (200, b"")
        own = ("date", "x-request-id")
        assert [each for each in head.headers.items() if each[0].lower() not in own] == [
            each for each in got.headers.items() if each[0].lower() not in own
        ]
    assert got.headers["Accept-Ranges"] == "bytes"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got.headers["Content-Security-Policy"]


NAMES = {
    "payroll_2024-01.xml": "attachment; filename=payroll_2024-01.xml",
    "a b.txt": 'attachment; filename="a b.txt"',
    "a,b;c=d(e)'f.txt": 'attachment; filename="a,b;c=d(e)\'f.txt"',
    "één.txt": "attachment; filename=\"__n.txt\"; filename*=UTF-8''%C3%A9%C3%A9n.txt",
    # By this door nobody brings these; by others they come.
    'x"; filename="y.exe': None,
    "x%22.txt": None,
    "\u2028\ufeff.txt": None,
    "😀; a=b": None,
}


async def test_names_in_headers(scene: Scene) -> None:
    file_id = await scene.file()
    for name, header in NAMES.items():
        await rename(scene.house, file_id, name)
        answer = await scene.subscriber.get(file_id)
        value = answer.headers["Content-Disposition"]
        assert header is None or value == header
        assert value.isascii() and value.isprintable()
        form = r'attachment; filename=(?:"([^"\\]*)"|([^";,\s]+))(?:; filename\*=UTF-8\'\'([\w%.~-]+))?'
        told = re.fullmatch(form, value, re.ASCII)
        assert told is not None, value
        assert (unquote(told[3]) if told[3] else told[1] or told[2]) == name
        assert answer.body == DATA


async def rename(house: House, file_id: str, name: str) -> None:
    def change(tx: Tx) -> None:
        file = tx.files.get(Id(file_id.replace("-", "")))
        assert file is not None
        tx.files.change(file._replace(name=name, name_folded=fold(name), version=file.version + 1))

    await house.kade.catalog.write(change)


async def test_it_counts_when_all_ranges_together_are_the_file(scene: Scene) -> None:
    data = os.urandom(300_000)
    file_id = await scene.file(data)
    spans = [(0, 99_999), (250_000, 299_999), (50_000, 150_000), (150_001, 200_000), (210_000, 249_999)]
    parts = await asyncio.gather(
        *(scene.subscriber.get(file_id, headers={"Range": f"bytes={a}-{b}"}) for a, b in spans)
    )
    assert [each.body for each in parts] == [data[a : b + 1] for a, b in spans]
    assert await scene.available() == [file_id]
    assert (await scene.subscriber.get(file_id, headers={"Range": "bytes=200001-210000"})).status == 206
    assert await scene.available() == []
    receipts = await scene.house.journal("delivery.fetched")
    assert [each.subject for each in receipts] == [file_id.replace("-", "")]
    assert (await scene.subscriber.get(file_id)).body == data
    kinds = [each.kind for each in await scene.house.journal("delivery.")]
    assert kinds == ["delivery.fetched", "delivery.fetched_again"]


async def test_a_head_never_counts(scene: Scene) -> None:
    for data in (b"", DATA):
        file_id = await scene.file(data)
        for headers in ({}, {"Range": "bytes=0-99"}):
            await scene.subscriber.call("HEAD", f"/files/{file_id}?role=subscriber", headers)
    assert len(await scene.available()) == 2
    assert await scene.house.journal("delivery.") == []


@pytest.mark.parametrize("reset", [True, False])
async def test_a_client_that_breaks_off_has_not_downloaded(scene: Scene, reset: bool) -> None:
    """Nor do the ranges count of which the last byte was never taken."""
    data = os.urandom(LARGE)
    file_id = await scene.file(data)
    last = ("Range", f"bytes=1000-{LARGE - 1}")
    for fields in ((), (last,)):
        await asyncio.to_thread(scene.break_off, file_id, reset, *fields)
        assert await scene.available() == [file_id]
        await scene.nothing_runs()
    assert (await scene.subscriber.get(file_id, headers={"Range": "bytes=0-999"})).status == 206
    assert await scene.available() == [file_id]
    assert await scene.house.journal("delivery.fetched") == []
    assert (await scene.subscriber.get(file_id)).body == data
    assert await scene.available() == []


@pytest.mark.parametrize("size", [1_000, 400_000, 6 << 20])
async def test_who_has_the_last_byte_finds_it_on_no_list(scene: Scene, size: int) -> None:
    """The list is asked for on another connection, in the moment in which the last byte has come."""
    files = [await scene.file(os.urandom(size)) for _ in range(12)]
    seen = await asyncio.to_thread(fetch_and_list, scene, files, size)
    assert seen == []


async def test_who_has_the_last_byte_by_tls(by_tls: Scene) -> None:
    files = [await by_tls.file(os.urandom(400_000)) for _ in range(12)]
    assert await asyncio.to_thread(fetch_and_list, by_tls, files, 400_000) == []


async def test_a_client_that_breaks_off_by_tls(by_tls: Scene) -> None:
    file_id = await by_tls.file(os.urandom(LARGE))
    for reset in (True, False):
        await asyncio.to_thread(by_tls.break_off, file_id, reset)
        await by_tls.nothing_runs()
    assert await by_tls.available() == [file_id]
    assert await by_tls.house.journal("delivery.fetched") == []


def fetch_and_list(scene: Scene, files: list[str], size: int) -> list[str]:
    """The files that were still listed after they had come."""
    late = []
    with scene.connect() as one, scene.connect() as other:
        listing = scene.request("/files?role=subscriber&pageSize=1000")
        for file_id in files:
            one.send(scene.request(f"/files/{file_id}?role=subscriber"))
            assert one.read_head().status == 200
            left = size
            while left:
                left -= len(one.read_some())
            other.send(listing)
            if file_id.encode() in other.read_response().body:
                late.append(file_id)
    return late


async def test_a_right_that_is_withdrawn_ends_the_download(scene: Scene) -> None:
    file_id = await scene.file(os.urandom(LARGE))
    line = scene.connect()
    with line:
        await asyncio.to_thread(line.send, scene.request(f"/files/{file_id}?role=subscriber"))
        head = await asyncio.to_thread(line.read_head)
        assert head.headers["Content-Length"] == str(LARGE)
        await scene.house.withdraw(scene.subscriber, Right("acme", NUMBER, SUBSCRIBE))
        await scene.asked_to_end()
        taken = 0
        with contextlib.suppress(ConnectionEnded, ConnectionResetError):
            while True:
                taken += len(await asyncio.to_thread(line.read_some))
        assert taken < LARGE
    assert await scene.house.journal("delivery.fetched") == []
    assert (await scene.subscriber.get(file_id)).status == 403  # it has no right left


async def test_ten_thousand_ranges_cost_nothing(scene: Scene) -> None:
    file_id = await scene.file()
    header = "bytes=" + ",".join(f"{each}-" for each in range(5000))
    began = time.perf_counter()
    answer = await scene.subscriber.get(file_id, headers={"Range": header})
    assert (answer.status, answer.body) == (200, DATA)
    assert time.perf_counter() - began < 0.5


async def test_memory_does_not_grow_with_a_file(scene: Scene) -> None:
    """100 MiB come in one request, and go, in pieces; the client is in this process and keeps none."""
    piece = os.urandom(1 << 20)
    head = (
        b'--b\r\n\r\n{"name": "a.bin", "businesstypeid": "8000"}\r\n--b\r\n\r\n',
        b"\r\n--b--\r\n",
    )

    async def body() -> AsyncIterator[bytes]:
        yield head[0]
        for _ in range(99):
            yield piece
        yield head[1]

    reset_peak(os.getpid())
    before = peak_resident_bytes(os.getpid())
    headers = {"Content-Type": "multipart/related; boundary=b"}
    answer = await scene.publisher.call("POST", "/files?uploadType=multipart", headers, data=body())
    assert (answer.status, answer.json["size"]) == (201, 99 << 20)
    taken = await asyncio.to_thread(take_away, scene, answer.json["id"])
    assert taken == 99 << 20
    assert peak_resident_bytes(os.getpid()) - before < 40 << 20
    assert await scene.available() == []


def take_away(scene: Scene, file_id: str) -> int:
    """How many bytes a download brings that nobody keeps."""
    with scene.connect() as line:
        line.send(scene.request(f"/files/{file_id}?role=subscriber"))
        length = int(line.read_head().headers["Content-Length"])
        taken = 0
        while taken < length:
            taken += len(line.read_some())
        return taken

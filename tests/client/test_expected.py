"""What was said of a file beforehand, dates as validators, ranges that do not fit, errors that last."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from tests.client.servers import FileServer, Handler, cut, running

from kade.client import RemotePeer, Retry, TransferError
from kade.client.download import Expected
from kade.client.files import Fetched, fetch

CONTENT = hashlib.shake_256(b"expected").digest(200_000)
OTHER = hashlib.shake_256(b"other").digest(200_000)
QUICK = Retry(attempts=4, first=0.01, longest=0.05, stall=5.0)
ALGORITHMS = ("md5", "sha1", "sha256", "sha384", "sha512")


async def get(server: Handler, target: Path, expected: Expected | None = None) -> Fetched:
    async with running(server) as base, RemotePeer(base, retry=QUICK) as peer:
        return await fetch(peer, f"{base}/files/download/abc", target, expected=expected)


def read(path: Path) -> bytes:
    return path.read_bytes()


def empty(folder: Path) -> bool:
    return list(folder.iterdir()) == []


@pytest.mark.parametrize("upper", [False, True])
async def test_what_is_as_expected_is_taken(upper: bool, tmp_path: Path) -> None:
    digests = {name: hashlib.new(name, CONTENT).hexdigest() for name in ALGORITHMS}
    if upper:
        digests = {name: digest.upper() for name, digest in digests.items()}
    server = FileServer(CONTENT, repr_digest=OTHER)
    done = await get(server, tmp_path / "x", Expected(len(CONTENT), digests))
    assert done.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_another_digest_is_an_error_and_the_bytes_go(algorithm: str, tmp_path: Path) -> None:
    """GB015, also where the server's own digest is right."""
    wrong = {algorithm: hashlib.new(algorithm, OTHER).hexdigest()}
    with pytest.raises(TransferError, match=f"expected is {wrong[algorithm]}; they were dropped") as caught:
        await get(FileServer(CONTENT, repr_digest=CONTENT), tmp_path / "x", Expected(None, wrong))
    assert not caught.value.permanent
    assert empty(tmp_path)


@pytest.mark.parametrize("size", [0, 199_999, 200_001])
@pytest.mark.parametrize("length", [True, False], ids=["length", "chunked"])
async def test_another_size_is_an_error_and_the_bytes_go(size: int, length: bool, tmp_path: Path) -> None:
    """GB014, before anything is received where the server tells its size."""
    with pytest.raises(TransferError, match=f"{size}; they were dropped") as caught:
        await get(FileServer(CONTENT, length=length), tmp_path / "x", Expected(size))
    assert not caught.value.permanent
    assert empty(tmp_path)


def test_an_unknown_algorithm_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="crc32"):
        Expected(None, {"crc32": "00"})


@pytest.mark.parametrize(("claimed", "right"), [(CONTENT, True), (OTHER, False)])
async def test_md5_beside_the_file_is_better_than_nothing(
    claimed: bytes, right: bool, tmp_path: Path
) -> None:
    async def old(request: web.Request) -> web.Response:
        if request.path.endswith(".md5"):
            return web.Response(text=hashlib.md5(claimed).hexdigest().upper())  # noqa: S324
        return web.Response(status=404) if request.path.endswith(".sha256") else web.Response(body=CONTENT)

    if right:
        assert (await get(old, tmp_path / "x")).size == len(CONTENT)
        return
    with pytest.raises(TransferError, match="have MD5"):
        await get(old, tmp_path / "x")


def dated(age: timedelta, log: list[Mapping[str, str]]) -> Handler:
    """A server without ETag, whose file changed so long before the answer; its first answer is cut."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if "." in request.path:
            return web.Response(status=404)
        log.append(request.headers.copy())
        now = datetime.now(UTC)
        headers = {"Last-Modified": format_datetime(now - age, usegmt=True)}
        if "Range" in request.headers:
            headers["Content-Range"] = f"bytes 100000-199999/{len(CONTENT)}"
            return web.Response(status=206, body=CONTENT[100_000:], headers=headers)
        response = web.StreamResponse(headers={**headers, "Content-Length": str(len(CONTENT))})
        await response.prepare(request)
        await response.write(CONTENT if len(log) > 1 else CONTENT[:100_000])
        if len(log) == 1:
            await asyncio.sleep(0.05)  # so that what was sent arrives before the cut
            cut(request)
        return response

    return answer


@pytest.mark.parametrize(("age", "resumed"), [(timedelta(hours=1), True), (timedelta(seconds=2), False)])
async def test_a_date_stands_in_for_an_etag_once_it_is_old_enough(
    age: timedelta, resumed: bool, tmp_path: Path
) -> None:
    log: list[Mapping[str, str]] = []
    await get(dated(age, log), tmp_path / "x")
    assert read(tmp_path / "x") == CONTENT
    assert len(log) == 2
    assert ("If-Range" in log[1]) == ("Range" in log[1]) == resumed


Ranged = Callable[[web.Request, int], web.StreamResponse]


def ranging(second: Ranged) -> Handler:
    """A server that cuts its first answer, and gives `second` to whoever asks for a range."""
    began = False

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal began
        if "." in request.path:
            return web.Response(status=404)
        if "Range" in request.headers:
            return second(request, int(request.headers["Range"][6:-1]))
        response = web.StreamResponse(headers={"ETag": '"1"', "Content-Length": str(len(OTHER))})
        await response.prepare(request)
        await response.write(CONTENT if began else OTHER[:100_000])
        if not began:
            began = True
            await asyncio.sleep(0.05)  # so that what was sent arrives before the cut
            cut(request)
        return response

    return answer


def overlapping(_request: web.Request, start: int) -> web.Response:
    headers = {"Content-Range": f"bytes {start - 10}-199999/200000"}
    return web.Response(status=206, body=CONTENT[start - 10 :], headers=headers)


def without_range(_request: web.Request, start: int) -> web.Response:
    return web.Response(status=206, body=CONTENT[start:])


def in_parts(_request: web.Request, start: int) -> web.Response:
    return web.Response(status=206, body=b"--x", headers={"Content-Type": "multipart/byteranges; boundary=x"})


def not_satisfied(_request: web.Request, _start: int) -> web.Response:
    return web.Response(status=416, headers={"Content-Range": "bytes */5"})


@pytest.mark.parametrize("second", [overlapping, without_range, in_parts, not_satisfied])
async def test_where_answers_overlap_or_do_not_fit_the_latest_counts(second: Ranged, tmp_path: Path) -> None:
    """GB004: the first bytes were others; none of them may be in the file."""
    starts: list[int] = []

    def noting(request: web.Request, start: int) -> web.StreamResponse:
        starts.append(start)
        return second(request, start)

    await get(ranging(noting), tmp_path / "x")
    assert starts == [100_000]
    assert read(tmp_path / "x") == CONTENT


async def test_a_server_that_gives_so_much_at_a_time_is_asked_on_without_a_pause(tmp_path: Path) -> None:
    asked: list[int] = []

    def a_little(_request: web.Request, start: int) -> web.Response:
        asked.append(start)
        end = min(start + 20_000, len(OTHER))
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(OTHER)}"}
        return web.Response(status=206, body=OTHER[start:end], headers=headers)

    patient = Retry(attempts=2, first=30.0, longest=30.0, stall=5.0)
    async with running(ranging(a_little)) as base:
        url = f"{base}/abc"
        async with RemotePeer(base, retry=Retry(attempts=1)) as peer:
            with pytest.raises(TransferError):
                await fetch(peer, url, tmp_path / "x")
        async with RemotePeer(base, retry=patient) as peer:
            await fetch(peer, url, tmp_path / "x")
    assert asked == list(range(100_000, 200_000, 20_000))
    assert read(tmp_path / "x") == OTHER


@pytest.mark.parametrize("status", [400, 403, 405, 410, 413, 415, 416])
async def test_some_refusals_last(status: int, tmp_path: Path) -> None:
    with pytest.raises(TransferError) as caught:
        await get(FileServer(CONTENT, statuses=[status]), tmp_path / "x")
    assert (caught.value.permanent, caught.value.status) == (True, status)


@pytest.mark.parametrize("status", [401, 404, 409, 429, 500, 501, 502, 503, 504, 507])
async def test_others_may_pass(status: int, tmp_path: Path) -> None:
    with pytest.raises(TransferError) as caught:
        await get(FileServer(CONTENT, statuses=[status] * 9), tmp_path / "x")
    assert (caught.value.permanent, caught.value.status) == (False, status)


async def test_how_long_a_server_wants_to_be_left_alone_is_told(tmp_path: Path) -> None:
    async def busy(_request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "3600"})

    with pytest.raises(TransferError) as caught:
        await get(busy, tmp_path / "x")
    assert caught.value.retry_after == 3600
    assert not caught.value.permanent


async def test_a_part_of_an_earlier_version_is_gone_on_with(tmp_path: Path) -> None:
    server = FileServer(CONTENT)
    async with running(server) as base, RemotePeer(base, retry=QUICK) as peer:
        url = f"{base}/abc"
        keep(tmp_path, f'{{"url":"{url}","etag":"\\"one\\"","size":200000}}')
        await fetch(peer, url, tmp_path / "x")
    assert server.log == [("GET", "bytes=1000-", '"one"')]
    assert read(tmp_path / "x") == CONTENT


def keep(folder: Path, state: str) -> None:
    (folder / "x.part").write_bytes(CONTENT[:1000])
    (folder / "x.part.json").write_text(state)

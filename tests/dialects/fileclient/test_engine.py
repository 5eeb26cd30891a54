"""The engine against servers that break, deviate and lie; and against those who stop it."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from tests.client.servers import running
from tests.dialects.fileclient.conftest import BuildClient
from tests.dialects.fileclient.house import ClientHouse
from tests.dialects.fileserver.forms import Part
from tests.support.upstream import Deviations, Upstream

from kade.auth import bearer
from kade.core.ports import Tx
from kade.core.principals import CredentialKind, PrincipalKind
from kade.services import principals
from kade.services.installing import local_operator

CONTENT = hashlib.shake_256(b"content").digest(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()

# Upstream as it is, all at once (file-service.md 1.5, 1.6).
AS_UPSTREAM = Deviations(
    extension_create=True,
    relative_location=True,
    head_201=True,
    head_without_length=True,
    offset_unenforced=True,
    body_not_cut=True,
    complete_500=True,
    only_content_type=True,
    errors_without_tus=True,
    no_last_modified=True,
    no_digest_header=True,
    uppercase_digest=True,
    bare_206=True,
    if_range_lax=True,
    suffix_get_only=True,
    plain_filename=True,
)


class Gate:
    """A server that holds the file back half-way until it is opened; it notes the ranges asked for."""

    def __init__(self, content: bytes = CONTENT, *, etag: str = '"one"', ranges: bool = True) -> None:
        self.content = content
        self.etag = etag
        self.ranges = ranges
        self.open = asyncio.Event()
        self.halfway = asyncio.Event()
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith((".sha256", ".md5")):
            return web.Response(status=404)
        asked = request.headers.get("Range", "")
        self.asked.append(asked)
        start = 0
        headers = {"ETag": self.etag, "Content-Disposition": 'attachment; filename="half.bin"'}
        if asked and self.ranges and request.headers.get("If-Range") == self.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        answer = web.StreamResponse(status=206 if start else 200, headers=headers)
        answer.content_length = len(self.content) - start
        await answer.prepare(request)
        half = max(start, len(self.content) // 2)
        with contextlib.suppress(ConnectionError):
            await answer.write(self.content[start:half])
            self.halfway.set()
            await self.open.wait()
            await answer.write(self.content[half:])
        return answer


@pytest.fixture
async def client(build_client: BuildClient) -> AsyncIterator[ClientHouse]:
    async with build_client(max_attempts=3) as made:
        yield made


async def _durable(client: ClientHouse, number: int, count: int) -> None:
    """Returns once so many bytes of the download survive whatever comes."""

    async def offset() -> int:
        uploads = await client.kade.catalog.read(lambda tx: tx.uploads.page(None, 10))
        return max((each.offset for each in uploads), default=0)

    for _ in range(500):
        if await offset() >= count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(await client.task("download", number))


async def test_a_download_goes_on_after_a_restart_where_it_was(build_client: BuildClient) -> None:
    gate = Gate()
    async with running(gate) as url:
        async with build_client() as client:
            number = (await client.fetch(f"{url}/half"))["fileId"]
            await asyncio.wait_for(gate.halfway.wait(), 10)
            await _durable(client, number, 150_000)
        gate.open.set()
        async with build_client() as client:
            done = await client.over("download", number)
            assert (done["status"], done["retries"]) == ("SUCCEEDED", 0), done
            assert await client.file(number) == CONTENT
    assert gate.asked == ["", "bytes=150000-"]


async def test_a_file_that_changed_meanwhile_is_fetched_anew(build_client: BuildClient) -> None:
    gate = Gate()
    async with running(gate) as url:
        async with build_client() as client:
            number = (await client.fetch(f"{url}/half"))["fileId"]
            await asyncio.wait_for(gate.halfway.wait(), 10)
            await _durable(client, number, 150_000)
        gate.content, gate.etag = CONTENT[::-1], '"two"'
        gate.open.set()
        async with build_client() as client:
            assert (await client.over("download", number))["status"] == "SUCCEEDED"
            assert await client.file(number) == CONTENT[::-1]
            doctor = await client.kade.catalog.read(lambda tx: tx.uploads.page(None, 10))
    assert gate.asked == ["", "bytes=150000-"]
    assert [each.state for each in doctor] == ["finished"]


async def test_an_upload_goes_on_after_a_restart_and_is_created_once(build_client: BuildClient) -> None:
    server = Upstream(CONTENT, break_after=100_000)
    async with running(server) as url:
        async with build_client(first_pause="30s", longest_pause="30s") as client:
            number = (await client.send(f"{url}/files/upload", CONTENT))["fileId"]
            await client.until("upload", number, lambda task: task["retries"] == 1)
        async with build_client(first_pause="30s", longest_pause="30s") as client:
            waiting = await client.task("upload", number)
            assert (waiting["state"], waiting["retries"]) == ("waiting", 1)
            assert "url" in (await client.call("GET", f"/files/{number}/info")).json
            await client.call("POST", f"/upload/{number}/resume")
            assert (await client.over("upload", number))["status"] == "SUCCEEDED"
    assert [bytes(each) for each in server.uploads.values()] == [CONTENT]
    assert [each[0] for each in server.trace].count("POST") == 1


async def test_it_copes_with_upstream_as_it_is(client: ClientHouse) -> None:
    server = Upstream(CONTENT, deviations=AS_UPSTREAM, break_after=100_000)
    async with running(server) as url:
        sent = await client.send(f"{url}/files/upload", CONTENT, "plan.pdf")
        assert (await client.over("upload", sent["fileId"]))["status"] == "SUCCEEDED"
        server.break_after = 100_000
        fetched = await client.fetch(f"{url}/files/download/one")
        assert (await client.over("download", fetched["fileId"]))["status"] == "SUCCEEDED"
        assert await client.file(fetched["fileId"]) == CONTENT
    assert [bytes(each) for each in server.uploads.values()][-1] == CONTENT


@pytest.mark.parametrize(
    ("claimed", "status"), [(SHA256, "SUCCEEDED"), (SHA256.upper(), "SUCCEEDED"), ("0" * 64, "FAILED")]
)
async def test_a_file_is_what_it_was_said_to_be_or_none(
    client: ClientHouse, claimed: str, status: str
) -> None:
    gate = Gate()
    gate.open.set()
    async with running(gate) as url:
        number = (await client.fetch(f"{url}/half", sha256Checksum=claimed))["fileId"]
        done = await client.over("download", number)
    assert done["status"] == status, done
    if status == "FAILED":
        assert "SHA-256" in done["lastError"] and done["retries"] == 3
        assert (await client.call("GET", f"/files/{number}")).status == 404
        assert await client.kade.catalog.read(lambda tx: tx.uploads.page(None, 10)) == []


async def test_it_gives_up_after_its_attempts_and_can_be_resumed(client: ClientHouse) -> None:
    statuses = [500, 503, 404]

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=statuses.pop(0)) if statuses else web.Response(body=CONTENT)

    async with running(answer) as url:
        number = (await client.fetch(f"{url}/a"))["fileId"]
        failed = await client.over("download", number)
        assert (failed["status"], failed["retries"], failed["state"]) == ("FAILED", 3, "failed")
        assert "404" in failed["lastError"]
        await client.call("POST", f"/download/{number}/resume")
        assert (await client.over("download", number))["status"] == "SUCCEEDED"


@pytest.mark.parametrize("status", [400, 403, 405, 410])
async def test_what_cannot_pass_ends_it_at_once(client: ClientHouse, status: int) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with running(answer) as url:
        failed = await client.over("download", (await client.fetch(f"{url}/a"))["fileId"])
    assert (failed["status"], failed["retries"]) == ("FAILED", 0)
    assert str(status) in failed["lastError"]


async def test_retry_after_is_honoured(client: ClientHouse) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "60"})

    async with running(answer) as url:
        number = (await client.fetch(f"{url}/a"))["fileId"]
        waiting = await client.until("download", number, lambda task: task["retries"] == 1)
    due = datetime.fromisoformat(waiting["scheduleTime"])
    assert timedelta(seconds=50) < due - datetime.now(UTC) < timedelta(seconds=61)


async def test_it_begins_not_before_its_start_and_ends_at_its_end(client: ClientHouse) -> None:
    async def missing(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    moment = datetime.now(UTC)
    start, end = moment + timedelta(hours=1), moment + timedelta(seconds=0.4)
    async with running(missing) as url:
        later = await client.fetch(f"{url}/a", startDate=start.isoformat())
        brief = await client.fetch(f"{url}/b", endDate=end.isoformat())
        over = await client.over("download", brief["fileId"])
        waiting = await client.task("download", later["fileId"])
    assert over["status"] == "FAILED" and over["retries"] < 10
    assert (waiting["status"], waiting["bytes"]) == ("CREATED", 0)
    assert datetime.fromisoformat(waiting["scheduleTime"]) > moment + timedelta(minutes=59)
    assert datetime.fromisoformat(waiting["startDate"]) > moment + timedelta(minutes=59)


async def test_a_running_task_tells_how_far_it_is_rests_and_goes_on(client: ClientHouse) -> None:
    gate = Gate()
    async with running(gate) as url:
        number = (await client.fetch(f"{url}/half"))["fileId"]
        await asyncio.wait_for(gate.halfway.wait(), 10)
        running_task = await client.until("download", number, lambda task: task["bytes"] >= 150_000)
        assert (running_task["state"], running_task["length"]) == ("running", 300_000)
        await _durable(client, number, 150_000)
        paused = await client.call("POST", f"/download/{number}/pause")
        assert (paused.json["state"], paused.json["status"]) == ("paused", "CREATED")
        gate.open.set()
        await asyncio.sleep(0.3)
        assert (await client.task("download", number))["state"] == "paused"
        await client.call("POST", f"/download/{number}/resume")
        assert (await client.over("download", number))["status"] == "SUCCEEDED"
    assert gate.asked == ["", "bytes=150000-"]


@pytest.mark.parametrize("action", ["cancel", "delete"])
async def test_a_task_that_is_ended_leaves_no_bytes(client: ClientHouse, action: str) -> None:
    gate = Gate()
    async with running(gate) as url:
        number = (await client.fetch(f"{url}/half"))["fileId"]
        await asyncio.wait_for(gate.halfway.wait(), 10)
        await _durable(client, number, 150_000)
        if action == "cancel":
            cancelled = await client.call("POST", f"/download/{number}/cancel")
            assert (cancelled.json["status"], cancelled.json["state"]) == ("FAILED", "cancelled")
        assert (await client.call("DELETE", f"/download/{number}")).status == 204
        assert (await client.call("GET", f"/download/{number}")).status == 404
        assert (await client.call("GET", f"/files/{number}")).status == 404
    assert await client.kade.catalog.read(lambda tx: tx.uploads.page(None, 10)) == []


async def test_a_deleted_task_takes_its_file_along(client: ClientHouse) -> None:
    gate = Gate()
    gate.open.set()
    async with running(gate) as url:
        number = (await client.fetch(f"{url}/half"))["fileId"]
        await client.over("download", number)
    assert (await client.call("DELETE", f"/upload/{number}")).status == 404
    assert (await client.call("DELETE", f"/download/{number}")).status == 204
    assert (await client.call("GET", "/files")).json == []
    assert (await client.call("DELETE", f"/download/{number}")).status == 404


async def test_a_push_is_one_put(client: ClientHouse) -> None:
    got: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.StreamResponse:
        got.append((request.method, await request.read()))
        return web.Response(status=201)

    async with running(take) as url:
        number = (await client.send(f"{url}/in/plan.pdf", CONTENT, profile="push"))["fileId"]
        assert (await client.over("upload", number))["status"] == "SUCCEEDED"
    assert got == [("PUT", CONTENT)]


async def test_files_go_by_the_share_both_ways(build_client: BuildClient, tmp_path: Path) -> None:
    inward, outward = tmp_path / "in", tmp_path / "out"
    inward.mkdir()
    outward.mkdir()
    (inward / "plan.bin").write_bytes(CONTENT)
    server = Upstream(CONTENT)
    async with running(server) as url, build_client(upload_share=inward, download_share=outward) as client:
        parts = {"creationUrl": f"{url}/files/upload", "filename": "plan.bin", "sha256Checksum": SHA256}
        asked = [Part(name, value.encode()) for name, value in parts.items()]
        made = (await client.post_form("/upload/fs", asked)).json
        assert (await client.over("upload", made["fileId"]))["status"] == "SUCCEEDED"
        handed = await client.call("GET", f"/files/fs/{made['fileId']}/copy.bin")
        assert handed.json["sha256Checksum"] == SHA256.upper()
        outside = await client.call("GET", f"/files/fs/{made['fileId']}/..%2Fcopy.bin")
        assert outside.status in (404, 500)
    assert (outward / "copy.bin").read_bytes() == CONTENT
    assert [each.name for each in outward.iterdir()] == ["copy.bin"]


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest",
        "https://10.0.0.1/a",
        "https://[::ffff:10.0.0.1]/a",
        "https://localhost:1/a",
        "https://2130706433/a",
        "http://example.org/a",
        "https://user:password@example.org/a",
    ],
)
async def test_where_a_task_may_not_go_it_is_not_made(build_client: BuildClient, url: str) -> None:
    async with build_client(networks="192.0.2.0/24", plain_http="false") as client:
        answer = await client.post_form("/download", [Part("url", url.encode())])
        assert (answer.status, answer.body) == (403, b"")
        assert (await client.call("GET", "/download")).json == []


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "plan.pdf", "https://", "https://a b/", "gopher://a"]
)
async def test_what_is_no_url_is_refused(client: ClientHouse, url: str) -> None:
    answer = await client.post_form("/download", [Part("url", url.encode())])
    assert answer.status in (400, 403, 500)
    assert (await client.call("GET", "/download")).json == []


async def test_a_redirect_to_where_it_may_not_go_ends_it(build_client: BuildClient) -> None:
    async def lead(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"})

    async with running(lead) as url, build_client() as client:
        failed = await client.over("download", (await client.fetch(f"{url}/a"))["fileId"])
    assert (failed["status"], failed["retries"]) == ("FAILED", 0)
    assert "policy" in failed["lastError"]


async def test_an_upload_of_a_waiting_download_does_not_expire(build_client: BuildClient) -> None:
    gate = Gate()
    async with running(gate) as url, build_client() as client:
        number = (await client.fetch(f"{url}/half"))["fileId"]
        await asyncio.wait_for(gate.halfway.wait(), 10)
        await _durable(client, number, 150_000)
        await client.call("POST", f"/download/{number}/pause")
        [upload] = await client.kade.catalog.read(lambda tx: tx.uploads.page(None, 10))
        await client.kade.catalog.write(lambda tx: tx.uploads.set_expiry(upload.id, upload.created_at))
        await client.kade.sweeping.sweep()
        gate.open.set()
        await client.call("POST", f"/download/{number}/resume")
        assert (await client.over("download", number))["status"] == "SUCCEEDED"
    assert gate.asked == ["", "bytes=150000-"]


async def test_who_has_no_right_gets_no_task_and_sees_none(client: ClientHouse) -> None:
    def make(tx: Tx) -> None:
        caller = local_operator(tx)
        stranger = principals.create(tx, caller, client.kade.namers, PrincipalKind.APPLICATION, "stranger")
        principals.register(tx, caller, stranger, CredentialKind.KEY, bearer.fingerprint("strange"))

    await client.kade.catalog.write(make)
    async with running(Upstream(CONTENT)) as url:
        task = await client.fetch(f"{url}/files/download/one")
        await client.over("download", task["fileId"])
        client.session.headers["Authorization"] = "Bearer strange"
        refused = await client.post_form("/download", [Part("url", f"{url}/a".encode())])
        assert (refused.status, refused.body) == (403, b"")
        for path, status in (("/download", 403), ("/download/0", 404), ("/files/0", 404)):
            assert (await client.call("GET", path)).status == status
        assert (await client.call("DELETE", "/download/0")).status == 404
        assert (await client.call("POST", "/download/0/pause")).status == 404

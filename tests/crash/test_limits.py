"""A full disk, a client that is too slow, and two hundred uploads at once."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dialects.fileserver import soap
from tests.support import raw_tus
from tests.support.kade_server import PROGRAM, KadeServer
from tests.support.quay import UPLOAD, Partner, new_partner
from tests.support.raw_http import RawConnection
from tests.support.sizes import MIB, sizes


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.needs("mount")
def test_a_full_disk_is_507_and_nothing_acknowledged_is_lost(small_disk: Path, tmp_path: Path) -> None:
    kept = os.urandom(3 * MIB)
    with KadeServer(small_disk / "data") as server:
        server.log_file = tmp_path / "serve.log"
        server.restart()
        partner = new_partner(server)
        place = f"/files/gb/{partner.user.id}/pushed.bin"
        with partner.connect() as connection:
            assert _put(connection, place, b"old") == 201
            first = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(kept)))
            assert raw_tus.patch(connection, first, 0, kept).status == 204
            target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, 40 * MIB))
            response = raw_tus.patch(connection, target, 0, b"z" * (40 * MIB))
            assert response.status == 507
        assert partner.download(first).body == kept
        offset = partner.offset(target)
        with partner.connect() as connection:
            assert raw_tus.terminate(connection, target).status == 204
            again = raw_tus.target_of(raw_tus.create(connection, UPLOAD, 5))
            assert raw_tus.patch(connection, again, 0, b"hello").status == 204
        assert offset < 24 * MIB
        with partner.connect() as connection:
            assert _put(connection, place, b"z" * (40 * MIB)) == 507
        with partner.connect() as connection:
            assert _put(connection, place, b"new") == 204  # the old one stood there all the time
        assert partner.download(again).body == b"hello"
        server.run("doctor", "--digests")


def _put(connection: RawConnection, place: str, data: bytes) -> int:
    """Push a file as a partner does; the status of the answer."""
    fields = [("Content-Length", str(len(data)))]
    return connection.request("PUT", place, fields, data).status


@pytest.mark.needs("mount")
def test_a_full_disk_refuses_an_application_too_and_leaves_nothing_behind(
    small_disk: Path, tmp_path: Path
) -> None:
    with KadeServer(small_disk / "data") as server:
        server.log_file = tmp_path / "serve.log"
        server.restart()
        user = server.register_user("partner")
        assert _post(server, user.id, b"z" * (40 * MIB)) == 507
        assert _post_by_soap(server, user.id, b"z" * (40 * MIB)) == (500, "upload.disk_full")
        assert json.loads(server.service("GET", "/files")[1]) == []
        assert _post(server, user.id, b"hello") == 200
        assert _post_by_soap(server, user.id, b"hello") == (200, "")
        server.run("doctor", "--digests")


def _post(server: KadeServer, user: int, data: bytes) -> int:
    """Send a file as an application does; the status of the answer."""
    form = [
        b"--end",
        b'Content-Disposition: form-data; name="file"; filename="a"',
        b"",
        data,
        b"--end--",
        b"",
    ]
    headers = {
        "Authorization": f"Bearer {server.admin_key}",
        "Content-Type": "multipart/form-data; boundary=end",
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.web_port, timeout=60)
    try:
        connection.request("POST", f"/service/rest/v1/files/user/{user}", b"\r\n".join(form), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _post_by_soap(server: KadeServer, user: int, data: bytes) -> tuple[int, str]:
    """The same by SOAP; the status, and the reason that the fault names."""
    envelope = soap.enveloped(
        soap.wrapped("file", "uploadFile", soap.upload_file(user, soap.include("content%40client")))
    )
    headers = {"Authorization": f"Bearer {server.admin_key}", "Content-Type": soap.MTOM}
    connection = http.client.HTTPConnection("127.0.0.1", server.web_port, timeout=60)
    try:
        connection.request("POST", "/service/file", soap.related(envelope, soap.file_part(data)), headers)
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, text.partition("(")[2].partition(")")[0]
    finally:
        connection.close()


def test_a_server_that_is_stopped_keeps_what_came_of_an_upload(tmp_path: Path) -> None:
    data = os.urandom(5 * MIB)
    with KadeServer(tmp_path / "data", environment={"KADE_LIMITS_SHUTDOWN": "1s"}) as server:
        partner = new_partner(server)
        with partner.connect() as connection:
            target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(data)))
            connection.send(raw_tus.patch_head(target, 0, len(data)))
            connection.send(data[: 3 * MIB])
            assert server.stop() == 0
        server.start()
        offset = partner.offset(target)
        assert offset == 3 * MIB
        with partner.connect() as connection:
            assert raw_tus.patch(connection, target, offset, data[offset:]).status == 204
        assert partner.download(target).body == data


def test_a_client_that_is_too_slow_is_cut_and_keeps_what_it_sent(tmp_path: Path) -> None:
    environment = {"KADE_LIMITS_SLOW_AFTER": "2s", "KADE_LIMITS_MIN_RATE": "100"}
    with KadeServer(tmp_path / "data", environment=environment) as server:
        partner = new_partner(server)
        with partner.connect() as connection:
            target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, 100_000))
            connection.send(raw_tus.patch_head(target, 0, 100_000))
            for _ in range(15):  # five bytes a second, for three seconds
                connection.send(b"s")
                time.sleep(0.2)
            assert connection.read_response("PATCH").status == 408
            assert connection.is_closed_by_peer(10)
        assert 5 <= partner.offset(target) <= 15


def upload(partner: Partner, size: int, failures: list[str]) -> None:
    block = os.urandom(256 << 10)
    with partner.connect(600) as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, size))
        connection.send(raw_tus.patch_head(target, 0, size))
        for _ in range(size // len(block)):
            connection.send(block)
        response = connection.read_response("PATCH")
        if response.status != 204 or raw_tus.offset_of(response) != size:
            failures.append(str(response))


def test_memory_does_not_grow_with_two_hundred_uploads_at_once(tmp_path: Path) -> None:
    # The program as people start it: a forked one has loaded what no server needs.
    with KadeServer(tmp_path / "data", command=PROGRAM) as server:
        partner = new_partner(server)
        failures: list[str] = []
        threads = [
            threading.Thread(target=upload, args=(partner, sizes.upload_body, failures))
            for _ in range(sizes.uploads)
        ]
        with server.sample_memory() as memory:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert failures == []
        first, second = memory.peak_of_half(1), memory.peak_of_half(2)
        print(f"{sizes.uploads} × {sizes.upload_body // MIB} MiB: peak {memory.peak / MIB:.0f} MiB")
        print(f"first half {first / MIB:.0f} MiB, second half {second / MIB:.0f} MiB")
        assert memory.peak < 300 * 10**6
        assert second <= first + 8 * MIB


def test_a_download_adds_no_more_than_its_buffers(tmp_path: Path) -> None:
    with KadeServer(tmp_path / "data") as server:
        partner = new_partner(server)
        failures: list[str] = []
        upload(partner, sizes.body, failures)
        assert failures == []
        (path,) = server.run("ls", server.web_url, "--bearer", server.admin_key, "--paths").split()
        with partner.connect(600) as connection:
            before = server.sample_memory()
            with before:
                time.sleep(0.5)
            with server.sample_memory() as memory:
                connection.send(f"GET /files/download/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                head = connection.read_head()
                left = int(head.headers["Content-Length"])
                assert left == sizes.body
                while left:
                    left -= len(connection.read_some())
        assert memory.peak - before.peak < 16 * MIB

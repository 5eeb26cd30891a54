"""Large files by SOAP against a real server: both directions, both ways of carrying them, in flat memory."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.dialects.fileserver.soap import (
    MTOM,
    enveloped,
    file_part,
    include,
    related,
    upload_file,
    wrapped,
)
from tests.support.kade_server import KadeServer
from tests.support.processes import peak_resident_bytes, reset_peak
from tests.support.sizes import MIB, sizes

BLOCK = 3 * (256 << 10)  # so that base64 of blocks joins without padding
COUNT = (sizes.body if sizes.full else sizes.body // 2) // BLOCK
HERE = "HERE"  # where the content goes
LIMIT = 200 * MIB

Wrap = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KadeServer]:
    with KadeServer(tmp_path_factory.mktemp("large") / "data") as running:
        yield running


def blocks() -> Iterator[bytes]:
    """A file whose bytes do not repeat within a block."""
    block = os.urandom(BLOCK - 8)
    for number in range(COUNT):
        yield number.to_bytes(8, "big") + block


def attached() -> tuple[str, bytes, bytes, Wrap]:
    envelope = enveloped(wrapped("file", "uploadFile", upload_file(0, include("content%40client"))))
    before, _, after = related(envelope, file_part(HERE.encode())).partition(HERE.encode())
    return MTOM, before, after, bytes


def inline() -> tuple[str, bytes, bytes, Wrap]:
    envelope = enveloped(wrapped("file", "uploadFile", upload_file(0, HERE)))
    before, _, after = envelope.partition(HERE.encode())
    return "text/xml", before, after, base64.b64encode


def upload(server: KadeServer, how: tuple[str, bytes, bytes, Wrap]) -> tuple[str, str]:
    """Send a file; its path, and its SHA-256 as it was sent."""
    media_type, before, after, wrap = how
    digest = hashlib.sha256()
    connection = http.client.HTTPConnection("127.0.0.1", server.web_port, timeout=120)
    length = len(before) + COUNT * len(wrap(bytes(BLOCK))) + len(after)
    connection.putrequest("POST", "/service/file")
    for name, value in (
        ("Authorization", f"Bearer {server.admin_key}"),
        ("Content-Type", media_type),
        ("Content-Length", str(length)),
    ):
        connection.putheader(name, value)
    connection.endheaders(before)
    for block in blocks():
        digest.update(block)
        connection.send(wrap(block))
    connection.send(after)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200, body
    return body.partition(b"<path>")[2].partition(b"</path>")[0].decode(), digest.hexdigest()


def download(server: KadeServer, path: str, accept: str) -> str:
    """SHA-256 of a file as it came: what stands before and behind the content is left out."""
    connection = http.client.HTTPConnection("127.0.0.1", server.web_port, timeout=120)
    headers = {
        "Authorization": f"Bearer {server.admin_key}",
        "Content-Type": "text/xml",
        "Accept": accept,
    }
    body = enveloped(wrapped("file", "downloadFile", f"<path>{path}</path>"))
    connection.request("POST", "/service/file", body, headers)
    response = connection.getresponse()
    is_inline = accept == "text/xml"
    first = response.read(4096)
    start = first.index(b"<content>") + 9 if is_inline else first.index(b"filename=") + 9
    rest = first[start:] if is_inline else first[start:].partition(b"\r\n\r\n")[2]
    left = COUNT * (BLOCK // 3 * 4 if is_inline else BLOCK)
    digest = hashlib.sha256()
    while left:
        wanted = min(len(rest) // 4 * 4, left)
        taken, rest = rest[:wanted], rest[wanted:]
        digest.update(base64.b64decode(taken, validate=True) if is_inline else taken)
        left -= len(taken)
        if left:
            data = response.read(MIB)
            assert data, "the answer ended early"
            rest += data
    ending = rest + response.read()
    assert len(ending) < 400 and ending.endswith(b"Envelope>" if is_inline else b"--\r\n")
    connection.close()
    return digest.hexdigest()


@pytest.mark.parametrize("how", [attached, inline])
def test_a_large_file_passes_in_flat_memory(
    server: KadeServer, how: Callable[[], tuple[str, bytes, bytes, Wrap]], tmp_path: Path
) -> None:
    if server.service("GET", "/users/0")[0] == 404:
        server.register_user("partner")
    accept = "text/xml" if how is inline else "multipart/related"
    reset_peak(server.pid)
    began = time.monotonic()
    path, sent = upload(server, how())
    middle, up = time.monotonic(), peak_resident_bytes(server.pid)
    reset_peak(server.pid)
    fetched = download(server, path, accept)
    down = peak_resident_bytes(server.pid)
    mib = COUNT * BLOCK / MIB
    print(
        f"SOAP {how.__name__}, {mib:.0f} MiB: up {mib / (middle - began):.0f} MiB/s, peak {up // MIB} MiB; "
        f"down {mib / (time.monotonic() - middle):.0f} MiB/s, peak {down // MIB} MiB"
    )
    assert sent == fetched
    assert max(up, down) < LIMIT
    assert server.service("DELETE", f"/files/{path}?force=true")[1] == b"true"

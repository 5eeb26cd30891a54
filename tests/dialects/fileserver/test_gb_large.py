"""Grote Berichten, push: a large archive in two parts through a real server, in little memory."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree
from tests.dialects.fileserver.test_gb_messages import NAMESPACE
from tests.support.quay import Partner
from tests.support.raw_http import build_head
from tests.support.sizes import MIB, sizes

SIZE = sizes.body if sizes.full else 64 * MIB
PIECE = 4 * MIB


def test_memory_does_not_grow_with_what_is_pushed(partner: Partner, tmp_path: Path) -> None:
    packed, sha256 = archived(tmp_path / "w.zip")
    half = packed.stat().st_size // 2
    parts = {"w.z01": (0, half), "w.zip": (half, packed.stat().st_size)}
    with partner.server.sample_memory() as memory:
        for name, (start, stop) in parts.items():
            push(partner, name, packed, start, stop)
        statuses = judged(partner, message(partner, packed, parts, sha256))
    assert statuses == ["OK"] * 3
    grown = memory.peak - memory.samples[0].rss
    assert grown < 100 * MIB, grown
    (path,) = [each for each in paths(partner) if name_of(partner, each) == "w.bin"]
    with partner.connect() as connection:
        told = connection.request("GET", f"/files/download/{path}.sha256")
    assert told.body.decode().lower() == sha256


def archived(path: Path) -> tuple[Path, str]:
    """An archive of SIZE bytes that do not pack well, and their SHA-256."""
    block, digest = os.urandom(PIECE), hashlib.sha256()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        with made.open("w.bin", "w", force_zip64=True) as entry:
            for number in range(SIZE // PIECE):
                data = number.to_bytes(8, "big") + block[8:]
                entry.write(data)
                digest.update(data)
    return path, digest.hexdigest()


def pieces(packed: Path, start: int, stop: int) -> Iterator[bytes]:
    with packed.open("rb") as source:
        source.seek(start)
        while (left := stop - source.tell()) > 0:
            yield source.read(min(PIECE, left))


def push(partner: Partner, name: str, packed: Path, start: int, stop: int) -> None:
    with partner.connect(60) as connection:
        target = f"/files/gb/{partner.user.id}/{name}"
        connection.send(build_head("PUT", target, [("Content-Length", str(stop - start))]))
        for data in pieces(packed, start, stop):
            connection.send(data)
        assert connection.read_response("PUT").status == 201


def message(partner: Partner, packed: Path, parts: dict[str, tuple[int, int]], sha256: str) -> bytes:
    told = ""
    for name, (start, stop) in parts.items():
        digest = hashlib.sha256()
        for data in pieces(packed, start, stop):
            digest.update(data)
        told += (
            f'<part><filename>{name}</filename><checksum type="SHA256">{digest.hexdigest()}</checksum>'
            f"<size>{stop - start}</size></part>"
        )
    url = f"{partner.server.exchange_url}/files/gb/{partner.user.id}/"
    return (
        f'<digikoppeling-external-data-references-request xmlns="{NAMESPACE}"><data-reference-request>'
        '<compression>ZIP4J</compression><content contentType="application/octet-stream">'
        f'<filename>w.bin</filename><checksum type="SHA256">{sha256}</checksum><size>{SIZE}</size><transport>'
        f'<location><receiverUrl type="xs:anyURI">{url}</receiverUrl></location>{told}</transport></content>'
        "</data-reference-request></digikoppeling-external-data-references-request>"
    ).encode()


def judged(partner: Partner, document: bytes) -> list[str | None]:
    """Every status of the answer."""
    server = partner.server
    headers = {"Authorization": f"Bearer {server.admin_key}", "Content-Type": "application/xml"}
    connection = http.client.HTTPConnection("127.0.0.1", server.web_port, timeout=300)
    path = f"/service/rest/v1/gb/user/{partner.user.id}/externalDataReferenceRequest"
    try:
        connection.request("POST", path, document, headers)
        answer = connection.getresponse()
        assert answer.status == 200
        root = etree.fromstring(answer.read())
    finally:
        connection.close()
    return [each.text for each in root.iter(f"{{{NAMESPACE}}}status")]


def paths(partner: Partner) -> list[str]:
    found: list[str] = json.loads(partner.server.service("GET", "/files")[1])
    return found


def name_of(partner: Partner, path: str) -> str | None:
    status, answer = partner.server.service("GET", f"/files/{path}/info")
    told = json.loads(answer) if status == 200 else {}
    return told["name"] if told.get("userId") == partner.user.id else None

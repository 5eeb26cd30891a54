"""The upstream File Client's traffic, byte for byte (file-service.md 2.4, 2.5)."""

import os
from pathlib import Path

import pytest
from tests.support.file_client import FileClient
from tests.support.quay import DOWNLOAD, UPLOAD, Partner

TEN_MIB = 10 << 20


@pytest.mark.parametrize("size", [0, 1, 4096, 5_000_000, TEN_MIB, TEN_MIB + 1, 2 * TEN_MIB])
@pytest.mark.parametrize("keep_alive", [True, False])
def test_up_and_down(partner: Partner, tmp_path: Path, size: int, keep_alive: bool) -> None:
    data = os.urandom(size)
    server = partner.server
    context = server.tls(partner.user.identity, file_client_suite=True)
    with FileClient(context, keep_alive) as client:
        url = client.upload(f"{server.exchange_url}{UPLOAD}", data, "brief é.pdf", "application/pdf")
        target = tmp_path / "down"
        if size:  # an empty file needs no GET
            (target).write_bytes(data[: size // 3])
        told = client.download(url.replace(UPLOAD, DOWNLOAD), target)
    assert target.read_bytes() == data
    assert told["type"] == "application/pdf"
    for exchange in client.exchanges:
        if b"Expect: 100-continue" in exchange.request:
            assert exchange.continued


def test_an_upload_that_vanished_starts_again(partner: Partner) -> None:
    context = partner.server.tls(partner.user.identity, file_client_suite=True)
    creation = f"{partner.server.exchange_url}{UPLOAD}"
    with FileClient(context) as client:
        url = client.resume(f"{creation}/gone", creation, b"hello", "a.txt", "text/plain")
    assert partner.offset(url.partition(str(partner.server.exchange_port))[2]) == 5

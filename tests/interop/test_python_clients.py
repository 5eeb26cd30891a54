"""tuspy and aiotus, with client certificates."""

import hashlib
import os
from pathlib import Path

import aiohttp
import aiotus
import pytest
from tests.interop.conftest import Desk
from tests.support.fault_proxy import Fault, Flow, Plan, ThreadedFaultProxy
from tusclient.client import TusClient


def tus_client(desk: Desk, url: str) -> TusClient:
    files = (str(desk.files.certificate), str(desk.files.key))
    return TusClient(url, client_cert=files)


@pytest.fixture(autouse=True)
def trust(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """tuspy reads the authority from the environment only."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(desk.authority))


def test_tuspy_with_checksums(desk: Desk, big_file: tuple[Path, str]) -> None:
    path, digest = big_file
    uploader = tus_client(desk, desk.upload_url).uploader(
        str(path), chunk_size=32 << 20, metadata={"filename": path.name}, upload_checksum=True
    )
    uploader.upload()
    assert desk.fetched_sha256(uploader.url) == digest


def test_tuspy_goes_on_after_a_cut(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(os.urandom(20 << 20))
    with ThreadedFaultProxy(desk.partner.server.exchange_port) as proxy:
        proxied = desk.upload_url.replace(str(desk.partner.server.exchange_port), str(proxy.port))
        uploader = tus_client(desk, proxied).uploader(
            str(path), chunk_size=4 << 20, retries=5, retry_delay=0.2
        )
        uploader.upload_chunk()
        proxy.plan_next(Plan(to_server=Flow(Fault.RESET, after=2 << 20)))
        proxy.strike(Fault.RESET)
        uploader.upload()
    assert desk.fetched_sha256(uploader.url) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_tuspy_with_deferred_length(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(os.urandom(3 << 20))
    uploader = tus_client(desk, desk.upload_url).uploader(
        str(path), chunk_size=1 << 20, upload_length_deferred=True
    )
    uploader.upload()
    assert desk.fetched_sha256(uploader.url) == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_aiotus(desk: Desk, big_file: tuple[Path, str]) -> None:
    path, digest = big_file
    context = desk.partner.server.tls(desk.partner.user.identity)
    with path.open("rb") as file:
        location = await aiotus.upload(
            desk.upload_url,
            file,
            {"filename": path.name.encode()},
            client_session=aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)),
        )
    assert location is not None
    assert desk.fetched_sha256(str(location)) == digest


async def test_aiotus_joins_parts(desk: Desk, tmp_path: Path) -> None:
    context = desk.partner.server.tls(desk.partner.user.identity)
    data = os.urandom(2 << 20)
    files = []
    for number in range(2):
        path = tmp_path / str(number)
        path.write_bytes(data[number << 20 : (number + 1) << 20])
        files.append(path.open("rb"))
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            location = await aiotus.upload_multiple(desk.upload_url, files, client_session=session)
    finally:
        for file in files:
            file.close()
    assert location is not None
    assert desk.fetched_sha256(str(location)) == hashlib.sha256(data).hexdigest()

"""tuspy and aiotus, with client certificates."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import aiotus
import pytest
from tests.interop.conftest import Desk
from tests.support.fault_proxy import Fault, Flow, Plan, ThreadedFaultProxy
from tusclient.client import TusClient


@contextmanager
def uploader_of(desk: Desk, url: str, path: Path, **options: Any) -> Iterator[Any]:
    """tuspy's uploader of a file; it opens files that it never closes, so it is given an open one."""
    certificate = (str(desk.files.certificate), str(desk.files.key))
    with path.open("rb") as stream:
        yield TusClient(url, client_cert=certificate).uploader(file_stream=stream, **options)


@pytest.fixture(autouse=True)
def trust(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """tuspy reads the authority from the environment only."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(desk.authority))


def test_tuspy_with_checksums(desk: Desk, big_file: tuple[Path, str]) -> None:
    path, digest = big_file
    options = {"chunk_size": 32 << 20, "metadata": {"filename": path.name}, "upload_checksum": True}
    with uploader_of(desk, desk.upload_url, path, **options) as uploader:
        uploader.upload()
    assert desk.fetched_sha256(uploader.url) == digest


def test_tuspy_goes_on_after_a_cut(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(os.urandom(20 << 20))
    with ThreadedFaultProxy(desk.partner.server.exchange_port) as proxy:
        url = desk.upload_url.replace(str(desk.partner.server.exchange_port), str(proxy.port))
        options = {"chunk_size": 4 << 20, "retries": 5, "retry_delay": 0.2}
        with uploader_of(desk, url, path, **options) as uploader:
            uploader.upload_chunk()
            proxy.plan_next(Plan(to_server=Flow(Fault.RESET, after=2 << 20)))
            proxy.strike(Fault.RESET)
            uploader.upload()
    assert desk.fetched_sha256(uploader.url) == hashlib.sha256(path.read_bytes()).hexdigest()


# aiotus hands each chunk to aiohttp as one bytes object, which aiohttp calls slow.
@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
async def test_aiotus(desk: Desk, big_file: tuple[Path, str]) -> None:
    path, digest = big_file
    context = desk.partner.server.tls(desk.partner.user.identity)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        with path.open("rb") as file:
            metadata = {"filename": path.name.encode()}
            location = await aiotus.upload(desk.upload_url, file, metadata, client_session=session)
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

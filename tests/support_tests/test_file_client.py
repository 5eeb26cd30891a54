"""The emulated File Client must send what the original was seen to send (file-service.md 2.4 and 2.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import pki
from tests.support.file_client import CHUNK_DATA, REQUEST_SIZE, FileClient, TransferFailed, chunks
from tests.support.kade_server import KadeServer


@pytest.fixture
def client(stand_in: KadeServer) -> Iterator[FileClient]:
    identity = stand_in.authority.issue_client("partner")
    with FileClient(stand_in.tls(identity, file_client_suite=True)) as client:
        yield client


@pytest.fixture
def creation_url(stand_in: KadeServer) -> str:
    return f"{stand_in.exchange_url}/files/upload"


def _head(host: str, *lines: str) -> bytes:
    text = "\r\n".join(lines).format(host=host)
    return f"{text}\r\n\r\n".encode("ascii")


def test_an_upload_byte_for_byte(client: FileClient, creation_url: str) -> None:
    url = client.upload(creation_url, b"hello", "größe.txt", "text/plain")
    host = creation_url.split("/")[2]
    path = url.split(host)[1]
    created, appended = client.exchanges
    assert created.request == _head(
        host,
        "POST /files/upload HTTP/1.1",
        "Tus-Resumable: 1.0.0",
        "Upload-Metadata: filename Z3LDtsOfZS50eHQ=,Content-Type dGV4dC9wbGFpbg==",
        "Upload-Length: 5",
        "User-Agent: Java/17.0.10",
        "Host: {host}",
        "Accept: text/html, image/gif, image/jpeg, */*; q=0.2",
        "Connection: keep-alive",
    )
    assert appended.request == _head(
        host,
        f"POST {path} HTTP/1.1",
        "Tus-Resumable: 1.0.0",
        "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream",
        "Expect: 100-continue",
        "X-HTTP-Method-Override: PATCH",
        "User-Agent: Java/17.0.10",
        "Host: {host}",
        "Accept: text/html, image/gif, image/jpeg, */*; q=0.2",
        "Connection: keep-alive",
        "Transfer-Encoding: chunked",
    )
    assert appended.continued


def test_chunks_take_4096_bytes_on_the_wire() -> None:
    data = bytes(range(256)) * 40
    cut = list(chunks(data))
    assert [len(chunk) for chunk in cut[:-2]] == [4096, 4096]
    assert cut[-1] == b"0\r\n\r\n"
    assert b"".join(re.sub(rb"^[0-9a-f]+\r\n", b"", chunk)[:-2] for chunk in cut[:-1]) == data
    assert list(chunks(b"")) == [b"0\r\n\r\n"]
    assert len(next(chunks(bytes(CHUNK_DATA)))) == 4096


@pytest.mark.parametrize(
    ("size", "offsets"),
    [
        (0, [0]),
        (1, [0]),
        (REQUEST_SIZE, [0, REQUEST_SIZE]),
        (REQUEST_SIZE + 5, [0, REQUEST_SIZE]),
    ],
)
def test_requests_of_ten_mebibytes(
    client: FileClient, stand_in: KadeServer, creation_url: str, size: int, offsets: list[int]
) -> None:
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    url = client.upload(creation_url, data, "a.bin", "application/octet-stream")
    sent = [re.search(rb"Upload-Offset: (\d+)", exchange.request) for exchange in client.exchanges[1:]]
    assert [int(match[1]) for match in sent if match] == offsets
    assert (stand_in.folder / url.rsplit("/", 1)[1]).read_bytes() == data


def test_a_download_asks_one_byte_too_many(client: FileClient, creation_url: str, tmp_path: Path) -> None:
    url = client.upload(creation_url, b"0123456789", "a.txt", "text/plain")
    download = url.replace("/upload/", "/download/")
    file = tmp_path / "a.txt"
    file.write_bytes(b"0123")
    told = client.download(download, file)
    assert file.read_bytes() == b"0123456789"
    assert told == {"name": "stand in.txt", "type": "text/plain"}
    got = client.exchanges[-1]
    assert b"\r\nRange: bytes=4-10\r\n" in b"\r\n" + got.request.split(b"\r\n", 1)[1]
    assert got.response.headers["Content-Range"] == "bytes 4-9/10"


def test_resuming_asks_for_the_offset(client: FileClient, creation_url: str, stand_in: KadeServer) -> None:
    url = client.create(creation_url, 6, "a.txt", "text/plain")
    (stand_in.folder / url.rsplit("/", 1)[1]).write_bytes(b"abc")
    assert client.resume(url, creation_url, b"abcdef", "a.txt", "text/plain") == url
    assert (stand_in.folder / url.rsplit("/", 1)[1]).read_bytes() == b"abcdef"
    gone = f"{creation_url}/{'0' * 16}"
    again = client.resume(gone, creation_url, b"abc", "a.txt", "text/plain")
    assert again != gone
    assert (stand_in.folder / again.rsplit("/", 1)[1]).read_bytes() == b"abc"


def test_a_refusal_ends_the_transfer(client: FileClient, creation_url: str, tmp_path: Path) -> None:
    gone = f"{creation_url}/{'0' * 16}"
    with pytest.raises(TransferFailed, match="404"):
        client.send_from(gone, b"abc", 0)
    with pytest.raises(TransferFailed, match="HEAD: 404"):
        client.download(gone, tmp_path / "file")


def test_the_suite_is_the_one_of_the_original(client: FileClient, creation_url: str) -> None:
    assert client.context is not None
    client.create(creation_url, 1, "a", "text/plain")
    assert client._connection is not None
    cipher = client._connection.sock.cipher()  # type: ignore[attr-defined]
    assert cipher == (pki.FILE_CLIENT_CIPHER, "TLSv1.2", 256)


def test_each_request_may_take_its_own_connection(stand_in: KadeServer, creation_url: str) -> None:
    identity = stand_in.authority.issue_client("partner")
    with FileClient(stand_in.tls(identity), keep_alive=False) as client:
        client.upload(creation_url, b"abc", "a", "text/plain")
        assert client._connection is None
        assert all(b"Connection: close" in exchange.request for exchange in client.exchanges)

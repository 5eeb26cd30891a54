"""The tus verbs must send the headers the protocol names, and let a test replace any of them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from tests.support import raw_tus
from tests.support.raw_http import RawConnection, Response

Pair = tuple[RawConnection, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    with RawConnection(ours) as connection, theirs:
        yield connection, theirs


def _sent(pair: Pair, action: Callable[[RawConnection], Response]) -> bytes:
    connection, server = pair
    server.sendall(b"HTTP/1.1 204 No Content\r\nUpload-Offset: 7\r\n\r\n")
    assert raw_tus.offset_of(action(connection)) == 7
    return server.recv(65536)


@pytest.mark.parametrize(
    ("action", "request_head"),
    [
        (lambda c: raw_tus.options(c, "/u"), "OPTIONS /u"),
        (
            lambda c: raw_tus.create(c, "/u", 5, metadata={"filename": "é", "empty": ""}),
            "POST /u|Tus-Resumable: 1.0.0|Content-Length: 0|Upload-Length: 5|"
            "Upload-Metadata: filename w6k=,empty",
        ),
        (
            lambda c: raw_tus.create(c, "/u", None, headers={"content-length": None}),
            "POST /u|Tus-Resumable: 1.0.0|Upload-Defer-Length: 1",
        ),
        (
            lambda c: raw_tus.head(c, "/u/1", {"Tus-Resumable": "0.2.0"}),
            "HEAD /u/1|Tus-Resumable: 0.2.0",
        ),
        (
            lambda c: raw_tus.terminate(c, "/u/1"),
            "DELETE /u/1|Tus-Resumable: 1.0.0|Content-Length: 0",
        ),
        (
            lambda c: raw_tus.concatenate(c, "/u", ["/u/1", "/u/2"]),
            "POST /u|Tus-Resumable: 1.0.0|Upload-Concat: final;/u/1 /u/2|Content-Length: 0",
        ),
    ],
)
def test_verbs_without_a_body(
    pair: Pair, action: Callable[[RawConnection], Response], request_head: str
) -> None:
    first, *fields = request_head.split("|")
    lines = [f"{first} HTTP/1.1", "Host: localhost", *fields, "", ""]
    assert _sent(pair, action) == "\r\n".join(lines).encode("ascii")


def test_verbs_with_a_body(pair: Pair) -> None:
    created = _sent(pair, lambda c: raw_tus.create(c, "/u", 9, body=b"abc"))
    assert created.endswith(
        b"Content-Length: 3\r\nUpload-Length: 9\r\nContent-Type: application/offset+octet-stream\r\n\r\nabc"
    )
    patched = _sent(pair, lambda c: raw_tus.patch(c, "/u/1", 3, b"def", {"Upload-Checksum": "md5 x"}))
    assert patched == (
        b"PATCH /u/1 HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 3\r\n"
        b"Content-Type: application/offset+octet-stream\r\nContent-Length: 3\r\n"
        b"Upload-Checksum: md5 x\r\n\r\ndef"
    )
    assert b"\r\nTransfer-Encoding: chunked\r\n" in raw_tus.patch_head("/u/1", 0, None)


def test_locations_become_targets(pair: Pair) -> None:
    connection, server = pair
    for location in ("/files/upload/1", "https://localhost:8443/files/upload/1"):
        server.sendall(f"HTTP/1.1 204 No\r\nLocation: {location}\r\n\r\n".encode("ascii"))
        assert raw_tus.target_of(connection.read_response("POST")) == "/files/upload/1"


def test_checksums_are_those_of_the_protocol() -> None:
    # The example of tus 1.0.0, section Checksum: "hello world" with SHA-1.
    assert raw_tus.checksum(b"hello world") == "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="
    assert raw_tus.checksum(b"", "sha256").startswith("sha256 47DEQpj8")

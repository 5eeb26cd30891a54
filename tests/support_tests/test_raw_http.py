"""The raw client must read what is right, and name what is wrong."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from tests.support.raw_http import (
    ConnectionEnded,
    ProtocolViolation,
    RawConnection,
    build_chunks,
    build_head,
    build_request,
)


@pytest.fixture
def pair() -> Iterator[tuple[RawConnection, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    theirs.settimeout(5)
    with RawConnection(ours) as connection, theirs:
        yield connection, theirs


Pair = tuple[RawConnection, socket.socket]


def test_requests_are_built_byte_by_byte() -> None:
    assert build_request("PUT", "/a%2e", [("X-One", "1"), ("X-One", "2")], b"abc") == (
        b"PUT /a%2e HTTP/1.1\r\nHost: localhost\r\nX-One: 1\r\nX-One: 2\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert build_head("GET", "/", [("host", "h")]) == b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"
    assert build_request("POST", "/", [("content-length", "9")], b"abc").count(b"ength") == 1
    chunks = build_chunks([b"abc", b"", b"0123456789"], {"Upload-Checksum": "sha1 x"})
    assert chunks == b"3\r\nabc\r\na\r\n0123456789\r\n0\r\nUpload-Checksum: sha1 x\r\n\r\n"


def test_pieces_arrive_with_delays(pair: Pair) -> None:
    connection, server = pair
    started = time.monotonic()
    thread = threading.Thread(target=connection.send_pieces, args=([b"ab", b"c", b"d"], 0.05))
    thread.start()
    assert server.recv(10) == b"ab"
    assert server.recv(10) == b"c"
    assert server.recv(10) == b"d"
    thread.join()
    assert time.monotonic() - started >= 0.1


def test_pipelined_answers_keep_their_order(pair: Pair) -> None:
    connection, server = pair
    server.sendall(
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: 5\r\n\r\n"
        b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\nabc"
        b"HTTP/1.1 204 No Content\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
        b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nDigest: z \r\n\r\n"
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nthe rest"
    )
    server.shutdown(socket.SHUT_WR)
    created = connection.read_response("POST")
    assert [head.status for head in created.interim] == [100, 104]
    assert created.interim[1].headers["upload-offset"] == "5"
    assert (created.status, created.head.reason, created.body) == (201, "Created", b"abc")
    assert created.headers.all("Set-Cookie") == ["a", "b"]
    assert connection.read_response("PATCH").status == 204
    assert connection.read_response("HEAD").headers["Content-Length"] == "7"
    chunked = connection.read_response("GET")
    assert (chunked.body, chunked.trailers.get("digest")) == (b"abc", "z")
    assert connection.read_response("GET").body == b"the rest"
    assert connection.is_closed_by_peer(0.1)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 200 OK\n\n", "bare LF"),
        (b"HTTP/1.1 200 OK\r\nName : x\r\n\r\n", "field line"),
        (b"HTTP/1.1 200 OK\r\nName: x\r\n folded\r\n\r\n", "field line"),
        (b"HTTP/1.1 200 OK\r\nName: a\x00b\r\n\r\n", "field line"),
        (b"HTTP/1.1 200 OK\r\nName: a\rb\r\n\r\n", "field line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\n\r\nx", "without a length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", "Transfer-Encoding"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n", "chunk size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", "end with CRLF"),
        (b"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", "204"),
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", "interim"),
    ],
)
def test_violations_are_named(pair: Pair, answer: bytes, complaint: str) -> None:
    connection, server = pair
    server.sendall(answer)
    with pytest.raises(ProtocolViolation, match=complaint):
        connection.read_response("GET")


def test_a_repeated_field_is_not_silently_merged(pair: Pair) -> None:
    connection, server = pair
    server.sendall(b"HTTP/1.1 204 No\r\nUpload-Offset: 1\r\nupload-offset: 2\r\n\r\n")
    answer = connection.read_response("PATCH")
    assert "UPLOAD-OFFSET" in answer.headers
    with pytest.raises(ProtocolViolation, match="2 times"):
        answer.headers.get("Upload-Offset")


def test_an_answer_cut_short_is_told_apart(pair: Pair) -> None:
    connection, server = pair
    server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")
    server.close()
    with pytest.raises(ConnectionEnded) as caught:
        connection.read_response("GET")
    assert caught.value.partial == b"abc"


def test_open_and_closed_connections_are_told_apart(pair: Pair) -> None:
    connection, server = pair
    assert not connection.is_closed_by_peer(0.02)
    server.sendall(b"HTTP/1.1 204 No\r\n\r\n")
    assert not connection.is_closed_by_peer(1)
    assert connection.read_response("PATCH").status == 204
    server.close()
    assert connection.is_closed_by_peer(1)


def test_reset_sends_rst() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = RawConnection.open("127.0.0.1", listener.getsockname()[1])
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(5)
            connection.reset()
            with pytest.raises(ConnectionResetError):
                accepted.recv(1)

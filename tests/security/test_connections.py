"""What one connection may do to the others, and to the answers that are on their way on it."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator

import psutil
import pytest
from tests.support import raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import DOWNLOAD, UPLOAD, Partner, new_partner
from tests.support.raw_http import ConnectionEnded, RawConnection, build_chunks, build_head
from tests.support.sizes import MIB


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KadeServer]:
    """A server that waits for nobody."""
    environment = {
        "KADE_LIMITS_HEADER_TIMEOUT": "1s",
        "KADE_LIMITS_HANDSHAKE_TIMEOUT": "1s",
        "KADE_LIMITS_SLOW_AFTER": "1s",
        "KADE_LIMITS_KEEP_ALIVE": "2s",
    }
    with KadeServer(tmp_path_factory.mktemp("hasty") / "data", environment=environment) as server:
        yield server


@pytest.fixture
def visitor(hasty: KadeServer) -> Partner:
    return new_partner(hasty)


def test_slow_headers_are_cut(visitor: Partner) -> None:
    with visitor.connect() as connection:
        started = time.monotonic()
        connection.send(b"GET / HT")
        assert connection.read_response().status == 408
        assert connection.is_closed_by_peer(5)
        assert time.monotonic() - started > 0.9


def test_a_handshake_that_does_not_go_on_is_cut(hasty: KadeServer) -> None:
    for hello in (b"", b"\x16\x03\x01"):
        with socket.create_connection(("127.0.0.1", hasty.exchange_port), timeout=10) as sock:
            sock.sendall(hello)
            assert RawConnection(sock).is_closed_by_peer(8)


@pytest.mark.parametrize("chunked", [False, True])
def test_the_rest_of_a_refused_body_may_not_trickle(visitor: Partner, chunked: bool) -> None:
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", "100000")
    with visitor.connect() as connection:
        connection.send(build_head("GET", f"{DOWNLOAD}/nothing", [framing]))
        assert connection.read_response().status == 404
        ended = False
        for _ in range(25):
            try:
                connection.send(b"1\r\nx\r\n" if chunked else b"x")
            except OSError:
                ended = True
                break
            if connection.is_closed_by_peer(0.2):
                ended = True
                break
        assert ended


def test_a_line_that_idles_after_a_refused_body_is_closed(visitor: Partner) -> None:
    with visitor.connect() as connection:
        connection.send(build_head("GET", f"{DOWNLOAD}/nothing", [("Content-Length", "3")]))
        assert connection.read_response().status == 404
        connection.send(b"abc")
        assert connection.is_closed_by_peer(6)


@pytest.mark.parametrize("rest", [b"GET / HT", b"\x00 no HTTP\r\n\r\n", b"G" * 70_000])
def test_no_error_stands_inside_another_answer(visitor: Partner, rest: bytes) -> None:
    data = b"z" * (24 * MIB)
    with visitor.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(data)))
        assert raw_tus.patch(connection, target, 0, data).status == 204
    with visitor.connect() as connection:
        connection.send(build_head("GET", target.replace(UPLOAD, DOWNLOAD)))
        assert connection.read_head().status == 200
        connection.send(rest)
        time.sleep(1.5)
        received = b""
        try:
            while len(received) < len(data):
                received += connection.read_some()
        except (ConnectionEnded, OSError):
            pass
    assert data.startswith(received)


def test_nothing_is_read_for_a_client_that_has_gone(quay: KadeServer) -> None:
    partner, size = new_partner(quay), 64 * MIB
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, size))
        assert raw_tus.patch(connection, target, 0, os.urandom(size)).status == 204
    process = psutil.Process(quay.pid)
    before = process.io_counters().read_chars
    for _ in range(3):
        with partner.connect() as connection:
            connection.send(build_head("GET", target.replace(UPLOAD, DOWNLOAD)))
            assert connection.read_head().status == 200
    time.sleep(1.0)
    assert process.io_counters().read_chars - before < size


@pytest.mark.parametrize("field", [b"a: b\r\n", b"x"])
def test_trailers_have_an_end(partner: Partner, field: bytes) -> None:
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, 10))
        connection.send(raw_tus.patch_head(target, 0, None) + b"1\r\nx\r\n0\r\n")
        with contextlib.suppress(OSError):
            for _ in range(200):
                connection.send(field * (8192 // len(field)))
        assert connection.read_response("PATCH").status == 431
    assert partner.offset(target) <= 1


SMUGGLED = b"GET /files/download/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: 5, 5",
        b"Content-Length: -5",
        b"Content-Length: +5",
        b"Content-Length: 0x5",
        b"Content-Length: 5 5",
        b"Content-Length: ",
        b"Content-Length: 99999999999999999999999",
        b"Content-Length : 5",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding:\x0bchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"X: a\nContent-Length: 5",
        b"X: a\r Content-Length: 5",
        b"X\x00: a",
    ],
)
def test_ambiguous_framing_is_refused_and_nothing_is_smuggled(partner: Partner, framing: bytes) -> None:
    head = b"POST /files/upload HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n" + framing + b"\r\n\r\n"
    with partner.connect() as connection:
        connection.send(head + b"0\r\n\r\n" + SMUGGLED)
        assert connection.read_response("POST").status == 400
        assert connection.is_closed_by_peer(5)


@pytest.mark.parametrize(
    "chunk", [b"fffffffffffffffff\r\n", b"-1\r\n", b"5\nabcde\r\n", b"1\r\nxy\r\n", b"g\r\n"]
)
def test_bad_chunks_end_the_body(partner: Partner, chunk: bytes) -> None:
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, 10))
        connection.send(raw_tus.patch_head(target, 0, None) + chunk + b"0\r\n\r\n" + SMUGGLED)
        assert connection.read_response("PATCH").status == 400
        assert connection.is_closed_by_peer(5)
    assert partner.offset(target) <= 1


def test_trailers_never_become_headers(partner: Partner) -> None:
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, 10))
        connection.send(raw_tus.patch_head(target, 5, None) + b"3\r\nabc\r\n0\r\nUpload-Offset: 0\r\n\r\n")
        assert connection.read_response("PATCH").status == 409
    assert partner.offset(target) == 0


def test_http_1_0_gets_one_answer_and_the_end(partner: Partner) -> None:
    with partner.connect() as connection:
        connection.send(b"OPTIONS /files/upload HTTP/1.0\r\n\r\n")
        assert connection.read_response("OPTIONS").status == 204
        assert connection.is_closed_by_peer(5)


def test_an_upgrade_that_is_not_offered_changes_nothing(partner: Partner) -> None:
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQ"}
    data = b"u" * 100_000
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(data), headers=upgrade))
        assert raw_tus.patch(connection, target, 0, data, upgrade).status == 204
        assert raw_tus.head(connection, target).status == 200
    assert partner.download(target).body == data


def test_a_chunked_body_with_an_offered_upgrade_is_a_body(partner: Partner) -> None:
    upgrade: dict[str, str | None] = {"Connection": "Upgrade", "Upgrade": "h2c"}
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(SMUGGLED)))
        connection.send(raw_tus.patch_head(target, 0, None, upgrade) + build_chunks([SMUGGLED]))
        assert connection.read_response("PATCH").status == 204
        assert raw_tus.options(connection, UPLOAD).status == 204
    assert partner.download(target).body == SMUGGLED

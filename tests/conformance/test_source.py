"""Every source of a body, on real sockets: a server in a thread of its own, as it runs in production.

A new one is a line in ``SOURCES``: what is done to the scope so that ``body_of`` chooses it.
"""

import asyncio
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from tests.support import pki
from tests.support.raw_http import (
    ConnectionEnded,
    RawConnection,
    Response,
    build_chunks,
    build_head,
    build_request,
)

from kade.core.errors import KadeError
from kade.web.buffers import BufferPool
from kade.web.protocol import ConnectionLimits
from kade.web.receive import EXTENSION, AsgiSource, DirectSource, body_of
from kade.web.server import Address, Listener
from kade.web.trust import Trust
from kade.web.windows import ReceiveWindows

PIECE = 16 << 10
DRAIN = 1 << 20
LIMITS = ConnectionLimits(header_timeout=0.3, header_size=8192, drain=DRAIN)
SOURCES: dict[str, tuple[type, Callable[[Scope], object]]] = {
    "direct": (DirectSource, lambda scope: None),
    "asgi": (AsgiSource, lambda scope: scope["extensions"].pop(EXTENSION, None)),
}


class Door:
    """One listener with an application that tells what it received."""

    def __init__(self, prepare: Callable[[Scope], object], trust: Trust | None, pool_size: int) -> None:
        self._prepare = prepare
        self._pool = BufferPool(pool_size, PIECE)
        self._trust = trust
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.client: ssl.SSLContext | None = None
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def connect(self) -> RawConnection:
        return RawConnection.open("127.0.0.1", self.port, self.client, timeout=10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        listener = Listener(
            "test",
            Address("127.0.0.1", 0),
            self._application,
            trust=self._trust,
            pool=self._pool,
            windows=ReceiveWindows(1 << 20),
            limits=LIMITS,
            keep_alive=5,
            handshake_timeout=5,
            connections=100,
            refused=lambda _peer, _reason: None,
        )
        await listener.start()
        self.port = listener.address.port
        self._started.set()
        await self._stopping.wait()
        await listener.stop_accepting()
        await listener.abort()

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._prepare(scope)
        path: str = scope["path"]
        told: dict[str, Any] = {"pieces": 0, "silences": 0}
        digest = hashlib.sha256()
        try:
            async with body_of(scope, receive) as source:
                told["remaining"] = source.remaining
                if path == "/refuse":
                    await JSONResponse(told, 413)(scope, receive, send)
                    return
                while (piece := await source.read(0.05)) is not None:
                    told["pieces" if len(piece.data) else "silences"] += 1
                    digest.update(piece.data)
                    if path == "/slow":
                        await asyncio.sleep(0.002)
                    piece.release()
                told |= {"rest": source.remaining, "trailers": source.trailers}
        except KadeError as error:
            told["error"] = str(error.reason)
            _CUT.append(told)
            return
        told |= {"kind": type(source).__name__, "sha256": digest.hexdigest()}
        await JSONResponse(told)(scope, receive, send)


_CUT: list[dict[str, Any]] = []  # what the application saw of bodies whose line broke


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority.create()


@pytest.fixture(scope="module")
def server_files(authority: pki.Authority, tmp_path_factory: pytest.TempPathFactory) -> pki.IdentityFiles:
    return authority.issue_server().write(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module", params=SOURCES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=["plain", "tls"])
def door(
    request: pytest.FixtureRequest, kind: str, authority: pki.Authority, server_files: pki.IdentityFiles
) -> Iterator[Door]:
    secure = request.param == "tls"
    trust = Trust(server_files.certificate, server_files.key, None, "none") if secure else None
    made = Door(SOURCES[kind][1], trust, pool_size=4 * PIECE)
    made.client = pki.client_context(authority.pem) if secure else None
    made.start()
    yield made
    made.stop()


def told(response: Response) -> dict[str, Any]:
    assert response.status == 200, response
    found: dict[str, Any] = json.loads(response.body)
    return found


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def body(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(size % 251)


@pytest.mark.parametrize("size", [1, PIECE - 1, PIECE, PIECE + 1, 300_000])
def test_a_body_of_known_length_comes_whole(door: Door, kind: str, size: int) -> None:
    with door.connect() as connection:
        for _ in range(2):  # and the connection goes on
            found = told(connection.request("PATCH", "/", (), body(size)))
            assert (found["remaining"], found["rest"], found["sha256"]) == (size, 0, sha256(body(size)))
        assert found["kind"] == SOURCES[kind][0].__name__


def test_no_body_is_empty(door: Door) -> None:
    with door.connect() as connection:
        for fields in ((), (("Content-Length", "0"),)):
            found = told(connection.request("POST", "/", fields))
            assert (found["remaining"], found["pieces"], found["sha256"]) == (0, 0, sha256(b""))


def test_chunks_are_joined_and_trailers_told(door: Door) -> None:
    with door.connect() as connection:
        pieces = [b"a", b"b" * 50_000, b"c" * 3]
        data = build_chunks(pieces, {"Upload-Checksum": "sha1 xx", "X-Two": "2"})
        found = told(connection.request("PATCH", "/", (("Transfer-Encoding", "chunked"),), data))
        assert (found["remaining"], found["sha256"]) == (None, sha256(b"".join(pieces)))
        assert found["trailers"] == {"upload-checksum": "sha1 xx", "x-two": "2"}
        again = told(
            connection.request("PATCH", "/", (("Transfer-Encoding", "chunked"),), build_chunks([b"x"]))
        )
        assert (again["trailers"], again["sha256"]) == ({}, sha256(b"x"))


@pytest.mark.parametrize("chunked", [False, True])
def test_who_expects_100_is_told_to_go_on(door: Door, chunked: bool) -> None:
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", "1000")
    with door.connect() as connection:
        connection.send(build_head("PATCH", "/", (framing, ("Expect", "100-continue"))))
        assert connection.read_head().status == 100
        connection.send(build_chunks([body(1000)]) if chunked else body(1000))
        assert told(connection.read_response())["sha256"] == sha256(body(1000))


def test_what_comes_with_the_headers_and_after_the_body_is_told_apart(door: Door) -> None:
    requests = [build_request("PATCH", "/", (), body(size)) for size in (5, 70_000, 1, 100_000)]
    requests.insert(2, build_head("GET", "/"))
    with door.connect() as connection:
        connection.send(b"".join(requests))
        answers = [told(connection.read_response())["sha256"] for _ in requests]
    assert answers == [sha256(body(size)) for size in (5, 70_000, 0, 1, 100_000)]


def test_a_body_in_dribs_and_drabs(door: Door) -> None:
    data = body(3000)
    with door.connect() as connection:
        whole = build_request("PATCH", "/", (), data)
        connection.send_pieces([whole[first : first + 100] for first in range(0, len(whole), 100)], 0.001)
        assert told(connection.read_response())["sha256"] == sha256(data)


def test_silence_gives_empty_pieces(door: Door) -> None:
    with door.connect() as connection:
        connection.send(build_head("PATCH", "/", (("Content-Length", "6"),)) + b"abc")
        threading.Event().wait(0.25)
        connection.send(b"def")
        found = told(connection.read_response())
    assert found["silences"] >= 2 and found["sha256"] == sha256(b"abcdef")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_line_that_breaks_is_told_after_what_came(door: Door, how: str) -> None:
    _CUT.clear()
    connection = door.connect()
    connection.send(build_head("PATCH", "/", (("Content-Length", "100000"),)) + body(50_000))
    threading.Event().wait(0.1)
    connection.close() if how == "close" else connection.reset()
    for _ in range(200):
        if _CUT:
            break
        threading.Event().wait(0.02)
    assert [each["error"] for each in _CUT] == ["request.line_cut"]
    assert _CUT[0]["pieces"] >= 1


def test_a_body_that_nobody_wants_is_drained_so_that_the_answer_is_seen(door: Door) -> None:
    with door.connect() as connection:
        for _ in range(2):
            connection.send(build_request("PATCH", "/refuse", (), body(DRAIN // 2)))
            assert connection.read_response().status == 413
        assert told(connection.request("PATCH", "/", (), b"x"))["sha256"] == sha256(b"x")


def test_a_body_too_long_to_drain_ends_the_connection_after_the_answer(door: Door) -> None:
    with door.connect() as connection:
        connection.send(build_head("PATCH", "/refuse", (("Content-Length", str(1 << 40)),)))
        answer = connection.read_response()
        assert answer.status == 413
        with pytest.raises((ConnectionError, ssl.SSLError, TimeoutError)):
            for _ in range(200):
                connection.send(body(DRAIN // 8))


def test_more_uploads_than_buffers_all_finish(door: Door) -> None:
    data = body(200_000)
    results: list[str] = []

    def upload() -> None:
        with door.connect() as connection:
            results.append(told(connection.request("PATCH", "/slow", (), data))["sha256"])

    threads = [threading.Thread(target=upload) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [sha256(data)] * 12


def test_headers_too_large_are_refused(door: Door) -> None:
    with door.connect() as connection:
        connection.send(build_head("GET", "/", (("X-Large", "x" * 9000),)))
        assert connection.read_response().status == 431
        assert connection.is_closed_by_peer(5)


def test_headers_that_dribble_are_cut_off(door: Door) -> None:
    with door.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert connection.read_response().status == 408
        assert connection.is_closed_by_peer(5)


def test_a_connection_that_says_nothing_is_closed(door: Door) -> None:
    with door.connect() as connection:
        assert connection.is_closed_by_peer(5)


@pytest.mark.parametrize("length", ["-1", "x", "1, 2", "1" * 30])
def test_a_length_that_is_none_is_refused(door: Door, length: str) -> None:
    with door.connect() as connection:
        connection.send(build_head("PATCH", "/", (("Content-Length", length),)))
        try:
            assert connection.read_response().status == 400
        except (ConnectionEnded, ConnectionError):
            return  # closing is an answer, too


def test_pieces_come_back_to_the_pool(door: Door) -> None:
    with door.connect() as connection:
        for _ in range(30):
            assert told(connection.request("PATCH", "/", (), body(PIECE * 3)))["rest"] == 0


def test_a_pool_of_pieces_is_bounded(tmp_path: Path) -> None:
    pool = BufferPool(3 * PIECE, PIECE)
    leased = [pool.lease() for _ in range(4)]
    assert leased[3] is None and pool.exhausted
    woken: list[str] = []

    def waiter(name: str, *, use: bool) -> Callable[[], bool]:
        def wake() -> bool:
            woken.append(name)
            return use

        return wake

    pool.when_free(waiter("no use", use=False))
    pool.when_free(waiter("use", use=True))
    pool.when_free(waiter("later", use=True))
    assert leased[0] is not None
    leased[0].release()
    leased[0].release()  # once is enough
    assert woken == ["no use", "use"]
    assert pool.lease() is not None and pool.lease() is None

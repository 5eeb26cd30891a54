"""Many small requests over keep-alive connections: one thread, one selector, prepared bytes."""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterator

from bench.jobs import Outcome, SmallRequests
from bench.load.wire import (
    AnswerHead,
    Clock,
    UnexpectedAnswer,
    build_creation,
    build_head,
    connect,
    make_context,
)

Check = Callable[[AnswerHead], None]


class _Slot:
    """A connection with at most one request under way."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = bytearray()
        self.started = 0.0

    def send(self, request: bytes) -> None:
        self.buffer.clear()
        self.started = time.perf_counter()
        # A request of a few KiB always fits the empty send buffer of a connection that is waiting.
        if self.sock.send(request) != len(request):
            raise UnexpectedAnswer("the send buffer is full")

    def receive(self, has_body: bool) -> AnswerHead | None:
        """Read what has come; give the answer once it is whole."""
        while True:
            try:
                received = self.sock.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                return None
            if not received:
                raise UnexpectedAnswer(f"closed after {bytes(self.buffer)!r}")
            self.buffer += received
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                continue
            head = AnswerHead(bytes(self.buffer[:end]))
            if not has_body or len(self.buffer) >= end + 4 + head.content_length:
                return head


def run_small_requests(job: SmallRequests) -> Outcome:
    """Keep every connection busy until `total` requests are answered."""
    requests, check = _requests(job), _check(job)
    has_body = job.kind != "head"
    context = make_context(job.target)
    slots = [_Slot(connect(job.target, context)) for _ in range(job.connections)]
    with selectors.DefaultSelector() as selector:
        for slot in slots:
            slot.sock.setblocking(False)
            selector.register(slot.sock, selectors.EVENT_READ, slot)
        clock = Clock()
        busy = 0
        for slot, request in zip(slots, requests, strict=False):
            slot.send(request)
            busy += 1
        while busy:
            for key, _ in selector.select():
                answer = key.data.receive(has_body)
                if answer is None:
                    continue
                clock.latencies.append(time.perf_counter() - key.data.started)
                check(answer)
                following = next(requests, None)
                if following is None:
                    busy -= 1
                else:
                    key.data.send(following)
        return clock.outcome(len(clock.latencies) * job.body_size)


def _requests(job: SmallRequests) -> Iterator[bytes]:
    body = os.urandom(job.body_size)
    if job.kind == "head":
        fields = {"Tus-Resumable": "1.0.0"} if job.target.protocol == "tus" else {}
        requests = [build_head(job.target, "HEAD", path, fields) for path in job.paths]
        return itertools.islice(itertools.cycle(requests), job.total)
    if job.target.protocol == "put":
        return (_put(job, number, body) for number in range(job.total))
    if job.kind == "create":
        return itertools.repeat(build_creation(job.target, 1_000_000, 0), job.total)
    return itertools.repeat(build_creation(job.target, len(body), len(body)) + body, job.total)


def _put(job: SmallRequests, number: int, body: bytes) -> bytes:
    path = f"{job.target.uploads}/small-{os.getpid()}-{number}"
    return build_head(job.target, "PUT", path, {"Content-Length": str(len(body))}) + body


def _check(job: SmallRequests) -> Check:
    statuses = (200, 204) if job.kind == "head" else (201,)
    offset = job.body_size if job.kind == "upload" and job.target.protocol == "tus" else None

    def check(answer: AnswerHead) -> None:
        answer.expect(*statuses)
        if offset is not None and answer.upload_offset != offset:
            raise UnexpectedAnswer(f"not stored: {answer.raw!r}")

    return check

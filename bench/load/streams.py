"""Large uploads and downloads: a thread for each connection, which spends its time in system calls."""

from __future__ import annotations

import os
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable

from bench.jobs import Downloads, Outcome, StreamUploads, Target
from bench.load.wire import (
    OFFSET_TYPE,
    Clock,
    UnexpectedAnswer,
    build_creation,
    build_head,
    connect,
    make_context,
    read_answer,
    read_head,
)

_PIECE = 1024 * 1024


def run_uploads(job: StreamUploads) -> Outcome:
    """Send all files at once; creating the uploads and shaking hands are not part of the time."""
    body = memoryview(os.urandom(8 * _PIECE))
    context = make_context(job.target)
    sockets = [connect(job.target, context) for _ in range(job.count)]
    paths = [_make_upload(job.target, sock, index, job.size) for index, sock in enumerate(sockets)]
    clock = Clock()

    def upload(index: int) -> None:
        started = time.perf_counter()
        sock = sockets[index]
        sock.sendall(_upload_head(job.target, paths[index], job.size))
        _send(sock, body, job.size)
        answer = read_answer(sock)
        answer.expect(201, 204)
        if job.target.protocol == "tus" and answer.upload_offset != job.size:
            raise UnexpectedAnswer(f"offset {answer.upload_offset} after {job.size} bytes")
        clock.latencies.append(time.perf_counter() - started)

    _in_threads(upload, job.count)
    return clock.outcome(job.count * job.size, paths)


def run_downloads(job: Downloads) -> Outcome:
    """Fetch each path on its own connection; bytes are counted and dropped."""
    context = make_context(job.target)
    sockets = [connect(job.target, context) for _ in job.paths]
    clock = Clock()

    def download(index: int) -> None:
        dice = random.Random(index)
        for _ in range(job.repeat):
            started = time.perf_counter()
            _fetch(job, job.paths[index], sockets[index], dice)
            clock.latencies.append(time.perf_counter() - started)

    _in_threads(download, len(job.paths))
    return clock.outcome(len(job.paths) * job.repeat * (job.range_size or job.size))


def _make_upload(target: Target, sock: socket.socket, index: int, size: int) -> str:
    if target.protocol == "put":
        return f"{target.uploads}/stream-{os.getpid()}-{index}"
    sock.sendall(build_creation(target, size, 0))
    answer = read_answer(sock)
    answer.expect(201)
    return answer.location


def _upload_head(target: Target, path: str, size: int) -> bytes:
    if target.protocol == "put":
        return build_head(target, "PUT", path, {"Content-Length": str(size)})
    fields = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": OFFSET_TYPE,
        "Content-Length": str(size),
    }
    return build_head(target, "PATCH", path, fields)


def _send(sock: socket.socket, body: memoryview, size: int) -> None:
    """Send `size` bytes, the body over and over."""
    start = 0
    while size:
        wanted = min(size, _PIECE)
        sock.sendall(body[start : start + wanted])
        start = (start + wanted) % len(body)
        size -= wanted


def _fetch(job: Downloads, path: str, sock: socket.socket, dice: random.Random) -> None:
    fields: dict[str, str] = {}
    expected, status = job.size, 200
    if job.range_size is not None:
        start = dice.randrange(job.size - job.range_size + 1)
        fields["Range"] = f"bytes={start}-{start + job.range_size - 1}"
        expected, status = job.range_size, 206
    sock.sendall(build_head(job.target, "GET", path, fields))
    buffer = bytearray()
    head = read_head(sock, buffer)
    head.expect(status)
    if head.content_length != expected:
        raise UnexpectedAnswer(f"{head.content_length} bytes announced, {expected} expected")
    _drop(sock, expected - len(buffer))


def _drop(sock: socket.socket, size: int) -> None:
    # On a plain socket MSG_TRUNC lets the kernel drop the bytes instead of copying them (tcp(7)).
    flags = 0 if isinstance(sock, ssl.SSLSocket) else socket.MSG_TRUNC
    view = memoryview(bytearray(_PIECE))
    while size > 0:
        received = sock.recv_into(view, min(size, _PIECE), flags)
        if not received:
            raise UnexpectedAnswer(f"closed with {size} bytes missing")
        size -= received


def _in_threads(work: Callable[[int], None], count: int) -> None:
    errors: list[BaseException] = []

    def guarded(index: int) -> None:
        try:
            work(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]

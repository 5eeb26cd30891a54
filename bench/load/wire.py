"""Connections, request heads and just enough of reading answers to know that they are the right ones."""

from __future__ import annotations

import re
import resource
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.jobs import Outcome, Target

OFFSET_TYPE = "application/offset+octet-stream"

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation:[ \t]*([^\r\n]+)", re.IGNORECASE)
_OFFSET = re.compile(rb"\r\nupload-offset:[ \t]*(\d+)", re.IGNORECASE)


class UnexpectedAnswer(Exception):
    """An answer is not what the benchmark counts."""


@dataclass(frozen=True)
class AnswerHead:
    """The head of an answer."""

    raw: bytes

    @property
    def status(self) -> int:
        return int(self.raw[9:12])

    @property
    def content_length(self) -> int:
        match = _LENGTH.search(self.raw)
        return int(match[1]) if match else 0

    @property
    def upload_offset(self) -> int | None:
        match = _OFFSET.search(self.raw)
        return int(match[1]) if match else None

    @property
    def location(self) -> str:
        match = _LOCATION.search(self.raw)
        if match is None:
            raise UnexpectedAnswer(f"no Location: {self.raw!r}")
        return urlsplit(match[1].decode("ascii")).path

    def expect(self, *statuses: int) -> None:
        """Raise `UnexpectedAnswer` unless the status is one of these."""
        if self.status not in statuses:
            raise UnexpectedAnswer(f"{statuses} expected: {self.raw!r}")


class Clock:
    """Measures a job: wall time, this process's CPU time and the latency of each request."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self._cpu = _own_cpu()
        self._started = time.perf_counter()

    def outcome(self, size: int, paths: list[str] | None = None) -> Outcome:
        """End the measurement; `size` is the bytes of payload that were moved."""
        seconds = time.perf_counter() - self._started
        ordered = sorted(self.latencies)
        return Outcome(
            seconds=seconds,
            requests=len(ordered),
            bytes=size,
            client_cpu_seconds=_own_cpu() - self._cpu,
            p50_ms=ordered[len(ordered) // 2] * 1000,
            p99_ms=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
            paths=paths or [],
        )


def make_context(target: Target) -> ssl.SSLContext | None:
    """Make the TLS context for a target; None when it is reached without TLS."""
    if target.authority is None:
        return None
    context = ssl.create_default_context(cafile=target.authority)
    if target.certificate is not None:
        context.load_cert_chain(target.certificate, target.key)
    return context


def connect(target: Target, context: ssl.SSLContext | None) -> socket.socket:
    """Open a blocking connection, the TLS handshake done."""
    sock = socket.create_connection((target.host, target.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(None)
    return context.wrap_socket(sock, server_hostname=target.server_name) if context else sock


def build_head(target: Target, method: str, path: str, fields: dict[str, str]) -> bytes:
    """Build a request head with the target's own headers."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {target.server_name}:{target.port}"]
    lines += [f"{name}: {value}" for name, value in {**target.headers, **fields}.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def build_creation(target: Target, length: int, body_size: int) -> bytes:
    """Build the head of a tus creation that carries `body_size` of the upload's `length` bytes."""
    fields = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(length),
        "Upload-Metadata": "filename YmVuY2guYmlu,filetype YXBwbGljYXRpb24vb2N0ZXQtc3RyZWFt",
        "Content-Length": str(body_size),
    }
    if body_size:
        fields["Content-Type"] = OFFSET_TYPE
    return build_head(target, "POST", target.uploads, fields)


def read_head(sock: socket.socket, buffer: bytearray) -> AnswerHead:
    """Read up to the end of a head; what was read beyond it stays in `buffer`."""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        received = sock.recv(65536)
        if not received:
            raise UnexpectedAnswer(f"closed after {bytes(buffer)!r}")
        buffer += received
    raw = bytes(buffer[:end])
    del buffer[: end + 4]
    return AnswerHead(raw)


def read_answer(sock: socket.socket) -> AnswerHead:
    """Read a whole answer with a small body, which is dropped."""
    buffer = bytearray()
    head = read_head(sock, buffer)
    missing = head.content_length - len(buffer)
    while missing > 0:
        missing -= len(sock.recv(65536))
    return head


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

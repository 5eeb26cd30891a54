"""An HTTP/1.1 client on a bare socket: sends exactly the bytes it is given and reads answers strictly.

Ordinary clients repair or refuse what a test wants to send, and forgive what a server must not answer.
This one does neither: a malformed answer raises `ProtocolViolation` (RFC 9112).
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

DEFAULT_TIMEOUT = 10.0
"""Seconds that a single read or write may take."""

Fields = Sequence[tuple[str, str]]

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_MAX_LINE = 65536
_READ_SIZE = 65536


class ProtocolViolation(Exception):
    """The server answered something that RFC 9112 does not allow."""


class ConnectionEnded(Exception):
    """The server closed the connection where more bytes had to come (`partial` holds what came)."""

    def __init__(self, message: str, partial: bytes = b"") -> None:
        super().__init__(message)
        self.partial = partial


@dataclass(frozen=True)
class Headers:
    """Field lines in the order they came; names compare without case."""

    lines: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        return [value for key, value in self.lines if key.lower() == name.lower()]

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of a field; raises `ProtocolViolation` when it came more than once."""
        values = self.all(name)
        if len(values) > 1:
            raise ProtocolViolation(f"{name} came {len(values)} times")
        return values[0] if values else default

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.all(name))


@dataclass(frozen=True)
class Head:
    """Status line and headers of an answer, interim (1xx) or final."""

    status: int
    reason: str
    headers: Headers


@dataclass(frozen=True)
class Response:
    """A final answer with the interim answers that came before it."""

    head: Head
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    interim: tuple[Head, ...] = ()

    @property
    def status(self) -> int:
        return self.head.status

    @property
    def headers(self) -> Headers:
        return self.head.headers


class RawConnection:
    """One connection; use it as a context manager. Its methods block and raise `TimeoutError`."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        *,
        server_name: str = "localhost",
        timeout: float = DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
    ) -> RawConnection:
        """Connect, and shake hands when `tls` is given. `timeout` (s) holds for every read and write."""
        sock = socket.create_connection((host, port), timeout=timeout, source_address=source_address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return cls(sock)
        try:
            return cls(tls.wrap_socket(sock, server_hostname=server_name))
        except BaseException:
            sock.close()
            raise

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close in the ordinary way (FIN)."""
        self.sock.close()

    def reset(self) -> None:
        """Close with a TCP RST, as a client that crashed or a middlebox does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def finish_sending(self) -> None:
        """Say that nothing more will be sent (half-close) and keep reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send these bytes and no others."""
        self.sock.sendall(data)

    def send_pieces(self, pieces: Iterable[bytes], delay: float) -> None:
        """Send pieces one by one with `delay` seconds before each but the first."""
        for index, piece in enumerate(pieces):
            if index:
                time.sleep(delay)
            self.sock.sendall(piece)

    def request(self, method: str, target: str, fields: Fields = (), body: bytes = b"") -> Response:
        """Send one request as built by `build_request` and read its final answer."""
        self.send(build_request(method, target, fields, body))
        return self.read_response(method)

    def read_head(self) -> Head:
        """Read one status line with its headers, interim or final."""
        line = self._read_line()
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise ProtocolViolation(f"not a status line: {line!r}")
        reason = match[2].decode("latin-1")
        return Head(int(match[1]), reason, self._read_fields())

    def read_some(self) -> bytes:
        """Whatever of a body has come, without keeping it; raises `ConnectionEnded` at the end."""
        if not self._buffer:
            self._receive()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def read_response(self, method: str = "GET") -> Response:
        """Read interim answers and one final answer with its body; `method` decides whether it has one."""
        interim: list[Head] = []
        head = self.read_head()
        while head.status < 200 and head.status != 101:
            _forbid_framing(head, "an interim answer")
            interim.append(head)
            head = self.read_head()
        body, trailers = self._read_body(head, method)
        return Response(head, body, trailers, tuple(interim))

    def is_closed_by_peer(self, within: float) -> bool:
        """Tell whether the server ends the connection within so many seconds, without a further byte."""
        if self._buffer:
            return False
        before = self.sock.gettimeout()
        self.sock.settimeout(within)
        try:
            received = self.sock.recv(1)
        except TimeoutError:
            return False
        except (ConnectionError, ssl.SSLError):
            return True
        finally:
            self.sock.settimeout(before)
        self._buffer += received
        return not received

    def _read_body(self, head: Head, method: str) -> tuple[bytes, Headers]:
        if head.status in (204, 304) or head.status < 200:
            if head.status == 204:
                _forbid_framing(head, "204")
            return b"", Headers()
        lengths = head.headers.all("content-length")
        codings = head.headers.all("transfer-encoding")
        if codings and lengths:
            raise ProtocolViolation("both Transfer-Encoding and Content-Length")
        if method == "HEAD":
            return b"", Headers()
        if codings:
            return self._read_chunked(codings)
        if lengths:
            return self._read_exactly(_content_length(lengths)), Headers()
        if (head.headers.get("connection") or "").lower() != "close":
            raise ProtocolViolation("a body without a length on a connection that stays open")
        return self._read_to_end(), Headers()

    def _read_chunked(self, codings: list[str]) -> tuple[bytes, Headers]:
        if [coding.lower() for coding in codings] != ["chunked"]:
            raise ProtocolViolation(f"Transfer-Encoding {codings!r}")
        body = bytearray()
        while True:
            line = self._read_line()
            match = _CHUNK_LINE.fullmatch(line)
            if match is None:
                raise ProtocolViolation(f"not a chunk size: {line!r}")
            size = int(match[1], 16)
            if size == 0:
                return bytes(body), self._read_fields()
            body += self._read_exactly(size)
            if self._read_exactly(2) != b"\r\n":
                raise ProtocolViolation("a chunk does not end with CRLF")

    def _read_fields(self) -> Headers:
        lines: list[tuple[str, str]] = []
        while line := self._read_line():
            match = _FIELD_LINE.fullmatch(line)
            if match is None:
                raise ProtocolViolation(f"not a field line: {line!r}")
            lines.append((match[1].decode("ascii"), match[2].decode("latin-1")))
        return Headers(tuple(lines))

    def _read_line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MAX_LINE:
                raise ProtocolViolation(f"a line longer than {_MAX_LINE} bytes")
            self._receive()
        if end == 0 or self._buffer[end - 1] != 0x0D:
            raise ProtocolViolation(f"a bare LF after {bytes(self._buffer[:end])!r}")
        line = bytes(self._buffer[: end - 1])
        del self._buffer[: end + 1]
        return line

    def _read_exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _read_to_end(self) -> bytes:
        while received := self.sock.recv(_READ_SIZE):
            self._buffer += received
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def _receive(self) -> None:
        received = self.sock.recv(_READ_SIZE)
        if not received:
            raise ConnectionEnded("closed in the middle of an answer", bytes(self._buffer))
        self._buffer += received


def build_head(method: str, target: str, fields: Fields = ()) -> bytes:
    """Build a request head byte by byte; `Host: localhost` is added when no Host is given."""
    lines = [f"{method} {target} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in fields):
        lines.append("Host: localhost")
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def build_request(method: str, target: str, fields: Fields = (), body: bytes = b"") -> bytes:
    """Build a request; a Content-Length is added for a body unless the fields already frame it."""
    framed = any(name.lower() in ("content-length", "transfer-encoding") for name, _ in fields)
    if body and not framed:
        fields = [*fields, ("Content-Length", str(len(body)))]
    return build_head(method, target, fields) + body


def build_chunks(pieces: Iterable[bytes], trailers: Mapping[str, str] | None = None) -> bytes:
    """Build a chunked body, one chunk per non-empty piece, with optional trailer fields."""
    body = bytearray()
    for piece in pieces:
        if piece:
            body += b"%x\r\n%b\r\n" % (len(piece), piece)
    body += b"0\r\n"
    for name, value in (trailers or {}).items():
        body += f"{name}: {value}\r\n".encode("latin-1")
    return bytes(body + b"\r\n")


def _content_length(values: list[str]) -> int:
    if len(values) != 1 or not re.fullmatch("[0-9]{1,19}", values[0]):
        raise ProtocolViolation(f"Content-Length {values!r}")
    return int(values[0])


def _forbid_framing(head: Head, what: str) -> None:
    for name in ("content-length", "transfer-encoding"):
        if name in head.headers:
            raise ProtocolViolation(f"{what} with {name} (RFC 9110, 8.6; RFC 9112, 6.1)")

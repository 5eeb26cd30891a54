"""The traffic of the upstream File Client, byte for byte (file-service.md 2.4 and 2.5).

The original is a Java program on `HttpURLConnection`; its habits, odd as some are, are what a server must
bear: POST with a method override instead of PATCH, chunked bodies behind `Expect: 100-continue`, at most
10 MiB in a request, a final empty PATCH when the size is a multiple of that, ranges that end one past the
last byte.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from tests.support.raw_http import Fields, Head, RawConnection, Response, build_head

REQUEST_SIZE = 10 * 1024 * 1024
"""Bytes of a file that go into one request at most."""

CHUNK_DATA = 4089
"""Bytes of data in a full chunk: with its size line and line ends it takes 4096 bytes on the wire."""

CONTINUE_TIMEOUT = 5.0
"""Seconds the client waits for `100 Continue` before it sends the body anyway."""

USER_AGENT = "Java/17.0.10"
ACCEPT = "text/html, image/gif, image/jpeg, */*; q=0.2"


class TransferFailed(Exception):
    """The client gives up: the server's answer is not one it can go on from."""


@dataclass(frozen=True)
class Exchange:
    """One request head as it was sent, the answer, and whether `100 Continue` came in time."""

    request: bytes
    response: Response
    continued: bool = False


@dataclass
class FileClient:
    """Uploads and downloads as the upstream client does, one connection per request host.

    `context` should come from `pki.client_context(…, file_client_suite=True)`. Every exchange is kept in
    `exchanges`. With `keep_alive` off each request takes a new connection.
    """

    context: ssl.SSLContext | None
    keep_alive: bool = True
    timeout: float = 30.0
    exchanges: list[Exchange] = field(default_factory=list)
    _connection: RawConnection | None = field(default=None, repr=False)
    _origin: str = field(default="", repr=False)

    def __enter__(self) -> FileClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection that is kept, if any."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def upload(self, creation_url: str, data: bytes, filename: str, content_type: str) -> str:
        """Create an upload, send the data and give the upload's URL; raises `TransferFailed`."""
        url = self.create(creation_url, len(data), filename, content_type)
        self.send_from(url, data, 0)
        return url

    def resume(self, url: str, creation_url: str, data: bytes, filename: str, content_type: str) -> str:
        """Go on with an upload; one that the server no longer knows (404) starts again as a new one."""
        response = self._exchange("HEAD", url, [("Tus-Resumable", "1.0.0")])
        if response.status == 404:
            return self.upload(creation_url, data, filename, content_type)
        self.send_from(url, data, _offset_of(response, "resume"))
        return url

    def create(self, creation_url: str, size: int, filename: str, content_type: str) -> str:
        """Send the creating POST, which has neither a body nor a Content-Length."""
        fields = [
            ("Tus-Resumable", "1.0.0"),
            ("Upload-Metadata", f"filename {_encode(filename)},Content-Type {_encode(content_type)}"),
            ("Upload-Length", str(size)),
        ]
        response = self._exchange("POST", creation_url, fields)
        location = response.headers.get("Location")
        if not _is_success(response) or not location:
            raise TransferFailed(f"creation: {response.status}, Location {location!r}")
        return urljoin(creation_url, location)

    def send_from(self, url: str, data: bytes, offset: int) -> None:
        """Send the data from `offset` on; data that ends a full request is followed by an empty one."""
        while True:
            piece = data[offset : offset + REQUEST_SIZE]
            offset += len(piece)
            answered = _offset_of(self._append(url, offset - len(piece), piece), "append")
            if answered != offset:
                raise TransferFailed(f"the server has {answered} bytes where {offset} were sent")
            # Only a request that is not full tells the client that its file has come to an end.
            if len(piece) < REQUEST_SIZE:
                return

    def download(self, url: str, file: Path) -> dict[str, str]:
        """Fetch a file, going on from what `file` holds; give the name and type that the server told."""
        described = self._exchange("HEAD", url, [])
        if not _is_success(described):
            raise TransferFailed(f"HEAD: {described.status}")
        length = int(_required(described, "Content-Length"))
        told = {
            "name": _filename(_required(described, "Content-Disposition")),
            "type": _required(described, "Content-Type"),
        }
        file.touch()
        while (have := file.stat().st_size) < length:
            response = self._exchange("GET", url, [("Range", f"bytes={have}-{length}")])
            # The original looks at no status here; an answer without new bytes would make it loop.
            if not response.body:
                raise TransferFailed(f"GET: {response.status} without a body")
            with file.open("ab") as output:
                output.write(response.body)
        return told

    def _append(self, url: str, offset: int, data: bytes) -> Response:
        fields = [
            ("Tus-Resumable", "1.0.0"),
            ("Upload-Offset", str(offset)),
            ("Content-Type", "application/offset+octet-stream"),
            ("Expect", "100-continue"),
            ("X-HTTP-Method-Override", "PATCH"),
        ]
        connection = self._connect(url)
        head = _request_head("POST", url, fields, self.keep_alive, chunked=True)
        connection.send(head)
        interim = self._await_continue(connection)
        for chunk in chunks(data):
            connection.send(chunk)
        response = connection.read_response("POST")
        self._keep(Exchange(head, response, continued=interim is not None))
        return response

    def _await_continue(self, connection: RawConnection) -> Head | None:
        connection.sock.settimeout(CONTINUE_TIMEOUT)
        try:
            head = connection.read_head()
        except TimeoutError:
            return None
        finally:
            connection.sock.settimeout(self.timeout)
        if head.status != 100:
            self.close()
            raise TransferFailed(f"the server rejected the upload before its body: {head.status}")
        return head

    def _exchange(self, method: str, url: str, fields: Fields) -> Response:
        connection = self._connect(url)
        head = _request_head(method, url, fields, self.keep_alive)
        connection.send(head)
        response = connection.read_response(method)
        self._keep(Exchange(head, response))
        return response

    def _connect(self, url: str) -> RawConnection:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if self._connection is not None and self._origin == origin:
            return self._connection
        self.close()
        if parts.scheme == "https" and self.context is None:
            raise ValueError("https needs a TLS context")
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        context = self.context if parts.scheme == "https" else None
        self._connection = RawConnection.open(host, port, context, server_name=host, timeout=self.timeout)
        self._origin = origin
        return self._connection

    def _keep(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        ends = (exchange.response.headers.get("Connection") or "").lower() == "close"
        if ends or not self.keep_alive:
            self.close()


def chunks(data: bytes) -> Iterator[bytes]:
    """Cut data into chunks as the client's chunked stream writes them, the last-chunk included."""
    for start in range(0, len(data), CHUNK_DATA):
        piece = data[start : start + CHUNK_DATA]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _request_head(method: str, url: str, own: Fields, keep_alive: bool, chunked: bool = False) -> bytes:
    """Build a head: the client's own fields first, then those that the Java library adds."""
    parts = urlsplit(url)
    fields = [
        *own,
        ("User-Agent", USER_AGENT),
        ("Host", parts.netloc),
        ("Accept", ACCEPT),
        ("Connection", "keep-alive" if keep_alive else "close"),
    ]
    if chunked:
        fields.append(("Transfer-Encoding", "chunked"))
    return build_head(method, parts.path or "/", fields)


def _offset_of(response: Response, step: str) -> int:
    offset = response.headers.get("Upload-Offset")
    if not _is_success(response) or not offset:
        raise TransferFailed(f"{step}: {response.status}, Upload-Offset {offset!r}")
    return int(offset)


def _filename(disposition: str) -> str:
    """Read the filename as the client does: split at every `;` and `=`, quotes dropped, no `filename*`."""
    for part in disposition.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "filename":
            return value.split("=")[0].strip().replace('"', "")
    raise TransferFailed(f"no filename in {disposition!r}")


def _required(response: Response, name: str) -> str:
    value = response.headers.get(name)
    if value is None:
        raise TransferFailed(f"{name} is missing")
    return value


def _is_success(response: Response) -> bool:
    return 200 <= response.status < 300


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")

"""What the load generator is told and what it tells back; both cross a process border as JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

Protocol = Literal["tus", "put"]


class Target(msgspec.Struct, frozen=True):
    """Where and how to reach a peer.

    `uploads` is the path that tus creates at, or below which PUT stores; `downloads` is the path below which
    the last segment of an upload's path is served. With `authority` (a PEM file) the connection is TLS, and
    `certificate` and `key` are what the client presents.
    """

    port: int
    protocol: Protocol
    uploads: str
    downloads: str
    headers: dict[str, str] = {}
    authority: str | None = None
    certificate: str | None = None
    key: str | None = None
    host: str = "127.0.0.1"
    server_name: str = "localhost"

    def download_path(self, upload_path: str) -> str:
        """Give the path at which an upload is fetched."""
        return f"{self.downloads}/{upload_path.rsplit('/', 1)[1]}"


class StreamUploads(msgspec.Struct, frozen=True, tag="stream-uploads"):
    """Send `count` files of `size` bytes, all at once, each in one request on a connection of its own."""

    target: Target
    count: int
    size: int


class Downloads(msgspec.Struct, frozen=True, tag="downloads"):
    """Fetch `paths`, one connection each, `repeat` times; with `range_size` one random range each time."""

    target: Target
    paths: list[str]
    size: int
    repeat: int
    range_size: int | None = None


class SmallRequests(msgspec.Struct, frozen=True, tag="small-requests"):
    """Send `total` requests over keep-alive connections, one at a time on each.

    `create` makes an empty upload for later, `upload` stores `body_size` bytes in one request, `head` asks
    for `paths` in turn.
    """

    target: Target
    kind: Literal["create", "upload", "head"]
    connections: int
    total: int
    body_size: int = 0
    paths: list[str] = []


Job = StreamUploads | Downloads | SmallRequests


class Outcome(msgspec.Struct, frozen=True):
    """What came of a job. Latencies are those of whole requests; `paths` are the uploads that were made."""

    seconds: float
    requests: int
    bytes: int
    client_cpu_seconds: float
    p50_ms: float
    p99_ms: float
    paths: list[str] = []

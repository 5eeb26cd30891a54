"""tus 1.0.0 verbs over a raw connection; every header can be replaced, added or left out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.support.raw_http import Fields, RawConnection, Response, build_head

VERSION = "1.0.0"
OFFSET_TYPE = "application/offset+octet-stream"

Overrides = Mapping[str, str | None]
"""Headers to set, or to leave out (None), compared without case."""


def options(connection: RawConnection, target: str, headers: Overrides | None = None) -> Response:
    """Ask for the server's versions, extensions and limits; sends no Tus-Resumable, as tus demands."""
    return connection.request("OPTIONS", target, _merge({}, headers))


def create(
    connection: RawConnection,
    target: str,
    length: int | None,
    *,
    metadata: Mapping[str, str | bytes] | None = None,
    body: bytes = b"",
    headers: Overrides | None = None,
) -> Response:
    """Create an upload of `length` bytes, or of deferred length (None); `body` uses creation-with-upload."""
    fields: dict[str, str] = {"Tus-Resumable": VERSION, "Content-Length": str(len(body))}
    if length is None:
        fields["Upload-Defer-Length"] = "1"
    else:
        fields["Upload-Length"] = str(length)
    if metadata:
        fields["Upload-Metadata"] = encode_metadata(metadata)
    if body:
        fields["Content-Type"] = OFFSET_TYPE
    return connection.request("POST", target, _merge(fields, headers), body)


def head(connection: RawConnection, target: str, headers: Overrides | None = None) -> Response:
    """Ask for the offset."""
    return connection.request("HEAD", target, _merge({"Tus-Resumable": VERSION}, headers))


def patch(
    connection: RawConnection, target: str, offset: int, data: bytes, headers: Overrides | None = None
) -> Response:
    """Append `data` at `offset`."""
    connection.send(patch_head(target, offset, len(data), headers) + data)
    return connection.read_response("PATCH")


def patch_head(target: str, offset: int, length: int | None, headers: Overrides | None = None) -> bytes:
    """Build the head of a PATCH alone, for a test that sends the body in its own way (None: chunked)."""
    fields = {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(offset),
        "Content-Type": OFFSET_TYPE,
    }
    if length is None:
        fields["Transfer-Encoding"] = "chunked"
    else:
        fields["Content-Length"] = str(length)
    return build_head("PATCH", target, _merge(fields, headers))


def terminate(connection: RawConnection, target: str, headers: Overrides | None = None) -> Response:
    """Delete an upload."""
    fields = {"Tus-Resumable": VERSION, "Content-Length": "0"}
    return connection.request("DELETE", target, _merge(fields, headers))


def concatenate(
    connection: RawConnection, target: str, parts: list[str], headers: Overrides | None = None
) -> Response:
    """Join finished partial uploads (created with `Upload-Concat: partial`) into a final one."""
    fields = {
        "Tus-Resumable": VERSION,
        "Upload-Concat": "final;" + " ".join(parts),
        "Content-Length": "0",
    }
    return connection.request("POST", target, _merge(fields, headers))


def encode_metadata(metadata: Mapping[str, str | bytes]) -> str:
    """Encode an Upload-Metadata value; an empty value leaves its key alone, as tus allows."""
    pairs = []
    for key, value in metadata.items():
        raw = value.encode("utf-8") if isinstance(value, str) else value
        pairs.append(f"{key} {base64.b64encode(raw).decode('ascii')}" if raw else key)
    return ",".join(pairs)


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    """Give the Upload-Checksum value of these bytes (the algorithm's tus name equals that of hashlib)."""
    digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
    return f"{algorithm} {base64.b64encode(digest).decode('ascii')}"


def target_of(response: Response) -> str:
    """Give the request target of the upload that was created, whether Location is absolute or only a path."""
    parts = urlsplit(response.headers["Location"])
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def offset_of(response: Response) -> int:
    """Give Upload-Offset as a number."""
    return int(response.headers["Upload-Offset"])


def _merge(fields: Mapping[str, str], overrides: Overrides | None) -> Fields:
    replaced = {name.lower() for name in overrides or {}}
    kept = [(name, value) for name, value in fields.items() if name.lower() not in replaced]
    return kept + [(name, value) for name, value in (overrides or {}).items() if value is not None]

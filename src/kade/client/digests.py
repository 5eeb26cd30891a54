"""SHA-256 of what we have, and of what the other side says it has."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from kade.client.errors import Interrupted
from kade.client.peer import RemotePeer

_HEX = re.compile(r"([0-9A-Fa-f]{64})(?:\s.*)?", re.DOTALL)
_REPR_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")


def sha256_of(file: Path) -> str:
    """The digest of a file, lower-case hex. Reads all of it; raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def from_repr_digest(header: str) -> str | None:
    """The sha-256 of a Repr-Digest field (RFC 9530), lower-case hex, or None when it has none."""
    match = _REPR_DIGEST.search(header)
    if match is None:
        return None
    try:
        digest = base64.b64decode(match[1], validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None


async def remote_sha256(peer: RemotePeer, url: str) -> str | None:
    """The digest at `url` + ".sha256" (file-service.md 1.6), lower-case hex; None when none is offered."""
    parts = urlsplit(url)
    try:
        async with peer.request("GET", parts._replace(path=parts.path + ".sha256").geturl()) as answer:
            if answer.status != 200:
                return None
            text = await answer.content.read(200)
    except Interrupted:
        return None
    match = _HEX.fullmatch(text.decode("latin-1").strip())
    return match[1].lower() if match else None

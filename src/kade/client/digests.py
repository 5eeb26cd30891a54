"""Digests of what we have, and what the other side says they are."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from kade.client.errors import Interrupted
from kade.client.peer import RemotePeer

HEX_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
"""The algorithms that files are compared by (Digikoppeling MD006), with the length of their hex digests."""

_BESIDE = ("sha256", "md5")  # what a file server offers beside a file, the better one first
_FIELDS = {"sha-256": "sha256", "sha-512": "sha512"}  # RFC 9530, 5: those that are not deprecated
_MEMBER = re.compile(r"(?:^|,)\s*(sha-256|sha-512)=:([A-Za-z0-9+/=]+):")


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, lower-case hex. Reads all of it; raises OSError."""
    return digest_of(file, "sha256")


def digest_of(file: Path, algorithm: str) -> str:
    """A digest of a file, lower-case hex. Reads all of it; raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, algorithm).hexdigest()


def from_repr_digest(header: str) -> dict[str, str]:
    """The digests of a Repr-Digest field (RFC 9530) by algorithm, lower-case hex; malformed ones are left."""
    found = {}
    for field, value in _MEMBER.findall(header):
        try:
            digest = base64.b64decode(value, validate=True).hex()
        except binascii.Error:
            continue
        if len(digest) == HEX_LENGTHS[_FIELDS[field]]:
            found[_FIELDS[field]] = digest
    return found


async def remote_digests(peer: RemotePeer, url: str) -> dict[str, str]:
    """The digest at `url` + ".sha256", else ".md5" (file-service.md 1.6); empty when none is offered."""
    for algorithm in _BESIDE:
        if digest := await remote_digest(peer, url, algorithm):
            return {algorithm: digest}
    return {}


async def remote_digest(peer: RemotePeer, url: str, algorithm: str) -> str | None:
    """The digest at `url` + "." + `algorithm`, lower-case hex; None when none is offered."""
    parts = urlsplit(url)
    try:
        async with peer.request("GET", parts._replace(path=f"{parts.path}.{algorithm}").geturl()) as answer:
            if answer.status != 200:
                return None
            text = await answer.content.read(200)
    except Interrupted:
        return None
    words = text.decode("latin-1").split(maxsplit=1)
    if not words or not re.fullmatch(f"[0-9A-Fa-f]{{{HEX_LENGTHS[algorithm]}}}", words[0]):
        return None
    return words[0].lower()

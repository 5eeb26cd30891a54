"""Secrets that lie in the catalog: sealed by a master key that does not.

A sealed value is a format number, the first bytes of a hash of the master key, a nonce, and what AES-256-GCM
makes of the secret (NIST SP 800-38D); its purpose is authenticated with it, so that a value that was put in
the place of another one does not open.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kade import durable

SERVICE_SECRET = "password of a service"  # noqa: S105 - a purpose, not a secret

_FORMAT = b"\x01"
_KEY_BYTES = 32
_MARK = slice(1, 9)
_NONCE = slice(9, 21)
_SEALED = slice(21, None)
_LEAST = 21 + 16  # with the tag of an empty secret


class SealError(Exception):
    """What was sealed cannot be opened, or nothing can be sealed; the message is a sentence."""


class Sealer:
    """Seals and opens by the master key in the file *path*, which is made when something is first sealed.

    Whoever reads both the file and the catalog knows the secrets. The file is read once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: bytes | None = None

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """*plain* for the catalog; it opens for the same *purpose* only.

        Raises:
            SealError: when the master key is there but no use.
            OSError: when it can be neither read nor written.
        """
        key = self._load() or self._make()
        nonce = secrets.token_bytes(_NONCE.stop - _NONCE.start)
        head = _FORMAT + _mark(key)
        return head + nonce + AESGCM(key).encrypt(nonce, plain, head + purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """What was sealed for *purpose*.

        Raises:
            SealError: when the master key is missing, no use or another one, the value has another format,
                was sealed for another purpose, or was changed.
            OSError: when the master key cannot be read.
        """
        if len(sealed) < _LEAST or sealed[:1] != _FORMAT:
            raise SealError(f"{purpose}: this was not sealed by this version of Kade")
        key = self._load()
        if key is None:
            raise SealError(f"{purpose}: the master key {self._path} is missing: restore it from a backup")
        if sealed[_MARK] != _mark(key):
            raise SealError(f"{purpose}: this was sealed by another master key than {self._path}")
        head = sealed[: _MARK.stop]
        try:
            return AESGCM(key).decrypt(sealed[_NONCE], sealed[_SEALED], head + purpose.encode())
        except InvalidTag:
            raise SealError(f"{purpose}: this was sealed for something else, or changed since") from None

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for *purpose* that is the same each time, and tells nothing of the master key.

        Raises as ``seal`` does.
        """
        key = self._load() or self._make()
        return hmac.digest(key, b"kade derived key\0" + purpose.encode(), hashlib.sha256)

    def _load(self) -> bytes | None:
        if self._key is None:
            try:
                key = self._path.read_bytes()
            except FileNotFoundError:
                return None
            if len(key) != _KEY_BYTES:
                raise SealError(f"the master key {self._path} has {len(key)} bytes, not {_KEY_BYTES}")
            self._key = key
        return self._key

    def _make(self) -> bytes:
        """A new master key; that of another process, if one was faster."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        durable.create(self._path, secrets.token_bytes(_KEY_BYTES), 0o600)
        key = self._load()
        assert key is not None
        return key


def _mark(key: bytes) -> bytes:
    """By which a master key is known without being told."""
    return hashlib.sha256(b"kade master key\0" + key).digest()[: _MARK.stop - _MARK.start]

"""API keys: 256 random bits, shown once, kept as their SHA-256."""

import hashlib
import secrets

from kade.auth.client_certificate import caller_of
from kade.core.ports import Tx
from kade.core.principals import Caller, CredentialKind, Origin

PREFIX = "kade_"


def new_key() -> str:
    """A fresh key, for its owner's eyes only."""
    return PREFIX + secrets.token_urlsafe(32)


def fingerprint(key: str) -> str:
    """What a key is kept and found by: a plain hash suffices for 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def authenticate(tx: Tx, key: str, origin: Origin) -> Caller:
    """The principal that the key belongs to.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``, ``REVOKED_CREDENTIAL`` or ``EXPIRED_CREDENTIAL``.
    """
    return caller_of(tx.credentials.proven(CredentialKind.KEY, fingerprint(key)), origin)

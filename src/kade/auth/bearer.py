"""API keys: 256 random bits, shown once, kept as their SHA-256."""

import hashlib
import secrets

from kade.auth.client_certificate import caller_of
from kade.core.errors import KadeError, TokenReason
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
    """The principal that the key belongs to; one that was made for some scopes proves it to ``scoped`` alone.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``, ``REVOKED_CREDENTIAL`` or ``EXPIRED_CREDENTIAL``;
            ``TokenReason.SCOPE_MISSING`` for a key with scopes.
    """
    caller, scopes = scoped(tx, key, origin)
    if scopes is not None:
        raise KadeError(TokenReason.SCOPE_MISSING, caller.principal_id)
    return caller


def scoped(tx: Tx, key: str, origin: Origin) -> tuple[Caller, frozenset[str] | None]:
    """The principal that the key belongs to, and the scopes that the key is for; None: everything.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``, ``REVOKED_CREDENTIAL`` or ``EXPIRED_CREDENTIAL``.
    """
    found = tx.credentials.proven(CredentialKind.KEY, fingerprint(key))
    caller = caller_of(found, origin)
    assert found is not None
    return caller, frozenset(found[0].scopes.split()) or None

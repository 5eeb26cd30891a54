"""Client secrets of applications (RFC 6749, 2.3.1): 256 random bits, shown once, kept as their SHA-256.

An application may have several, each with its own end. Its client id is its principal id as a UUID.
"""

import hashlib
import secrets

from kade.auth.client_certificate import caller_of
from kade.core.errors import AccessReason, KadeError
from kade.core.ids import undashed
from kade.core.ports import Tx
from kade.core.principals import Caller, CredentialKind, Origin

PREFIX = "kade_secret_"  # by which scanners find one that was published by mistake


def new_secret() -> str:
    """A fresh secret, for the application's eyes only."""
    return PREFIX + secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """What a secret is kept and found by: a plain hash suffices for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def authenticate(tx: Tx, client_id: str, secret: str, origin: Origin) -> Caller:
    """The application of that client id, when the secret is one of its own.

    An unknown client and a wrong secret are the same to whoever asks: the secret is looked up first.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``; ``REVOKED_CREDENTIAL``, ``EXPIRED_CREDENTIAL`` or
            ``ADDRESS_NOT_ALLOWED`` for the right secret of the right client.
    """
    found = tx.credentials.proven(CredentialKind.SECRET, fingerprint(secret))
    client = undashed(client_id)
    if found is None or found[1].id != client:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL, client or "")  # other text may be the secret itself
    return caller_of(found, origin)

"""Signatures of tokens: JWS (RFC 7515) with ES256 alone, by keys that are kept as JWK (RFC 7517).

Whatever a token says of itself, the algorithm is the key's (RFC 8725, 3.1).
"""

import json
from functools import lru_cache
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from kade.core.signing_keys import ALGORITHM

_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])
_UNREADABLE = (JoseError, ValueError, TypeError, AttributeError)


class Signed:
    """A token in its parts, nothing of which is proven until ``payload_by``."""

    def __init__(self, token: str) -> None:
        """Raises ValueError for what is no signed token."""
        try:
            self._parts = jws.extract_compact(token.encode(), registry=_REGISTRY)
            self.header: dict[str, Any] = self._parts.headers()
        except _UNREADABLE as error:
            raise ValueError("no signed token") from error

    def payload_by(self, public: str) -> bytes:
        """What it says, by a signature of that key. Raises ValueError when it has none."""
        try:
            proven = jws.validate_compact(self._parts, _imported(public), registry=_REGISTRY)
        except _UNREADABLE as error:
            raise ValueError("no such signature") from error
        if not proven:
            raise ValueError("no such signature")
        return self._parts.payload


def new_pair(key_id: str) -> tuple[str, str]:
    """The public and the private half of a new key, as JSON."""
    pair = ECKey.generate_key("P-256")
    public = json.dumps(pair.as_dict(private=False, kid=key_id, use="sig", alg=ALGORITHM))
    return public, json.dumps(pair.as_dict(private=True))


def sign(header: dict[str, str], payload: str, private: bytes) -> str:
    """A token in its compact form, signed with the private half of a key."""
    key = ECKey.import_key(json.loads(private))
    return jws.serialize_compact(header, payload, key, registry=_REGISTRY)


@lru_cache(64)
def _imported(public: str) -> ECKey:
    return ECKey.import_key(json.loads(public))

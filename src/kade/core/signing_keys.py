"""SigningKey: what access tokens are signed with, and how long tokens of it count."""

from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id

ALGORITHM = "ES256"  # of every token; no token chooses another (RFC 8725, 3.1)
LONGEST_LIFE_MS = 24 * 60 * 60 * 1000
"""No access token lives longer than this; so long a key is good to verify by after it signed last."""


class SigningKey(NamedTuple):
    """One pair of keys; lists of them are newest first.

    *algorithm* is that of its signatures and of no others (RFC 7518, 3.1). *public* is a JWK as JSON (RFC
    7517); *sealed* the private one, sealed for this id. It signs from *created_at* until *retires_at*.
    """

    id: Id
    algorithm: str
    public: str
    sealed: bytes
    created_at: Millis
    retires_at: Millis
    revoked_at: Millis | None

    def signs(self, at: Millis) -> bool:
        """Whether new tokens may be signed with it at that moment."""
        return self.revoked_at is None and at < self.retires_at

    def verifies(self, at: Millis) -> bool:
        """Whether a token that it signed may still count at that moment."""
        return self.revoked_at is None and at < self.retires_at + LONGEST_LIFE_MS

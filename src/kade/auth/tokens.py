"""Access tokens: signed JWTs (RFC 7519) in the shape of RFC 9068, and what makes one count.

A token says who got it, by which credential, for which scopes and perhaps for one tenant. Its signature is
not enough: the credential, its principal and the signing key must be in force still, at every request. The
algorithm is the signing key's and never the token's to choose (RFC 8725, 3.1).
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from kade.auth.client_certificate import caller_of
from kade.auth.sealing import Sealer
from kade.core.clock import Millis, now
from kade.core.errors import AccessReason, KadeError
from kade.core.ids import Id, dashed, new_id, undashed
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller, Credential, Origin, Principal
from kade.core.signing_keys import ALGORITHM, LONGEST_LIFE_MS, SigningKey

if TYPE_CHECKING:  # it is loaded with the first token: a server that gives none does without
    from kade.auth.signatures import Signed

LEEWAY_MS = 30_000  # between the clocks of processes that share a catalog
_TYPE = "at+jwt"
_TYPES = (_TYPE, f"application/{_TYPE}")
_LONGEST = 8192  # characters; ours have about 700


class Ring(Protocol):
    """The signing keys, as ``services.signing_keys.KeyRing`` keeps them."""

    async def signing(self, caller: Caller) -> SigningKey:
        """The key to sign with."""
        ...

    async def find(self, key_id: str) -> SigningKey | None:
        """The key of that id, while tokens of it may count."""
        ...


class Granted(NamedTuple):
    """What a token allows: *scopes*, in one *tenant* alone or (None) in each that its owner may work for."""

    tenant: str | None
    scopes: frozenset[str]


class Claims(NamedTuple):
    """What a token that counts says, besides whose it is. Times are milliseconds."""

    token_id: str
    tenant: str | None
    scopes: frozenset[str]
    issued_at: Millis
    expires_at: Millis


class Verified(NamedTuple):
    """Whose token it is, and what it says."""

    caller: Caller
    claims: Claims


class Issued(NamedTuple):
    """A fresh token; *token* is for its owner's eyes only."""

    token: str
    token_id: str
    key_id: Id
    lifetime: int


class _Payload(msgspec.Struct, frozen=True):
    """RFC 9068, 2.2; ``cred`` is ours: the credential that the token was given for. Times are seconds."""

    iss: str
    aud: str | list[str]
    sub: str
    client_id: str
    scope: str
    iat: int
    exp: int
    jti: str
    cred: str
    nbf: int = 0
    tenant_id: str | None = None


def mint(sealer: Sealer, rotate_after_ms: int, at: Millis) -> SigningKey:
    """A new key pair for ES256 that signs from *at* on; nothing knows it yet. Raises as ``Sealer.seal``."""
    from kade.auth.signatures import new_pair

    key_id = new_id()
    public, private = new_pair(key_id)
    sealed = sealer.seal(private.encode(), purpose(key_id))
    return SigningKey(key_id, ALGORITHM, public, sealed, at, Millis(at + rotate_after_ms), None)


class Tokens:
    """Issues and verifies the tokens of one issuer for one audience.

    *issuer* is asked each time: its URL may be known only once the listeners are bound.
    """

    def __init__(
        self,
        catalog: Catalog,
        ring: Ring,
        sealer: Sealer,
        *,
        issuer: Callable[[], str],
        audience: str,
        clock: Callable[[], Millis] = now,
    ) -> None:
        self._catalog = catalog
        self._ring = ring
        self._sealer = sealer
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    async def issue(self, caller: Caller, granted: Granted, lifetime: int) -> Issued:
        """A token for *caller*, who has proven a credential, that counts for *lifetime* seconds.

        Raises:
            SealError: when the signing key cannot be opened: by another master key, say.
        """
        from kade.auth.signatures import sign

        assert caller.credential_id is not None and 0 < lifetime * 1000 <= LONGEST_LIFE_MS
        key = await self._ring.signing(caller)
        issued_at = self._clock() // 1000
        client_id, token_id = dashed(caller.principal_id), dashed(new_id())
        claims: dict[str, str | int] = {
            "iss": self._issuer(),
            "aud": self._audience,
            "sub": client_id,
            "client_id": client_id,
            "scope": " ".join(sorted(granted.scopes)),
            "iat": issued_at,
            "exp": issued_at + lifetime,
            "jti": token_id,
            "cred": caller.credential_id,
        }
        if granted.tenant is not None:
            claims["tenant_id"] = granted.tenant
        header = {"alg": key.algorithm, "typ": _TYPE, "kid": key.id}
        token = sign(header, json.dumps(claims), self._sealer.open(key.sealed, purpose(key.id)))
        return Issued(token, token_id, key.id, lifetime)

    async def verify(self, token: str, origin: Origin) -> Verified:
        """Whose token it is, when it counts now.

        Raises:
            KadeError: ``AccessReason.UNKNOWN_CREDENTIAL`` for what is no token of ours;
                ``EXPIRED_CREDENTIAL`` when its time, or its credential's, is over; ``REVOKED_CREDENTIAL``
                when its credential, principal or signing key is gone; ``ADDRESS_NOT_ALLOWED``.
        """
        signed = _read(token)
        key = await self._ring.find(signed.header["kid"])
        if key is None:
            raise _no_token("key")
        payload = self._checked(_proven(signed, key))
        standing = await self._catalog.glance(_standing, key.id, Id(payload.cred))
        if standing.key is None or not standing.key.verifies(self._clock()):
            raise KadeError(AccessReason.REVOKED_CREDENTIAL, key.id)
        if standing.found is None or standing.found[1].id != undashed(payload.sub):
            raise _no_token("sub")
        return Verified(caller_of(standing.found, origin), _claims(payload))

    def _checked(self, payload: _Payload) -> _Payload:
        """The claims of RFC 9068, 4: for us, from us, and now."""
        at = self._clock()
        audience = [payload.aud] if isinstance(payload.aud, str) else payload.aud
        if payload.iss != self._issuer():
            raise _no_token("iss")
        if self._audience not in audience:
            raise _no_token("aud")
        if max(payload.nbf, payload.iat) * 1000 > at + LEEWAY_MS:
            raise _no_token("nbf")
        if payload.exp * 1000 + LEEWAY_MS <= at:
            raise KadeError(AccessReason.EXPIRED_CREDENTIAL, "token")
        return payload


class _Standing(NamedTuple):
    """How what a token relies on stands now."""

    key: SigningKey | None
    found: tuple[Credential, Principal] | None


def _standing(tx: Tx, key_id: Id, credential_id: Id) -> _Standing:
    credential = tx.credentials.get(credential_id)
    principal = tx.principals.get(credential.principal_id) if credential else None
    found = (credential, principal) if credential and principal else None
    return _Standing(tx.signing_keys.get(key_id), found)


def _read(token: str) -> "Signed":
    """The token in its parts, nothing of which is proven yet."""
    from kade.auth.signatures import Signed

    if len(token) > _LONGEST:
        raise _no_token("form")
    try:
        signed = Signed(token)
        kind, key_id = signed.header.get("typ"), signed.header.get("kid")
    except (ValueError, AttributeError) as error:
        raise _no_token("form") from error
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _no_token("typ")
    if not isinstance(key_id, str):
        raise _no_token("kid")
    return signed


def _proven(signed: "Signed", key: SigningKey) -> _Payload:
    """What the token says, by a signature of that very key."""
    if key.algorithm != ALGORITHM:
        raise _no_token("alg")
    try:
        return msgspec.json.decode(signed.payload_by(key.public), type=_Payload)
    except (ValueError, TypeError) as error:  # msgspec's errors are ValueErrors
        raise _no_token("signature") from error


def _claims(payload: _Payload) -> Claims:
    return Claims(
        payload.jti,
        payload.tenant_id,
        frozenset(payload.scope.split()),
        Millis(payload.iat * 1000),
        Millis(payload.exp * 1000),
    )


def _no_token(flaw: str) -> KadeError:
    """The same for every flaw; which one it was is for the audit alone."""
    return KadeError(AccessReason.UNKNOWN_CREDENTIAL, f"token: {flaw}")


def purpose(key_id: Id) -> str:
    """What the private half of a signing key is sealed for."""
    return f"signing key {key_id}"

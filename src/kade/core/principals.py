"""Principal and Credential: who acts, and how that is proven."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.errors import AccessReason, KadeError
from kade.core.ids import Id


class PrincipalKind(StrEnum):
    """What kind of actor it is."""

    PARTNER = "partner"
    APPLICATION = "application"
    OPERATOR = "operator"
    SYNCER = "syncer"
    GUEST = "guest"


class Principal(NamedTuple):
    """Somebody or something that acts; unique by *name_folded* in its tenant while it exists.

    *networks* are those that it may call from, as CIDRs with spaces between; empty: from anywhere.
    """

    id: Id
    tenant_id: Id
    kind: str
    name: str
    name_folded: str
    created_at: Millis
    removed_at: Millis | None
    networks: str = ""


class CredentialKind(StrEnum):
    """How an identity is proven."""

    CERTIFICATE = "certificate"
    OIN = "oin"
    KEY = "key"
    PASSWORD = "password"  # noqa: S105 - the name of a kind, not a secret
    SECRET = "secret"  # noqa: S105 - the same
    SECRET_KEY = "secret_key"  # noqa: S105 - the same
    LINK = "link"


class Credential(NamedTuple):
    """One proof of one principal.

    *fingerprint* is what a presented proof is looked up by: SHA-256 of the certificate's DER, of the key
    or the client secret, the OIN itself, or the principal's folded name. *material* is the certificate's
    DER; *secret* the argon2 hash of a password. Times are milliseconds; a credential counts from
    *not_before* until *not_after*, for these *scopes* with spaces between; empty: for everything.
    """

    id: Id
    principal_id: Id
    kind: str
    label: str
    fingerprint: str
    material: bytes | None
    secret: str | None
    not_before: Millis | None
    not_after: Millis | None
    created_at: Millis
    revoked_at: Millis | None
    scopes: str = ""


def in_force(credential: Credential | None, at: Millis) -> Credential:
    """The credential itself, when it counts at the moment *at*.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``, ``REVOKED_CREDENTIAL`` or ``EXPIRED_CREDENTIAL``.
    """
    if credential is None:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL)
    if credential.revoked_at is not None:
        raise KadeError(AccessReason.REVOKED_CREDENTIAL, credential.id)
    if (credential.not_before or 0) > at or (credential.not_after is not None and credential.not_after <= at):
        raise KadeError(AccessReason.EXPIRED_CREDENTIAL, credential.id)
    return credential


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an act comes from: kept with every event that it causes."""

    operation: str = ""
    request_id: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated principal in one request.

    What it may do is its grants; when *spaces* are named, in these alone.
    """

    principal_id: Id
    principal_name: str
    tenant_id: Id
    credential_id: Id | None = None
    origin: Origin = field(default_factory=Origin)
    spaces: frozenset[Id] | None = None

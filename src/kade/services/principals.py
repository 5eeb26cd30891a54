"""Principals and their credentials: registered, found, changed, revoked."""

from collections.abc import Sequence

from kade.core import names
from kade.core.bindings import Noun
from kade.core.clock import Millis, now
from kade.core.errors import CredentialReason, KadeError, PrincipalReason
from kade.core.events import Event
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Credential, CredentialKind, Principal, PrincipalKind
from kade.services import access, tenants
from kade.services.naming import Namers


def create(tx: Tx, caller: Caller, namers: Namers, kind: PrincipalKind, name: str) -> Principal:
    """A principal without rights and without credentials."""
    _require_manager(tx, caller)
    text = names.clean(name, PrincipalReason.BAD_NAME)
    principal = Principal(new_id(), caller.tenant_id, kind, text, names.fold(text), now(), None)
    tx.principals.add(principal)
    namers.name_principal(tx, principal)
    tx.journal.append(Event.by(caller, "principal.created", principal.id, name=text, kind=kind.value))
    return principal


def find(tx: Tx, caller: Caller, principal_id: Id | None) -> Principal:
    """The principal, when it exists in the caller's tenant.

    Raises:
        KadeError: ``PrincipalReason.UNKNOWN``.
    """
    principal = tx.principals.get(principal_id) if principal_id else None
    if principal is None or principal.removed_at is not None or principal.tenant_id != caller.tenant_id:
        raise KadeError(PrincipalReason.UNKNOWN, principal_id or "")
    return principal


def named(tx: Tx, caller: Caller, name: str) -> Principal:
    """The principal of that name in the caller's tenant. Raises as ``find`` does."""
    principal = tx.principals.named(caller.tenant_id, names.fold(name))
    if principal is None:
        raise KadeError(PrincipalReason.UNKNOWN, name)
    return principal


def rename(tx: Tx, caller: Caller, principal: Principal, name: str) -> None:
    """Give the principal another name, by which its passwords are looked up from now on as well."""
    _require_manager(tx, caller)
    text = names.clean(name, PrincipalReason.BAD_NAME)
    tx.principals.rename(principal.id, text, names.fold(text))
    tx.journal.append(Event.by(caller, "principal.renamed", principal.id, name=text))
    renamed = principal._replace(name=text, name_folded=names.fold(text))
    for old in tx.credentials.of_principal(principal.id):
        if old.kind == CredentialKind.PASSWORD and old.revoked_at is None:
            revoke(tx, caller, old)
            register(
                tx,
                caller,
                renamed,
                CredentialKind.PASSWORD,
                renamed.name_folded,
                label=old.label,
                secret=old.secret,
                not_before=old.not_before,
                not_after=old.not_after,
            )


def remove(tx: Tx, caller: Caller, principal: Principal) -> None:
    """Remove a principal: its credentials are revoked, its grants and names are gone."""
    _require_manager(tx, caller)
    for credential in tx.credentials.of_principal(principal.id):
        if credential.revoked_at is None:
            revoke(tx, caller, credential)
    for grant in tx.grants.of_principal(principal.id):
        tx.grants.remove(grant.id)
    tx.principals.remove(principal.id, now())
    tx.bindings.remove(Noun.PRINCIPAL, principal.id)
    tx.journal.append(Event.by(caller, "principal.removed", principal.id, name=principal.name))


def register(
    tx: Tx,
    caller: Caller,
    principal: Principal,
    kind: CredentialKind,
    fingerprint: str,
    *,
    label: str = "",
    material: bytes | None = None,
    secret: str | None = None,
    not_before: Millis | None = None,
    not_after: Millis | None = None,
    scopes: Sequence[str] = (),
) -> Credential:
    """Add a credential; several of a kind may be in force at once, so that they can be rotated.

    Raises:
        KadeError: ``CredentialReason.ALREADY_REGISTERED`` while the same proof is in force, for anybody.
    """
    _require_manager(tx, caller)
    credential = Credential(
        new_id(),
        principal.id,
        kind,
        label,
        fingerprint,
        material,
        secret,
        not_before,
        not_after,
        now(),
        None,
        " ".join(scopes),
    )
    tx.credentials.add(credential)
    tx.journal.append(
        Event.by(caller, "credential.registered", credential.id, principal=principal.name, kind=kind.value)
    )
    return credential


def revoke(tx: Tx, caller: Caller, credential: Credential) -> None:
    """Revoke a credential; it is refused from the next request on, running transfers end.

    Raises:
        KadeError: ``CredentialReason.UNKNOWN`` when it was revoked before.
    """
    _require_manager(tx, caller)
    if not tx.credentials.revoke(credential.id, now()):
        raise KadeError(CredentialReason.UNKNOWN, credential.id)
    tx.journal.append(Event.by(caller, "credential.revoked", credential.id, kind=credential.kind))


def certificates(tx: Tx, principal_id: Id) -> list[Credential]:
    """The certificates of a principal that are not revoked, newest first."""
    return [
        credential
        for credential in tx.credentials.of_principal(principal_id)
        if credential.kind == CredentialKind.CERTIFICATE and credential.revoked_at is None
    ]


def _require_manager(tx: Tx, caller: Caller) -> None:
    access.require(tx, caller, Verb.MANAGE, tenants.root_of(tx, caller.tenant_id).id)

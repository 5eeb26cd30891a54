"""Principals and their credentials in the catalog."""

from sqlalchemy import bindparam, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import credentials, principals
from kade.catalog.statements import Duplicate, Session
from kade.core.clock import Millis
from kade.core.errors import CredentialReason, KadeError, PrincipalReason
from kade.core.ids import Id
from kade.core.principals import Credential, Principal

_ADD_PRINCIPAL = insert_row(principals)
_GET_PRINCIPAL = select_rows(principals).where(principals.c.id == bindparam("_id"))
_LIVING = select_rows(principals).where(
    principals.c.tenant_id == bindparam("_tenant"), principals.c.removed_at.is_(None)
)
_NAMED = _LIVING.where(principals.c.name_folded == bindparam("_folded"))
_OF_TENANT = _LIVING.order_by(principals.c.name_folded)
_RENAME = (
    update(principals)
    .where(principals.c.id == bindparam("_id"))
    .values(name=bindparam("_name"), name_folded=bindparam("_folded"))
)
_SET_NETWORKS = (
    update(principals).where(principals.c.id == bindparam("_id")).values(networks=bindparam("_networks"))
)
_REMOVE = (
    update(principals)
    .where(principals.c.id == bindparam("_id"), principals.c.removed_at.is_(None))
    .values(removed_at=bindparam("_at"))
)

_ADD_CREDENTIAL = insert_row(credentials)
_GET_CREDENTIAL = select_rows(credentials).where(credentials.c.id == bindparam("_id"))
_PRESENTED = (
    select_rows(credentials)
    .where(credentials.c.kind == bindparam("_kind"), credentials.c.fingerprint == bindparam("_fingerprint"))
    .order_by(credentials.c.revoked_at.is_not(None), credentials.c.id.desc())
    .limit(1)
)
_PROVEN = _PRESENTED.add_columns(*principals.c).join(
    principals, principals.c.id == credentials.c.principal_id
)
_OF_PRINCIPAL = (
    select_rows(credentials)
    .where(credentials.c.principal_id == bindparam("_principal"))
    .order_by(credentials.c.id.desc())
)
_IN_FORCE = (
    select_rows(credentials)
    .where(credentials.c.kind == bindparam("_kind"), credentials.c.revoked_at.is_(None))
    .order_by(credentials.c.id)
)
_REVOKE = (
    update(credentials)
    .where(credentials.c.id == bindparam("_id"), credentials.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("_at"))
)


class PrincipalTable:
    """Implements ``core.ports.Principals``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, principal: Principal) -> None:
        try:
            self._session.run(_ADD_PRINCIPAL, **principal._asdict())
        except Duplicate as error:
            raise KadeError(PrincipalReason.NAME_TAKEN, principal.name) from error

    def get(self, principal_id: Id) -> Principal | None:
        row = self._session.one(_GET_PRINCIPAL, _id=principal_id)
        return Principal._make(row) if row else None

    def named(self, tenant_id: Id, folded: str) -> Principal | None:
        row = self._session.one(_NAMED, _tenant=tenant_id, _folded=folded)
        return Principal._make(row) if row else None

    def of_tenant(self, tenant_id: Id) -> list[Principal]:
        return [Principal._make(row) for row in self._session.all(_OF_TENANT, _tenant=tenant_id)]

    def rename(self, principal_id: Id, name: str, folded: str) -> None:
        try:
            self._session.run(_RENAME, _id=principal_id, _name=name, _folded=folded)
        except Duplicate as error:
            raise KadeError(PrincipalReason.NAME_TAKEN, name) from error

    def set_networks(self, principal_id: Id, networks: str) -> None:
        self._session.run(_SET_NETWORKS, _id=principal_id, _networks=networks)

    def remove(self, principal_id: Id, at: Millis) -> None:
        self._session.run(_REMOVE, _id=principal_id, _at=at)


class CredentialTable:
    """Implements ``core.ports.Credentials``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, credential: Credential) -> None:
        try:
            self._session.run(_ADD_CREDENTIAL, **credential._asdict())
        except Duplicate as error:
            raise KadeError(CredentialReason.ALREADY_REGISTERED, credential.label) from error

    def get(self, credential_id: Id) -> Credential | None:
        row = self._session.one(_GET_CREDENTIAL, _id=credential_id)
        return Credential._make(row) if row else None

    def presented(self, kind: str, fingerprint: str) -> Credential | None:
        row = self._session.one(_PRESENTED, _kind=kind, _fingerprint=fingerprint)
        return Credential._make(row) if row else None

    def proven(self, kind: str, fingerprint: str) -> tuple[Credential, Principal] | None:
        row = self._session.one(_PROVEN, _kind=kind, _fingerprint=fingerprint)
        if row is None:
            return None
        width = len(Credential._fields)
        return Credential._make(row[:width]), Principal._make(row[width:])

    def of_principal(self, principal_id: Id) -> list[Credential]:
        rows = self._session.all(_OF_PRINCIPAL, _principal=principal_id)
        return [Credential._make(row) for row in rows]

    def in_force(self, kind: str) -> list[Credential]:
        return [Credential._make(row) for row in self._session.all(_IN_FORCE, _kind=kind)]

    def revoke(self, credential_id: Id, at: Millis) -> bool:
        return self._session.run(_REVOKE, _id=credential_id, _at=at) == 1

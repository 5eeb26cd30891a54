"""Tenants in the catalog."""

from sqlalchemy import bindparam

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import tenants
from kade.catalog.statements import Duplicate, Session
from kade.core.errors import KadeError, TenantReason
from kade.core.ids import Id
from kade.core.tenants import Tenant

_ADD = insert_row(tenants)
_GET = select_rows(tenants).where(tenants.c.id == bindparam("_id"))
_NAMED = select_rows(tenants).where(tenants.c.name == bindparam("_name"))
_ALL = select_rows(tenants).order_by(tenants.c.name)


class TenantTable:
    """Implements ``core.ports.Tenants``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, tenant: Tenant) -> None:
        try:
            self._session.run(_ADD, **tenant._asdict())
        except Duplicate as error:
            raise KadeError(TenantReason.NAME_TAKEN, tenant.name) from error

    def get(self, tenant_id: Id) -> Tenant | None:
        row = self._session.one(_GET, _id=tenant_id)
        return Tenant._make(row) if row else None

    def named(self, name: str) -> Tenant | None:
        row = self._session.one(_NAMED, _name=name)
        return Tenant._make(row) if row else None

    def all(self) -> list[Tenant]:
        return [Tenant._make(row) for row in self._session.all(_ALL)]

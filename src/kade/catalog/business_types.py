"""Business types in the catalog."""

import json
from typing import Any

from sqlalchemy import bindparam, delete, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import business_types
from kade.catalog.statements import Duplicate, Row, Session
from kade.core.business_types import BusinessType
from kade.core.errors import BusinessTypeReason, KadeError
from kade.core.spaces import Policy

_ADD = insert_row(business_types)
_GET = select_rows(business_types).where(business_types.c.number == bindparam("_number"))
_ALL = select_rows(business_types).order_by(business_types.c.number)
_CHANGE = (
    update(business_types)
    .where(business_types.c.number == bindparam("_number"))
    .values({name: bindparam(name) for name in ("name", "direction", "policy")})
)
_REMOVE = delete(business_types).where(business_types.c.number == bindparam("_number"))


class BusinessTypeTable:
    """Implements ``core.ports.BusinessTypes``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, business_type: BusinessType) -> None:
        try:
            self._session.run(_ADD, **_values(business_type))
        except Duplicate as error:
            raise KadeError(BusinessTypeReason.NUMBER_TAKEN, str(business_type.number)) from error

    def get(self, number: int) -> BusinessType | None:
        row = self._session.one(_GET, _number=number)
        return _business_type(row) if row else None

    def all(self) -> list[BusinessType]:
        return [_business_type(row) for row in self._session.all(_ALL)]

    def change(self, business_type: BusinessType) -> None:
        values = _values(business_type)
        changed = {name: values[name] for name in ("name", "direction", "policy")}
        self._session.run(_CHANGE, _number=business_type.number, **changed)

    def remove(self, number: int) -> None:
        self._session.run(_REMOVE, _number=number)


def _values(business_type: BusinessType) -> dict[str, Any]:
    return business_type._asdict() | {"policy": json.dumps(business_type.policy.stored())}


def _business_type(row: Row) -> BusinessType:
    number, name, direction, policy, created_at = row
    return BusinessType(number, name, direction, Policy.of(json.loads(policy)), created_at)

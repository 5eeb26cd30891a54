"""Grants in the catalog."""

from sqlalchemy import and_, bindparam, delete, or_, select

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import grants, spaces
from kade.catalog.statements import Row, Session
from kade.core.clock import Millis
from kade.core.grants import Grant, Verb
from kade.core.ids import Id

_ADD = insert_row(grants)
_OF_PRINCIPAL = (
    select_rows(grants).where(grants.c.principal_id == bindparam("_principal")).order_by(grants.c.id)
)
_GET = select_rows(grants).where(grants.c.id == bindparam("_id"))
_REMOVE = delete(grants).where(grants.c.id == bindparam("_id"))
_FORGET = delete(grants).where(grants.c.space_id == bindparam("_space"))

_upwards = (
    select(spaces.c.id, spaces.c.parent_id)
    .where(spaces.c.id == bindparam("_space"))
    .cte("upwards", recursive=True)
)
_upwards = _upwards.union_all(
    select(spaces.c.id, spaces.c.parent_id).where(spaces.c.id == _upwards.c.parent_id)
)
_COVERING = select_rows(grants).where(
    grants.c.principal_id == bindparam("_principal"), grants.c.space_id.in_(select(_upwards.c.id))
)

_IN_TIME = and_(
    or_(grants.c.not_before.is_(None), grants.c.not_before <= bindparam("_at")),
    or_(grants.c.not_after.is_(None), grants.c.not_after > bindparam("_at")),
)
_WITH_VERB = and_((" " + grants.c.verbs + " ").like(bindparam("_verb")), _IN_TIME)
# Which of them have the verb is seen faster here: SQLite takes longer to look into a text than to give it.
_HELD = select(grants.c.principal_id, grants.c.verbs, grants.c.not_before, grants.c.not_after).join(
    _upwards, _upwards.c.id == grants.c.space_id
)
_TENANTS_OF = (
    select(spaces.c.tenant_id)
    .join(grants, grants.c.space_id == spaces.c.id)
    .where(grants.c.principal_id == bindparam("_principal"), spaces.c.removed_at.is_(None), _IN_TIME)
    .distinct()
    .order_by(spaces.c.tenant_id)
)

_downwards = (
    select(grants.c.space_id.label("id"))
    .where(grants.c.principal_id == bindparam("_principal"), _WITH_VERB)
    .cte("downwards", recursive=True)
)
_downwards = _downwards.union(select(spaces.c.id).where(spaces.c.parent_id == _downwards.c.id))
_SPACES_WITH = (
    select(_downwards.c.id)
    .join(spaces, spaces.c.id == _downwards.c.id)
    .where(spaces.c.removed_at.is_(None))
    .order_by(_downwards.c.id)
)
_NUMBERED = (
    select(spaces.c.number, spaces.c.id)
    .where(
        spaces.c.id.in_(select(_downwards.c.id)),
        spaces.c.tenant_id == bindparam("_tenant"),
        spaces.c.number.is_not(None),
        spaces.c.removed_at.is_(None),
    )
    .order_by(spaces.c.number)
)


def _grant(row: Row) -> Grant:
    values = list(row)
    values[3] = tuple(Verb(verb) for verb in values[3].split())
    return Grant._make(values)


class GrantTable:
    """Implements ``core.ports.Grants``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, grant: Grant) -> None:
        self._session.run(_ADD, **grant._asdict() | {"verbs": " ".join(grant.verbs)})

    def get(self, grant_id: Id) -> Grant | None:
        row = self._session.one(_GET, _id=grant_id)
        return _grant(row) if row else None

    def of_principal(self, principal_id: Id) -> list[Grant]:
        return [_grant(row) for row in self._session.all(_OF_PRINCIPAL, _principal=principal_id)]

    def covering(self, principal_id: Id, space_id: Id) -> list[Grant]:
        rows = self._session.all(_COVERING, _principal=principal_id, _space=space_id)
        return [_grant(row) for row in rows]

    def remove(self, grant_id: Id) -> bool:
        return self._session.run(_REMOVE, _id=grant_id) == 1

    def forget_space(self, space_id: Id) -> None:
        self._session.run(_FORGET, _space=space_id)

    def spaces_with(self, principal_id: Id, verb: Verb, at: Millis) -> list[Id]:
        rows = self._session.all(_SPACES_WITH, _principal=principal_id, _verb=f"% {verb} %", _at=at)
        return [row[0] for row in rows]

    def numbered(self, principal_id: Id, tenant_id: Id, verb: Verb, at: Millis) -> dict[int, Id]:
        rows = self._session.all(
            _NUMBERED, _principal=principal_id, _tenant=tenant_id, _verb=f"% {verb} %", _at=at
        )
        return {row[0]: row[1] for row in rows}

    def holders(self, space_id: Id, verb: Verb, at: Millis) -> list[Id]:
        return sorted(
            {
                principal_id
                for principal_id, verbs, not_before, not_after in self._session.all(_HELD, _space=space_id)
                if verb in verbs.split() and (not_before or 0) <= at and (not_after is None or at < not_after)
            }
        )

    def tenants_of(self, principal_id: Id, at: Millis) -> list[Id]:
        return [row[0] for row in self._session.all(_TENANTS_OF, _principal=principal_id, _at=at)]

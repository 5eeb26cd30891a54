"""Rules, and how far reactions have followed the journal, in the catalog."""

from sqlalchemy import bindparam, delete, or_, select, text, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import cursors, rules
from kade.catalog.statements import Duplicate, Session
from kade.core.errors import KadeError, RuleReason
from kade.core.ids import Id
from kade.core.rules import Rule

_ADD = insert_row(rules)
_OF_SPACE = select_rows(rules).where(rules.c.space_id == bindparam("_space")).order_by(rules.c.id)
_OF_TENANT = select_rows(rules).where(rules.c.tenant_id == bindparam("_tenant")).order_by(rules.c.id)
_REMOVE = delete(rules).where(rules.c.id == bindparam("_id"))
_FORGET = delete(rules).where(
    or_(rules.c.space_id == bindparam("_space"), rules.c.target_id == bindparam("_space"))
)

_GET = select(cursors.c.position).where(cursors.c.name == bindparam("_name"))
# Made when it is not there: of two that begin together the second waits, too. An UPDATE that changes nothing
# locks the row.
_LOCK = text(
    "INSERT INTO cursors (name, position) VALUES (:_name, 0)"
    " ON CONFLICT (name) DO UPDATE SET position = cursors.position RETURNING position"
)
_MOVE = update(cursors).where(cursors.c.name == bindparam("_name")).values(position=bindparam("_position"))


class RuleTable:
    """Implements ``core.ports.Rules``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, rule: Rule) -> None:
        try:
            self._session.run(_ADD, **rule._asdict())
        except Duplicate as error:
            raise KadeError(RuleReason.EXISTS, rule.space_id) from error

    def of_space(self, space_id: Id) -> list[Rule]:
        return [Rule._make(row) for row in self._session.all(_OF_SPACE, _space=space_id)]

    def of_tenant(self, tenant_id: Id) -> list[Rule]:
        return [Rule._make(row) for row in self._session.all(_OF_TENANT, _tenant=tenant_id)]

    def remove(self, rule_id: Id) -> bool:
        return self._session.run(_REMOVE, _id=rule_id) == 1

    def forget_space(self, space_id: Id) -> None:
        self._session.run(_FORGET, _space=space_id)


class CursorTable:
    """Implements ``core.ports.Cursors``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, name: str) -> int:
        row = self._session.one(_GET, _name=name)
        return int(row[0]) if row else 0

    def lock(self, name: str) -> int:
        row = self._session.one(_LOCK, _name=name)
        assert row is not None
        return int(row[0])

    def move(self, name: str, position: int) -> None:
        self._session.run(_MOVE, _name=name, _position=position)

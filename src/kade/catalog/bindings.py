"""Names that dialects give to objects, in the catalog."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select, text

from kade.catalog.rows import insert_row
from kade.catalog.schema import bindings
from kade.catalog.statements import Duplicate, Session, among, listed
from kade.core.bindings import Binding, Noun
from kade.core.ids import Id

_ADD = insert_row(bindings)
_OBJECT_OF = select(bindings.c.object_id).where(
    bindings.c.instance == bindparam("_instance"),
    bindings.c.noun == bindparam("_noun"),
    bindings.c.scope == bindparam("_scope"),
    bindings.c.key == bindparam("_key"),
)
_KEY_OF = select(bindings.c.key).where(
    bindings.c.object_id == bindparam("_object"),
    bindings.c.noun == bindparam("_noun"),
    bindings.c.instance == bindparam("_instance"),
)
_KEYS_OF = select(bindings.c.object_id, bindings.c.key).where(
    among(bindings.c.object_id, "_objects"),
    bindings.c.noun == bindparam("_noun"),
    bindings.c.instance == bindparam("_instance"),
)
_INSTANCES_OF = select(bindings.c.instance).where(
    bindings.c.object_id == bindparam("_object"), bindings.c.noun == bindparam("_noun")
)
_REMOVE = delete(bindings).where(
    bindings.c.object_id == bindparam("_object"), bindings.c.noun == bindparam("_noun")
)
_RELEASE = delete(bindings).where(
    bindings.c.object_id == bindparam("_object"),
    bindings.c.noun == bindparam("_noun"),
    bindings.c.instance == bindparam("_instance"),
)
_BOUND = (
    select(bindings.c.object_id)
    .where(bindings.c.noun == bindparam("_noun"), bindings.c.object_id > bindparam("_after"))
    .distinct()
    .order_by(bindings.c.object_id)
    .limit(bindparam("_limit"))
)
# One statement, so that two transactions that ask for the first number together both get one.
_NEXT_NUMBER = text(
    "INSERT INTO numbers (instance, noun, scope, next) VALUES (:_instance, :_noun, :_scope, 1)"
    " ON CONFLICT (instance, noun, scope) DO UPDATE SET next = numbers.next + 1 RETURNING next"
)


class BindingTable:
    """Implements ``core.ports.Bindings``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, binding: Binding) -> None:
        try:
            self._session.run(_ADD, **binding._asdict())
        except Duplicate as error:
            raise KeyError(binding.key) from error

    def object_of(self, instance: str, noun: Noun, key: str, scope: str = "") -> Id | None:
        row = self._session.one(_OBJECT_OF, _instance=instance, _noun=noun, _scope=scope, _key=key)
        return row[0] if row else None

    def key_of(self, instance: str, noun: Noun, object_id: Id) -> str | None:
        row = self._session.one(_KEY_OF, _instance=instance, _noun=noun, _object=object_id)
        return row[0] if row else None

    def keys_of(self, instance: str, noun: Noun, object_ids: Sequence[Id]) -> dict[Id, str]:
        if not object_ids:
            return {}
        rows = self._session.all(_KEYS_OF, _objects=listed(object_ids), _noun=noun, _instance=instance)
        return {row[0]: row[1] for row in rows}

    def next_number(self, instance: str, noun: Noun, scope: str = "") -> int:
        row = self._session.one(_NEXT_NUMBER, _instance=instance, _noun=noun, _scope=scope)
        assert row is not None
        return int(row[0]) - 1

    def instances_of(self, noun: Noun, object_id: Id) -> list[str]:
        return [row[0] for row in self._session.all(_INSTANCES_OF, _object=object_id, _noun=noun)]

    def bound(self, noun: Noun, after: Id | None, limit: int) -> list[Id]:
        rows = self._session.all(_BOUND, _noun=noun, _after=after or "", _limit=limit)
        return [row[0] for row in rows]

    def remove(self, noun: Noun, object_id: Id) -> None:
        self._session.run(_REMOVE, _object=object_id, _noun=noun)

    def release(self, instance: str, noun: Noun, object_id: Id) -> None:
        self._session.run(_RELEASE, _object=object_id, _noun=noun, _instance=instance)

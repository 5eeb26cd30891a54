"""What sources know of their files, in the catalog."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, or_, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import items
from kade.catalog.statements import Duplicate, Session
from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.sources import Item

_CHUNK = 500  # how many keys one statement carries

_ADD = insert_row(items)
_GET = select_rows(items).where(items.c.file_id == bindparam("_file"))
_BY_IDENTITY = (
    select_rows(items)
    .where(items.c.source_id == bindparam("_source"), items.c.identity == bindparam("_identity"))
    .order_by(items.c.file_id)
)
_CHANGE = (
    update(items)
    .where(items.c.file_id == bindparam("_file"))
    .values({column.name: bindparam(column.name) for column in items.c if column.name != "file_id"})
)
_OF_SOURCE = (
    select_rows(items)
    .where(items.c.source_id == bindparam("_source"), items.c.file_id > bindparam("_after"))
    .order_by(items.c.file_id)
    .limit(bindparam("_limit"))
)
_UNSEEN = _OF_SOURCE.where(or_(items.c.seen_in.is_(None), items.c.seen_in != bindparam("_run")))
_DUE = (
    select_rows(items)
    .where(items.c.due_at <= bindparam("_at"))
    .order_by(items.c.priority.desc(), items.c.due_at, items.c.file_id)
    .limit(bindparam("_limit"))
    .with_for_update(skip_locked=True)
)
_TAKE = update(items).where(items.c.file_id == bindparam("_file")).values(due_at=bindparam("_until"))
_NEXT = select(func.min(items.c.due_at)).where(items.c.due_at.is_not(None))
_FORGET = delete(items).where(items.c.file_id == bindparam("_file"))


class ItemTable:
    """Implements ``core.ports.Items``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, item: Item) -> None:
        self._unique(_ADD, item.key, item._asdict())

    def get(self, file_id: Id) -> Item | None:
        row = self._session.one(_GET, _file=file_id)
        return Item._make(row) if row else None

    def get_many(self, file_ids: Sequence[Id]) -> dict[Id, Item]:
        found: dict[Id, Item] = {}
        for first in range(0, len(file_ids), _CHUNK):
            wanted = select_rows(items).where(items.c.file_id.in_(file_ids[first : first + _CHUNK]))
            found |= {row[0]: Item._make(row) for row in self._session.all(wanted)}
        return found

    def by_keys(self, source_id: Id, keys: Sequence[str]) -> dict[str, Item]:
        found: dict[str, Item] = {}
        for first in range(0, len(keys), _CHUNK):
            wanted = select_rows(items).where(
                items.c.source_id == source_id, items.c.key.in_(keys[first : first + _CHUNK])
            )
            found |= {item.key: item for item in map(Item._make, self._session.all(wanted))}
        return found

    def by_identity(self, source_id: Id, identity: str) -> list[Item]:
        rows = self._session.all(_BY_IDENTITY, _source=source_id, _identity=identity)
        return [Item._make(row) for row in rows]

    def change(self, item: Item) -> None:
        values = item._asdict()
        self._unique(_CHANGE, item.key, values | {"_file": values.pop("file_id")})

    def mark_seen(self, file_ids: Sequence[Id], run_id: Id) -> None:
        for first in range(0, len(file_ids), _CHUNK):
            seen = items.c.file_id.in_(file_ids[first : first + _CHUNK])
            self._session.run(update(items).where(seen).values(seen_in=run_id))

    def unseen(self, source_id: Id, run_id: Id, after: Id | None, limit: int) -> list[Item]:
        rows = self._session.all(_UNSEEN, _source=source_id, _run=run_id, _after=after or "", _limit=limit)
        return [Item._make(row) for row in rows]

    def of_source(self, source_id: Id, after: Id | None, limit: int) -> list[Item]:
        rows = self._session.all(_OF_SOURCE, _source=source_id, _after=after or "", _limit=limit)
        return [Item._make(row) for row in rows]

    def take_due(self, at: Millis, until: Millis, limit: int) -> list[Item]:
        due = [Item._make(row) for row in self._session.all(_DUE, _at=at, _limit=limit)]
        self._session.run_many(_TAKE, [{"_file": each.file_id, "_until": until} for each in due])
        return due

    def next_due(self) -> Millis | None:
        row = self._session.one(_NEXT)
        return row[0] if row else None

    def forget(self, file_id: Id) -> None:
        self._session.run(_FORGET, _file=file_id)

    def _unique(self, statement: Any, key: str, values: dict[str, Any]) -> None:
        try:
            self._session.run(statement, **values)
        except Duplicate as error:
            raise KeyError(key) from error

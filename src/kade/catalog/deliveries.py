"""Deliveries in the catalog."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, literal_column, select, tuple_, update

from kade.catalog.query_sql import Columns, page
from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import deliveries, files, principals, spaces
from kade.catalog.statements import Session
from kade.core.clock import Millis
from kade.core.deliveries import Delivery, DeliveryState
from kade.core.files import File
from kade.core.ids import Id
from kade.core.query import Field, Page, Query

# Written out, not a parameter: else SQLite cannot know that a partial index holds every row asked for.
_IS_AVAILABLE = deliveries.c.state == literal_column(str(DeliveryState.AVAILABLE.value))
_CHANGED = ("state", "fetched_spans", "fetched_at", "dismissed_at")
_OF_BOTH = (
    deliveries.c.file_id == bindparam("_file"),
    deliveries.c.subscriber_id == bindparam("_subscriber"),
)

_ADD = insert_row(deliveries)
_GET = select_rows(deliveries).where(*_OF_BOTH)
_LOCK = _GET.with_for_update()
_CHANGE = update(deliveries).where(*_OF_BOTH).values({name: bindparam(f"_{name}") for name in _CHANGED})
_OF_FILE = (
    select_rows(deliveries)
    .where(deliveries.c.file_id == bindparam("_file"))
    .order_by(deliveries.c.subscriber_id)
)
_RENAME = (
    update(deliveries)
    .where(deliveries.c.file_id == bindparam("_file"))
    .values(name_folded=bindparam("_folded"))
)
_LAPSE = (
    update(deliveries)
    .where(deliveries.c.file_id == bindparam("_file"), _IS_AVAILABLE)
    .values(state=DeliveryState.LAPSED.value)
    .returning(deliveries.c.subscriber_id)
)
_REVIVE = (
    update(deliveries)
    .where(deliveries.c.file_id == bindparam("_file"), deliveries.c.state == DeliveryState.LAPSED.value)
    .values(state=DeliveryState.AVAILABLE.value)
)
_FORGET = delete(deliveries).where(deliveries.c.file_id == bindparam("_file"))
_COLUMNS: Columns = {
    Field.NAME: deliveries.c.name_folded,
    Field.ARRIVED: deliveries.c.arrived_at,
    Field.FETCHED: deliveries.c.fetched_at,
    Field.DISMISSED: deliveries.c.dismissed_at,
    Field.STATE: deliveries.c.state,
    Field.SPACE: deliveries.c.space_id,
    Field.NUMBER: select(spaces.c.number).where(spaces.c.id == deliveries.c.space_id).scalar_subquery(),
}


class DeliveryTable:
    """Implements ``core.ports.Deliveries``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_all(self, made: Sequence[Delivery]) -> None:
        self._session.run_many(_ADD, [each._asdict() for each in made])

    def get(self, subscriber_id: Id, file_id: Id) -> Delivery | None:
        row = self._session.one(_GET, _subscriber=subscriber_id, _file=file_id)
        return Delivery._make(row) if row else None

    def lock(self, subscriber_id: Id, file_id: Id) -> Delivery | None:
        row = self._session.one(_LOCK, _subscriber=subscriber_id, _file=file_id)
        return Delivery._make(row) if row else None

    def change(self, delivery: Delivery) -> None:
        values = {f"_{name}": getattr(delivery, name) for name in _CHANGED}
        self._session.run(_CHANGE, _subscriber=delivery.subscriber_id, _file=delivery.file_id, **values)

    def page(self, subscriber_id: Id, query: Query) -> Page[tuple[Delivery, File]]:
        asked = select_rows(deliveries).where(
            deliveries.c.subscriber_id == subscriber_id, deliveries.c.tenant_id == query.tenant_id
        )
        found = page(self._session, asked, query, _COLUMNS, deliveries.c.file_id)
        listed = [Delivery._make(row) for row in found.entries]
        rows = self._session.all(select_rows(files).where(files.c.id.in_([each.file_id for each in listed])))
        by_id = {row[0]: File._make(row) for row in rows}
        return Page([(each, by_id[each.file_id]) for each in listed], found.count)

    def of_file(self, file_id: Id) -> list[Delivery]:
        return [Delivery._make(row) for row in self._session.all(_OF_FILE, _file=file_id)]

    def rename(self, file_id: Id, name_folded: str) -> None:
        self._session.run(_RENAME, _file=file_id, _folded=name_folded)

    def lapse(self, file_id: Id) -> list[Id]:
        return sorted(row[0] for row in self._session.all(_LAPSE, _file=file_id))

    def revive(self, file_id: Id) -> None:
        self._session.run(_REVIVE, _file=file_id)

    def forget(self, file_id: Id) -> None:
        self._session.run(_FORGET, _file=file_id)

    def waiting(
        self, subscriber_id: Id | None, before: Millis, limit: int, after: Delivery | None = None
    ) -> list[Delivery]:
        there = select(principals.c.id).where(principals.c.removed_at.is_(None))
        statement = select_rows(deliveries).where(
            _IS_AVAILABLE, deliveries.c.arrived_at < before, deliveries.c.subscriber_id.in_(there)
        )
        if subscriber_id is not None:
            statement = statement.where(deliveries.c.subscriber_id == subscriber_id)
        place = (deliveries.c.arrived_at, deliveries.c.file_id, deliveries.c.subscriber_id)
        if after is not None:
            reached = (after.arrived_at, after.file_id, after.subscriber_id)
            statement = statement.where(tuple_(*place) > tuple_(*reached))
        rows = self._session.all(statement.order_by(*place).limit(limit))
        return [Delivery._make(row) for row in rows]

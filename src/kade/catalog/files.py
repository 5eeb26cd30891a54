"""Files in the catalog."""

from collections.abc import Sequence

from sqlalchemy import Select, bindparam, select, update

from kade.catalog.query_sql import Columns, page
from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import files, spaces
from kade.catalog.statements import Row, Session, among, listed
from kade.core.clock import Millis
from kade.core.files import File, FileState
from kade.core.ids import Id
from kade.core.query import Field, Page, Query

_CHUNK = 500  # how many ids one statement carries

_ADD = insert_row(files)
_GET = select_rows(files).where(files.c.id == bindparam("_id"))
_GET_MANY = select_rows(files).where(among(files.c.id, "_ids"))
_CHANGE = (
    update(files)
    .where(files.c.id == bindparam("_id"), files.c.version == bindparam("_before"))
    .values({column.name: bindparam(column.name) for column in files.c if column.name != "id"})
)
# required=False: a statement that holds a list is compiled with values at hand, or none.
_OF_CONTENT = (
    select_rows(files)
    .where(
        files.c.content_id == bindparam("_content", required=False),
        files.c.state.not_in([FileState.ERASED, FileState.REFUSED]),
    )
    .order_by(files.c.id)
)
_DUE = (
    select_rows(files)
    .where(files.c.due_at < bindparam("_moment"))
    .order_by(files.c.due_at, files.c.id)
    .limit(bindparam("_limit"))
)
_FROM_ORIGIN = select_rows(files).where(
    files.c.origin_id == bindparam("_origin"), files.c.space_id == bindparam("_space")
)
_KNOWN = (FileState.LIVE, FileState.GONE)
_COLUMNS: Columns = {
    Field.NAME: files.c.name_folded,
    Field.ARRIVED: files.c.arrived_at,
    Field.SPACE: files.c.space_id,
    Field.NUMBER: select(spaces.c.number).where(spaces.c.id == files.c.space_id).scalar_subquery(),
}
_PRESENT = (FileState.LIVE, FileState.TRASHED)
_CHANGED = (
    select_rows(files)
    .where(
        files.c.space_id == bindparam("_space", required=False),
        files.c.changed_at >= bindparam("_since", required=False),
        files.c.changed_at < bindparam("_before", required=False),
        files.c.state.in_(_PRESENT),
    )
    .order_by(files.c.changed_at, files.c.id)
    .limit(bindparam("_limit", required=False))
)
_PAGE = (
    select_rows(files).where(files.c.id > bindparam("_after")).order_by(files.c.id).limit(bindparam("_limit"))
)


class FileTable:
    """Implements ``core.ports.Files``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, file: File) -> None:
        self._session.run(_ADD, **file._asdict())

    def get(self, file_id: Id) -> File | None:
        row = self._session.one(_GET, _id=file_id)
        return File._make(row) if row else None

    def change(self, file: File) -> bool:
        values = file._asdict()
        return self._session.run(_CHANGE, _id=values.pop("id"), _before=file.version - 1, **values) == 1

    def of_space(
        self, space_id: Id, states: Sequence[str], after: Id | None = None, limit: int | None = None
    ) -> list[File]:
        statement = (
            select_rows(files)
            .where(files.c.space_id == space_id, files.c.state.in_(list(states)), files.c.id > (after or ""))
            .order_by(files.c.id)
        )
        return [File._make(row) for row in self._session.all(statement.limit(limit))]

    def of_spaces(self, space_ids: Sequence[Id], states: Sequence[str]) -> list[File]:
        found: list[File] = []
        for first in range(0, len(space_ids), _CHUNK):
            statement = select_rows(files).where(
                files.c.space_id.in_(space_ids[first : first + _CHUNK]), files.c.state.in_(list(states))
            )
            found += [File._make(row) for row in self._session.all(statement)]
        return sorted(found, key=lambda file: file.id)

    def of_content(self, content_id: Id) -> list[File]:
        return [File._make(row) for row in self._session.all(_OF_CONTENT, _content=content_id)]

    def due(self, moment: Millis, limit: int) -> list[File]:
        return [File._make(row) for row in self._session.all(_DUE, _moment=moment, _limit=limit)]

    def from_origin(self, origin_id: Id, space_id: Id) -> File | None:
        row = self._session.one(_FROM_ORIGIN, _origin=origin_id, _space=space_id)
        return File._make(row) if row else None

    def created(self, creator_id: Id, query: Query) -> Page[File]:
        asked = select(files.c.id).where(
            files.c.created_by == creator_id,
            files.c.tenant_id == query.tenant_id,
            files.c.arrived_at.is_not(None),
            files.c.origin_id.is_(None),
            files.c.state.in_(_KNOWN),
        )
        found = page(self._session, asked, query, _COLUMNS, files.c.id)
        rows = {row[0]: File._make(row) for row in self._rows(found.entries)}
        return Page([rows[row[0]] for row in found.entries], found.count)

    def _rows(self, ids: Sequence[Row]) -> Sequence[Row]:
        return self._session.all(select_rows(files).where(files.c.id.in_([row[0] for row in ids])))

    def get_many(self, file_ids: Sequence[Id]) -> dict[Id, File]:
        rows = self._session.all(_GET_MANY, _ids=listed(file_ids)) if file_ids else ()
        return {row[0]: File._make(row) for row in rows}

    def at(self, space_id: Id, folder_id: Id | None, name_folded: str, states: Sequence[str]) -> list[File]:
        statement = self._placed(space_id, folder_id, states).where(files.c.name_folded == name_folded)
        return [File._make(row) for row in self._session.all(statement.order_by(files.c.id.desc()))]

    def in_folder(self, space_id: Id, folder_id: Id | None, states: Sequence[str]) -> list[File]:
        statement = self._placed(space_id, folder_id, states)
        rows = self._session.all(statement.order_by(files.c.name_folded, files.c.id))
        return [File._make(row) for row in rows]

    def _placed(
        self, space_id: Id, folder_id: Id | None, states: Sequence[str]
    ) -> Select[tuple[object, ...]]:
        place = files.c.folder_id.is_(None) if folder_id is None else files.c.folder_id == folder_id
        return select_rows(files).where(files.c.space_id == space_id, place, files.c.state.in_(list(states)))

    def changed(self, space_id: Id, since: Millis, before: Millis, limit: int) -> list[File]:
        rows = self._session.all(_CHANGED, _space=space_id, _since=since, _before=before, _limit=limit)
        return [File._make(row) for row in rows]

    def page(self, after: Id | None, limit: int) -> list[File]:
        rows = self._session.all(_PAGE, _after=after or "", _limit=limit)
        return [File._make(row) for row in rows]

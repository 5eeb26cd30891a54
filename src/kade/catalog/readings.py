"""What was read in files, in the catalog; texts are compressed."""

import zlib
from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, literal_column, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import readings, texts
from kade.catalog.statements import Session, among, listed, upsert
from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.readings import Reading, ReadingState

_COMPRESSION = 3  # of nine: texts are written once and read by everybody who finds them

# Written out, not a parameter: else SQLite cannot know that the partial index holds every row asked for.
_IS_WAITING = readings.c.state == literal_column("'waiting'")
_ADD = insert_row(readings)
_GET = select_rows(readings).where(readings.c.file_id == bindparam("_file"))
_LOCK = _GET.with_for_update()
_GET_MANY = select_rows(readings).where(among(readings.c.file_id, "_files"))
_TEXTS = select_rows(texts).where(among(texts.c.file_id, "_files"))
_CHANGE = (
    update(readings)
    .where(readings.c.file_id == bindparam("_file"))
    .values({column.name: bindparam(column.name) for column in readings.c if column.name != "file_id"})
)
_SET_TEXT = upsert(texts, texts.c.file_id)
_DUE = (
    select_rows(readings)
    .where(_IS_WAITING, readings.c.due_at <= bindparam("_at"))
    .order_by(readings.c.priority.desc(), readings.c.due_at, readings.c.file_id)
    .limit(bindparam("_limit"))
    .with_for_update(skip_locked=True)
)
_TAKE = update(readings).where(readings.c.file_id == bindparam("_file")).values(due_at=bindparam("_until"))
_NEXT = select(func.min(readings.c.due_at)).where(_IS_WAITING)
_WAITING = select(func.count()).select_from(readings).where(_IS_WAITING)
_UNTOLD = select(func.count()).select_from(readings).where(readings.c.stamp != readings.c.indexed)
_UNINDEXED = (
    select_rows(readings)
    .where(readings.c.stamp != readings.c.indexed)
    .order_by(readings.c.file_id)
    .limit(bindparam("_limit"))
)
_MARK = (
    update(readings)
    .where(readings.c.file_id == bindparam("_file"))
    .values(indexed=bindparam("_stamp"), indexed_at=bindparam("_at"))
)
_UNMARK = update(readings).where(readings.c.indexed_at >= bindparam("_since")).values(indexed=0)
_FORGETTABLE = (
    select(readings.c.file_id)
    .where(
        readings.c.state == ReadingState.GONE.value,
        readings.c.stamp == readings.c.indexed,
        readings.c.indexed_at < bindparam("_before"),
    )
    .limit(bindparam("_limit"))
)
_FORGET = delete(readings).where(readings.c.file_id == bindparam("_file"))
_FORGET_TEXT = delete(texts).where(texts.c.file_id == bindparam("_file"))
_PAGE = (
    select_rows(readings)
    .where(readings.c.file_id > bindparam("_after"))
    .order_by(readings.c.file_id)
    .limit(bindparam("_limit"))
)
_PAGE_SINCE = _PAGE.where(readings.c.indexed_at >= bindparam("_since"))


class ReadingTable:
    """Implements ``core.ports.Readings``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, reading: Reading) -> None:
        self._session.run(_ADD, **reading._asdict())

    def get(self, file_id: Id) -> Reading | None:
        row = self._session.one(_GET, _file=file_id)
        return Reading._make(row) if row else None

    def get_many(self, file_ids: Sequence[Id]) -> dict[Id, Reading]:
        rows = self._session.all(_GET_MANY, _files=listed(file_ids)) if file_ids else ()
        return {row[0]: Reading._make(row) for row in rows}

    def lock(self, file_id: Id) -> Reading | None:
        row = self._session.one(_LOCK, _file=file_id)
        return Reading._make(row) if row else None

    def change(self, reading: Reading) -> None:
        values = reading._asdict()
        self._session.run(_CHANGE, _file=values.pop("file_id"), **values)

    def set_text(self, file_id: Id, text: str) -> None:
        # A lone surrogate is no text that anybody could be shown.
        data = text.encode("utf-8", "replace")
        self._session.run(_SET_TEXT, file_id=file_id, body=zlib.compress(data, _COMPRESSION))

    def texts(self, file_ids: Sequence[Id]) -> dict[Id, str]:
        rows = self._session.all(_TEXTS, _files=listed(file_ids)) if file_ids else ()
        return {row[0]: zlib.decompress(row[1]).decode() for row in rows}

    def take_due(self, at: Millis, until: Millis, limit: int) -> list[Reading]:
        due = [Reading._make(row) for row in self._session.all(_DUE, _at=at, _limit=limit)]
        self._session.run_many(_TAKE, [{"_file": each.file_id, "_until": until} for each in due])
        return due

    def next_due(self) -> Millis | None:
        row = self._session.one(_NEXT)
        return row[0] if row else None

    def unindexed(self, limit: int) -> list[Reading]:
        return [Reading._make(row) for row in self._session.all(_UNINDEXED, _limit=limit)]

    def mark_indexed(self, stamps: Sequence[tuple[Id, int]], at: Millis) -> None:
        self._session.run_many(
            _MARK, [{"_file": file_id, "_stamp": stamp, "_at": at} for file_id, stamp in stamps]
        )

    def unmark(self, since: Millis) -> int:
        return self._session.run(_UNMARK, _since=since)

    def forgettable(self, before: Millis, limit: int) -> list[Id]:
        return [row[0] for row in self._session.all(_FORGETTABLE, _before=before, _limit=limit)]

    def forget(self, file_ids: Sequence[Id]) -> None:
        rows = [{"_file": file_id} for file_id in file_ids]
        self._session.run_many(_FORGET_TEXT, rows)
        self._session.run_many(_FORGET, rows)

    def page(self, after: Id | None, limit: int, indexed_since: Millis | None = None) -> list[Reading]:
        if indexed_since is None:
            rows = self._session.all(_PAGE, _after=after or "", _limit=limit)
        else:
            rows = self._session.all(_PAGE_SINCE, _after=after or "", _limit=limit, _since=indexed_since)
        return [Reading._make(row) for row in rows]

    def waiting(self) -> int:
        row = self._session.one(_WAITING)
        assert row is not None
        return int(row[0])

    def untold(self) -> int:
        row = self._session.one(_UNTOLD)
        assert row is not None
        return int(row[0])

"""Contents, their extents and the segments in which they lie, in the catalog."""

from collections.abc import Sequence

from sqlalchemy import ColumnClause, bindparam, delete, exists, literal_column, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import contents, extents, files, segments, uploads
from kade.catalog.statements import Session, among, listed
from kade.core.clock import Millis
from kade.core.contents import Content, ContentState, Extent, Segment
from kade.core.files import FileState
from kade.core.ids import Id

# Written out, not parameters: else SQLite cannot know that a partial index holds every row asked for.
_LIVE: ColumnClause[str] = literal_column(f"'{ContentState.LIVE}'")
_CONDEMNED_STATE: ColumnClause[str] = literal_column(f"'{ContentState.CONDEMNED}'")

_ADD = insert_row(contents)
_GET = select_rows(contents).where(contents.c.id == bindparam("_id"))
_LOCK = _GET.with_for_update()
_LIVING = select(contents.c.id).where(
    among(contents.c.id, "_ids"), contents.c.state == ContentState.LIVE.value
)
_EXTENTS = (
    select(extents.c.segment_id, extents.c.start, extents.c.length)
    .where(extents.c.content_id == bindparam("_id"))
    .order_by(extents.c.position)
)
_ADD_EXTENT = insert_row(extents)
_SET_EXTENT = (
    update(extents)
    .where(extents.c.content_id == bindparam("_id"), extents.c.position == bindparam("_position"))
    .values(length=bindparam("_length"))
)
_DROP_EXTENTS = delete(extents).where(extents.c.content_id == bindparam("_id"))
_SET_LENGTH = (
    update(contents)
    .where(contents.c.id == bindparam("_id"))
    .values(length=bindparam("_length"), changed_at=bindparam("_at"))
)
_SEAL = (
    update(contents)
    .where(contents.c.id == bindparam("_id"))
    .values(
        state=ContentState.LIVE,
        inline=bindparam("_inline"),
        length=bindparam("_length"),
        sha256=bindparam("_sha256"),
        md5=bindparam("_md5"),
        detected_type=bindparam("_detected"),
        changed_at=bindparam("_at"),
    )
)
_SET_DIGESTS = (
    update(contents)
    .where(contents.c.id == bindparam("_id"))
    .values(sha256=bindparam("_sha256"), md5=bindparam("_md5"))
)
_WITHOUT_SHA256 = (
    select(contents.c.id)
    .where(contents.c.state == _LIVE, contents.c.sha256.is_(None), contents.c.id > bindparam("_after"))
    .order_by(contents.c.id)
    .limit(bindparam("_limit"))
)
_SET_TYPE = update(contents).where(contents.c.id == bindparam("_id")).values(detected_type=bindparam("_type"))
_WITHOUT_TYPE = (
    select_rows(contents)
    .where(contents.c.state == _LIVE, contents.c.detected_type.is_(None))
    .order_by(contents.c.id)
    .limit(bindparam("_limit"))
)
_CONDEMN = (
    update(contents)
    .where(contents.c.id == bindparam("_id"))
    .values(state=ContentState.CONDEMNED, changed_at=bindparam("_at"))
)
_CONDEMNED = (
    select(contents.c.id)
    .where(contents.c.state == _CONDEMNED_STATE, contents.c.changed_at < bindparam("_before"))
    .order_by(contents.c.changed_at)
    .limit(bindparam("_limit"))
)
_UNREFERENCED = (
    select(contents.c.id)
    .where(
        contents.c.state != ContentState.CONDEMNED,
        contents.c.changed_at < bindparam("_before", required=False),
        ~exists().where(
            files.c.content_id == contents.c.id,
            files.c.state.not_in([FileState.ERASED, FileState.REFUSED]),
        ),
        ~exists().where(uploads.c.content_id == contents.c.id),
    )
    .limit(bindparam("_limit", required=False))
)
_FORGET = delete(contents).where(contents.c.id == bindparam("_id"))
_PAGE = (
    select_rows(contents)
    .where(contents.c.id > bindparam("_after"))
    .order_by(contents.c.id)
    .limit(bindparam("_limit"))
)

_ADD_SEGMENT = insert_row(segments)
_GROW_SEGMENT = update(segments).where(segments.c.id == bindparam("_id")).values(length=bindparam("_length"))
_GET_SEGMENT = select_rows(segments).where(segments.c.id == bindparam("_id"))
_IN_USE = select(extents.c.position).where(extents.c.segment_id == bindparam("_id")).limit(1)
_UNREFERENCED_SEGMENTS = (
    select(segments.c.id)
    .where(
        segments.c.created_at < bindparam("_before"),
        ~exists().where(extents.c.segment_id == segments.c.id),
    )
    .limit(bindparam("_limit"))
)
_FORGET_SEGMENT = delete(segments).where(segments.c.id == bindparam("_id"))
_SEGMENT_PAGE = (
    select_rows(segments)
    .where(segments.c.id > bindparam("_after"))
    .order_by(segments.c.id)
    .limit(bindparam("_limit"))
)


class ContentTable:
    """Implements ``core.ports.Contents``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, content: Content) -> None:
        self._session.run(_ADD, **content._asdict())

    def get(self, content_id: Id) -> Content | None:
        row = self._session.one(_GET, _id=content_id)
        return Content._make(row) if row else None

    def living(self, content_ids: Sequence[Id]) -> set[Id]:
        rows = self._session.all(_LIVING, _ids=listed(content_ids)) if content_ids else ()
        return {row[0] for row in rows}

    def lock(self, content_id: Id) -> Content | None:
        row = self._session.one(_LOCK, _id=content_id)
        return Content._make(row) if row else None

    def extents(self, content_id: Id) -> list[Extent]:
        return [Extent._make(row) for row in self._session.all(_EXTENTS, _id=content_id)]

    def set_extents(self, content_id: Id, extents: Sequence[Extent], length: int, at: Millis) -> None:
        self._session.run(_DROP_EXTENTS, _id=content_id)
        self._session.run_many(
            _ADD_EXTENT,
            [
                {"content_id": content_id, "position": position, **extent._asdict()}
                for position, extent in enumerate(extents)
            ],
        )
        self._session.run(_SET_LENGTH, _id=content_id, _length=length, _at=at)

    def set_last_extent(self, content_id: Id, position: int, extent: Extent, length: int, at: Millis) -> None:
        changed = self._session.run(_SET_EXTENT, _id=content_id, _position=position, _length=extent.length)
        if changed == 0:
            self._session.run(_ADD_EXTENT, content_id=content_id, position=position, **extent._asdict())
        self._session.run(_SET_LENGTH, _id=content_id, _length=length, _at=at)

    def seal(
        self,
        content_id: Id,
        *,
        inline: bytes | None,
        length: int,
        sha256: str | None,
        md5: str | None,
        detected_type: str | None,
        at: Millis,
    ) -> None:
        self._session.run(
            _SEAL,
            _id=content_id,
            _inline=inline,
            _length=length,
            _sha256=sha256,
            _md5=md5,
            _detected=detected_type,
            _at=at,
        )

    def set_digests(self, content_id: Id, sha256: str, md5: str | None) -> None:
        self._session.run(_SET_DIGESTS, _id=content_id, _sha256=sha256, _md5=md5)

    def without_sha256(self, after: Id | None, limit: int) -> list[Id]:
        rows = self._session.all(_WITHOUT_SHA256, _after=after or "", _limit=limit)
        return [row[0] for row in rows]

    def set_detected_type(self, content_id: Id, detected_type: str) -> None:
        self._session.run(_SET_TYPE, _id=content_id, _type=detected_type)

    def without_type(self, limit: int) -> list[Content]:
        return [Content._make(row) for row in self._session.all(_WITHOUT_TYPE, _limit=limit)]

    def condemn(self, content_id: Id, at: Millis) -> None:
        self._session.run(_CONDEMN, _id=content_id, _at=at)

    def condemned_before(self, moment: Millis, limit: int) -> list[Id]:
        return [row[0] for row in self._session.all(_CONDEMNED, _before=moment, _limit=limit)]

    def unreferenced(self, before: Millis, limit: int) -> list[Id]:
        return [row[0] for row in self._session.all(_UNREFERENCED, _before=before, _limit=limit)]

    def forget(self, content_id: Id) -> None:
        self._session.run(_DROP_EXTENTS, _id=content_id)
        self._session.run(_FORGET, _id=content_id)

    def page(self, after: Id | None, limit: int) -> list[Content]:
        rows = self._session.all(_PAGE, _after=after or "", _limit=limit)
        return [Content._make(row) for row in rows]


class SegmentTable:
    """Implements ``core.ports.Segments``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, segment: Segment) -> None:
        self._session.run(_ADD_SEGMENT, **segment._asdict())

    def grow(self, segment_id: Id, length: int) -> None:
        self._session.run(_GROW_SEGMENT, _id=segment_id, _length=length)

    def get(self, segment_id: Id) -> Segment | None:
        row = self._session.one(_GET_SEGMENT, _id=segment_id)
        return Segment._make(row) if row else None

    def in_use(self, segment_id: Id) -> bool:
        return self._session.one(_IN_USE, _id=segment_id) is not None

    def unreferenced(self, before: Millis, limit: int) -> list[Id]:
        rows = self._session.all(_UNREFERENCED_SEGMENTS, _before=before, _limit=limit)
        return [row[0] for row in rows]

    def forget(self, segment_id: Id) -> None:
        self._session.run(_FORGET_SEGMENT, _id=segment_id)

    def page(self, after: Id | None, limit: int) -> list[Segment]:
        rows = self._session.all(_SEGMENT_PAGE, _after=after or "", _limit=limit)
        return [Segment._make(row) for row in rows]

"""Uploads and their leases in the catalog."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, or_, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import upload_parts, uploads
from kade.catalog.statements import Session, database_clock
from kade.core.clock import Millis
from kade.core.errors import KadeError, UploadReason
from kade.core.ids import Id
from kade.core.uploads import Lease, Upload, UploadState

_INTERNAL = ("lease_until", "wanted_by")

_ADD = insert_row(uploads)
_SELECT = select_rows(uploads, *_INTERNAL)
_GET = _SELECT.where(uploads.c.id == bindparam("_id"))
_LOCK = _GET.with_for_update()
_OF_FILE = _SELECT.where(uploads.c.file_id == bindparam("_file")).order_by(uploads.c.id).limit(1)
_OF_SLOT = _SELECT.where(uploads.c.slot_id == bindparam("_slot")).order_by(uploads.c.id)
_OF_PRINCIPAL = _SELECT.where(
    uploads.c.principal_id == bindparam("_principal"), uploads.c.state != UploadState.FINISHED
).order_by(uploads.c.id)
_TAKE_LEASE = (
    update(uploads)
    .where(
        uploads.c.id == bindparam("_id"),
        or_(uploads.c.lease_holder.is_(None), uploads.c.lease_until < database_clock()),
    )
    .values(
        lease_holder=bindparam("_holder"),
        lease_fence=uploads.c.lease_fence + 1,
        lease_until=database_clock() + bindparam("_ttl"),
        wanted_by=None,
        tail_segment=None,
    )
    .returning(uploads.c.lease_fence)
)
_WANT_LEASE = (
    update(uploads)
    .where(
        uploads.c.id == bindparam("_id"),
        uploads.c.lease_holder.is_not(None),
        uploads.c.lease_until >= database_clock(),
    )
    .values(wanted_by=bindparam("_by"))
)
_ADVANCE = (
    update(uploads)
    .where(
        uploads.c.id == bindparam("_id"),
        uploads.c.lease_fence == bindparam("_fence"),
        uploads.c.lease_holder == bindparam("_holder"),
        uploads.c.offset == bindparam("_from"),
    )
    .values(
        offset=bindparam("_to"),
        lease_until=database_clock() + bindparam("_ttl"),
        expires_at=bindparam("_expires"),
        tail_segment=None,
    )
    .returning(uploads.c.wanted_by)
)
_RELEASE = (
    update(uploads)
    .where(
        uploads.c.id == bindparam("_id"),
        uploads.c.lease_fence == bindparam("_fence"),
        uploads.c.lease_holder == bindparam("_holder"),
    )
    .values(lease_holder=None, lease_until=None, wanted_by=None, tail_segment=bindparam("_tail"))
)
_RELEASE_ALL = (
    update(uploads)
    .where(uploads.c.lease_holder.is_not(None))
    .values(lease_holder=None, lease_until=None, wanted_by=None, lease_fence=uploads.c.lease_fence + 1)
)
_SET_LENGTH = update(uploads).where(uploads.c.id == bindparam("_id")).values(length=bindparam("_length"))
_SET_RESERVED = (
    update(uploads).where(uploads.c.id == bindparam("_id")).values(reserved=bindparam("_reserved"))
)
_SET_EXPIRY = update(uploads).where(uploads.c.id == bindparam("_id")).values(expires_at=bindparam("_expires"))
_FINISH = (
    update(uploads)
    .where(uploads.c.id == bindparam("_id"))
    .values(state=UploadState.FINISHED, offset=bindparam("_offset"), expires_at=bindparam("_expires"))
)
_FORGET_PARTS = delete(upload_parts).where(upload_parts.c.final_id == bindparam("_id"))
_FORGET = delete(uploads).where(uploads.c.id == bindparam("_id"))
_ADD_PART = insert_row(upload_parts)
_PARTS = (
    select(upload_parts.c.part_id)
    .where(upload_parts.c.final_id == bindparam("_final"))
    .order_by(upload_parts.c.position)
)
_POSITIONS = (
    select(upload_parts.c.position)
    .where(upload_parts.c.final_id == bindparam("_final"))
    .order_by(upload_parts.c.position)
)
_AT_POSITION = (
    upload_parts.c.final_id == bindparam("_final"),
    upload_parts.c.position == bindparam("_position"),
)
_PART_AT = select(upload_parts.c.part_id).where(*_AT_POSITION)
_SET_PART = update(upload_parts).where(*_AT_POSITION).values(part_id=bindparam("_part"))
_JOIN = update(uploads).where(uploads.c.id == bindparam("_id")).values(state=UploadState.JOINING)
_PLACED = (
    select(func.coalesce(func.sum(uploads.c.offset), 0))
    .join(upload_parts, upload_parts.c.part_id == uploads.c.id)
    .where(upload_parts.c.final_id == bindparam("_final"))
)
_FINALS_OF = (
    select(upload_parts.c.final_id)
    .join(uploads, uploads.c.id == upload_parts.c.final_id)
    .where(upload_parts.c.part_id == bindparam("_part"), uploads.c.state == bindparam("_state"))
    .distinct()
    .order_by(upload_parts.c.final_id)
)
_EXPIRED = (
    _SELECT.where(
        uploads.c.expires_at <= bindparam("_moment"),
        or_(uploads.c.lease_holder.is_(None), uploads.c.lease_until < database_clock()),
    )
    .order_by(uploads.c.expires_at)
    .limit(bindparam("_limit"))
)
_EXPECTS = select(uploads.c.id).where(uploads.c.content_id == bindparam("_content")).limit(1)
_PAGE = _SELECT.where(uploads.c.id > bindparam("_after")).order_by(uploads.c.id).limit(bindparam("_limit"))


class UploadTable:
    """Implements ``core.ports.Uploads``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, upload: Upload) -> None:
        self._session.run(_ADD, **upload._asdict(), lease_until=None, wanted_by=None)

    def get(self, upload_id: Id) -> Upload | None:
        row = self._session.one(_GET, _id=upload_id)
        return Upload._make(row) if row else None

    def lock(self, upload_id: Id) -> Upload | None:
        row = self._session.one(_LOCK, _id=upload_id)
        return Upload._make(row) if row else None

    def of_slot(self, slot_id: Id) -> list[Upload]:
        return [Upload._make(row) for row in self._session.all(_OF_SLOT, _slot=slot_id)]

    def of_file(self, file_id: Id) -> Upload | None:
        row = self._session.one(_OF_FILE, _file=file_id)
        return Upload._make(row) if row else None

    def of_principal(self, principal_id: Id) -> list[Upload]:
        return [Upload._make(row) for row in self._session.all(_OF_PRINCIPAL, _principal=principal_id)]

    def take_lease(self, upload_id: Id, holder: str, ttl_ms: int) -> Lease | None:
        row = self._session.one(_TAKE_LEASE, _id=upload_id, _holder=holder, _ttl=ttl_ms)
        return Lease(upload_id, holder, int(row[0])) if row else None

    def want_lease(self, upload_id: Id, by: str) -> bool:
        return self._session.run(_WANT_LEASE, _id=upload_id, _by=by) == 1

    def advance(self, lease: Lease, offset: int, to: int, ttl_ms: int, expires_at: Millis) -> str | None:
        row = self._session.one(
            _ADVANCE,
            _id=lease.upload_id,
            _fence=lease.fence,
            _holder=lease.holder,
            _from=offset,
            _to=to,
            _ttl=ttl_ms,
            _expires=expires_at,
        )
        if row is None:
            raise KadeError(UploadReason.TAKEN_OVER, lease.upload_id)
        wanted_by: str | None = row[0]
        return wanted_by

    def release(self, lease: Lease, tail_segment: Id | None) -> None:
        self._session.run(
            _RELEASE, _id=lease.upload_id, _fence=lease.fence, _holder=lease.holder, _tail=tail_segment
        )

    def release_all(self) -> None:
        self._session.run(_RELEASE_ALL)

    def set_length(self, upload_id: Id, length: int) -> None:
        self._session.run(_SET_LENGTH, _id=upload_id, _length=length)

    def set_reserved(self, upload_id: Id, reserved: int) -> None:
        self._session.run(_SET_RESERVED, _id=upload_id, _reserved=reserved)

    def set_expiry(self, upload_id: Id, expires_at: Millis) -> None:
        self._session.run(_SET_EXPIRY, _id=upload_id, _expires=expires_at)

    def finish(self, upload_id: Id, offset: int, expires_at: Millis) -> None:
        self._session.run(_FINISH, _id=upload_id, _offset=offset, _expires=expires_at)

    def forget(self, upload_id: Id) -> None:
        self._session.run(_FORGET_PARTS, _id=upload_id)
        self._session.run(_FORGET, _id=upload_id)

    def add_parts(self, final_id: Id, part_ids: Sequence[Id]) -> None:
        self._session.run_many(
            _ADD_PART,
            [
                {"final_id": final_id, "position": position, "part_id": part_id}
                for position, part_id in enumerate(part_ids)
            ],
        )

    def put_part(self, final_id: Id, position: int, part_id: Id) -> Id | None:
        before = self._session.one(_PART_AT, _final=final_id, _position=position)
        if before is None:
            self._session.run(_ADD_PART, final_id=final_id, position=position, part_id=part_id)
            return None
        self._session.run(_SET_PART, _final=final_id, _position=position, _part=part_id)
        return Id(before[0])

    def join(self, final_id: Id) -> None:
        self._session.run(_JOIN, _id=final_id)

    def positions(self, final_id: Id) -> list[int]:
        return [row[0] for row in self._session.all(_POSITIONS, _final=final_id)]

    def parts(self, final_id: Id) -> list[Id]:
        return [row[0] for row in self._session.all(_PARTS, _final=final_id)]

    def placed(self, final_id: Id) -> int:
        row = self._session.one(_PLACED, _final=final_id)
        assert row is not None
        return int(row[0])

    def finals_of(self, part_id: Id, state: str) -> list[Id]:
        return [row[0] for row in self._session.all(_FINALS_OF, _part=part_id, _state=state)]

    def expired(self, moment: Millis, limit: int) -> list[Upload]:
        rows = self._session.all(_EXPIRED, _moment=moment, _limit=limit)
        return [Upload._make(row) for row in rows]

    def expects(self, content_id: Id) -> bool:
        return self._session.one(_EXPECTS, _content=content_id) is not None

    def page(self, after: Id | None, limit: int) -> list[Upload]:
        rows = self._session.all(_PAGE, _after=after or "", _limit=limit)
        return [Upload._make(row) for row in rows]

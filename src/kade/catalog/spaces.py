"""Spaces and quotas in the catalog."""

import json
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import BigInteger, Update, bindparam, func, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import files, quotas, spaces, uploads
from kade.catalog.statements import Duplicate, Row, Session, among, listed
from kade.core.clock import Millis
from kade.core.errors import KadeError, QuotaReason, SpaceReason
from kade.core.files import FileState
from kade.core.ids import Id
from kade.core.spaces import Policy, Quota, Space

_ADD = insert_row(spaces)
_GET = select_rows(spaces).where(spaces.c.id == bindparam("_id"))
_GET_MANY = select_rows(spaces).where(among(spaces.c.id, "_ids"))
_LIVING = select_rows(spaces).where(spaces.c.tenant_id == bindparam("_tenant"), spaces.c.removed_at.is_(None))
_NAMED_BELOW = _LIVING.where(
    spaces.c.parent_id == bindparam("_parent"), spaces.c.name_folded == bindparam("_folded")
)
_NAMED_ROOT = _LIVING.where(spaces.c.parent_id.is_(None), spaces.c.name_folded == bindparam("_folded"))
_OF_TENANT = _LIVING.order_by(spaces.c.name_folded, spaces.c.id)
_OF_NUMBER = (
    select_rows(spaces)
    .where(spaces.c.number == bindparam("_number"), spaces.c.removed_at.is_(None))
    .order_by(spaces.c.tenant_id)
)
_OF_NUMBER_HERE = _OF_NUMBER.where(spaces.c.tenant_id == bindparam("_tenant"))
_SET_NUMBER = update(spaces).where(spaces.c.id == bindparam("_id")).values(number=bindparam("_number"))
_RENAME = (
    update(spaces)
    .where(spaces.c.id == bindparam("_id"))
    .values(name=bindparam("_name"), name_folded=bindparam("_folded"))
)
_SET_POLICY = update(spaces).where(spaces.c.id == bindparam("_id")).values(policy=bindparam("_policy"))
_REMOVE = update(spaces).where(spaces.c.id == bindparam("_id")).values(removed_at=bindparam("_at"))

_ADD_QUOTA = insert_row(quotas)
# No sum of held bytes may leave the range of the database's integers.
_MOST = (1 << 62) - 1

_GET_QUOTA = select_rows(quotas).where(quotas.c.subject_id == bindparam("_subject"))
_SET_CEILING = (
    update(quotas).where(quotas.c.subject_id == bindparam("_subject")).values(ceiling=bindparam("_ceiling"))
)
_FITS = (
    quotas.c.used + quotas.c.reserved
    <= func.coalesce(quotas.c.ceiling, _MOST) - bindparam("_amount", type_=BigInteger)
) | (bindparam("_amount", type_=BigInteger) <= 0)
_RESERVE = (
    update(quotas)
    .where(quotas.c.subject_id == bindparam("_subject"), _FITS)
    .values(reserved=quotas.c.reserved + bindparam("_amount"))
)
_USE = (
    update(quotas)
    .where(quotas.c.subject_id == bindparam("_subject"), _FITS)
    .values(used=quotas.c.used + bindparam("_amount"))
)
_SETTLE = (
    update(quotas)
    .where(quotas.c.subject_id == bindparam("_subject"))
    .values(reserved=quotas.c.reserved - bindparam("_reserved"), used=quotas.c.used + bindparam("_used"))
)
_RECOUNT = (
    update(quotas)
    .where(quotas.c.subject_id == bindparam("_subject"))
    .values(reserved=bindparam("_reserved"), used=bindparam("_used"))
)
_HOLDING = [FileState.HELD, FileState.LIVE, FileState.TRASHED]
# required=False: a statement that holds a list is compiled with values at hand, or none.
_INDEXED = (
    select(spaces.c.id)
    .where(spaces.c.policy.contains('"index": true', autoescape=True), spaces.c.removed_at.is_(None))
    .limit(1)
)
_USED = select(func.coalesce(func.sum(files.c.length), 0)).where(
    (files.c.space_id == bindparam("_subject", required=False))
    | (files.c.tenant_id == bindparam("_subject", required=False)),
    files.c.state.in_(_HOLDING),
    files.c.content_id.is_not(None),  # what is kept elsewhere takes no room here
)
_RESERVED = select(func.coalesce(func.sum(uploads.c.reserved), 0)).where(
    (uploads.c.space_id == bindparam("_subject")) | (uploads.c.tenant_id == bindparam("_subject"))
)


@lru_cache(1024)
def _policy(stored: str) -> Policy:
    return Policy.of(json.loads(stored))


def _space(row: Row) -> Space:
    values = list(row)
    values[5] = _policy(values[5])
    return Space._make(values)


class SpaceTable:
    """Implements ``core.ports.Spaces``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, space: Space) -> None:
        if self.named(space.tenant_id, space.parent_id, space.name_folded):
            raise KadeError(SpaceReason.NAME_TAKEN, space.name)
        values = space._asdict() | {"policy": json.dumps(space.policy.stored())}
        try:
            self._session.run(_ADD, **values)
        except Duplicate as error:
            raise KadeError(SpaceReason.NAME_TAKEN, space.name) from error

    def get(self, space_id: Id) -> Space | None:
        row = self._session.one(_GET, _id=space_id)
        return _space(row) if row else None

    def get_many(self, space_ids: Sequence[Id]) -> dict[Id, Space]:
        rows = self._session.all(_GET_MANY, _ids=listed(space_ids)) if space_ids else ()
        return {row[0]: _space(row) for row in rows}

    def named(self, tenant_id: Id, parent_id: Id | None, folded: str) -> Space | None:
        if parent_id is None:
            row = self._session.one(_NAMED_ROOT, _tenant=tenant_id, _folded=folded)
        else:
            row = self._session.one(_NAMED_BELOW, _tenant=tenant_id, _parent=parent_id, _folded=folded)
        return _space(row) if row else None

    def of_tenant(self, tenant_id: Id) -> list[Space]:
        return [_space(row) for row in self._session.all(_OF_TENANT, _tenant=tenant_id)]

    def of_number(self, number: int, tenant_id: Id | None = None) -> list[Space]:
        if tenant_id is None:
            return [_space(row) for row in self._session.all(_OF_NUMBER, _number=number)]
        rows = self._session.all(_OF_NUMBER_HERE, _number=number, _tenant=tenant_id)
        return [_space(row) for row in rows]

    def set_number(self, space_id: Id, number: int) -> None:
        try:
            self._session.run(_SET_NUMBER, _id=space_id, _number=number)
        except Duplicate as error:
            raise KadeError(SpaceReason.NUMBER_TAKEN, str(number)) from error

    def rename(self, space_id: Id, name: str, folded: str) -> None:
        try:
            self._session.run(_RENAME, _id=space_id, _name=name, _folded=folded)
        except Duplicate as error:
            raise KadeError(SpaceReason.NAME_TAKEN, name) from error

    def set_policy(self, space_id: Id, policy: Policy) -> None:
        self._session.run(_SET_POLICY, _id=space_id, _policy=json.dumps(policy.stored()))

    def indexed(self) -> bool:
        return self._session.one(_INDEXED) is not None

    def remove(self, space_id: Id, at: Millis) -> None:
        self._session.run(_REMOVE, _id=space_id, _at=at)


class QuotaTable:
    """Implements ``core.ports.Quotas``; every figure changes by a conditional update."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, quota: Quota) -> None:
        self._session.run(_ADD_QUOTA, **quota._asdict())

    def get(self, subject_id: Id) -> Quota | None:
        row = self._session.one(_GET_QUOTA, _subject=subject_id)
        return Quota._make(row) if row else None

    def set_ceiling(self, subject_id: Id, ceiling: int | None) -> None:
        self._session.run(_SET_CEILING, _subject=subject_id, _ceiling=ceiling)

    def reserve(self, subjects: Sequence[Id], amount: int) -> None:
        self._take(_RESERVE, subjects, amount, reserved=amount)

    def use(self, subjects: Sequence[Id], amount: int) -> None:
        self._take(_USE, subjects, amount, used=amount)

    def _take(
        self, statement: Update, subjects: Sequence[Id], amount: int, *, reserved: int = 0, used: int = 0
    ) -> None:
        # Sorted, so that two transactions lock the rows in one order.
        taken: list[Id] = []
        for subject in sorted(subjects):
            if self._session.run(statement, _subject=subject, _amount=amount) == 0:
                self.settle(taken, reserved=reserved, used=-used)
                raise KadeError(QuotaReason.EXCEEDED, subject, amount=amount)
            taken.append(subject)

    def settle(self, subjects: Sequence[Id], reserved: int, used: int) -> None:
        for subject in sorted(subjects):
            self._session.run(_SETTLE, _subject=subject, _reserved=reserved, _used=used)

    def recount(self, subject_id: Id, used: int, reserved: int) -> None:
        self._session.run(_RECOUNT, _subject=subject_id, _used=used, _reserved=reserved)

    def actual(self, subject_id: Id) -> tuple[int, int]:
        used = self._session.one(_USED, _subject=subject_id)
        reserved = self._session.one(_RESERVED, _subject=subject_id)
        assert used and reserved
        return int(used[0]), int(reserved[0])

"""File requests, their slots, and contacts in the catalog."""

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import contacts, file_requests, slots
from kade.catalog.statements import Session
from kade.core.contacts import Contact
from kade.core.ids import Id
from kade.core.requests import FileRequest, Slot

_ADD = insert_row(file_requests)
_GET = select_rows(file_requests).where(file_requests.c.id == bindparam("_id"))
_LOCK = _GET.with_for_update()
_OF_GUEST = select_rows(file_requests).where(file_requests.c.guest_id == bindparam("_guest"))
_CHANGE = (
    update(file_requests)
    .where(file_requests.c.id == bindparam("_id"))
    .values({column.name: bindparam(column.name) for column in file_requests.c if column.name != "id"})
)
_OF_TENANT = (
    select_rows(file_requests)
    .where(file_requests.c.tenant_id == bindparam("_tenant"))
    .order_by(file_requests.c.id.desc())
)
_OPEN_OF_CONTACT = select(func.count()).where(
    file_requests.c.contact_id == bindparam("_contact"),
    file_requests.c.closed_at.is_(None),
    file_requests.c.completed_at.is_(None),
)
_ADD_SLOT = insert_row(slots)
_GET_SLOT = select_rows(slots).where(slots.c.id == bindparam("_id"))
_FILL = update(slots).where(slots.c.id == bindparam("_id")).values(file_id=bindparam("_file"))
_VACATE = update(slots).where(slots.c.file_id == bindparam("_file")).values(file_id=None)
_ADD_CONTACT = insert_row(contacts)
_GET_CONTACT = select_rows(contacts).where(contacts.c.id == bindparam("_id"))
_CHANGE_CONTACT = (
    update(contacts)
    .where(contacts.c.id == bindparam("_id"))
    .values({column.name: bindparam(column.name) for column in contacts.c if column.name != "id"})
)
_CONTACTS = (
    select_rows(contacts)
    .where(contacts.c.tenant_id == bindparam("_tenant"), contacts.c.removed_at.is_(None))
    .order_by(contacts.c.id.desc())
    .limit(bindparam("_limit"))
    .offset(bindparam("_skip"))
)


class FileRequestTable:
    """Implements ``core.ports.Requests``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, request: FileRequest, slots: Sequence[Slot]) -> None:
        self._session.run(_ADD, **request._asdict())
        self._session.run_many(_ADD_SLOT, [slot._asdict() for slot in slots])

    def get(self, request_id: Id) -> FileRequest | None:
        row = self._session.one(_GET, _id=request_id)
        return FileRequest._make(row) if row else None

    def lock(self, request_id: Id) -> FileRequest | None:
        row = self._session.one(_LOCK, _id=request_id)
        return FileRequest._make(row) if row else None

    def of_guest(self, guest_id: Id) -> FileRequest | None:
        row = self._session.one(_OF_GUEST, _guest=guest_id)
        return FileRequest._make(row) if row else None

    def change(self, request: FileRequest) -> None:
        values = request._asdict()
        self._session.run(_CHANGE, _id=values.pop("id"), **values)

    def page(
        self, tenant_id: Id, space_ids: Sequence[Id], skip: int, limit: int, *, closed: bool = False
    ) -> list[FileRequest]:
        wanted = _OF_TENANT.where(file_requests.c.space_id.in_(space_ids)).offset(skip).limit(limit)
        if not closed:
            wanted = wanted.where(file_requests.c.closed_at.is_(None))
        return [FileRequest._make(row) for row in self._session.all(wanted, _tenant=tenant_id)]

    def open_of_contact(self, contact_id: Id) -> int:
        row = self._session.one(_OPEN_OF_CONTACT, _contact=contact_id)
        assert row is not None
        return int(row[0])

    def slot(self, slot_id: Id) -> Slot | None:
        row = self._session.one(_GET_SLOT, _id=slot_id)
        return _slot(row) if row else None

    def slots(self, request_ids: Sequence[Id]) -> dict[Id, list[Slot]]:
        found: dict[Id, list[Slot]] = {each: [] for each in request_ids}
        wanted = (
            select_rows(slots)
            .where(slots.c.request_id.in_(request_ids))
            .order_by(slots.c.request_id, slots.c.position)
        )
        for row in self._session.all(wanted):
            slot = _slot(row)
            found[slot.request_id].append(slot)
        return found

    def fill(self, slot_id: Id, file_id: Id | None) -> None:
        self._session.run(_FILL, _id=slot_id, _file=file_id)

    def vacate(self, file_id: Id) -> None:
        self._session.run(_VACATE, _file=file_id)


class ContactTable:
    """Implements ``core.ports.Contacts``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, contact: Contact) -> None:
        self._session.run(_ADD_CONTACT, **contact._asdict())

    def get(self, contact_id: Id) -> Contact | None:
        row = self._session.one(_GET_CONTACT, _id=contact_id)
        return Contact._make(row) if row else None

    def change(self, contact: Contact) -> None:
        values = contact._asdict()
        self._session.run(_CHANGE_CONTACT, _id=values.pop("id"), **values)

    def page(self, tenant_id: Id, skip: int, limit: int) -> list[Contact]:
        rows = self._session.all(_CONTACTS, _tenant=tenant_id, _skip=skip, _limit=limit)
        return [Contact._make(row) for row in rows]


def _slot(row: tuple[object, ...]) -> Slot:
    found = Slot._make(row)
    return found._replace(required=bool(found.required))

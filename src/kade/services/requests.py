"""File requests: made, looked at, filled by whoever has the link, sent, closed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kade.core import media_types, names
from kade.core.clock import Millis, now
from kade.core.errors import FileRequestReason, KadeError
from kade.core.events import Event
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Origin
from kade.core.requests import MOST_SLOTS, FileRequest, Slot
from kade.services import access, contacts, links, slots, spaces, uploads
from kade.services.uploads import Arrived

_DESCRIPTION = 10_000  # characters


@dataclass(frozen=True, slots=True)
class SlotWish:
    """A file that is wanted; *max_size* in bytes, *accepts* media types such as ``image/*``."""

    name: str
    description: str | None = None
    required: bool = True
    max_size: int | None = None
    accepts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RequestWish:
    """What is asked of somebody: of *contact_id*, or of whoever gets the link. *password* is a hash."""

    name: str
    slots: Sequence[SlotWish]
    description: str | None = None
    contact_id: Id | None = None
    expires_at: Millis | None = None
    password: str | None = None
    language: str = ""
    notify: str = ""


class Placed(NamedTuple):
    """What is in a slot: its length in bytes, and its SHA-256 in hex once that is known."""

    file: File
    length: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class View:
    """A request with its slots and what is in them, by slot."""

    request: FileRequest
    slots: Sequence[Slot]
    placed: dict[Id, Placed] = field(default_factory=dict)


def create(tx: Tx, caller: Caller, secret: bytes, space_id: Id, wish: RequestWish) -> View:
    """Ask for files that are to be put into the space; *secret* is what links are made with.

    Raises:
        KadeError: no right to write there; ``FileRequestReason.BAD_NAME``, ``SLOT_COUNT``, ``BAD_LIMIT``;
            ``ContactReason.UNKNOWN`` or ``BAD_ADDRESS``; ``FileReason.BAD_MEDIA_TYPE``.
    """
    space = spaces.find(tx, caller, space_id, Verb.WRITE)
    if wish.contact_id is not None:
        contacts.find(tx, caller, wish.contact_id)
    if not 1 <= len(wish.slots) <= MOST_SLOTS:
        raise KadeError(FileRequestReason.SLOT_COUNT, str(len(wish.slots)))
    if wish.expires_at is not None and wish.expires_at <= now():
        raise KadeError(FileRequestReason.BAD_LIMIT, "expires_at")
    request_id = new_id()
    made = FileRequest(
        id=request_id,
        tenant_id=space.tenant_id,
        space_id=space.id,
        name=names.title(wish.name, FileRequestReason.BAD_NAME),
        description=_described(wish.description),
        contact_id=wish.contact_id,
        guest_id=links.new_guest(tx, caller, secret, f"request {request_id}").id,
        link=1,
        password=wish.password,
        language=wish.language,
        notify=contacts.address(wish.notify) if wish.notify else "",
        created_by=caller.principal_id,
        created_at=now(),
        expires_at=wish.expires_at,
        completed_at=None,
        closed_at=None,
    )
    wanted = [_slot(made.id, position, each) for position, each in enumerate(wish.slots)]
    tx.file_requests.add(made, wanted)
    tx.journal.append(Event.by(caller, "request.created", made.id, name=made.name, slots=len(wanted)))
    return View(made, wanted)


def find(tx: Tx, caller: Caller, request_id: Id | None, verb: Verb = Verb.LIST) -> View:
    """The request, unless it was closed, when the caller has *verb* where its files go.

    Raises:
        KadeError: ``FileRequestReason.UNKNOWN``.
    """
    found = tx.file_requests.get(request_id) if request_id else None
    if found is None or found.closed_at is not None or found.tenant_id != caller.tenant_id:
        raise KadeError(FileRequestReason.UNKNOWN, request_id or "")
    if not access.allowed(tx, caller, verb, found.space_id):
        raise KadeError(FileRequestReason.UNKNOWN, found.id)
    return _views(tx, [found])[0]


def page(tx: Tx, caller: Caller, skip: int, limit: int, *, closed: bool = False) -> list[View]:
    """Requests for the spaces that the caller may list, the newest first."""
    reach = access.reach(tx, caller, Verb.LIST)
    return _views(tx, tx.file_requests.page(caller.tenant_id, reach, skip, limit, closed=closed))


def close(tx: Tx, caller: Caller, request: FileRequest) -> None:
    """End a request: its link counts no longer, what runs by it ends, what was not sent goes.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED``; ``FileRequestReason.UNKNOWN`` when it is closed.
    """
    access.require(tx, caller, Verb.WRITE, request.space_id)
    current = tx.file_requests.lock(request.id)
    if current is None or current.closed_at is not None:
        raise KadeError(FileRequestReason.UNKNOWN, request.id)
    links.retire(tx, caller, current.guest_id)
    for slot in tx.file_requests.slots([current.id])[current.id]:
        _discard_uploads(tx, slot)
    tx.file_requests.change(current._replace(closed_at=now()))
    tx.journal.append(Event.by(caller, "request.closed", current.id, name=current.name))


def renew_link(tx: Tx, caller: Caller, secret: bytes, request: FileRequest) -> FileRequest:
    """Give the request another link; whoever has the former one is let in no longer.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED``; ``FileRequestReason.UNKNOWN`` when it is closed.
    """
    access.require(tx, caller, Verb.WRITE, request.space_id)
    current = tx.file_requests.lock(request.id)
    if current is None or current.closed_at is not None:
        raise KadeError(FileRequestReason.UNKNOWN, request.id)
    renewed = current._replace(link=current.link + 1)
    links.renew(tx, caller, secret, current.guest_id, renewed.link)
    tx.file_requests.change(renewed)
    tx.journal.append(Event.by(caller, "request.link_renewed", renewed.id, name=renewed.name))
    return renewed


def token(secret: bytes, request: FileRequest) -> str:
    """What stands in the request's link."""
    return links.token(secret, request.guest_id, request.link)


def visit(tx: Tx, presented: str, origin: Origin) -> tuple[Caller, View]:
    """Who comes by a link, and to which request.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL`` when it is no link to a request, or ended.
    """
    guest = links.authenticate(tx, presented, origin)
    return guest, of_guest(tx, guest)


def of_guest(tx: Tx, guest: Caller) -> View:
    """The request that a guest was asked. Raises KadeError(``FileRequestReason.UNKNOWN``)."""
    found = tx.file_requests.of_guest(guest.principal_id)
    if found is None:
        raise KadeError(FileRequestReason.UNKNOWN, guest.principal_id)
    return _views(tx, [found])[0]


def view(tx: Tx, request: FileRequest) -> View:
    """The request with its slots and what is in them."""
    return _views(tx, [request])[0]


def empty(tx: Tx, guest: Caller, slot_id: Id) -> None:
    """Take out of a slot what is in it, and end what is on its way there.

    Raises:
        KadeError: as ``slots.require_fillable`` does.
    """
    slots.require_fillable(tx, guest, slot_id)
    _discard_uploads(tx, slots.find(tx, guest, slot_id))
    tx.journal.append(Event.by(guest, "slot.emptied", slot_id))


def send(tx: Tx, guest: Caller) -> View:
    """Hand over everything that was put into the slots, all at once; what is still on its way ends.

    Raises:
        KadeError: ``FileRequestReason.SLOTS_EMPTY``, its subject the ids of required slots that are empty,
            or of all when nothing is there; as ``slots.require_open`` does.
    """
    asked = of_guest(tx, guest).request
    request = tx.file_requests.lock(asked.id)
    assert request is not None
    slots.require_open(request)
    wanted = tx.file_requests.slots([request.id])[request.id]
    missing = [slot for slot in wanted if slot.file_id is None]
    if len(missing) == len(wanted) or any(slot.required for slot in missing):
        required = [slot.id for slot in missing if slot.required] or [slot.id for slot in missing]
        raise KadeError(FileRequestReason.SLOTS_EMPTY, " ".join(required))
    for slot in wanted:
        _hand_over(tx, guest, slot)
    tx.file_requests.change(request._replace(completed_at=now()))
    sent = len(wanted) - len(missing)
    tx.journal.append(Event.by(guest, "request.completed", request.id, name=request.name, files=sent))
    return of_guest(tx, guest)


def _hand_over(tx: Tx, guest: Caller, slot: Slot) -> None:
    for upload in tx.uploads.of_slot(slot.id):
        if upload.file_id != slot.file_id:
            uploads.discard(tx, upload)
            continue
        content = tx.contents.get(upload.content_id)
        assert content is not None and content.length is not None
        uploads.go_live(tx, guest, upload, Arrived(content.length, sha256=content.sha256))


def _discard_uploads(tx: Tx, slot: Slot) -> None:
    for upload in tx.uploads.of_slot(slot.id):
        file = tx.files.get(upload.file_id)
        if file is None or file.state == FileState.RECEIVING:
            uploads.discard(tx, upload)


def _views(tx: Tx, found: Sequence[FileRequest]) -> list[View]:
    by_request = tx.file_requests.slots([each.id for each in found])
    file_ids = [slot.file_id for wanted in by_request.values() for slot in wanted if slot.file_id is not None]
    files = tx.files.get_many(file_ids)
    views = []
    for each in found:
        wanted = by_request[each.id]
        placed = {slot.id: there for slot in wanted if (there := _placed(tx, files, slot)) is not None}
        views.append(View(each, wanted, placed))
    return views


def _placed(tx: Tx, files: dict[Id, File], slot: Slot) -> Placed | None:
    file = files.get(slot.file_id) if slot.file_id is not None else None
    content = tx.contents.get(file.content_id) if file is not None and file.content_id else None
    if file is None or content is None:
        return None
    return Placed(file, content.length or 0, content.sha256)


def _slot(request_id: Id, position: int, wish: SlotWish) -> Slot:
    if wish.max_size is not None and not 0 < wish.max_size <= uploads.LONGEST:
        raise KadeError(FileRequestReason.BAD_LIMIT, "max_size")
    return Slot(
        id=new_id(),
        request_id=request_id,
        position=position,
        name=names.title(wish.name, FileRequestReason.BAD_NAME),
        description=_described(wish.description),
        required=wish.required,
        max_size=wish.max_size,
        accepts=media_types.accepted(wish.accepts),
        file_id=None,
    )


def _described(text: str | None) -> str | None:
    if text is not None and len(text) > _DESCRIPTION:
        raise KadeError(FileRequestReason.BAD_LIMIT, "description")
    return text

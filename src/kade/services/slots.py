"""Slots: what may be put into one, by whom, and what is there."""

import mimetypes

from kade.core import media_types
from kade.core.clock import now
from kade.core.errors import FileRequestReason, KadeError, SlotReason, UploadReason
from kade.core.events import Event
from kade.core.files import File
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.requests import FileRequest, RequestState, Slot
from kade.core.spaces import Space
from kade.core.uploads import Upload, UploadKind, UploadState

_PATIENCE_MS = 7 * 86_400_000
_OVER = {
    RequestState.COMPLETED: FileRequestReason.COMPLETED,
    RequestState.EXPIRED: FileRequestReason.EXPIRED,
    RequestState.CLOSED: FileRequestReason.UNKNOWN,
}


def find(tx: Tx, caller: Caller, slot_id: Id) -> Slot:
    """The slot, for the guest of its request; for anybody else there is none.

    Raises:
        KadeError: ``SlotReason.UNKNOWN``.
    """
    slot = tx.file_requests.slot(slot_id)
    request = tx.file_requests.get(slot.request_id) if slot is not None else None
    if slot is None or request is None or request.guest_id != caller.principal_id:
        raise KadeError(SlotReason.UNKNOWN, slot_id)
    return slot


def require_open(request: FileRequest) -> None:
    """Raises KadeError(``FileRequestReason.COMPLETED``, ``EXPIRED``, ``UNKNOWN``) unless it can be filled."""
    reason = _OVER.get(request.state(now()))
    if reason is not None:
        raise KadeError(reason, request.id)


def require_fillable(tx: Tx, caller: Caller, slot_id: Id) -> FileRequest:
    """The request, locked, when the caller may put a file into this slot of it now.

    Raises:
        KadeError: as ``find`` and ``require_open`` do.
    """
    request = tx.file_requests.lock(find(tx, caller, slot_id).request_id)
    assert request is not None
    require_open(request)
    return request


def admit(tx: Tx, caller: Caller, slot_id: Id, name: str, length: int | None, kind: UploadKind) -> Space:
    """Where an upload into the slot goes, when it may be begun.

    Raises:
        KadeError: as ``require_fillable`` does; ``SlotReason.WRONG_TYPE`` by the name, ``EMPTY_FILE``;
            ``UploadReason.MAX_SIZE``; ``BAD_LENGTH`` unless it is a whole file of a known length: only then
            can it be refused before it is sent.
    """
    request = require_fillable(tx, caller, slot_id)
    slot = find(tx, caller, slot_id)
    if length is None or kind is not UploadKind.WHOLE:
        raise KadeError(UploadReason.BAD_LENGTH, slot_id)
    if length == 0:
        raise KadeError(SlotReason.EMPTY_FILE, slot.name)
    if slot.max_size is not None and length > slot.max_size:
        raise KadeError(UploadReason.MAX_SIZE, slot.name, max_size=slot.max_size)
    _require_name(slot, name)
    space = tx.spaces.get(request.space_id)
    assert space is not None
    return space


def require_type(tx: Tx, slot_id: Id, detected: str | None) -> None:
    """Refuse what the first bytes say is something else than the slot is for.

    Raises:
        KadeError: ``SlotReason.WRONG_TYPE``.
    """
    slot = tx.file_requests.slot(slot_id)
    if slot is None or not slot.accepts:
        return
    accepted = slot.accepts.split()
    if detected is None or not media_types.looks_like(detected, accepted):
        raise KadeError(SlotReason.WRONG_TYPE, slot.name, detected=detected or "", accepts=slot.accepts)


def fill(tx: Tx, caller: Caller, slot_id: Id, file: File, sha256: str | None) -> Id | None:
    """Put the file into the slot, where it waits to be sent; the file that was there.

    Raises:
        KadeError: as ``require_fillable`` does.
    """
    require_fillable(tx, caller, slot_id)
    slot = find(tx, caller, slot_id)  # read again behind the lock: of two that fill it, one is the former
    tx.file_requests.fill(slot_id, file.id)
    filled = Event.by(caller, "slot.filled", slot_id, file=file.id, name=file.name, sha256=sha256 or "")
    tx.journal.append(filled)
    return slot.file_id if slot.file_id != file.id else None


def waits(tx: Tx, upload: Upload) -> bool:
    """Whether the upload is for a slot of a request that can be filled still: a day later, too.

    One that is not finished waits for a week.
    """
    if upload.state != UploadState.FINISHED and upload.created_at + _PATIENCE_MS < now():
        return False
    slot = tx.file_requests.slot(upload.slot_id) if upload.slot_id is not None else None
    request = tx.file_requests.get(slot.request_id) if slot is not None else None
    return request is not None and request.state(now()) is RequestState.OPEN


def _require_name(slot: Slot, name: str) -> None:
    if not slot.accepts:
        return
    named = mimetypes.guess_type(name, strict=False)[0]
    if named is None or not media_types.matches(named, slot.accepts.split()):
        raise KadeError(SlotReason.WRONG_TYPE, slot.name, detected=named or "", accepts=slot.accepts)

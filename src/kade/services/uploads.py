"""Uploads: begun, joined from parts, finished, ended. How bytes are appended is in ``appending``."""

import hashlib
from dataclasses import dataclass, field

from kade.core import media_types, names
from kade.core.bindings import Noun
from kade.core.clock import Millis, now
from kade.core.contents import Content, ContentState, Extent
from kade.core.errors import FileReason, KadeError, UploadReason
from kade.core.events import Event
from kade.core.files import File, FileState, TimeFrame
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.spaces import Space
from kade.core.tasks import TaskState
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.services import access, arrivals, files, slots, spaces
from kade.services.naming import Namers

DEFERRED_STEP = 64 << 20  # bytes of quota that an upload of unknown length holds at a time
LONGEST = 1 << 60  # bytes; above that no database could count what is held


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for every upload: *max_size* in bytes (0: no limit), *expire_after* in milliseconds."""

    max_size: int = 0
    expire_after: int = 86_400_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to upload. *length* None: not known yet; *slot_id*: to fill that slot."""

    name: str
    length: int | None
    media_type: str | None = None
    metadata: str = ""
    annotations: str = ""
    kind: UploadKind = UploadKind.WHOLE
    concat: str = ""
    frame: TimeFrame = field(default_factory=TimeFrame)
    slot_id: Id | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is known of a content when its last byte is durable; digests are hex or pending (None)."""

    length: int
    inline: bytes | None = None
    sha256: str | None = None
    md5: str | None = None
    detected_type: str | None = None


EMPTY = Arrived(
    0,
    inline=b"",
    sha256=hashlib.sha256().hexdigest(),
    md5=hashlib.md5(usedforsecurity=False).hexdigest(),
    detected_type="application/x-empty",
)


def begin(
    tx: Tx,
    caller: Caller,
    namers: Namers,
    rules: Rules,
    space_id: Id,
    wish: Wish,
    arrived: Arrived | None = None,
) -> Upload:
    """Open an upload into a space: its file id is reserved and named, its quota held.

    *arrived*: the bytes, when they are here already; if they are all of a whole file, it is live at once.

    Raises:
        KadeError: no right to write, a bad name or media type, ``UploadReason.MAX_SIZE`` or
            ``QuotaReason.EXCEEDED``; for a slot what ``slots.admit`` raises.
    """
    if wish.slot_id is not None:
        space = slots.admit(tx, caller, wish.slot_id, wish.name, wish.length, wish.kind)
        arrived = None  # its bytes are looked at first
    else:
        space = spaces.find(tx, caller, space_id, Verb.WRITE)
    check_size(rules, space, wish.length)
    upload = _new_upload(caller, rules, space, wish)
    if wish.length == 0:
        arrived = EMPTY
    if arrived is not None and wish.kind is UploadKind.WHOLE and arrived.length == wish.length:
        return _begin_finished(tx, caller, namers, space, upload, wish, arrived)
    tx.quotas.reserve((space.tenant_id, space.id), upload.reserved)
    tx.contents.add(_growing(upload))
    if wish.kind is not UploadKind.PARTIAL:
        tx.files.add(_new_file(caller, space, upload, wish))
    _open(tx, caller, namers, upload)
    if wish.kind is UploadKind.PARTIAL and wish.length == 0:
        finish(tx, caller, rules, upload, Arrived(0))
        return upload._replace(state=UploadState.FINISHED)
    return upload


def begin_version(
    tx: Tx, caller: Caller, rules: Rules, file: File, media_type: str | None, length: int | None
) -> Upload:
    """Open an upload of other bytes for a file that is known, held or live: it has them once they are here.

    Raises:
        KadeError: no right to write, ``UploadReason.MAX_SIZE`` or ``QuotaReason.EXCEEDED``.
    """
    space = spaces.find(tx, caller, file.space_id, Verb.WRITE)
    check_size(rules, space, length)
    upload = _new_upload(caller, rules, space, Wish(file.name, length, media_type))
    upload = upload._replace(file_id=file.id)
    tx.quotas.reserve((space.tenant_id, space.id), upload.reserved)
    tx.contents.add(_growing(upload))
    tx.uploads.add(upload)
    return upload


def check_size(rules: Rules, space: Space, length: int | None) -> None:
    """Raises KadeError(UploadReason.MAX_SIZE) when *length* is above a limit of ours or of the space."""
    limit = min(rules.max_size or LONGEST, space.policy.max_file_size or LONGEST, LONGEST)
    if length is not None and length > limit:
        raise KadeError(UploadReason.MAX_SIZE, max_size=limit)


def find(tx: Tx, caller: Caller, upload_id: Id | None) -> Upload:
    """The caller's own upload, in the tenant that it works for.

    Raises:
        KadeError: ``UploadReason.UNKNOWN``, the same for one that is not there, is over, or is another's.
    """
    return own(caller, tx.uploads.get(upload_id) if upload_id else None, upload_id)


def find_by_file(tx: Tx, caller: Caller, file_id: Id | None) -> Upload:
    """The caller's own upload that a reserved file id belongs to. Raises as ``find`` does."""
    return own(caller, tx.uploads.of_file(file_id) if file_id else None, file_id)


def own(caller: Caller, upload: Upload | None, subject: Id | None) -> Upload:
    """The upload, when it is there and the caller's and its time is not over. Raises as ``find`` does."""
    whose = (caller.tenant_id, caller.principal_id)
    if upload is None or (upload.tenant_id, upload.principal_id) != whose or upload.expires_at <= now():
        raise KadeError(UploadReason.UNKNOWN, subject or "")
    return upload


def set_length(tx: Tx, rules: Rules, upload: Upload, length: int) -> Upload:
    """Declare the length that was deferred.

    Raises:
        KadeError: ``UploadReason.LENGTH_CHANGED`` when another length stands already or more bytes are
            there; ``MAX_SIZE``; ``QuotaReason.EXCEEDED``.
    """
    if upload.length is not None:
        if upload.length != length:
            raise KadeError(UploadReason.LENGTH_CHANGED, upload.id)
        return upload
    if length < upload.offset:
        raise KadeError(UploadReason.LENGTH_CHANGED, upload.id)
    space = tx.spaces.get(upload.space_id)
    assert space is not None
    check_size(rules, space, length)
    tx.uploads.set_length(upload.id, length)
    return reserve(tx, upload._replace(length=length), length)


def reserve(tx: Tx, upload: Upload, amount: int) -> Upload:
    """Hold exactly *amount* bytes of quota for the upload. Raises KadeError(QuotaReason.EXCEEDED)."""
    if amount != upload.reserved:
        tx.uploads.set_reserved(upload.id, amount)  # everywhere the upload's row is locked before the quota's
        tx.quotas.reserve((upload.tenant_id, upload.space_id), amount - upload.reserved)
    return upload._replace(reserved=amount)


def finish(tx: Tx, caller: Caller, rules: Rules, upload: Upload, arrived: Arrived) -> File | None:
    """The last byte is durable: the content is sealed and the file goes live; None for a part.

    The caller is authorised again: rights may have gone since the upload began.
    """
    require_still(tx, caller, upload)
    tx.contents.seal(
        upload.content_id,
        inline=arrived.inline,
        length=arrived.length,
        sha256=arrived.sha256,
        md5=arrived.md5,
        detected_type=arrived.detected_type,
        at=now(),
    )
    tx.uploads.finish(upload.id, arrived.length, expiry(rules))
    if upload.kind == UploadKind.PARTIAL:
        reserve(tx, upload, arrived.length)
        for final_id in tx.uploads.finals_of(upload.id, UploadState.JOINING):
            join_when_ready(tx, caller, rules, final_id)
        return None
    if upload.slot_id is not None:
        return _wait_in_slot(tx, caller, upload, upload.slot_id, arrived)
    return go_live(tx, caller, upload, arrived)


def require_still(tx: Tx, caller: Caller, upload: Upload) -> None:
    """Raises KadeError(an ``AccessReason``, or what ``slots.require_fillable`` raises) when the caller may no
    longer write where the upload goes.
    """
    access.require_still(tx, caller)
    if upload.slot_id is not None:
        slots.require_fillable(tx, caller, upload.slot_id)
    else:
        access.require(tx, caller, Verb.WRITE, upload.space_id)


def end(tx: Tx, caller: Caller, upload: Upload) -> None:
    """Terminate an upload: what has come, and the quota held for more, are given up; a finished file stays.

    Raises:
        KadeError: ``UploadReason.UNKNOWN`` when somebody else ended it meanwhile.
    """
    if not discard(tx, upload):
        raise KadeError(UploadReason.UNKNOWN, upload.id)
    tx.journal.append(Event.by(caller, "upload.terminated", upload.id, file=upload.file_id))


def discard(tx: Tx, upload: Upload) -> bool:
    """What ``end`` does, without an event; False when the upload is gone already.

    The row is locked first: of two that end an upload together, one gives its quota back.
    """
    current = tx.uploads.lock(upload.id)
    if current is None:
        return False
    if current.kind == UploadKind.FINAL and current.state == UploadState.OPEN:
        for part_id in tx.uploads.parts(current.id):
            if (part := tx.uploads.get(part_id)) is not None:
                discard(tx, part)
    tx.uploads.forget(upload.id)
    if current.reserved:
        tx.quotas.settle((upload.tenant_id, upload.space_id), reserved=current.reserved, used=0)
    file = tx.files.get(upload.file_id)
    if file is not None and file.state == FileState.RECEIVING:
        files.change(tx, file, state=FileState.REFUSED, content_id=None)
        tx.file_requests.vacate(file.id)
    if file is None or file.state == FileState.RECEIVING:
        tx.bindings.remove(Noun.FILE, upload.file_id)
    if file is None or file.content_id != upload.content_id or file.state == FileState.RECEIVING:
        files.condemn_unused(tx, upload.content_id)
    return True


def give_up(tx: Tx, upload_id: Id) -> None:
    """Discard an upload that was begun and broke off, unless it is finished or gone."""
    upload = tx.uploads.get(upload_id)
    if upload is not None and upload.state != UploadState.FINISHED:
        discard(tx, upload)


def expire(tx: Tx, rules: Rules, upload: Upload) -> None:
    """The time of an upload is over: an unfinished one goes with its bytes, of a finished one the record.

    One that a task is to fill lives as long as the task; the part of a file, until that is assembled; one
    for a slot, until its request is over. It is looked at again under its lock: who used it a moment ago has
    gained it time.
    """
    current = tx.uploads.lock(upload.id)
    if current is None or current.expires_at > now():
        return
    task = tx.tasks.of_file(current.file_id)
    expected = task is not None and task.state in (TaskState.WAITING, TaskState.PAUSED)
    if expected or slots.waits(tx, current) or tx.uploads.finals_of(current.id, UploadState.OPEN):
        tx.uploads.set_expiry(current.id, expiry(rules))
    elif _is_done(tx, current):
        tx.uploads.forget(current.id)
    else:
        discard(tx, current)
        tx.journal.append(
            Event(
                "upload.expired", current.id, tenant_id=current.tenant_id, principal_id=current.principal_id
            )
        )


def expiry(rules: Rules) -> Millis:
    """When an upload that was touched now expires."""
    return Millis(now() + rules.expire_after)


def open_final(
    tx: Tx, caller: Caller, namers: Namers, rules: Rules, space: Space, wish: Wish, state: UploadState
) -> Upload:
    """Open the upload of a file that is to be made of parts; it holds no quota of its own."""
    final = _new_upload(caller, rules, space, wish)._replace(kind=UploadKind.FINAL, state=state, reserved=0)
    tx.contents.add(_growing(final))
    tx.files.add(_new_file(caller, space, final, wish))
    _open(tx, caller, namers, final)
    return final


def _begin_finished(
    tx: Tx,
    caller: Caller,
    namers: Namers,
    space: Space,
    upload: Upload,
    wish: Wish,
    arrived: Arrived,
) -> Upload:
    """Everything is here: each row is written once, as it will stay.

    The caller is authorised again, as ``finish`` does: the bytes may have taken a while.
    """
    access.require_still(tx, caller)
    tx.quotas.use((space.tenant_id, space.id), arrived.length)
    tx.contents.add(
        _growing(upload)._replace(
            state=ContentState.LIVE,
            length=arrived.length,
            inline=arrived.inline,
            sha256=arrived.sha256,
            md5=arrived.md5,
            detected_type=arrived.detected_type,
        )
    )
    file = _new_file(caller, space, upload, wish)._replace(**arrivals.live(space))
    tx.files.add(file)
    finished = upload._replace(state=UploadState.FINISHED, offset=arrived.length, reserved=0)
    _open(tx, caller, namers, finished)
    _announce(tx, caller, file, arrived)
    return finished


def _open(tx: Tx, caller: Caller, namers: Namers, upload: Upload) -> None:
    tx.uploads.add(upload)
    namers.name_file(tx, upload.space_id, upload.file_id)
    length = -1 if upload.length is None else upload.length
    tx.journal.append(Event.by(caller, "upload.created", upload.id, file=upload.file_id, length=length))


def _growing(upload: Upload) -> Content:
    return Content(
        upload.content_id, upload.tenant_id, ContentState.GROWING, 0, None, None, None, None, now()
    )


def _new_upload(caller: Caller, rules: Rules, space: Space, wish: Wish) -> Upload:
    if wish.length is not None and wish.length < 0:
        raise KadeError(UploadReason.BAD_LENGTH)
    return Upload(
        id=new_id(),
        tenant_id=space.tenant_id,
        space_id=space.id,
        file_id=new_id(),
        content_id=new_id(),
        principal_id=caller.principal_id,
        kind=wish.kind,
        state=UploadState.OPEN,
        length=wish.length,
        offset=0,
        reserved=wish.length or 0,
        metadata=wish.metadata,
        concat=wish.concat,
        tail_segment=None,
        lease_holder=None,
        lease_fence=0,
        created_at=now(),
        expires_at=expiry(rules),
        slot_id=wish.slot_id,
    )


def _new_file(caller: Caller, space: Space, upload: Upload, wish: Wish) -> File:
    name = names.clean(wish.name, FileReason.BAD_NAME)
    space.policy.require_name(names.fold(name))
    frame = wish.frame.checked()
    return File(
        id=upload.file_id,
        tenant_id=space.tenant_id,
        space_id=space.id,
        name=name,
        name_folded=names.fold(name),
        media_type=media_types.clean(wish.media_type),
        state=FileState.RECEIVING,
        content_id=upload.content_id,
        length=wish.length,
        annotations=wish.annotations,
        valid_from=frame.start,
        valid_until=frame.end,
        version=1,
        created_by=caller.principal_id,
        created_at=now(),
        changed_at=now(),
    )


def _wait_in_slot(tx: Tx, caller: Caller, upload: Upload, slot_id: Id, arrived: Arrived) -> File:
    """All is here, and waits in its slot for the request to be sent; what was there before goes."""
    file = tx.files.get(upload.file_id)
    assert file is not None
    slots.require_type(tx, slot_id, arrived.detected_type)
    former = slots.fill(tx, caller, slot_id, file, arrived.sha256)
    replaced = tx.uploads.of_file(former) if former is not None else None
    if replaced is not None:
        discard(tx, replaced)
    return file


def _is_done(tx: Tx, upload: Upload) -> bool:
    """Whether its file is there by now: neither a part, nor in a slot of a request that was never sent."""
    if upload.state != UploadState.FINISHED or upload.kind == UploadKind.PARTIAL:
        return False
    file = tx.files.get(upload.file_id) if upload.slot_id is not None else None
    return file is None or file.state != FileState.RECEIVING


def go_live(tx: Tx, caller: Caller, upload: Upload, arrived: Arrived) -> File:
    """The file of an upload that is finished is there for everybody who may read it."""
    file = tx.files.get(upload.file_id)
    if file is None or file.state not in (FileState.RECEIVING, FileState.HELD, FileState.LIVE):
        raise KadeError(FileReason.UNKNOWN, upload.file_id)
    space = tx.spaces.get(file.space_id)
    assert space is not None
    if file.state == FileState.LIVE:
        return _replace_content(tx, caller, file, upload, arrived)
    live = files.change(tx, file, length=arrived.length, content_id=upload.content_id, **arrivals.live(space))
    tx.quotas.settle((upload.tenant_id, upload.space_id), reserved=upload.reserved, used=arrived.length)
    tx.uploads.set_reserved(upload.id, 0)
    _announce(tx, caller, live, arrived)
    return live


def _replace_content(tx: Tx, caller: Caller, file: File, upload: Upload, arrived: Arrived) -> File:
    """Other bytes for a live file; those that it had go, unless somebody else has them, too."""
    changed = files.change(tx, file, content_id=upload.content_id, length=arrived.length)
    former = tx.uploads.of_file(file.id)
    if former is not None and former.id != upload.id:
        tx.uploads.forget(former.id)
    files.condemn_unused(tx, file.content_id)
    held = (file.length or 0) if file.content_id else 0
    tx.uploads.set_reserved(upload.id, 0)
    tx.quotas.settle(
        (upload.tenant_id, upload.space_id), reserved=upload.reserved, used=arrived.length - held
    )
    tx.journal.append(Event.by(caller, "file.changed", file.id, name=file.name, length=arrived.length))
    return changed


def _announce(tx: Tx, caller: Caller, file: File, arrived: Arrived) -> None:
    event = Event.by(
        caller,
        "file.created",
        file.id,
        name=file.name,
        length=arrived.length,
        sha256=arrived.sha256 or "",
        space=file.space_id,
    )
    arrivals.announce(tx, file, event)


def join_when_ready(tx: Tx, caller: Caller, rules: Rules, final_id: Id) -> None:
    """Make the final upload's content of its parts' extents; no byte is copied.

    The final upload is locked first: of two last parts that finish together, the second sees the first.
    """
    final = tx.uploads.lock(final_id)
    part_ids = tx.uploads.parts(final_id)
    parts = [tx.uploads.get(part_id) for part_id in part_ids]
    if final is None or any(part is None or part.state != UploadState.FINISHED for part in parts):
        return
    extents: list[Extent] = []
    for part in parts:
        assert part is not None
        extents += tx.contents.extents(part.content_id)
    locked = (tx.uploads.lock(part_id) for part_id in sorted(set(part_ids)))
    for current in filter(None, locked):  # read again: it may be a part of another file, too, or be gone
        reserve(tx, current, 0)
    total = sum(extent.length for extent in extents)
    space = tx.spaces.get(final.space_id)
    assert space is not None
    check_size(rules, space, total)
    if final.length is None:
        tx.uploads.set_length(final.id, total)
    reserved = reserve(tx, final, total)
    tx.contents.set_extents(final.content_id, extents, total, now())
    finish(tx, caller, rules, reserved, Arrived(total))

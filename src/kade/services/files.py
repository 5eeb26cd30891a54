"""Files: found, listed, changed, removed, restored."""

from collections.abc import Sequence
from typing import Any

from kade.core import folders, names
from kade.core.annotations import Annotations
from kade.core.bindings import Noun
from kade.core.clock import Millis, now
from kade.core.contents import Content, ContentState
from kade.core.errors import FileReason, KadeError
from kade.core.events import Event
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.services import access

VISIBLE = (FileState.LIVE,)


def find(
    tx: Tx, caller: Caller, file_id: Id | None, verb: Verb = Verb.READ, states: Sequence[str] = VISIBLE
) -> File:
    """The file, when it is in one of *states* and the caller has *verb* where it lies.

    Raises:
        KadeError: ``FileReason.UNKNOWN``, the same for a file that is not there and for somebody else's.
    """
    file = tx.files.get(file_id) if file_id else None
    if file is None or file.state not in states or file.tenant_id != caller.tenant_id:
        raise KadeError(FileReason.UNKNOWN, file_id or "")
    if not access.allowed(tx, caller, verb, file.space_id):
        raise KadeError(FileReason.UNKNOWN, file.id)
    return file


def content_of(tx: Tx, file: File) -> Content:
    """The bytes of a live file.

    Raises:
        KadeError: ``FileReason.INCOMPLETE`` while they are arriving, ``CONTENT_GONE`` after retention and
            when they are kept elsewhere.
    """
    content = tx.contents.get(file.content_id) if file.content_id else None
    if content is None or content.state == ContentState.CONDEMNED:
        raise KadeError(FileReason.CONTENT_GONE, file.id)
    if content.state != ContentState.LIVE:
        raise KadeError(FileReason.INCOMPLETE, file.id)
    return content


def list_in_reach(tx: Tx, caller: Caller, states: Sequence[str] = VISIBLE) -> list[File]:
    """Every file in the spaces that the caller may list, oldest first."""
    return tx.files.of_spaces(access.reach(tx, caller, Verb.LIST), states)


def at(tx: Tx, space_id: Id, folder: str, name: str, states: Sequence[str] = VISIBLE) -> File | None:
    """The file of that name in a folder (a path, or empty: in none), in whatever case.

    Of several it is the one whose state comes first in *states*, the newest of these.
    """
    place = tx.folders.at(space_id, names.fold(folder)) if folder else None
    if folder and place is None:
        return None
    found = tx.files.at(space_id, place.id if place else None, names.fold(name), states)
    return min(found, key=lambda file: states.index(file.state), default=None)


def path(tx: Tx, file: File) -> str:
    """Its folder's path and its name, with slashes."""
    folder = tx.folders.get_many([file.folder_id]).get(file.folder_id) if file.folder_id else None
    return f"{folder.path}/{file.name}" if folder is not None else file.name


def move(tx: Tx, caller: Caller, file: File, folder: str, name: str) -> File:
    """Put a file elsewhere in its space, under another name; its id, tags and meta stay.

    Raises:
        KadeError: ``FileReason.BAD_NAME`` or ``NAME_REFUSED``; ``AccessReason.VERB_NOT_GRANTED``.
    """
    access.require(tx, caller, Verb.WRITE, file.space_id)
    text = names.clean(name, FileReason.BAD_NAME)
    space = tx.spaces.get(file.space_id)
    assert space is not None
    space.policy.require_name(names.fold(text))
    place = tx.folders.ensure(space.id, folders.clean(folder)).id if folder else None
    moved = change(tx, file, name=text, name_folded=names.fold(text), folder_id=place)
    tx.journal.append(Event.by(caller, "file.moved", file.id, name=text, former=file.name))
    return moved


def annotate(tx: Tx, caller: Caller, file: File, said: Annotations) -> File:
    """Put *said* in the place of all that was said of the file."""
    access.require(tx, caller, Verb.WRITE, file.space_id)
    annotated = change(tx, file, annotations=said.stored())
    tx.journal.append(Event.by(caller, "file.annotated", file.id, name=file.name))
    return annotated


def change(tx: Tx, file: File, **values: Any) -> File:
    """Write a new version of the entry.

    Raises:
        KadeError: ``FileReason.WRONG_STATE`` when it was changed by somebody else meanwhile.
    """
    changed = file._replace(**values, version=file.version + 1, changed_at=now())
    if not tx.files.change(changed):
        raise KadeError(FileReason.WRONG_STATE, file.id)
    if changed.name_folded != file.name_folded:
        tx.deliveries.rename(file.id, changed.name_folded)
    return changed


def remove(tx: Tx, caller: Caller, file: File) -> bool:
    """Trash the file when its space keeps trash, else purge it; whether its bytes will go now."""
    access.require(tx, caller, Verb.REMOVE, file.space_id)
    space = tx.spaces.get(file.space_id)
    if space is not None and space.policy.trash_ms > 0:
        change(tx, file, state=FileState.TRASHED, due_at=Millis(now() + space.policy.trash_ms))
        lapse(tx, file)
        tx.journal.append(Event.by(caller, "file.trashed", file.id, name=file.name))
        return False
    return purge(tx, caller, file)


def restore(tx: Tx, caller: Caller, file: File) -> File:
    """Bring a trashed file back as it was.

    Raises:
        KadeError: ``FileReason.WRONG_STATE`` when it is not in the trash.
    """
    access.require(tx, caller, Verb.REMOVE, file.space_id)
    if file.state != FileState.TRASHED:
        raise KadeError(FileReason.WRONG_STATE, file.id)
    space = tx.spaces.get(file.space_id)
    assert space is not None
    due = space.policy.due(file.arrived_at or file.created_at)
    restored = change(tx, file, state=FileState.LIVE, due_at=due)
    tx.deliveries.revive(file.id)
    tx.journal.append(Event.by(caller, "file.restored", file.id, name=file.name))
    return restored


def purge(tx: Tx, caller: Caller, file: File) -> bool:
    """Erase the file for good, with its names and its upload; whether nothing else uses its bytes."""
    access.require(tx, caller, Verb.REMOVE, file.space_id)
    erased = erase(tx, file)
    tx.journal.append(Event.by(caller, "file.purged", file.id, name=file.name))
    return erased


def erase(tx: Tx, file: File) -> bool:
    """What ``purge`` does, without asking and without an event: for the sweeper and for other verbs."""
    change(tx, file, state=FileState.ERASED, content_id=None, due_at=None, folder_id=None)
    tx.bindings.remove(Noun.FILE, file.id)
    tx.items.forget(file.id)
    tx.records.forget_subject(file.id)
    tx.file_requests.vacate(file.id)
    lapse(tx, file)
    tx.deliveries.forget(file.id)
    upload = tx.uploads.of_file(file.id)
    if upload is not None:
        tx.uploads.forget(upload.id)
    condemned = condemn_unused(tx, file.content_id)
    reserved = upload.reserved if upload is not None else 0
    held = file.state in (FileState.HELD, FileState.LIVE, FileState.TRASHED)
    used = (file.length or 0) if held and file.content_id else 0
    # Quota last, here and wherever a file goes live: whoever holds a content may wait for quota, never the
    # other way round.
    tx.quotas.settle((file.tenant_id, file.space_id), reserved=reserved, used=-used)
    return condemned


def lapse(tx: Tx, file: File) -> None:
    """Its bytes cannot be had any more: a receipt for every subscriber that never fetched them."""
    for subscriber_id in tx.deliveries.lapse(file.id):
        tx.journal.append(
            Event("delivery.lapsed", file.id, tenant_id=file.tenant_id, principal_id=subscriber_id)
        )


def condemn_unused(tx: Tx, content_id: Id | None) -> bool:
    """Condemn the content unless a file or an upload refers to it; whether it is condemned now."""
    if content_id is None or tx.contents.lock(content_id) is None:
        return False
    if tx.files.of_content(content_id) or tx.uploads.expects(content_id):
        return False
    tx.contents.condemn(content_id, now())
    return True

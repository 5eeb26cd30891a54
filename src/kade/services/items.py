"""Items of sources and their files: how what stands elsewhere becomes a file here, and stays one.

A file whose bytes are copied is held until they are here; one whose bytes stay elsewhere is live at once.
"""

import mimetypes
from enum import StrEnum

from kade.core import folders, media_types, names
from kade.core.annotations import Annotations
from kade.core.clock import Millis, now
from kade.core.errors import FileReason
from kade.core.events import Event
from kade.core.files import File, FileState
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.sources import Item, Seen, Service, Source
from kade.core.spaces import Space
from kade.services import arrivals, files
from kade.services.naming import Namers

_KNOWN = (FileState.LIVE, FileState.HELD, FileState.TRASHED)
_NAME_TRIES = 1000


class Arrival(StrEnum):
    """What became of something that was seen where nothing was known."""

    ADDED = "added"
    RESTORED = "restored"
    ANOTHER = "another"  # another source of the space has it


class ItemKeeper:
    """Writes items and their files, always together."""

    def __init__(self, namers: Namers) -> None:
        self._namers = namers

    def folder_of(self, service: Service, source: Source, seen: Seen) -> str:
        """The folder's path in the space: the service's name, the source's path, and where it was seen."""
        return "/".join(filter(None, (service.name, source.path, *seen.folder)))

    def add(
        self, tx: Tx, caller: Caller, source: Source, folder: str, seen: Seen, run_id: Id | None
    ) -> Arrival:
        """A file for what was seen at a key where nothing was known; or the one that stands there already.

        Raises:
            KadeError: ``FileReason.BAD_NAME`` or ``NAME_REFUSED``.
        """
        there = files.at(tx, source.space_id, folder, seen.name, _KNOWN)
        item = tx.items.get(there.id) if there is not None else None
        if item is not None and item.source_id != source.id:
            return Arrival.ANOTHER
        name = seen.name
        if item is not None:  # another thing by that name, but for case, or a message of the same second
            name, there = _free_name(tx, source.space_id, folder, seen.name), None
        restored = there is not None and there.state == FileState.TRASHED
        if there is None:
            there = self._new_file(tx, caller, source.space_id, folder, name)
        elif restored:
            there = files.restore(tx, caller, there)
        made = Item(there.id, source.id, seen.key, "", seen.identity, run_id, None, 0, 0, "", None)
        tx.items.add(made)
        self.expect(tx, caller, source, made, seen)
        return Arrival.RESTORED if restored else Arrival.ADDED

    def expect(self, tx: Tx, caller: Caller, source: Source, item: Item, seen: Seen) -> None:
        """Something else, or something new, stands there: have its bytes read, or note what it is."""
        if source.copies:
            tx.items.change(item._replace(due_at=now(), failures=0, error=""))
        else:
            self.note(tx, caller, item, seen)

    def note(self, tx: Tx, caller: Caller, item: Item, seen: Seen) -> None:
        """The file is as it was seen; its bytes stay where they are."""
        file = tx.files.get(item.file_id)
        space = tx.spaces.get(file.space_id) if file is not None else None
        assert file is not None and space is not None
        length = seen.length if seen.length is not None else file.length
        told = {"length": length, "modified_at": seen.modified_at}
        if file.content_id is not None:
            file = _let_go(tx, file)
        if file.state == FileState.LIVE:
            changed = files.change(tx, file, **told)
            tx.journal.append(_event(caller, "file.changed", changed))
        else:
            live = files.change(tx, file, **told, **arrivals.live(space))
            arrivals.announce(tx, live, _event(caller, "file.created", live))
        self.settled(tx, item, seen)

    def settled(self, tx: Tx, item: Item, seen: Seen, again: Millis | None = None) -> None:
        """What was seen is what the house has now; *again* is when it is to be read nevertheless."""
        tx.items.change(
            item._replace(
                key=seen.key,
                signature=seen.signature,
                identity=seen.identity,
                queued_at=item.queued_at if again is not None else None,
                failures=0,
                error="",
                due_at=again,
            )
        )

    def rename(
        self,
        tx: Tx,
        caller: Caller,
        source: Source,
        former: Item,
        file: File,
        folder: str,
        seen: Seen,
        run_id: Id,
    ) -> None:
        """The thing that was *former* stands elsewhere now; its file keeps id, tags and meta."""
        if file.state == FileState.TRASHED:
            file = files.restore(tx, caller, file)
        there = files.at(tx, source.space_id, folder, seen.name, _KNOWN)
        name = seen.name
        if there is not None and there.id != file.id:
            name = _free_name(tx, source.space_id, folder, seen.name)
        files.move(tx, caller, file, folder, name)
        item = former._replace(key=seen.key, identity=seen.identity, seen_in=run_id)
        tx.items.change(item)
        if item.signature != seen.signature:
            self.expect(tx, caller, source, item, seen)

    def request(
        self,
        tx: Tx,
        caller: Caller,
        source: Source,
        place: tuple[str, str, str],
        said: Annotations,
        priority: int,
    ) -> File:
        """Have an item read soon, before those of lower *priority* (0 to 1000); its file, held if it is new.

        *place* is the folder in the space, the name, and the key in the source. What is *said* of the file
        takes the place of what was. A trashed one comes back.
        """
        folder, name, key = place
        known = tx.items.by_keys(source.id, [key]).get(key)
        file = tx.files.get(known.file_id) if known is not None else None
        if file is None or file.state not in _KNOWN:
            if known is not None:
                tx.items.forget(known.file_id)
            file = files.at(tx, source.space_id, folder, name, _KNOWN)
        if file is None:
            file = self._new_file(tx, caller, source.space_id, folder, name, said)
        else:
            if file.state == FileState.TRASHED:
                file = files.restore(tx, caller, file)
            file = files.annotate(tx, caller, file, said)
        item = tx.items.get(file.id)
        if item is None:
            item = Item(file.id, source.id, key, "", "", None, None, 0, 0, "", None)
            tx.items.add(item)
        queued = item._replace(
            queued_at=item.queued_at or now(), priority=priority, failures=0, error="", due_at=now()
        )
        tx.items.change(queued)
        tx.journal.append(Event.by(caller, "file.requested", file.id, name=file.name, priority=priority))
        return file

    def _new_file(
        self,
        tx: Tx,
        caller: Caller,
        space_id: Id,
        folder: str,
        name: str,
        said: Annotations | None = None,
    ) -> File:
        space = tx.spaces.get(space_id)
        assert space is not None
        file = _held_file(caller, space, tx.folders.ensure(space_id, folders.clean(folder)).id, name)
        file = file._replace(annotations=said.stored() if said is not None else "")
        tx.files.add(file)
        self._namers.name_file(tx, space_id, file.id)
        return file


def _held_file(caller: Caller, space: Space, folder_id: Id, name: str) -> File:
    text = names.clean(name, FileReason.BAD_NAME)
    space.policy.require_name(names.fold(text))
    guessed, _ = mimetypes.guess_type(text, strict=False)
    return File(
        id=new_id(),
        tenant_id=space.tenant_id,
        space_id=space.id,
        name=text,
        name_folded=names.fold(text),
        media_type=guessed or media_types.OCTET_STREAM,
        state=FileState.HELD,
        content_id=None,
        length=None,
        annotations="",
        valid_from=None,
        valid_until=None,
        version=1,
        created_by=caller.principal_id,
        created_at=now(),
        changed_at=now(),
        folder_id=folder_id,
    )


def _free_name(tx: Tx, space_id: Id, folder: str, name: str) -> str:
    """The name with the first number behind it by which nothing is called there."""
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    for number in range(2, _NAME_TRIES):
        candidate = f"{stem} ({number}){dot}{extension}"
        if files.at(tx, space_id, folder, candidate, _KNOWN) is None:
            return candidate
    return f"{stem} ({new_id()}){dot}{extension}"


def _let_go(tx: Tx, file: File) -> File:
    """The file without the bytes that were copied once: they are another thing's by now."""
    former, held = file.content_id, file.length or 0
    file = files.change(tx, file, content_id=None)
    upload = tx.uploads.of_file(file.id)
    if upload is not None:
        tx.uploads.forget(upload.id)
    files.condemn_unused(tx, former)
    tx.quotas.settle((file.tenant_id, file.space_id), reserved=0, used=-held)
    return file


def _event(caller: Caller, kind: str, file: File) -> Event:
    return Event.by(caller, kind, file.id, name=file.name, length=file.length or 0, space=file.space_id)


def retry_at(failures: int) -> Millis | None:
    """When to try again what failed so often; None: not by itself."""
    delays = (5_000, 60_000, 300_000, 1_800_000, 7_200_000)
    return Millis(now() + delays[failures - 1]) if failures <= len(delays) else None

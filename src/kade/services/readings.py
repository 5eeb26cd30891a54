"""Readings: which files are to be read, and of what the index is to be told, by what the journal says.

A file is read when it lies in a space whose policy says *index*, whichever door it came by. The text is kept
in the catalog, so that an index can be built anew without reading a file twice.
"""

import json

from kade.core.clock import now
from kade.core.events import Event, JournalEntry
from kade.core.files import File, FileState
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.readings import ReadingState, unread

_READ_AGAIN = ("file.created", "file.published", "file.changed")
_TOUCHED = (
    *_READ_AGAIN,
    "file.restored",
    "file.moved",
    "file.annotated",
    "file.trashed",
    "file.purged",
    "file.erased",
    "file.content_removed",
)
_POLICY = "space.policy_changed"
_CONTINUED = "space.reading_continued"
_PRESENT = (FileState.LIVE, FileState.TRASHED)
_BATCH = 500  # files of a space that are marked in one transaction


def follow(tx: Tx, entry: JournalEntry) -> None:
    """A reaction of the journal: mark what is to be read, and what the index has to be told."""
    if entry.kind in _TOUCHED:
        file = tx.files.get(Id(entry.subject))
        if file is not None:
            mark(tx, file, read_again=entry.kind in _READ_AGAIN)
    elif entry.kind in (_POLICY, _CONTINUED):
        _mark_space(tx, Id(entry.subject), entry)


def text_of(tx: Tx, file_id: Id) -> str:
    """The text that was read in a file; empty when there is none (yet)."""
    return tx.readings.texts([file_id]).get(file_id, "")


def mark(tx: Tx, file: File, *, read_again: bool) -> None:
    """Write down what a change of the file means: read it (again), tell the index, or have it forgotten."""
    space = tx.spaces.get(file.space_id)
    wanted = space is not None and space.policy.index and file.state in _PRESENT
    known = tx.readings.lock(file.id)
    if known is None:
        if wanted:
            tx.readings.add(unread(file.id, file.space_id, _priority(tx, file.id), now()))
        return
    stamped = known._replace(stamp=known.stamp + 1)
    if not wanted:
        tx.readings.change(stamped._replace(state=ReadingState.GONE))
    elif read_again or known.state == ReadingState.GONE:
        waiting = stamped._replace(state=ReadingState.WAITING, due_at=now(), attempts=0)
        tx.readings.change(waiting._replace(priority=_priority(tx, file.id)))
    else:
        tx.readings.change(stamped)


def _priority(tx: Tx, file_id: Id) -> int:
    item = tx.items.get(file_id)
    return item.priority if item is not None else 0


def _mark_space(tx: Tx, space_id: Id, entry: JournalEntry) -> None:
    """The space's policy changed: its files, so many at a time; the journal remembers where to go on."""
    after = Id(str(json.loads(entry.detail or "{}").get("after", ""))) if entry.kind == _CONTINUED else None
    found = tx.files.of_space(space_id, _PRESENT, after, _BATCH)
    space = tx.spaces.get(space_id)
    index = space is not None and space.policy.index
    known = tx.readings.get_many([file.id for file in found])
    for file in found:
        reading = known.get(file.id)
        if (reading is not None and reading.state != ReadingState.GONE) != index:
            mark(tx, file, read_again=False)
    if len(found) == _BATCH:
        tx.journal.append(Event(_CONTINUED, space_id, detail={"after": found[-1].id}))

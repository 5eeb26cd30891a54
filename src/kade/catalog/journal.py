"""The journal: events of a transaction wait until it ends; a sequencer gives them their place.

On SQLite the single writer is the sequencer. On PostgreSQL rows are numbered when they are inserted, not
when they are committed, so a reader would lose late ones; events go into the outbox there, and one
sequencer at a time moves them to the journal.
"""

import msgspec
from sqlalchemy import bindparam, delete, func, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import journal, outbox
from kade.catalog.statements import Session
from kade.core.clock import now
from kade.core.events import Event, JournalEntry, sealed

_ADD = insert_row(journal)
_TAIL = (
    select_rows(journal)
    .where(journal.c.position > bindparam("_after"))
    .order_by(journal.c.position)
    .limit(bindparam("_limit"))
)
_LAST = select(journal.c.position, journal.c.chain).order_by(journal.c.position.desc()).limit(1)
_LAST_POSITION = select(func.coalesce(func.max(journal.c.position), 0))
_POST = insert_row(outbox)
_POSTED = select(outbox.c.id, outbox.c.event).order_by(outbox.c.id).limit(bindparam("_limit"))
_UNPOST = delete(outbox).where(outbox.c.id == bindparam("_id"))
_ERASE = update(journal).where(journal.c.position == bindparam("_position")).values(detail=None)


class JournalTable:
    """Implements ``core.ports.Journal``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.events: list[Event] = []

    def append(self, event: Event) -> None:
        self.events.append(event.legible())  # one that cannot be kept would fail its neighbours, too

    def tail(self, after: int, limit: int) -> list[JournalEntry]:
        rows = self._session.all(_TAIL, _after=after, _limit=limit)
        return [JournalEntry._make(row) for row in rows]

    def last_position(self) -> int:
        row = self._session.one(_LAST_POSITION)
        assert row is not None
        return int(row[0])

    def erase_detail(self, position: int) -> None:
        """Forget what an event said in detail; its digest keeps the chain whole."""
        self._session.run(_ERASE, _position=position)


def enter(session: Session, events: list[Event]) -> None:
    """Give *events* the next positions of the journal. Only the one sequencer may call it."""
    if not events:
        return
    last = session.one(_LAST)
    position, chain = (int(last[0]), str(last[1])) if last else (0, "")
    rows = []
    at = now()
    for event in events:
        position += 1
        entry = sealed(event, position, at, chain)
        chain = entry.chain
        rows.append(entry._asdict())
    session.run_many(_ADD, rows)


def post(session: Session, events: list[Event]) -> None:
    """Leave *events* in the outbox, in the transaction that they belong to."""
    session.run_many(_POST, [{"event": msgspec.msgpack.encode(event)} for event in events])


def sequence(session: Session, limit: int = 1000) -> int:
    """Move up to *limit* events from the outbox to the journal; how many there were."""
    rows = session.all(_POSTED, _limit=limit)
    enter(session, [msgspec.msgpack.decode(row[1], type=Event) for row in rows])
    session.run_many(_UNPOST, [{"_id": row[0]} for row in rows])
    return len(rows)

"""The journal: read by time and kind, and proven whole."""

from collections.abc import Iterator
from dataclasses import dataclass

from kade.core.clock import Millis
from kade.core.events import JournalEntry, flaw
from kade.core.ports import Tx

_BLOCK = 1000


def position_before(tx: Tx, moment: Millis) -> int:
    """The last position that was entered before *moment*; 0 when there is none.

    Positions are dense and times do not go back, so halving finds it.
    """
    low, high = 0, tx.journal.last_position()
    while low < high:
        middle = (low + high + 1) // 2
        if tx.journal.tail(middle - 1, 1)[0].at < moment:
            low = middle
        else:
            high = middle - 1
    return low


def after(tx: Tx, position: int, kind: str = "", limit: int = _BLOCK) -> list[JournalEntry]:
    """At most *limit* entries after *position* whose kind begins with *kind*, oldest first."""
    found: list[JournalEntry] = []
    while len(found) < limit and (block := tx.journal.tail(position, _BLOCK)):
        found += (entry for entry in block if entry.kind.startswith(kind))
        position = block[-1].position
    return found[:limit]


def latest(tx: Tx, count: int, kind: str = "") -> list[JournalEntry]:
    """The last *count* entries whose kind begins with *kind*, oldest first."""
    found: list[JournalEntry] = []
    end = tx.journal.last_position()
    while len(found) < count and end > 0:
        begin = max(end - _BLOCK, 0)
        block = tx.journal.tail(begin, end - begin)
        found = [entry for entry in block if entry.kind.startswith(kind)] + found
        end = begin
    return found[-count:] if count else []


@dataclass(slots=True)
class Verification:
    """Follows the chain from the first entry on: positions are dense, digests and chain are right."""

    position: int = 0
    chain: str = ""

    def block(self, tx: Tx) -> list[JournalEntry]:
        """The next entries to be followed; none at the end."""
        return tx.journal.tail(self.position, _BLOCK)

    def follow(self, entries: list[JournalEntry]) -> Iterator[tuple[int, str]]:
        """Each flaw, as the position at which it was found and what it is; it goes on behind it."""
        for entry in entries:
            found = flaw(entry, self.position, self.chain)
            if found:
                yield entry.position, found
            self.position, self.chain = entry.position, entry.chain

"""Reading: what was read in a file, and whether the index knows it."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class ReadingState(StrEnum):
    """waiting until somebody reads the file; then done, or failed, which more tries would not mend.

    Of one that is gone the index is to forget what it knows; then the reading itself is forgotten.
    """

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"


class Reading(NamedTuple):
    """What is known of what is in a file.

    A waiting one is to be read at *due_at*, higher *priority* (0 to 1000) first; *attempts* counts tries that
    failed. What was found is as in ``extraction.Extracted``: *properties*, *attachments* and *remarks* are
    JSON, *kept* characters of *length* are the text, which stands apart. It has *words*, *distinct* ones
    among them, of *word_length* characters on average. *stamp* grows with each change that the index has to
    know, *indexed* is the stamp that it knows.
    """

    file_id: Id
    space_id: Id
    state: str
    priority: int
    due_at: Millis
    attempts: int
    kind: str
    media_type: str
    title: str
    author: str
    properties: str
    attachments: str
    remarks: str
    kept: int
    length: int
    words: int
    distinct: int
    word_length: int
    read_at: Millis | None
    stamp: int
    indexed: int
    indexed_at: Millis | None


def unread(file_id: Id, space_id: Id, priority: int, due_at: Millis) -> Reading:
    """A file of which nothing is known yet."""
    return Reading(
        file_id=file_id,
        space_id=space_id,
        state=ReadingState.WAITING,
        priority=priority,
        due_at=due_at,
        attempts=0,
        kind="file",
        media_type="",
        title="",
        author="",
        properties="",
        attachments="[]",
        remarks="[]",
        kept=0,
        length=0,
        words=0,
        distinct=0,
        word_length=0,
        read_at=None,
        stamp=1,
        indexed=0,
        indexed_at=None,
    )

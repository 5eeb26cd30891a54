"""File: an entry in a space."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.errors import FileReason, KadeError
from kade.core.ids import Id


class FileState(StrEnum):
    """receiving → held → live → trashed → gone → erased; a refused file never becomes live.

    Of a file that is gone the record is left, without its bytes.
    """

    RECEIVING = "receiving"
    HELD = "held"
    LIVE = "live"
    TRASHED = "trashed"
    GONE = "gone"
    ERASED = "erased"
    REFUSED = "refused"


class TimeFrame(NamedTuple):
    """From *start* up to but not including *end*; None on a side means open."""

    start: Millis | None = None
    end: Millis | None = None

    def contains(self, moment: Millis) -> bool:
        """Whether *moment* lies within."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)

    def checked(self) -> "TimeFrame":
        """Itself, when start lies before end.

        Raises:
            KadeError: ``FileReason.BAD_TIME_FRAME``.
        """
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise KadeError(FileReason.BAD_TIME_FRAME)
        return self


class File(NamedTuple):
    """An entry: what its name, kind, content and life cycle are.

    *length* is the content's length in bytes, once known. *annotations* are users' tags and metadata as the
    verbatim text in which they came. *version* counts the changes of the entry, from 1. *arrived_at* is when
    it went live, *due_at* when the next step of its life is to be taken by itself. *origin_id* is the file
    that it was published from by a rule: the first one, if that was published from another. *modified_at* is
    when it was last changed where it came from, *folder_id* where in the space it lies.

    A live file without content is known here and kept elsewhere (``core.sources``).
    """

    id: Id
    tenant_id: Id
    space_id: Id
    name: str
    name_folded: str
    media_type: str
    state: str
    content_id: Id | None
    length: int | None
    annotations: str
    valid_from: Millis | None
    valid_until: Millis | None
    version: int
    created_by: Id
    created_at: Millis
    changed_at: Millis
    arrived_at: Millis | None = None
    due_at: Millis | None = None
    origin_id: Id | None = None
    folder_id: Id | None = None
    modified_at: Millis | None = None

    @property
    def frame(self) -> TimeFrame:
        """When the file may be fetched from outside."""
        return TimeFrame(self.valid_from, self.valid_until)

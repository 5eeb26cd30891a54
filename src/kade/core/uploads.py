"""Upload: the way by which every byte enters."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class UploadKind(StrEnum):
    """A whole file, a part of one, or the final upload that joins parts (tus concatenation)."""

    WHOLE = "whole"
    PARTIAL = "partial"
    FINAL = "final"


class UploadState(StrEnum):
    """open → finished; a final upload is *joining* while parts of it are unfinished."""

    OPEN = "open"
    JOINING = "joining"
    FINISHED = "finished"


class Upload(NamedTuple):
    """Progress of bytes on their way in.

    *offset* is what was committed after the bytes were synced. *length* is None while it is deferred.
    *reserved* bytes of quota are held for it. *metadata* and *concat* are the headers as they came.
    *tail_segment* is a segment that the next holder may go on writing, because the last one let go of it
    cleanly. The lease fields are the lock: a change counts only with the current *lease_fence*. *slot_id* is
    the slot of a request that it is to fill: its file waits there until the request is sent.
    """

    id: Id
    tenant_id: Id
    space_id: Id
    file_id: Id
    content_id: Id
    principal_id: Id
    kind: str
    state: str
    length: int | None
    offset: int
    reserved: int
    metadata: str
    concat: str
    tail_segment: Id | None
    lease_holder: str | None
    lease_fence: int
    created_at: Millis
    expires_at: Millis
    slot_id: Id | None = None

    @property
    def complete(self) -> bool:
        """Whether every byte has arrived."""
        return self.length is not None and self.offset == self.length


class Lease(NamedTuple):
    """The right to append to one upload; *fence* grows with every lease."""

    upload_id: Id
    holder: str
    fence: int

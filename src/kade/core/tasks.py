"""Task: durable work, done by whoever holds its lease."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class TaskState(StrEnum):
    """waiting ⇄ paused; from either to succeeded, failed or cancelled. A failed one may wait again, and
    one that succeeded begin once more."""

    WAITING = "waiting"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Task(NamedTuple):
    """What somebody asked for, and how far it is.

    *kind* says whose handler does it, *lane* what it must share (such as the server it talks to).
    *request* and *progress* are JSON of that handler: what is to be done, which never changes, and what has
    come of it. *done* of *total* bytes (None: not known) are through. *file_id* is the file that it brings
    or sends, once there is one. *attempts* counts those that failed; there are at most *max_attempts* (0: no
    limit), none before *due_at* and none from *ends_at* on. *last_error* is a sentence for people. The lease
    fields are the lock: a change counts only with the current *lease_fence*; a waiting task whose lease is
    in force is running.
    """

    id: Id
    tenant_id: Id
    space_id: Id
    principal_id: Id
    kind: str
    lane: str
    state: str
    request: str
    progress: str
    file_id: Id | None
    done: int
    total: int | None
    attempts: int
    max_attempts: int
    last_error: str
    due_at: Millis
    ends_at: Millis | None
    lease_holder: str | None
    lease_fence: int
    created_at: Millis
    changed_at: Millis

"""FileRequest and Slot: what somebody was asked for, and what has come of it."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id

MOST_SLOTS = 10


class RequestState(StrEnum):
    """open → completed, once everything required is there and was sent; expired or closed before that."""

    OPEN = "open"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CLOSED = "closed"


class FileRequest(NamedTuple):
    """Files that somebody was asked for, and are put into *space_id* when they are sent.

    *guest_id* is the principal as which whoever has the link acts; *contact_id* whom it was sent to, None for
    a link that is public. *link* counts the links that it has had: the last one counts. *password* is an
    argon2 hash. *language* is that of the person who is asked, *notify* the address that is told when it is
    completed (empty: nobody's). It may be filled until *expires_at*.
    """

    id: Id
    tenant_id: Id
    space_id: Id
    name: str
    description: str | None
    contact_id: Id | None
    guest_id: Id
    link: int
    password: str | None
    language: str
    notify: str
    created_by: Id
    created_at: Millis
    expires_at: Millis | None
    completed_at: Millis | None
    closed_at: Millis | None

    def state(self, at: Millis) -> RequestState:
        """How it stands at that moment."""
        if self.closed_at is not None:
            return RequestState.CLOSED
        if self.completed_at is not None:
            return RequestState.COMPLETED
        if self.expires_at is not None and self.expires_at <= at:
            return RequestState.EXPIRED
        return RequestState.OPEN


class Slot(NamedTuple):
    """One file that is asked for, in the order of *position*.

    *max_size* in bytes, None: as large as any. *accepts* are media types (``application/pdf image/*``) with
    spaces between, empty: any. *file_id* is the file that was put there: still being received until the
    request is sent, live from then on.
    """

    id: Id
    request_id: Id
    position: int
    name: str
    description: str | None
    required: bool
    max_size: int | None
    accepts: str
    file_id: Id | None

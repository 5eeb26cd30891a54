"""What is synchronised: services of installations, places of theirs as sources of spaces, and their runs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class ServiceKind(StrEnum):
    """What a service is: where to look for files."""

    FOLDER = "folder"
    MAILBOX = "mailbox"
    WEBSITE = "website"


class Method(StrEnum):
    """How a source is kept up: walked by itself now and then, or only what is asked for, item by item."""

    AUTOMATIC = "automatic"
    REQUESTED = "requested"


class Installation(NamedTuple):
    """A named set of services; *takes_requests*: items of its sources may be asked for one by one."""

    id: Id
    tenant_id: Id
    name: str
    name_folded: str
    takes_requests: bool
    created_at: Millis


class Service(NamedTuple):
    """A file server, mailbox or website that can be read.

    *name* is the first part of the paths of what is found there: the file server's or account's name, the
    host. *location* is the local folder, the mailbox's address (``imaps://user@host:993``) or the first page
    of the site. *secret* is the sealed password of the mailbox. *settings* is JSON of its kind (see
    ``sources``).
    """

    id: Id
    tenant_id: Id
    installation_id: Id
    kind: str
    name: str
    name_folded: str
    location: str
    secret: bytes | None
    settings: str
    created_at: Millis


class Source(NamedTuple):
    """A place of a service that is synchronised into a space.

    *path* is where in the service, names with slashes; empty: all of it. *shown* is what people are shown for
    it. *copies*: its files' bytes are copied into the store. *interval_ms* is the time from the end of a run
    to the next one's start. *due_at* is when the next run begins (None: not by itself), *requested_at* when
    somebody asked for one that has not begun. *resynchronise*: its items are read again once, changed or not.
    *run_id* is the run that has it until *run_until*, which is renewed; of another run nothing counts.
    """

    id: Id
    tenant_id: Id
    space_id: Id
    service_id: Id
    path: str
    path_folded: str
    shown: str
    method: str
    copies: bool
    interval_ms: int
    due_at: Millis | None
    requested_at: Millis | None
    resynchronise: bool
    created_by: Id
    created_at: Millis
    removed_at: Millis | None = None
    run_id: Id | None = None
    run_until: Millis | None = None


class SyncRun(NamedTuple):
    """One walk over a source: *ended_at* None while it runs; *error* says why it did not get through.

    The counts are of items: *seen* of them, *added*, *changed*, *renamed*, *removed*, *restored*, and
    *failed* ones, which could not be read.
    """

    id: Id
    source_id: Id
    started_at: Millis
    ended_at: Millis | None
    seen: int
    added: int
    changed: int
    renamed: int
    removed: int
    restored: int
    failed: int
    error: str


class Item(NamedTuple):
    """What a source knows of a file of its own: where it stands there (*key*), and how it was when last read.

    *signature* differs when the bytes may differ; *identity* is the same for one thing under another name
    (empty: cannot be told). *queued_at*: somebody asked for it to be read, and it was not yet; *priority* 0
    to 1000, higher first. *due_at* is when it is to be read (None: it need not be). *failures* counts tries
    that failed since it was last read, *error* says why.
    """

    file_id: Id
    source_id: Id
    key: str
    signature: str
    identity: str
    seen_in: Id | None
    queued_at: Millis | None
    priority: int
    failures: int
    error: str
    due_at: Millis | None


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that stands in a place now.

    *key* names it there for as long as it stands there (a path, a message's UID, a URL); *folder* is where,
    as names below the place. *length* is in bytes, None: not known before it is read. *signature* and
    *identity* as in ``Item``.
    """

    key: str
    folder: tuple[str, ...]
    name: str
    signature: str
    identity: str = ""
    length: int | None = None
    modified_at: Millis | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that could not be looked at; what begins with *key* may still be there."""

    key: str
    error: str

"""Shares: files and spaces that somebody may fetch by a link, while whoever shared them may read them."""

from collections.abc import Sequence
from typing import NamedTuple

from kade.core.clock import now
from kade.core.errors import FileReason, KadeError, ShareReason
from kade.core.events import Event
from kade.core.files import File
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Origin
from kade.core.shares import Share, SharedThing
from kade.services import access, contacts, files, links, spaces, tenants

MOST_THINGS = 100
_MOST_FILES = 1000  # of a share that are listed


class Thing(NamedTuple):
    """What is to be shared: one of the two."""

    file_id: Id | None = None
    space_id: Id | None = None


class Shared(NamedTuple):
    """A share, and what is in it."""

    share: Share
    things: Sequence[SharedThing]


def create(
    tx: Tx, caller: Caller, secret: bytes, things: Sequence[Thing], contact_id: Id | None = None
) -> Shared:
    """Share files, and spaces with what is and comes in them; *secret* is what links are made with.

    Raises:
        KadeError: ``ShareReason.EMPTY`` for none or too many; ``FileReason.UNKNOWN`` or
            ``SpaceReason.UNKNOWN`` for what the caller may not read; ``ContactReason.UNKNOWN``.
    """
    if not 1 <= len(things) <= MOST_THINGS:
        raise KadeError(ShareReason.EMPTY, str(len(things)))
    for each in things:
        if each.file_id is not None:
            files.find(tx, caller, each.file_id)
        else:
            assert each.space_id is not None
            spaces.find(tx, caller, each.space_id, Verb.READ)
    if contact_id is not None:
        contacts.find(tx, caller, contact_id)
    share_id = new_id()
    guest = links.new_guest(tx, caller, secret, f"share {share_id}")
    made = Share(share_id, caller.tenant_id, contact_id, guest.id, 1, caller.principal_id, now(), None)
    kept = [SharedThing(made.id, position, *each) for position, each in enumerate(things)]
    tx.shares.add(made, kept)
    tx.journal.append(Event.by(caller, "share.created", made.id, things=len(things)))
    return Shared(made, kept)


def find(tx: Tx, caller: Caller, share_id: Id | None) -> Shared:
    """The share, for whoever may read in its tenant. Raises KadeError(``ShareReason.UNKNOWN``)."""
    found = tx.shares.get(share_id) if share_id else None
    if found is None or found.removed_at is not None or found.tenant_id != caller.tenant_id:
        raise KadeError(ShareReason.UNKNOWN, share_id or "")
    if not access.allowed(tx, caller, Verb.READ, tenants.root_of(tx, caller.tenant_id).id):
        raise KadeError(ShareReason.UNKNOWN, found.id)
    return Shared(found, tx.shares.things([found.id])[found.id])


def page(tx: Tx, caller: Caller, skip: int, limit: int) -> list[Shared]:
    """Those of the caller's tenant, the newest first."""
    access.require(tx, caller, Verb.READ, tenants.root_of(tx, caller.tenant_id).id)
    found = tx.shares.page(caller.tenant_id, skip, limit)
    things = tx.shares.things([each.id for each in found])
    return [Shared(each, things[each.id]) for each in found]


def remove(tx: Tx, caller: Caller, share: Share) -> None:
    """Its link ends, and all that runs by it; the files stay.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED``.
    """
    access.require(tx, caller, Verb.WRITE, tenants.root_of(tx, caller.tenant_id).id)
    links.retire(tx, caller, share.guest_id)
    tx.shares.change(share._replace(removed_at=now()))
    tx.journal.append(Event.by(caller, "share.removed", share.id))


def token(secret: bytes, share: Share) -> str:
    """What stands in the share's link."""
    return links.token(secret, share.guest_id, share.link)


def visit(tx: Tx, presented: str, origin: Origin) -> tuple[Caller, Shared]:
    """Who comes by a link, and to which share.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``; ``ShareReason.UNKNOWN`` for another kind of link.
    """
    guest = links.authenticate(tx, presented, origin)
    share = tx.shares.of_guest(guest.principal_id)
    if share is None:
        raise KadeError(ShareReason.UNKNOWN, guest.principal_id)
    return guest, Shared(share, tx.shares.things([share.id])[share.id])


def listed(tx: Tx, shared: Shared) -> list[File]:
    """The files of a share that are there, and that whoever shared them may read still."""
    found: dict[Id, File] = {}
    for each in shared.things:
        if each.file_id is not None:
            some = list(tx.files.get_many([each.file_id]).values())
        else:
            assert each.space_id is not None
            some = tx.files.of_space(each.space_id, files.VISIBLE, limit=_MOST_FILES)
        found |= {
            file.id: file for file in some if file.state in files.VISIBLE and _vouched(tx, shared, file)
        }
    return list(found.values())[:_MOST_FILES]


def readable(tx: Tx, shared: Shared, file_id: Id | None) -> File:
    """A file of the share. Raises KadeError(``FileReason.UNKNOWN``), the same for all that are not in it."""
    file = tx.files.get(file_id) if file_id else None
    within = file is not None and any(
        file.id == each.file_id or file.space_id == each.space_id for each in shared.things
    )
    if file is None or not within or file.state not in files.VISIBLE or not _vouched(tx, shared, file):
        raise KadeError(FileReason.UNKNOWN, file_id or "")
    return file


def _vouched(tx: Tx, shared: Shared, file: File) -> bool:
    """Whether whoever shared it may read it still: nobody gives away what was taken from them."""
    by = tx.principals.get(shared.share.created_by)
    if by is None or by.removed_at is not None:
        return False
    return access.allowed(tx, Caller(by.id, by.name, file.tenant_id), Verb.READ, file.space_id)

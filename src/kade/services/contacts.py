"""Contacts: made, found, changed, removed."""

import re

from kade.core import names
from kade.core.clock import now
from kade.core.contacts import Contact
from kade.core.errors import ContactReason, KadeError
from kade.core.events import Event
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.services import access, tenants

# Enough to tell an address from a slip: whether it is somebody's, only a mail shows. RFC 5321, 4.5.3.1.
_LOCAL = r"[^\s@<>()\[\],;:\\\"]{1,64}"
_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z){_LOCAL}@[^\s@<>()\[\],;:\\\"_]+\.[^\s@.,]{{2,}}")


def address(text: str) -> str:
    """A mail address. Raises KadeError(``ContactReason.BAD_ADDRESS``)."""
    found = text.strip()
    if not _ADDRESS.fullmatch(found) or not found.isprintable():
        raise KadeError(ContactReason.BAD_ADDRESS, ascii(text[:80]))
    return found


def create(
    tx: Tx, caller: Caller, name: str, email: str, *, language: str = "", details: str = "{}"
) -> Contact:
    """Somebody who can be asked for files.

    Raises:
        KadeError: ``ContactReason.BAD_NAME`` or ``BAD_ADDRESS``; ``AccessReason.VERB_NOT_GRANTED`` unless
            the caller may write in the tenant.
    """
    _require(tx, caller, Verb.WRITE)
    text = names.title(name, ContactReason.BAD_NAME)
    made = Contact(new_id(), caller.tenant_id, text, address(email), language, details, now(), None)
    tx.contacts.add(made)
    tx.journal.append(Event.by(caller, "contact.created", made.id))
    return made


def find(tx: Tx, caller: Caller, contact_id: Id | None) -> Contact:
    """The contact, in the caller's tenant. Raises KadeError(``ContactReason.UNKNOWN``)."""
    found = tx.contacts.get(contact_id) if contact_id else None
    if found is None or found.removed_at is not None or found.tenant_id != caller.tenant_id:
        raise KadeError(ContactReason.UNKNOWN, contact_id or "")
    if not access.allowed(tx, caller, Verb.LIST, tenants.root_of(tx, caller.tenant_id).id):
        raise KadeError(ContactReason.UNKNOWN, contact_id or "")
    return found


def page(tx: Tx, caller: Caller, skip: int, limit: int) -> list[Contact]:
    """Contacts of the caller's tenant, the newest first."""
    _require(tx, caller, Verb.LIST)
    return tx.contacts.page(caller.tenant_id, skip, limit)


def change(tx: Tx, caller: Caller, changed: Contact) -> Contact:
    """Another name, address or more. Raises as ``create`` does."""
    _require(tx, caller, Verb.WRITE)
    text = names.title(changed.name, ContactReason.BAD_NAME)
    checked = changed._replace(name=text, email=address(changed.email))
    tx.contacts.change(checked)
    tx.journal.append(Event.by(caller, "contact.changed", checked.id))
    return checked


def remove(tx: Tx, caller: Caller, contact: Contact) -> None:
    """Raises KadeError(``ContactReason.IN_USE``) while a request to the contact is open."""
    _require(tx, caller, Verb.WRITE)
    if tx.file_requests.open_of_contact(contact.id):
        raise KadeError(ContactReason.IN_USE, contact.name)
    tx.contacts.change(contact._replace(removed_at=now()))
    tx.journal.append(Event.by(caller, "contact.removed", contact.id))


def _require(tx: Tx, caller: Caller, verb: Verb) -> None:
    access.require(tx, caller, verb, tenants.root_of(tx, caller.tenant_id).id)

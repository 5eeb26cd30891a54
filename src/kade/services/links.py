"""Links: whoever has one acts as a guest, who may do what the link is for and nothing else.

A link is a token in an address. It can be told again to whoever made it, so it is not kept but made anew from
the house's secret; the catalog knows its hash. Another number gives another link, and the former one ends.
"""

import hashlib
import hmac

from kade.core.clock import now
from kade.core.errors import AccessReason, KadeError
from kade.core.events import Event
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import (
    Caller,
    Credential,
    CredentialKind,
    Origin,
    Principal,
    PrincipalKind,
    in_force,
)

PURPOSE = "links"  # what the house's secret for them is derived for
LENGTH = 40  # hex digits: 160 bits


def token(secret: bytes, guest_id: Id, number: int) -> str:
    """The token of a guest's link of that number."""
    return hmac.new(secret, f"{guest_id} {number}".encode(), hashlib.sha256).hexdigest()[:LENGTH]


def new_guest(tx: Tx, caller: Caller, secret: bytes, what: str) -> Principal:
    """A guest with its first link, for *what* (a noun and an id: the name of the guest)."""
    guest = Principal(
        new_id(), caller.tenant_id, PrincipalKind.GUEST, f"guest of {what}", f"guest of {what}", now(), None
    )
    tx.principals.add(guest)
    _issue(tx, caller, secret, guest.id, 1)
    return guest


def renew(tx: Tx, caller: Caller, secret: bytes, guest_id: Id, number: int) -> None:
    """Give the guest the link of that number; the former one ends, and all that runs by it."""
    _revoke(tx, caller, guest_id)
    _issue(tx, caller, secret, guest_id, number)


def retire(tx: Tx, caller: Caller, guest_id: Id) -> None:
    """The guest's link ends, and all that runs by it, and so does the guest."""
    _revoke(tx, caller, guest_id)
    tx.principals.remove(guest_id, now())


def authenticate(tx: Tx, presented: str, origin: Origin) -> Caller:
    """The guest whose link it is.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``, for a link that ended, too: it tells nothing.
    """
    found = tx.credentials.proven(CredentialKind.LINK, _fingerprint(presented))
    try:
        credential = in_force(found[0] if found else None, now())
    except KadeError as error:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL) from error
    assert found is not None
    guest = found[1]
    return Caller(guest.id, guest.name, guest.tenant_id, credential.id, origin, frozenset())


def _issue(tx: Tx, caller: Caller, secret: bytes, guest_id: Id, number: int) -> None:
    credential = Credential(
        id=new_id(),
        principal_id=guest_id,
        kind=CredentialKind.LINK,
        label=str(number),
        fingerprint=_fingerprint(token(secret, guest_id, number)),
        material=None,
        secret=None,
        not_before=None,
        not_after=None,
        created_at=now(),
        revoked_at=None,
    )
    tx.credentials.add(credential)
    tx.journal.append(Event.by(caller, "link.issued", credential.id, guest=guest_id))


def _revoke(tx: Tx, caller: Caller, guest_id: Id) -> None:
    for each in tx.credentials.of_principal(guest_id):
        if tx.credentials.revoke(each.id, now()):
            tx.journal.append(Event.by(caller, "credential.revoked", each.id, kind=each.kind))


def _fingerprint(presented: str) -> str:
    return hashlib.sha256(presented.encode(errors="replace")).hexdigest()

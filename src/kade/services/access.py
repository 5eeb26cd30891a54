"""The single place of permission: who may do what in which space, now."""

from collections.abc import Sequence

from kade.core.clock import now
from kade.core.errors import AccessReason, KadeError
from kade.core.grants import ALL_VERBS, Grant, Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, in_force


def allowed(tx: Tx, caller: Caller, verb: Verb, space_id: Id) -> bool:
    """Whether a grant on the space or on one above it gives *verb* now, and the caller may act there."""
    if caller.spaces is not None and space_id not in caller.spaces:
        return False
    at = now()
    grants = tx.grants.covering(caller.principal_id, space_id)
    return any(verb in grant.verbs and grant.in_force(at) for grant in grants)


def require(tx: Tx, caller: Caller, verb: Verb, space_id: Id) -> None:
    """Raises KadeError(AccessReason.VERB_NOT_GRANTED) unless it is allowed."""
    if not allowed(tx, caller, verb, space_id):
        raise KadeError(AccessReason.VERB_NOT_GRANTED, space_id, verb=verb.value)


def reach(tx: Tx, caller: Caller, verb: Verb) -> list[Id]:
    """Every space in which it is allowed at this moment, in the tenants in which the caller has grants."""
    spaces = tx.grants.spaces_with(caller.principal_id, verb, now())
    return [each for each in spaces if caller.spaces is None or each in caller.spaces]


def require_still(tx: Tx, caller: Caller) -> None:
    """What was proven when a long request began holds still: nobody was removed or revoked since.

    Raises:
        KadeError: ``AccessReason.REVOKED_CREDENTIAL`` or ``EXPIRED_CREDENTIAL``.
    """
    principal = tx.principals.get(caller.principal_id)
    if principal is None or principal.removed_at is not None:
        raise KadeError(AccessReason.REVOKED_CREDENTIAL, caller.principal_id)
    if caller.credential_id is not None:
        in_force(tx.credentials.get(caller.credential_id), now())


def grant(tx: Tx, principal_id: Id, space_id: Id, verbs: Sequence[Verb] = ALL_VERBS) -> Grant:
    """Give a principal *verbs* on a space and all below it."""
    given = Grant(new_id(), principal_id, space_id, tuple(verbs), None, None, now())
    tx.grants.add(given)
    return given

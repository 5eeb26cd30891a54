"""Users as an operator sees them: a principal together with what belongs to it.

A partner has a space of its own; an application works in all spaces of its tenant; an operator manages them
as well. Each verb composes those of principals, spaces and access in one transaction.
"""

from collections.abc import Sequence

from kade.core.errors import KadeError, PrincipalReason, SpaceReason
from kade.core.events import Event
from kade.core.grants import ALL_VERBS, Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller, Principal, PrincipalKind
from kade.core.spaces import Space
from kade.services import access, principals, spaces, tenants
from kade.services.naming import Namers

_VERBS_EVERYWHERE: dict[PrincipalKind, Sequence[Verb]] = {
    PrincipalKind.APPLICATION: (Verb.LIST, Verb.READ, Verb.WRITE, Verb.REMOVE),
    PrincipalKind.OPERATOR: ALL_VERBS,
}


def create(
    tx: Tx, caller: Caller, namers: Namers, kind: PrincipalKind, name: str, ceiling: int | None = None
) -> Principal:
    """A principal with what its kind needs; *ceiling* is the quota in bytes of a partner's own space.

    Raises:
        KadeError: ``PrincipalReason.BAD_NAME`` or ``NAME_TAKEN``; ``SpaceReason.NAME_TAKEN`` when a
            space is called like the partner.
    """
    principal = principals.create(tx, caller, namers, kind, name)
    if kind is PrincipalKind.PARTNER:
        spaces.create_personal(tx, caller, namers, principal, ceiling=ceiling)
        return principal
    verbs = _VERBS_EVERYWHERE[kind]
    for tenant_id in _tenants(tx, caller, kind):
        access.grant(tx, principal.id, tenants.root_of(tx, tenant_id).id, verbs)
    tx.journal.append(Event.by(caller, "grant.given", principal.id, verbs=" ".join(verbs)))
    return principal


def rename(tx: Tx, caller: Caller, namers: Namers, principal: Principal, name: str) -> None:
    """Give the principal, and the space of its own, another name. Raises as ``create`` does."""
    principals.rename(tx, caller, principal, name)
    for space in own_spaces(tx, caller, namers, principal):
        spaces.rename(tx, caller, space, name)


def remove(tx: Tx, caller: Caller, namers: Namers, principal: Principal) -> None:
    """Remove the principal and the empty space of its own.

    Raises:
        KadeError: ``PrincipalReason.STILL_OWNS_FILES`` while a file, even a trashed or unfinished one,
            is in it.
    """
    for space in own_spaces(tx, caller, namers, principal):
        try:
            spaces.remove(tx, caller, space)
        except KadeError as error:
            if error.reason is SpaceReason.NOT_EMPTY:
                raise KadeError(PrincipalReason.STILL_OWNS_FILES, principal.name) from error
            raise
    principals.remove(tx, caller, principal)


def own_spaces(tx: Tx, caller: Caller, namers: Namers, principal: Principal) -> list[Space]:
    """The spaces that were made for the principal."""
    return [spaces.find(tx, caller, space_id) for space_id in namers.personal_spaces(tx, principal.id)]


def owner_of(tx: Tx, namers: Namers, space: Space) -> Principal | None:
    """The principal whose own space it is, if it is anybody's."""
    everybody = tx.principals.of_tenant(space.tenant_id)
    return next((each for each in everybody if space.id in namers.personal_spaces(tx, each.id)), None)


def _tenants(tx: Tx, caller: Caller, kind: PrincipalKind) -> list[Id]:
    """Operators of the first tenant run the installation: they manage every one."""
    if kind is PrincipalKind.OPERATOR and caller.tenant_id == tenants.first(tx).id:
        return [tenant.id for tenant in tx.tenants.all()]
    return [caller.tenant_id]

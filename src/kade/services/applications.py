"""Applications that publish and subscribe: by business type, in one tenant or several."""

from collections.abc import Iterable

from kade.core.clock import now
from kade.core.errors import GrantReason, KadeError
from kade.core.events import Event
from kade.core.grants import Grant, Verb
from kade.core.ids import Id
from kade.core.networks import canonical
from kade.core.ports import Tx
from kade.core.principals import Caller, Principal, PrincipalKind
from kade.services import access, business_types, principals, tenants
from kade.services.naming import Namers


def create(tx: Tx, caller: Caller, namers: Namers, name: str) -> Principal:
    """An application without rights and without secrets. Raises as ``principals.create`` does."""
    return principals.create(tx, caller, namers, PrincipalKind.APPLICATION, name)


def entitle(
    tx: Tx,
    caller: Caller,
    namers: Namers,
    application: Principal,
    number: int,
    verb: Verb,
    *,
    ceiling: int | None = None,
) -> Grant:
    """Let the application publish (WRITE) or SUBSCRIBE in the caller's tenant; the grant that it has then.

    The tenant gets a space for the business type when it has none, with *ceiling* as its quota in bytes. A
    subscriber gets what arrives from now on.

    Raises:
        KadeError: ``BusinessTypeReason.UNKNOWN`` or ``WRONG_DIRECTION``.
    """
    business_types.require_direction(business_types.find(tx, number), verb)
    space = business_types.offer(tx, caller, namers, number, ceiling=ceiling)
    access.require(tx, caller, Verb.MANAGE, space.id)
    for given in tx.grants.of_principal(application.id):
        if given.space_id == space.id and verb in given.verbs and given.not_after is None:
            return given
    given = access.grant(tx, application.id, space.id, (verb,))
    tx.journal.append(Event.by(caller, "grant.given", application.id, verbs=verb.value, space=space.id))
    return given


def withdraw(tx: Tx, caller: Caller, grant_id: Id) -> None:
    """Take a grant away; transfers that are running end.

    Raises:
        KadeError: ``GrantReason.UNKNOWN``; ``AccessReason.VERB_NOT_GRANTED``.
    """
    given = tx.grants.get(grant_id)
    if given is None:
        raise KadeError(GrantReason.UNKNOWN, grant_id)
    access.require(tx, caller, Verb.MANAGE, given.space_id)
    tx.grants.remove(given.id)
    verbs = " ".join(given.verbs)
    tx.journal.append(
        Event.by(caller, "grant.revoked", given.principal_id, verbs=verbs, space=given.space_id)
    )


def tenants_of(tx: Tx, application_id: Id) -> dict[str, Id]:
    """The tenants in which the application has any right now, by name."""
    found = (tx.tenants.get(each) for each in tx.grants.tenants_of(application_id, now()))
    return {tenant.name: tenant.id for tenant in found if tenant is not None}


def set_networks(tx: Tx, caller: Caller, application: Principal, networks: Iterable[str]) -> str:
    """Let the application call from these networks only (CIDR); from anywhere when there are none.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED`` unless the caller manages the application's tenant;
            ``RequestReason.BAD_VALUE`` for what is no network.
    """
    access.require(tx, caller, Verb.MANAGE, tenants.root_of(tx, application.tenant_id).id)
    kept = canonical(networks)
    tx.principals.set_networks(application.id, kept)
    tx.journal.append(Event.by(caller, "principal.networks_changed", application.id, networks=kept))
    return kept

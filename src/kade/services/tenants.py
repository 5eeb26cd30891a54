"""Tenants and the space at the root of each."""

from kade.core import names
from kade.core.clock import now
from kade.core.errors import KadeError, SpaceReason, TenantReason
from kade.core.events import Event
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, PrincipalKind
from kade.core.spaces import Policy, Quota, Space
from kade.core.tenants import Tenant
from kade.services import access

ROOT = "root"


def create(tx: Tx, name: str) -> Tenant:
    """A tenant with its root space and unlimited quota.

    Raises:
        KadeError: ``TenantReason.BAD_NAME``; ``NAME_TAKEN``, in whatever case it is.
    """
    tenant = Tenant(new_id(), names.clean(name, TenantReason.BAD_NAME), now())
    if any(names.fold(each.name) == names.fold(tenant.name) for each in tx.tenants.all()):
        raise KadeError(TenantReason.NAME_TAKEN, tenant.name)
    tx.tenants.add(tenant)
    tx.quotas.add(Quota(tenant.id, None, 0, 0))
    space = Space(new_id(), tenant.id, None, ROOT, ROOT, Policy(), now(), None)
    tx.spaces.add(space)
    tx.quotas.add(Quota(space.id, None, 0, 0))
    return tenant


def root_of(tx: Tx, tenant_id: Id) -> Space:
    """The space above all others of a tenant: a grant on it holds everywhere."""
    root = tx.spaces.named(tenant_id, None, ROOT)
    if root is None:
        raise KadeError(SpaceReason.UNKNOWN, ROOT)
    return root


def first(tx: Tx) -> Tenant:
    """The tenant that ``kade init`` made: its operators run the installation.

    Raises:
        KadeError: ``TenantReason.UNKNOWN`` when there is none.
    """
    tenants = tx.tenants.all()
    if not tenants:
        raise KadeError(TenantReason.UNKNOWN)
    return min(tenants, key=lambda tenant: tenant.id)


def require_operator(tx: Tx, caller: Caller) -> None:
    """Raises KadeError(AccessReason.VERB_NOT_GRANTED) unless the caller manages the first tenant."""
    access.require(tx, caller, Verb.MANAGE, root_of(tx, first(tx).id).id)


def add(tx: Tx, caller: Caller, name: str) -> Tenant:
    """Another tenant, which the operators of the first one manage as well.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED``; ``TenantReason.BAD_NAME`` or ``NAME_TAKEN``.
    """
    require_operator(tx, caller)
    tenant = create(tx, name)
    for each in tx.principals.of_tenant(first(tx).id):
        if each.kind == PrincipalKind.OPERATOR:
            access.grant(tx, each.id, root_of(tx, tenant.id).id)
    tx.journal.append(Event.by(caller, "tenant.created", tenant.id, name=tenant.name))
    return tenant


def named(tx: Tx, name: str) -> Tenant:
    """The tenant of that name.

    Raises:
        KadeError: ``TenantReason.UNKNOWN``.
    """
    tenant = tx.tenants.named(name)
    if tenant is None:
        raise KadeError(TenantReason.UNKNOWN, name)
    return tenant

"""Tenants and the space at the root of each."""

from kade.core import names
from kade.core.clock import now
from kade.core.errors import KadeError, SpaceReason, TenantReason
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.spaces import Policy, Quota, Space
from kade.core.tenants import Tenant

ROOT = "root"


def create(tx: Tx, name: str) -> Tenant:
    """A tenant with its root space and unlimited quota."""
    tenant = Tenant(new_id(), names.clean(name, TenantReason.BAD_NAME), now())
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


def only(tx: Tx) -> Tenant:
    """The tenant of an installation that has one.

    Raises:
        KadeError: ``TenantReason.UNKNOWN`` when there are none or several.
    """
    tenants = tx.tenants.all()
    if len(tenants) != 1:
        raise KadeError(TenantReason.UNKNOWN, f"{len(tenants)} tenants")
    return tenants[0]

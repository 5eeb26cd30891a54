"""The first tenant, its root space and its first operator."""

from kade.core import names
from kade.core.clock import now
from kade.core.errors import KadeError, PrincipalReason
from kade.core.events import Event
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Credential, CredentialKind, Origin, Principal, PrincipalKind
from kade.services import access, tenants
from kade.services.naming import Namers

OPERATOR = "admin"
LOCAL = Origin("cli", "", "local")


def install(tx: Tx, namers: Namers, tenant_name: str, key_fingerprint: str) -> Caller:
    """Make the tenant, and an operator with every right whose key has this fingerprint.

    Raises:
        KadeError: ``TenantReason.NAME_TAKEN`` when that was done before.
    """
    tenant = tenants.create(tx, tenant_name)
    root = tenants.root_of(tx, tenant.id)
    operator = Principal(
        new_id(), tenant.id, PrincipalKind.OPERATOR, OPERATOR, names.fold(OPERATOR), now(), None
    )
    tx.principals.add(operator)
    namers.name_principal(tx, operator)
    access.grant(tx, operator.id, root.id)
    tx.credentials.add(
        Credential(
            new_id(),
            operator.id,
            CredentialKind.KEY,
            "first key",
            key_fingerprint,
            None,
            None,
            None,
            None,
            now(),
            None,
        )
    )
    caller = Caller(operator.id, operator.name, tenant.id, None, LOCAL)
    tx.journal.append(Event.by(caller, "tenant.created", tenant.id, name=tenant.name))
    return caller


def local_operator(tx: Tx) -> Caller:
    """Who acts when a command runs on the server itself: whoever can write the data folder is its operator.

    Raises:
        KadeError: ``TenantReason.UNKNOWN`` before ``install``; ``PrincipalReason.UNKNOWN`` when no operator
            is left.
    """
    tenant = tenants.first(tx)
    operator = tx.principals.named(tenant.id, names.fold(OPERATOR))
    if operator is None:
        candidates = (
            each for each in tx.principals.of_tenant(tenant.id) if each.kind == PrincipalKind.OPERATOR
        )
        operator = next(candidates, None)
    if operator is None:
        raise KadeError(PrincipalReason.UNKNOWN, OPERATOR)
    return Caller(operator.id, operator.name, tenant.id, None, LOCAL)

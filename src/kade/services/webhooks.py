"""Webhooks: registered, found, removed."""

from kade.core.clock import now
from kade.core.errors import KadeError, WebhookReason
from kade.core.events import Event
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.webhooks import Webhook
from kade.services import access, tenants


def create(tx: Tx, caller: Caller, instance: str, kind: str, url: str, secret: bytes) -> Webhook:
    """Have *url* called about events of that kind in the caller's tenant; *secret* is sealed.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED`` unless the caller manages the tenant.
    """
    _require_manager(tx, caller)
    made = Webhook(new_id(), caller.tenant_id, instance, kind, url, secret, caller.principal_id, now(), None)
    tx.webhooks.add(made)
    tx.journal.append(Event.by(caller, "webhook.created", made.id, kind=kind))
    return made


def of_tenant(tx: Tx, caller: Caller, instance: str) -> list[Webhook]:
    """Those of a dialect instance in the caller's tenant, the newest first. Raises as ``create`` does."""
    _require_manager(tx, caller)
    found = [each for each in tx.webhooks.of_tenant(caller.tenant_id) if each.instance == instance]
    return found[::-1]


def find(tx: Tx, caller: Caller, webhook_id: Id | None) -> Webhook:
    """One of them.

    Raises:
        KadeError: ``WebhookReason.UNKNOWN``; as ``create`` does.
    """
    _require_manager(tx, caller)
    found = tx.webhooks.get(webhook_id) if webhook_id else None
    if found is None or found.removed_at is not None or found.tenant_id != caller.tenant_id:
        raise KadeError(WebhookReason.UNKNOWN, webhook_id or "")
    return found


def remove(tx: Tx, caller: Caller, webhook: Webhook) -> None:
    """It is called no longer, not even about what has happened."""
    _require_manager(tx, caller)
    tx.webhooks.remove(webhook.id, now())
    tx.journal.append(Event.by(caller, "webhook.removed", webhook.id, kind=webhook.kind))


def _require_manager(tx: Tx, caller: Caller) -> None:
    access.require(tx, caller, Verb.MANAGE, tenants.root_of(tx, caller.tenant_id).id)

"""``/webhooks``: addresses that are called when something happens."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from kade.auth.sealing import Sealer
from kade.core.clock import Millis
from kade.core.ids import Id, new_token
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller
from kade.core.webhooks import Webhook
from kade.dialects.filerequests import ids, paging
from kade.dialects.filerequests.answers import Answers
from kade.dialects.filerequests.fields import Fields
from kade.dialects.filerequests.ids import Prefix
from kade.dialects.filerequests.settings import Settings
from kade.dialects.filerequests.wire import Wire
from kade.services import links, requests, tenants, webhooks
from kade.tasks import Run
from kade.tasks.outbox import Call, call, pause
from kade.tasks.runner import Finish, Hopeless

if TYPE_CHECKING:
    from kade.client.policy import Policy

INSTANCE = "filerequests"
# The words of this wire for what happens in the core.
KINDS = {
    "customer-created": "contact.created",
    "customer-updated": "contact.changed",
    "customer-deleted": "contact.removed",
    "file-request-created": "request.created",
    "file-request-completed": "request.completed",
    "file-request-deleted": "request.closed",
}
_TYPES = {kind: told for told, kind in KINDS.items()}
_PATH = "/webhooks"
_PURPOSE = "secret of a webhook"
_SECRET = 40  # characters that carry 238 bits


def policy_of(settings: Settings) -> Policy:
    """Where webhooks may be."""
    from kade.client.policy import Policy  # the client's library is heavy, and many have no webhook

    return Policy(networks=[ipaddress.ip_network(each) for each in settings.webhook_networks])


class Webhooks:
    """Operations on webhooks."""

    def __init__(self, answers: Answers, settings: Settings) -> None:
        self._answers = answers
        self._settings = settings

    async def create(self, request: Request, caller: Caller) -> Response:
        """One more; its secret stands in what it is called with."""
        fields = await Fields.of(request)
        url, kind = fields.text("url", longest=2000), fields.text("type")
        if url and not self._allowed(url):
            fields.wrong("url", "This must be a URL of a server that may be called.")
        if kind and kind not in KINDS:
            fields.wrong("type", f"This must be one of: {', '.join(KINDS)}.")
        fields.require_valid()
        secret = new_token(_SECRET)
        sealed = self._answers.sealer.seal(secret.encode(), _PURPOSE)
        made = await self._answers.catalog.write(webhooks.create, caller, INSTANCE, KINDS[kind], url, sealed)
        return self._answers.created(self._told(made), f"{_PATH}/{ids.told(Prefix.WEBHOOK, made.id)}")

    async def get(self, request: Request, caller: Caller) -> Response:
        """One of them."""
        found = await self._answers.catalog.read(webhooks.find, caller, _named(request))
        return self._answers.ok(self._told(found))

    async def list(self, request: Request, caller: Caller) -> Response:
        """Fifteen of them, the newest first."""
        page = paging.page_of(request)
        found = await self._answers.catalog.read(webhooks.of_tenant, caller, INSTANCE)
        those = found[paging.skip(page) : paging.skip(page) + paging.PER_PAGE + 1]
        return self._answers.page(_PATH, page, [self._told(each) for each in those])

    async def delete(self, request: Request, caller: Caller) -> Response:
        """One less."""

        def remove(tx: Tx) -> None:
            webhooks.remove(tx, caller, webhooks.find(tx, caller, _named(request)))

        await self._answers.catalog.write(remove)
        return Response(status_code=204)

    def _allowed(self, url: str) -> bool:
        from yarl import URL

        from kade.client.errors import TransferError

        try:
            policy_of(self._settings).check(URL(url))
        except (ValueError, TransferError):
            return False
        return True

    def _told(self, webhook: Webhook) -> dict[str, Any]:
        return {
            "id": ids.told(Prefix.WEBHOOK, webhook.id),
            "type": _TYPES[webhook.kind],
            "url": webhook.url,
            "secret": self._answers.sealer.open(webhook.secret, _PURPOSE).decode(),
            "createdAt": self._answers.wire.date(webhook.created_at),
        }


class Calls:
    """Handles the tasks by which webhooks are called."""

    def __init__(self, catalog: Catalog, wire: Wire, sealer: Sealer, settings: Settings) -> None:
        self._catalog = catalog
        self._wire = wire
        self._sealer = sealer
        self._settings = settings

    def pause(self, failures: int) -> float:
        """As ``tasks.Handler`` says."""
        return pause(failures)

    async def __call__(self, run: Run) -> Finish | None:
        """Call it, unless it was removed meanwhile; what is told of is as it is now."""
        said = json.loads(run.task.request)

        def look(tx: Tx) -> tuple[Webhook | None, dict[str, Any]]:
            return tx.webhooks.get(Id(said["webhook"])), self._subject(tx, said["event"], Id(said["subject"]))

        webhook, data = await self._catalog.read(look)
        if webhook is None or webhook.removed_at is not None:
            raise Hopeless("the webhook was removed")
        secret = self._sealer.open(webhook.secret, _PURPOSE).decode()
        body = {"type": _TYPES[webhook.kind], "createdAt": self._wire.date(Millis(said["at"])), "data": data}
        headers = {"X-Webhook-Signature": secret}  # the original's: the secret itself
        content = json.dumps(body, ensure_ascii=False).encode()
        await call(Call(run.task.id, webhook.url, content, secret, headers), policy_of(self._settings))
        return None

    def _subject(self, tx: Tx, event: str, subject: Id) -> dict[str, Any]:
        if event.startswith("contact."):
            contact = tx.contacts.get(subject)
            assert contact is not None
            return self._wire.customer(contact)
        request = tx.file_requests.get(subject)
        assert request is not None
        token = links.token(self._sealer.derive(links.PURPOSE), request.guest_id, request.link)
        root = tenants.root_of(tx, request.tenant_id)
        return self._wire.request(requests.view(tx, request), root, token)


def _named(request: Request) -> Id | None:
    return ids.read(Prefix.WEBHOOK, request.path_params["webhook"])

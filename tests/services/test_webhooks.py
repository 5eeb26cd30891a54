"""Webhooks: who may have them, and whose they are."""

from tests.services.conftest import House
from tests.services.test_appending import refusal

from kade.core.errors import AccessReason, WebhookReason
from kade.core.ids import new_id
from kade.core.principals import Caller
from kade.services import webhooks

URL = "https://example.org/"


async def test_webhooks_are_made_found_and_removed(house: House) -> None:
    write, read = house.catalog.write, house.catalog.read
    first = await write(webhooks.create, house.caller, "desk", "request.created", URL, b"sealed")
    second = await write(webhooks.create, house.caller, "desk", "request.closed", URL, b"sealed")
    other = await write(webhooks.create, house.caller, "other", "request.created", URL, b"sealed")
    assert await read(webhooks.of_tenant, house.caller, "desk") == [second, first]
    assert await read(webhooks.find, house.caller, other.id) == other
    await write(webhooks.remove, house.caller, first)
    assert await read(webhooks.of_tenant, house.caller, "desk") == [second]
    for unknown in (first.id, new_id(), None):
        assert await refusal(read(webhooks.find, house.caller, unknown)) is WebhookReason.UNKNOWN
    kinds = await house.kinds()
    assert kinds.count("webhook.created") == 3 and kinds.count("webhook.removed") == 1


async def test_only_managers_have_webhooks(house: House) -> None:
    nobody = Caller(new_id(), "nobody", house.caller.tenant_id)
    made = house.catalog.write(webhooks.create, nobody, "desk", "request.created", URL, b"sealed")
    assert await refusal(made) is AccessReason.VERB_NOT_GRANTED
    listed = house.catalog.read(webhooks.of_tenant, nobody, "desk")
    assert await refusal(listed) is AccessReason.VERB_NOT_GRANTED

"""Webhooks: registered, called, signed, tried again, ended; against a real server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from tests.dialects.filerequests.house import CUSTOMER, Application, Build, House
from tests.dialects.filerequests.test_requests import filled
from tests.services.conftest import until

from kade.core.clock import now
from kade.core.ports import Tx
from kade.core.tasks import Task, TaskState
from kade.services import telling
from kade.tasks.outbox import FIRST_PAUSE_S, LONGEST_PAUSE_S, pause

KIND = telling.calls_of("filerequests")
OPEN = {"KADE_DIALECTS_FILEREQUESTS_WEBHOOK_NETWORKS": "127.0.0.0/8"}


@dataclass
class Ear:
    """Who is called; *answers* are the next statuses, 200 afterwards."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    @property
    def said(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.heard]


@asynccontextmanager
async def listening() -> AsyncIterator[Ear]:
    ear = Ear()
    app = web.Application()
    app.router.add_post("/hook", ear.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ear.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield ear
    finally:
        await runner.cleanup()


async def calls(house: House) -> list[Task]:
    """The tasks by which webhooks are called."""

    def look(tx: Tx) -> list[Task]:
        spaces = [space for tenant in tx.tenants.all() for space in tx.spaces.of_tenant(tenant.id)]
        return [task for space in spaces for task in tx.tasks.of_space(space.id, KIND)]

    return await house.kade.catalog.read(look)


async def hook(desk: Application, ear: Ear, kind: str) -> dict[str, Any]:
    answer = await desk.call("POST", "/webhooks", json={"url": ear.url, "type": kind})
    assert answer.status == 201, answer
    told: dict[str, Any] = answer.json
    return told


async def heard(ear: Ear, count: int) -> None:
    async def there() -> bool:
        return len(ear.heard) >= count

    await until(there)


async def test_a_webhook_is_called_with_what_happened_and_proves_it(build: Build) -> None:
    async with build(OPEN) as house, listening() as ear:
        desk = await house.application()
        told = await hook(desk, ear, "file-request-completed")
        assert list(told) == ["id", "type", "url", "secret", "createdAt"]
        assert (await desk.call("GET", f"/webhooks/{told['id']}")).json == told
        assert (await desk.call("GET", "/webhooks")).json["data"] == [told]
        asked = await desk.asked()
        await filled(house, asked)
        await heard(ear, 1)
        headers, body = ear.heard[0]
        (said,) = ear.said
        assert list(said) == ["type", "createdAt", "data"] and said["type"] == "file-request-completed"
        assert said["data"] == (await desk.call("GET", f"/file-requests/{asked['id']}")).json
        assert headers["X-Webhook-Signature"] == told["secret"]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        proof = hmac.new(told["secret"].encode(), signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(proof).decode()}"
        found = await house.kade.catalog.read(lambda tx: tx.journal.tail(0, 1000))
        assert all(told["secret"] not in str(entry) for entry in found)


async def test_customers_are_told_of_by_their_own_words(build: Build) -> None:
    async with build(OPEN) as house, listening() as ear:
        desk = await house.application()
        for kind in ("customer-created", "customer-updated", "customer-deleted"):
            await hook(desk, ear, kind)
        customer = await desk.customer()
        await desk.call("PATCH", f"/customers/{customer}", json={"city": "Delft"})
        await desk.call("DELETE", f"/customers/{customer}")
        await heard(ear, 3)
        kinds = sorted(each["type"] for each in ear.said)
        assert kinds == ["customer-created", "customer-deleted", "customer-updated"]
        assert {each["data"]["id"] for each in ear.said} == {customer}
        assert {each["data"]["companyName"] for each in ear.said} == {CUSTOMER["companyName"]}


async def test_who_does_not_answer_is_called_again(build: Build) -> None:
    async with build(OPEN) as house, listening() as ear:
        ear.answers = [500]
        desk = await house.application()
        await hook(desk, ear, "file-request-created")
        await desk.asked()
        await heard(ear, 1)

        async def put_off() -> bool:
            (task,) = await calls(house)
            return task.attempts == 1 and task.lease_holder is None

        await until(put_off)
        (task,) = await calls(house)
        assert "answered 500" in task.last_error and task.due_at > now()
        again = task._replace(due_at=now(), lease_fence=task.lease_fence + 1)
        assert await house.kade.catalog.write(lambda tx: tx.tasks.change(again, task.lease_fence))
        await heard(ear, 2)
        first, second = ear.heard
        assert first[0]["webhook-id"] == second[0]["webhook-id"] and first[1] == second[1]


async def test_whoever_is_gone_or_was_removed_is_left_alone(build: Build) -> None:
    async with build(OPEN) as house, listening() as ear:
        ear.answers = [410]
        desk = await house.application()
        told = await hook(desk, ear, "file-request-created")
        await desk.asked()

        async def failed() -> bool:
            return [each.state for each in await calls(house)] == [TaskState.FAILED]

        await until(failed)
        assert (await desk.call("DELETE", f"/webhooks/{told['id']}")).status == 204
        assert (await desk.call("GET", f"/webhooks/{told['id']}")).status == 404
        await desk.asked()
        assert len(await calls(house)) == 1 and len(ear.heard) == 1


async def test_our_own_network_is_not_called(house: House, desk: Application) -> None:
    for url in (
        "http://127.0.0.1/hook",
        "http://localhost/",
        "http://[::1]/",
        "http://2130706433/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "ftp://example.org/",
        "https://user:word@example.org/",
        "https://",
        "no url",
        "",
    ):
        answer = await desk.call("POST", "/webhooks", json={"url": url, "type": "customer-created"})
        assert answer.wrong == {"url"}, url
    answer = await desk.call(
        "POST", "/webhooks", json={"url": "https://example.org/", "type": "invoice-paid"}
    )
    assert answer.wrong == {"type"}


async def test_webhooks_are_their_tenant_s(house: House, desk: Application) -> None:
    said = {"url": "https://example.org/hook", "type": "customer-created"}
    told = (await desk.call("POST", "/webhooks", json=said)).json
    other = await house.application("other", tenant="acme")
    assert (await other.call("GET", "/webhooks")).json["data"] == []
    for method in ("GET", "DELETE"):
        assert (await other.call(method, f"/webhooks/{told['id']}")).status == 404
    weak = await house.application("weak", verbs=())
    assert (await weak.call("POST", "/webhooks", json=said)).status == 403


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, FIRST_PAUSE_S), (2, 60.0), (12, LONGEST_PAUSE_S), (99, LONGEST_PAUSE_S)]
)
def test_pauses_grow(failures: int, seconds: float) -> None:
    assert pause(failures) == seconds

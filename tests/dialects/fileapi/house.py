"""A running Kade with the File API, and applications on real sockets."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
from tests.support.file_api import related
from yarl import URL

from kade import app
from kade.auth import client_secret
from kade.config import load
from kade.core.business_types import Direction
from kade.core.clock import Millis
from kade.core.events import JournalEntry
from kade.core.grants import Verb
from kade.core.ids import dashed
from kade.core.ports import Tx
from kade.core.principals import Caller, CredentialKind, Principal
from kade.core.spaces import Policy
from kade.core.uploads import UploadState
from kade.services import applications, business_types, principals, sandbox, tenants
from kade.services.installing import install, local_operator
from kade.services.sweeping import Sweeping

T = TypeVar("T")

Build = Callable[[dict[str, str]], AbstractAsyncContextManager["House"]]

PUBLISH, SUBSCRIBE = Verb.WRITE, Verb.SUBSCRIBE


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Right:
    """What an application is granted: a verb in a tenant for a business type."""

    tenant: str
    number: int
    verb: Verb


@dataclass(frozen=True)
class Stock:
    """What the server holds: its uploads that are open, bytes of quota, and segments in the store."""

    open_uploads: int = 0
    used: int = 0
    reserved: int = 0
    segments: int = 0


class Application:
    """One client of the API, with a token, for one tenant."""

    def __init__(self, house: House, principal: Principal, secret: str, tenant: str | None) -> None:
        self._house = house
        self.principal = principal
        self.client_id = dashed(principal.id)
        self.secret = secret
        self.tenant = tenant
        self.token = ""

    def of_tenant(self, tenant: str | None) -> Application:
        """The same application, working for another tenant (None: without the header)."""
        other = Application(self._house, self.principal, self.secret, tenant)
        other.token = self.token
        return other

    async def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Answer:
        """A request to the API with token and tenant; *path* is below its prefix."""
        said = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if self.tenant is not None:
            said.setdefault("x-raet-tenant-id", self.tenant)
        return await self._house.call(method, self._house.api + path, headers=said, **options)

    async def listed(self, role: str = "subscriber", **query: Any) -> Answer:
        """The list; ``filter`` and ``orderBy`` stand for ``$filter`` and ``$orderBy``."""
        named = {f"${key}" if key in ("filter", "orderBy") else key: value for key, value in query.items()}
        return await self.call("GET", f"/files?{urlencode({'role': role, **named}, quote_via=quote)}")

    async def names(self, role: str = "subscriber", **query: Any) -> list[str]:
        """The file names of a list that must be there."""
        answer = await self.listed(role, **query)
        assert answer.status == 200, answer
        return [each["fileName"] for each in answer.json["data"]]

    async def get(
        self, file_id: str, role: str = "subscriber", headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await self.call("GET", f"/files/{file_id}?role={role}", headers)

    async def publish(self, name: str, number: int | str, data: bytes) -> Answer:
        """A whole file in one request, as the documentation shows it."""
        headers, body = related({"name": name, "businesstypeid": str(number)}, data)
        return await self.call("POST", "/files?uploadType=multipart", headers, data=io.BytesIO(body))

    async def begin(self, name: str, number: int, first: bytes) -> str:
        """The token of a chunked upload that must begin, with its chunk 0."""
        headers, body = related({"name": name, "businesstypeid": str(number)}, first)
        answer = await self.call("POST", "/files?uploadType=resumable", headers, data=body)
        assert answer.status == 206, answer
        assert list(answer.json) == ["uploadToken"]
        return str(answer.json["uploadToken"])

    async def add(self, token: str, position: int, data: bytes, *, close: bool = False) -> Answer:
        """One more chunk."""
        query = f"uploadType=resumable&uploadToken={token}&position={position}{'&close=true' * close}"
        headers = {"Content-Type": "application/octet-stream"}
        return await self.call("PUT", f"/files?{query}", headers, data=data)

    async def close(self, token: str) -> Answer:
        """Word that all chunks were sent: no body, no type."""
        return await self.call("POST", f"/files?uploadType=resumable&uploadToken={token}")

    async def published(self, name: str, number: int, data: bytes = b"content") -> str:
        """The id of a file that must be published."""
        answer = await self.publish(name, number, data)
        assert answer.status == 201, answer
        return str(answer.json["id"])


class House:
    """One server, and whoever talks to it."""

    def __init__(self, kade: app.Kade, server: app.Server, session: aiohttp.ClientSession) -> None:
        self.kade = kade
        self.server = server
        self.base = server.bases["web"]
        self.api = f"{self.base}/fileapi/v1.0"
        self._session = session

    async def call(self, method: str, url: str, **options: Any) -> Answer:
        """One request, with exactly this URL."""
        async with self._session.request(method, URL(url, encoded=True), **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def tenant(self, name: str) -> None:
        """One more tenant, unless it is there."""

        def make(tx: Tx) -> None:
            if tx.tenants.named(name) is None:
                tenants.add(tx, local_operator(tx), name)

        await self.kade.catalog.write(make)

    async def business_type(
        self, number: int, direction: Direction = Direction.BOTH, policy: Policy | None = None
    ) -> None:
        """One more business type, unless it is there."""

        def make(tx: Tx) -> None:
            if tx.business_types.get(number) is None:
                caller = local_operator(tx)
                business_types.create(tx, caller, number, f"type {number}", direction, policy or Policy())

        await self.kade.catalog.write(make)

    async def application(
        self, name: str, rights: Iterable[Right] = (), *, tenant: str | None = None, in_sandbox: bool = False
    ) -> Application:
        """An application with a token, its tenants and types; it works for *tenant* or the first of them."""
        given = list(rights)
        for right in given:
            await self.tenant(right.tenant)
            await self.business_type(right.number)
        secret = client_secret.new_secret()

        def make(tx: Tx) -> Principal:
            caller, namers = local_operator(tx), self.kade.namers
            made = applications.create(tx, caller, namers, name)
            principals.register(
                tx, caller, made, CredentialKind.SECRET, client_secret.fingerprint(secret), label="first"
            )
            for right in given:
                here = acting(tx, caller, right.tenant)
                applications.entitle(tx, here, namers, made, right.number, right.verb)
            if in_sandbox:
                sandbox.admit(tx, caller, namers, self.kade.rules, made)
            return made

        principal = await self.kade.catalog.write(make)
        first = given[0].tenant if given else sandbox.TENANT if in_sandbox else None
        made = Application(self, principal, secret, tenant or first)
        if given or in_sandbox:
            made.token = await self.token(made)
        return made

    async def token(self, application: Application, path: str = "/connect/token", **form: str) -> str:
        """A fresh token for the application."""
        answer = await self.ask_token(application, path, **form)
        assert answer.status == 200, answer
        return str(answer.json["access_token"])

    async def ask_token(self, application: Application, path: str = "/connect/token", **form: str) -> Answer:
        """What the token endpoint answers."""
        asked = {
            "grant_type": "client_credentials",
            "client_id": application.client_id,
            "client_secret": application.secret,
            **form,
        }
        return await self.call("POST", self.base + path, data=asked)

    async def age(self, file_id: str, arrived_at: int) -> None:
        """Let a file have arrived at another moment, everywhere."""
        plain = file_id.replace("-", "")
        await self.kade.catalog.write(_age, plain, Millis(arrived_at))

    async def operate(self, verb: Callable[..., T], *arguments: Any) -> T:
        """What a verb of the services gives to the operator."""
        return await self.kade.catalog.write(lambda tx: verb(tx, local_operator(tx), *arguments))

    async def withdraw(self, application: Application, right: Right) -> None:
        """Take a right away again."""

        def take(tx: Tx) -> None:
            for given in tx.grants.of_principal(application.principal.id):
                space = tx.spaces.get(given.space_id)
                tenant = tx.tenants.get(space.tenant_id) if space is not None else None
                named = (tenant.name if tenant else "", space.number if space else 0)
                if named == (right.tenant, right.number) and right.verb in given.verbs:
                    applications.withdraw(tx, acting(tx, local_operator(tx), right.tenant), given.id)

        await self.kade.catalog.write(take)

    async def revoke(self, application: Application) -> None:
        """Revoke every secret of the application."""

        def revoke(tx: Tx) -> None:
            for credential in tx.credentials.of_principal(application.principal.id):
                principals.revoke(tx, local_operator(tx), credential)

        await self.kade.catalog.write(revoke)

    async def stock(self) -> Stock:
        """What is held when everything that is due has gone, without any grace."""
        kade = self.kade
        sweeping = Sweeping(kade.catalog, kade.store, kade.rules, grace_ms=-60_000)
        await sweeping.sweep()
        await sweeping.drop_orphans()
        segments = [each async for each in kade.store.list()]
        return await kade.catalog.read(_stock, len(segments))

    async def expire(self, file_id: str) -> None:
        """Let the time be over for which the file has its bytes, and sweep."""
        await self.kade.catalog.write(_make_due, file_id.replace("-", ""))
        await self.kade.sweeping.sweep()

    async def journal(self, kind: str = "") -> list[JournalEntry]:
        """Everything of a kind that was noted until now."""
        await self.kade.audit.flush()
        entries = await self.kade.catalog.read(lambda tx: tx.journal.tail(0, 100_000))
        return [entry for entry in entries if entry.kind.startswith(kind)]


def acting(tx: Tx, caller: Caller, tenant: str) -> Caller:
    """The caller in another tenant."""
    return replace(caller, tenant_id=tenants.named(tx, tenant).id)


def _stock(tx: Tx, segments: int) -> Stock:
    known = [each for tenant in tx.tenants.all() for each in tx.principals.of_tenant(tenant.id)]
    uploads = [each for principal in known for each in tx.uploads.of_principal(principal.id)]
    quotas = [quota for tenant in tx.tenants.all() if (quota := tx.quotas.get(tenant.id)) is not None]
    return Stock(
        sum(each.state != UploadState.FINISHED for each in uploads),
        sum(quota.used for quota in quotas),
        sum(quota.reserved for quota in quotas),
        segments,
    )


def _make_due(tx: Tx, file_id: Any) -> None:
    file = tx.files.get(file_id)
    assert file is not None and file.due_at is not None
    tx.files.change(file._replace(version=file.version + 1, due_at=Millis(1)))


def _age(tx: Tx, file_id: Any, arrived_at: Millis) -> None:
    file = tx.files.get(file_id)
    assert file is not None
    tx.files.change(file._replace(version=file.version + 1, arrived_at=arrived_at))
    made = tx.deliveries.of_file(file_id)
    tx.deliveries.forget(file_id)
    tx.deliveries.add_all([each._replace(arrived_at=arrived_at) for each in made])


@asynccontextmanager
async def running_house(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[House]:
    """Install into *folder* and serve; *settings* are variables of the configuration."""
    environment = {"KADE_DATA_FOLDER": str(folder), "KADE_WEB_PORT": "0", **(settings or {})}
    kade = app.build(load(None, environment, app.sections()))
    async with app.opened(kade):
        await kade.catalog.write(install, kade.namers, "main", "0" * 64)
    kade = app.build(kade.config)
    trusting = aiohttp.TCPConnector(ssl=False)  # for houses with TLS
    async with app.running(kade, ("web",)) as server, aiohttp.ClientSession(connector=trusting) as session:
        yield House(kade, server, session)


def rights(tenant: str, numbers: Sequence[int], verb: Verb) -> list[Right]:
    """The same verb for several types of a tenant."""
    return [Right(tenant, number, verb) for number in numbers]

"""A running Kade with the API of file requests, and applications with keys on real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from kade import app
from kade.auth import bearer
from kade.config import load
from kade.core.grants import ALL_VERBS, Verb
from kade.core.ports import Tx
from kade.core.principals import Credential, CredentialKind, PrincipalKind
from kade.services import access, principals, tenants
from kade.services.installing import install, local_operator

Build = Callable[[Mapping[str, str]], AbstractAsyncContextManager["House"]]

# What the original's page shows, with what is ours in the place of its customer and directory.
ASKED: dict[str, Any] = {
    "name": "Contract renewal",
    "description": "We need these files to complete your contract renewal",
    "requestedFiles": [
        {
            "name": "Logo",
            "description": "The logo we should put on your website",
            "required": True,
            "maxFileSize": 10240,
        }
    ],
}
CUSTOMER: dict[str, Any] = {
    "companyName": "Example Ltd",
    "address": "Quay 1",
    "zipCode": "1234 AB",
    "city": "Haven",
    "primaryEmail": "post@example.org",
}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def wrong(self) -> set[str]:
        """The fields that are told to be wrong."""
        assert self.status == 422, self
        return set(self.json["errors"])


class Application:
    """One client of the API by its key."""

    def __init__(self, house: House, key: str) -> None:
        self.house = house
        self.key = key

    async def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Answer:
        """A request; *path* is below the API's."""
        said = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        return await self.house.call(method, self.house.api + path, headers=said, **options)

    async def ask(self, headers: Mapping[str, str] | None = None, /, **changes: Any) -> Answer:
        """A request for files, as the original's page shows it."""
        return await self.call("POST", "/file-requests", headers, json={**ASKED, **changes})

    async def asked(self, **changes: Any) -> dict[str, Any]:
        """A request that must be made."""
        answer = await self.ask(**changes)
        assert answer.status == 201, answer
        found: dict[str, Any] = answer.json
        return found

    async def customer(self, **changes: Any) -> str:
        """The id of a customer that must be made."""
        answer = await self.call("POST", "/customers", json={**CUSTOMER, **changes})
        assert answer.status == 201, answer
        return str(answer.json["id"])

    async def directory(self, name: str, parent: str = "") -> str:
        """The id of a directory that must be made."""
        answer = await self.call("POST", f"/files?directory={parent}", json={"name": name})
        assert answer.status == 201, answer
        return str(answer.json["id"])

    async def put(self, name: str, data: bytes, directory: str = "") -> Answer:
        """A file in a form."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("file", data, filename=name, content_type="application/octet-stream")
        return await self.call("POST", f"/files?directory={directory}", data=form)

    async def file(self, name: str, data: bytes, directory: str = "") -> str:
        """The id of a file that must be there."""
        answer = await self.put(name, data, directory)
        assert answer.status == 201, answer
        return str(answer.json["id"])


class House:
    """One server, and whoever talks to it."""

    def __init__(self, kade: app.Kade, server: app.Server, session: aiohttp.ClientSession) -> None:
        self.kade = kade
        self.base = server.bases["web"]
        self.api = f"{self.base}/v1"
        self._session = session

    async def call(self, method: str, url: str, **options: Any) -> Answer:
        """One request, with exactly this URL."""
        async with self._session.request(method, URL(url, encoded=True), **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def application(
        self,
        name: str = "desk",
        *,
        tenant: str | None = None,
        scopes: tuple[str, ...] = (),
        verbs: tuple[Verb, ...] = ALL_VERBS,
    ) -> Application:
        """An application with a key, in a tenant that is made when it is not there."""
        key = bearer.new_key()

        def make(tx: Tx) -> None:
            operator = local_operator(tx)
            if tenant is not None:
                there = tx.tenants.named(tenant) or tenants.add(tx, operator, tenant)
                operator = type(operator)(operator.principal_id, operator.principal_name, there.id)
            who = tx.principals.named(operator.tenant_id, name)
            if who is None:
                who = principals.create(tx, operator, self.kade.namers, PrincipalKind.APPLICATION, name)
                access.grant(tx, who.id, tenants.root_of(tx, operator.tenant_id).id, verbs)
            principals.register(tx, operator, who, CredentialKind.KEY, bearer.fingerprint(key), scopes=scopes)

        await self.kade.catalog.write(make)
        return Application(self, key)

    async def revoke(self, application: Application) -> None:
        """The application's key counts no longer."""

        def revoke(tx: Tx) -> None:
            found = tx.credentials.proven(CredentialKind.KEY, bearer.fingerprint(application.key))
            assert found is not None
            credential: Credential = found[0]
            principals.revoke(tx, local_operator(tx), credential)

        await self.kade.catalog.write(revoke)


@asynccontextmanager
async def running_house(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[House]:
    """Install into *folder* and serve; *settings* are variables of the configuration."""
    environment = {"KADE_DATA_FOLDER": str(folder), "KADE_WEB_PORT": "0", **settings}
    kade = app.build(load(None, environment, app.sections()))
    async with app.opened(kade):
        await kade.catalog.write(install, kade.namers, "main", "0" * 64)
    kade = app.build(kade.config)
    async with app.running(kade, ("web",)) as server, aiohttp.ClientSession() as session:
        yield House(kade, server, session)

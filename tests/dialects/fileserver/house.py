"""A running Kade in the test's own event loop, and clients on real sockets for both of its sides."""

from __future__ import annotations

import base64
import io
import json
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from tests.dialects.fileserver.forms import Part, body_of, content_type, file_part
from tests.support.pki import Authority, Identity, client_context
from yarl import URL

from kade import app
from kade.auth import bearer, client_certificate
from kade.auth.password import fingerprint, hashed
from kade.config import load
from kade.core.events import JournalEntry
from kade.core.grants import Verb
from kade.core.principals import CredentialKind, PrincipalKind
from kade.services import access, principals, tenants
from kade.services.installing import install, local_operator

PASSWORD = "correct horse"  # noqa: S105 - of a test's own application


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
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Partner:
    """A registered user with a certificate."""

    id: int
    name: str
    identity: Identity
    session: aiohttp.ClientSession


class House:
    """One server with an operator's key, and the sessions that tests use."""

    def __init__(self, kade: app.Kade, server: app.Server, key: str, authority: Authority) -> None:
        self.kade = kade
        self.server = server
        self.key = key
        self.authority = authority
        self.service = server.bases["web"] + "/service"
        self.rest = self.service + "/rest/v1"
        self.exchange = server.bases["exchange"].replace("127.0.0.1", "localhost") + "/files"
        self._sessions: list[aiohttp.ClientSession] = []
        self.operator = self.session({"Authorization": f"Bearer {key}"})

    def session(
        self, headers: Mapping[str, str] | None = None, identity: Identity | None = None
    ) -> aiohttp.ClientSession:
        """Somebody who speaks to this server; closed with it."""
        context: ssl.SSLContext = client_context(self.authority.pem, identity)
        connector = aiohttp.TCPConnector(ssl=context)
        session = aiohttp.ClientSession(connector=connector, headers=headers or {})
        self._sessions.append(session)
        return session

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()

    async def call(
        self, method: str, path: str, *, by: aiohttp.ClientSession | None = None, **options: Any
    ) -> Answer:
        """One request, with exactly this path; one without a host is one of REST."""
        url = URL(path if path.startswith("http") else self.rest + path, encoded=True)
        async with (by or self.operator).request(method, url, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def partner(self, name: str, identity: Identity | None = None) -> Partner:
        """Register a user over REST."""
        identity = identity or self.authority.issue_client(name)
        answer = await self.call("POST", "/users", json=new_user(name, identity))
        assert answer.status == 200, answer
        return Partner(answer.json, name, identity, self.session(identity=identity))

    async def application(self, name: str, verbs: Sequence[Verb] = ()) -> aiohttp.ClientSession:
        """An application that comes in by name and password, with *verbs* everywhere."""

        def make(tx: Any) -> None:
            caller = local_operator(tx)
            made = principals.create(tx, caller, self.kade.namers, PrincipalKind.APPLICATION, name)
            principals.register(
                tx, caller, made, CredentialKind.PASSWORD, fingerprint(name), secret=hashed(PASSWORD)
            )
            if verbs:
                access.grant(tx, made.id, tenants.root_of(tx, caller.tenant_id).id, verbs)

        await self.kade.catalog.write(make)
        credentials = base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()
        return self.session({"Authorization": f"Basic {credentials}"})

    async def register(self, name: str, identity: Identity) -> None:
        """One more certificate for somebody who is there already, as the command line does."""
        der = identity.der

        def add(tx: Any) -> None:
            caller = local_operator(tx)
            principals.register(
                tx,
                caller,
                principals.named(tx, caller, name),
                CredentialKind.CERTIFICATE,
                client_certificate.fingerprint(der),
                material=der,
            )

        await self.kade.catalog.write(add)

    async def register_number(self, name: str, number: str) -> None:
        """An organisation number for somebody who is there already."""

        def add(tx: Any) -> None:
            caller = local_operator(tx)
            principals.register(tx, caller, principals.named(tx, caller, name), CredentialKind.OIN, number)

        await self.kade.catalog.write(add)

    async def upload(self, user_id: int, data: bytes, name: str = "a.bin", **fields: str) -> Answer:
        """A file for a user; *fields* come after it in the form."""
        after = [Part(key, value.encode()) for key, value in fields.items()]
        return await self.post_form(f"/files/user/{user_id}", [file_part(data, name), *after])

    async def post_form(self, path: str, parts: Iterable[Part]) -> Answer:
        """A form in one piece."""
        return await self.call("POST", path, data=io.BytesIO(body_of(parts)), headers=content_type())

    async def download(self, partner: Partner, path: str) -> Answer:
        return await self.call("GET", f"{self.exchange}/download/{path}", by=partner.session)

    async def journal(self) -> list[JournalEntry]:
        """Everything that was noted until now."""
        await self.kade.audit.flush()
        return await self.kade.catalog.read(lambda tx: tx.journal.tail(0, 100_000))


def new_user(name: str, identity: Identity) -> dict[str, str]:
    """A NewUser as JSON."""
    return {"name": name, "certificate": identity.base64_der}


@asynccontextmanager
async def running_house(
    folder: Path, authority: Authority, server_identity: Identity, settings: Mapping[str, str] | None = None
) -> AsyncIterator[House]:
    """Install into *folder* and serve; *settings* are variables of the configuration."""
    files = server_identity.write(folder / "pki", "server")
    (folder / "pki" / "ca.crt").write_bytes(authority.pem)
    environment = {
        "KADE_DATA_FOLDER": str(folder),
        "KADE_WEB_PORT": "0",
        "KADE_EXCHANGE_PORT": "0",
        "KADE_EXCHANGE_CERTIFICATE": str(files.certificate),
        "KADE_EXCHANGE_KEY": str(files.key),
        "KADE_EXCHANGE_CLIENT_CA": str(folder / "pki" / "ca.crt"),
        **(settings or {}),
    }
    kade = app.build(load(None, environment, app.sections()))
    key = bearer.new_key()
    async with app.opened(kade):
        await kade.catalog.write(install, kade.namers, "main", bearer.fingerprint(key))
    kade = app.build(kade.config)
    async with app.running(kade) as server:
        house = House(kade, server, key, authority)
        try:
            yield house
        finally:
            await house.close()

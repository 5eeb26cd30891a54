"""A server whose only dialect gives tokens, and an application that asks for them."""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from tests.support.memory_disk import tmp_path as tmp_path

from kade import app
from kade.auth import bearer, client_secret
from kade.auth.tokens import Granted, Tokens
from kade.config import load
from kade.core.clock import Millis
from kade.core.errors import (
    AccessReason,
    KadeError,
    TenantReason,
    TokenReason,
)
from kade.core.events import JournalEntry
from kade.core.ids import dashed
from kade.core.ports import Namer, Tx
from kade.core.principals import Caller, CredentialKind, Principal, PrincipalKind
from kade.services import principals
from kade.services.installing import install, local_operator
from kade.tasks import Handler
from kade.web import oauth
from kade.web.dialect import Kit
from kade.web.mounts import Mount
from kade.web.oauth import Giving, Metadata, Style
from kade.web.operation import operation
from kade.web.rate_limits import RateLimits, Rates

FORM = "application/x-www-form-urlencoded"
AUDIENCE = "the house"
SCOPES = frozenset({"files:list", "files:upload"})
OLD = Style("BearerToken", 7200, expires_in_as_text=True, names_scope=False)
GUESSES = 20


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to set."""


class Door:
    """Implements ``web.dialect.Dialect``: gives tokens, and says who calls with one."""

    name = "door"
    settings = Settings

    def namers(self, settings: Settings) -> Sequence[Namer]:
        return []

    def handlers(self, kit: Kit, settings: Settings) -> Mapping[str, Handler]:
        return {}

    def mounts(self, kit: Kit, settings: Settings) -> Sequence[Mount]:
        tokens = Tokens(
            kit.catalog, kit.key_ring, kit.sealer, issuer=lambda: kit.bases["web"], audience=AUDIENCE
        )
        guesses = RateLimits(Rates(per_minute=1, burst=GUESSES))
        giving = Giving(kit.catalog, tokens, self._allow, kit.audit, guesses)

        async def whoami(request: Request) -> Response:
            caller, claims = await kit.authentication.by_token(request, tokens)
            return JSONResponse([caller.principal_name, claims.tenant, sorted(claims.scopes)])

        def described() -> Metadata:
            base = kit.bases["web"]
            return Metadata(base, f"{base}/door/token", f"{base}/door/jwks", sorted(SCOPES), [AUDIENCE])

        audit = kit.audit
        routes = [
            Route("/door/token", oauth.token_endpoint("door.token", giving, Style())),
            Route("/door/old", oauth.token_endpoint("door.old", giving, OLD)),
            Route("/door/jwks", oauth.jwks("door.jwks", kit.key_ring, audit)),
            Route("/door/metadata", oauth.server_metadata("door.metadata", described, audit)),
            Route("/door/me", operation("door.me", whoami, oauth.refuse, audit)),
        ]
        return [Mount(self.name, "web", "/door", Router(routes))]

    async def _allow(self, caller: Caller, tenant: str | None, scopes: frozenset[str] | None) -> Granted:
        if tenant == "nobody's":
            raise KadeError(AccessReason.VERB_NOT_GRANTED)
        if tenant == "unknown":
            raise KadeError(TenantReason.UNKNOWN, tenant)
        if tenant == "broken":
            raise ZeroDivisionError("nobody foresaw this")
        if not (scopes or SCOPES) <= SCOPES:
            raise KadeError(TokenReason.SCOPE_NOT_GRANTED)
        return Granted(tenant, scopes or SCOPES)


class House:
    """A running server with one application."""

    def __init__(self, kade: app.Kade, server: app.Server, session: aiohttp.ClientSession) -> None:
        self.kade = kade
        self.server = server
        self.session = session
        self.base = server.bases["web"]
        self.application: Principal
        self.secret = ""

    @property
    def client_id(self) -> str:
        return dashed(self.application.id)

    async def add(self, name: str = "desk") -> None:
        def make(tx: Tx) -> Principal:
            return principals.create(
                tx, local_operator(tx), self.kade.namers, PrincipalKind.APPLICATION, name
            )

        self.application = await self.kade.catalog.write(make)
        self.secret = await self.add_secret()

    async def add_secret(self, not_after: Millis | None = None) -> str:
        secret = client_secret.new_secret()
        await self.kade.catalog.write(
            lambda tx: principals.register(
                tx,
                local_operator(tx),
                self.application,
                CredentialKind.SECRET,
                client_secret.fingerprint(secret),
                not_after=not_after,
            )
        )
        return secret

    @property
    def form(self) -> dict[str, str]:
        """What a client posts."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.secret,
        }

    async def post(
        self, form: Mapping[str, str] | str | bytes, path: str = "/door/token", **headers: str
    ) -> "Answer":
        """*headers* by their names with underscores."""
        fields = {"Content-Type": FORM, **{key.replace("_", "-"): value for key, value in headers.items()}}
        data = form if isinstance(form, str | bytes) else urlencode(form)
        return await self.call("POST", path, data=data, headers=fields)

    async def call(self, method: str, path: str, **options: Any) -> "Answer":
        async with self.session.request(method, self.base + path, **options) as response:
            return Answer(response.status, dict(response.headers), await response.read())

    async def token(self, **form: str) -> str:
        answer = await self.post({**self.form, **form})
        assert answer.status == 200, answer
        token: str = answer.json["access_token"]
        return token

    async def me(self, token: str) -> "Answer":
        return await self.call("GET", "/door/me", headers={"Authorization": f"Bearer {token}"})

    async def journal(self) -> list[JournalEntry]:
        await self.kade.audit.flush()
        return await self.kade.catalog.read(lambda tx: tx.journal.tail(0, 10_000))

    def basic(self, client_id: str | None = None, secret: str | None = None) -> str:
        pair = f"{client_id or self.client_id}:{secret or self.secret}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


class Answer:
    """What came back; names of headers in lower case."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and error code of a refusal, which is never to be kept by anybody."""
        assert self.headers["content-type"] == "application/json"
        assert (self.headers["cache-control"], self.headers["pragma"]) == ("no-store", "no-cache")
        return self.status, self.json["error"]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    environment = {
        "KADE_DATA_FOLDER": str(tmp_path),
        "KADE_WEB_PORT": "0",
        "KADE_EXCHANGE_PORT": "0",
        "KADE_EXCHANGE_TLS": "false",
        "KADE_EXCHANGE_CLIENT_CERTIFICATES": "none",
    }
    config = load(None, environment, {"dialects.door": Settings})
    installing = app.build(config, {"door": Door()})
    async with app.opened(installing):
        await installing.catalog.write(
            install, installing.namers, "main", bearer.fingerprint(bearer.new_key())
        )
    kade = app.build(config, {"door": Door()})
    async with app.running(kade) as server, aiohttp.ClientSession() as session:
        made = House(kade, server, session)
        await made.add()
        yield made

"""An application with a client secret, and tokens that are issued to it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from tests.services.conftest import House, close_house, open_house
from tests.services.test_signing_keys import Clock
from tests.support.memory_disk import tmp_path as tmp_path

from kade.auth import client_secret
from kade.auth.sealing import Sealer
from kade.auth.tokens import Granted, Issued, Tokens, mint
from kade.core.clock import now
from kade.core.ids import dashed
from kade.core.principals import Caller, Credential, CredentialKind, Origin, Principal, PrincipalKind
from kade.services import principals
from kade.services.signing_keys import KeyRing

ISSUER = "https://quay.example/oauth"
AUDIENCE = "files"
ORIGIN = Origin("test", "r1", "192.0.2.7")
LIFETIME = 3600
ROTATE_MS = 30 * 24 * 3600 * 1000


@dataclass
class Client:
    """An application, one of its secrets, and who it is when it has shown that."""

    principal: Principal
    secret: str
    credential: Credential
    caller: Caller

    @property
    def id(self) -> str:
        return dashed(self.principal.id)


@dataclass
class Mint:
    """A house that issues tokens; *clock* is theirs alone."""

    house: House
    folder: Path
    clock: Clock

    def __post_init__(self) -> None:
        self.ring, self.tokens = self.process()

    async def client(self, name: str = "desk") -> Client:
        principal = await self.house.catalog.write(
            principals.create, self.house.caller, self.house.namers, PrincipalKind.APPLICATION, name
        )
        return await self.with_secret(principal)

    async def with_secret(self, principal: Principal) -> Client:
        """One more secret for somebody."""
        secret = client_secret.new_secret()
        credential = await self.house.catalog.write(
            principals.register,
            self.house.caller,
            principal,
            CredentialKind.SECRET,
            client_secret.fingerprint(secret),
        )
        caller = await self.house.catalog.glance(
            client_secret.authenticate, dashed(principal.id), secret, ORIGIN
        )
        return Client(principal, secret, credential, caller)

    async def issue(self, client: Client, *scopes: str, tenant: str | None = None) -> Issued:
        return await self.tokens.issue(client.caller, Granted(tenant, frozenset(scopes)), LIFETIME)

    def process(self) -> tuple[KeyRing, Tokens]:
        """What another process on the same catalog and master key has."""
        sealer = Sealer(self.folder / "master.key")
        ring = KeyRing(self.house.catalog, partial(mint, sealer, ROTATE_MS), self.clock)
        return ring, Tokens(
            self.house.catalog,
            ring,
            sealer,
            issuer=lambda: ISSUER,
            audience=AUDIENCE,
            clock=self.clock,
        )


@pytest.fixture
async def minting(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Mint]:
    house = await open_house(tmp_path, sqlite_template)
    yield Mint(house, tmp_path, Clock(now()))
    await close_house(house)

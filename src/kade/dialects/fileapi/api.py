"""What stands at the API's paths, and where tokens are given."""

from collections.abc import Sequence
from pathlib import Path

from starlette.routing import Router
from starlette.types import ASGIApp

from kade.auth.tokens import Tokens
from kade.dialects.fileapi.door import Door, Scope, scoped
from kade.dialects.fileapi.downloads import Downloads
from kade.dialects.fileapi.errors import refuse
from kade.dialects.fileapi.health import Health
from kade.dialects.fileapi.lists import Lists
from kade.dialects.fileapi.namer import INSTANCE
from kade.dialects.fileapi.publishing import Publishing
from kade.dialects.fileapi.receipts import Receipts
from kade.dialects.fileapi.settings import Settings
from kade.web import openapi
from kade.web.dialect import Kit
from kade.web.mounts import Mount
from kade.web.oauth import Giving, Metadata, Style, jwks, server_metadata, token_endpoint
from kade.web.openapi import Document
from kade.web.rate_limits import RateLimits, Rates, UntilSent
from kade.web.rest import Operation, RestRouter

JWKS_PATH = "/.well-known/jwks.json"
METADATA_PATH = "/.well-known/oauth-authorization-server"
_CONTRACT = Path(__file__).parent / "openapi.yaml"
_GUESSES = Rates(per_minute=10, burst=10)  # refused token requests of one client from one address
_ANY = ()  # whatever the client accepts: bytes are bytes


class FileApi:
    """One instance of the dialect, as a process serves it."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings
        self._tokens = Tokens(
            kit.catalog, kit.key_ring, kit.sealer, issuer=self._issuer, audience=settings.paths[0]
        )
        rates = Rates(settings.calls_per_minute, settings.burst, settings.calls_per_day, settings.parallel)
        self._door = Door(kit, self._tokens, RateLimits(rates))
        receipts = Receipts(kit.catalog)
        self._lists = Lists(kit, settings, receipts)
        self._downloads = Downloads(kit, receipts)
        self._publishing = Publishing(kit, settings)
        self._health = Health(kit)

    def mounts(self) -> Sequence[Mount]:
        """Everything, on the web listener."""
        settings, audit = self._settings, self._kit.audit
        giving = Giving(self._kit.catalog, self._tokens, self._door.allow, audit, RateLimits(_GUESSES))
        now = Style(lifetime=round(settings.token_lifetime))
        old = Style("BearerToken", round(settings.old_token_lifetime), True, False)
        apps: dict[str, ASGIApp] = {
            settings.token_path: token_endpoint(f"{INSTANCE}.token", giving, now),
            settings.old_token_path: token_endpoint(f"{INSTANCE}.oldToken", giving, old),
            JWKS_PATH: jwks(f"{INSTANCE}.jwks", self._kit.key_ring, audit),
            METADATA_PATH: server_metadata(f"{INSTANCE}.metadata", self._metadata, audit),
            **{path: self._at(path) for path in settings.paths},
        }
        return [Mount(INSTANCE, "web", path, app) for path, app in apps.items()]

    def _at(self, path: str) -> UntilSent:
        rest = RestRouter(INSTANCE, path, self.operations(), self._door.caller, refuse, self._kit.audit)
        documents = openapi.routes(path, self._document)
        routes = [self._health.route(path), *documents]
        return UntilSent(Router(routes, redirect_slashes=False, default=rest.app))

    def operations(self) -> list[Operation]:
        """What the contract describes, but for the health check and tokens."""
        lists, downloads, publishing = self._lists, self._downloads, self._publishing
        return [
            Operation("listFiles", "GET", "/files", scoped(Scope.LIST, lists.handle), _ANY),
            Operation("publishFile", "POST", "/files", scoped(Scope.UPLOAD, publishing.post), _ANY),
            Operation("addChunk", "PUT", "/files", scoped(Scope.UPLOAD, publishing.put), _ANY),
            Operation("downloadFile", "GET", "/files/{file}", scoped(Scope.DOWNLOAD, downloads.fetch), _ANY),
            Operation("fileSize", "HEAD", "/files/{file}", scoped(Scope.DOWNLOAD, downloads.fetch), _ANY),
            Operation("deleteFile", "DELETE", "/files/{file}", scoped(Scope.DELETE, downloads.dismiss), _ANY),
        ]

    def _issuer(self) -> str:
        return self._settings.base_url.rstrip("/") or self._kit.bases["web"]

    def _metadata(self) -> Metadata:
        issuer, settings = self._issuer(), self._settings
        return Metadata(
            issuer,
            issuer + settings.token_path,
            issuer + JWKS_PATH,
            [scope.value for scope in Scope],
            [issuer + path for path in settings.paths],
        )

    def _document(self) -> Document:
        return Document.load(_CONTRACT, self._issuer() + self._settings.paths[0])

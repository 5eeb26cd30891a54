"""A dialect is one object: a toy that is made here stores a file and reads it, through the protocol alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from kade import app
from kade.auth import bearer
from kade.config import load
from kade.core.bindings import Noun
from kade.core.errors import FileReason, KadeError
from kade.core.files import FileState
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Namer, Tx
from kade.core.principals import Caller, Principal
from kade.core.spaces import Space
from kade.core.uploads import Upload
from kade.services import files, spaces, tenants, uploads
from kade.services.installing import install
from kade.services.naming import bind
from kade.services.uploads import Arrived, Wish
from kade.tasks import Handler
from kade.web.dialect import Dialect, Kit
from kade.web.mounts import Mount
from kade.web.operation import operation
from kade.web.receive import body_of
from kade.web.streaming import ContentResponse, Representation, plan

NAME = "toy"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the toy stands."""

    prefix: Annotated[str, Meta(description="Path of the toy.")] = "/toys"


class ToyNamer:
    """Implements ``core.ports.Namer``: a file in the toy's space is known by its own name."""

    instance = NAME

    def name_principal(self, tx: Tx, principal: Principal) -> None:
        """Principals have no names here."""

    def name_space(self, tx: Tx, space: Space) -> None:
        bind(tx, NAME, Noun.SPACE, space.name, space.id)

    def name_personal_space(self, tx: Tx, principal: Principal, space: Space) -> None:
        """Nobody has a space of one's own here."""

    def personal_space(self, tx: Tx, principal_id: Id) -> Id | None:
        return None

    def name_file(self, tx: Tx, space_id: Id, file_id: Id) -> None:
        file = tx.files.get(file_id)
        assert file is not None
        bind(tx, NAME, Noun.FILE, file.name, file_id)


class Toys:
    """PUT and GET of a named file."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def put(self, request: Request) -> Response:
        caller = await self._kit.authentication.by_any(request)
        name, kit = request.path_params["name"], self._kit

        async with body_of(request.scope, request.receive) as source:
            length = source.remaining

            def begin(tx: Tx, arrived: Arrived | None) -> Upload:
                space_id = _space(tx, caller, kit)
                return uploads.begin(tx, caller, kit.namers, kit.rules, space_id, Wish(name, length), arrived)

            await kit.appending.deposit(caller, begin, source)
        return Response(status_code=201)

    async def get(self, request: Request) -> Response:
        caller = await self._kit.authentication.by_any(request)
        what = await self._kit.catalog.read(_stored, caller, request.path_params["name"])
        planned = plan(request, what, self._kit.ranges)
        return ContentResponse(self._kit.store, self._kit.transfers, caller, what, planned, "text/plain")


def _space(tx: Tx, caller: Caller, kit: Kit) -> Id:
    root = tenants.root_of(tx, caller.tenant_id)
    found = tx.spaces.named(caller.tenant_id, root.id, "shelf")
    return found.id if found else spaces.create(tx, caller, kit.namers, root.id, "shelf").id


def _stored(tx: Tx, caller: Caller, name: str) -> Representation:
    file = files.find(tx, caller, tx.bindings.object_of(NAME, Noun.FILE, name), Verb.READ, (FileState.LIVE,))
    content = files.content_of(tx, file)
    return Representation(content, tx.contents.extents(content.id), {})


class Toy:
    """Implements ``web.dialect.Dialect``."""

    name = NAME
    settings = Settings

    def namers(self, settings: Settings) -> Sequence[Namer]:
        return [ToyNamer()]

    def handlers(self, kit: Kit, settings: Settings) -> Mapping[str, Handler]:
        return {}

    def mounts(self, kit: Kit, settings: Settings) -> Sequence[Mount]:
        toys = Toys(kit)
        routes = [
            Route(
                settings.prefix + "/{name}",
                operation("toy.put", toys.put, _refuse, kit.audit),
                methods=["PUT"],
            ),
            Route(settings.prefix + "/{name}", operation("toy.get", toys.get, _refuse, kit.audit)),
        ]
        return [Mount(NAME, "web", settings.prefix, Router(routes))]


def _refuse(_request: Request, error: KadeError) -> Response:
    return Response(str(error.reason), 404 if error.reason is FileReason.UNKNOWN else 400)


async def test_a_toy_stores_and_reads_a_file(tmp_path: Path) -> None:
    toy: Dialect = Toy()
    environment: dict[str, Any] = {
        "KADE_DATA_FOLDER": str(tmp_path),
        "KADE_WEB_PORT": "0",
        "KADE_EXCHANGE_PORT": "0",
        "KADE_EXCHANGE_TLS": "false",
        "KADE_EXCHANGE_CLIENT_CERTIFICATES": "none",
        "KADE_DIALECTS_TOY_PREFIX": "/box",
    }
    config = load(None, environment, {f"dialects.{NAME}": Settings})
    key = bearer.new_key()
    installing = app.build(config, {NAME: toy})
    async with app.opened(installing):
        await installing.catalog.write(install, installing.namers, "main", bearer.fingerprint(key))
    async with app.running(app.build(config, {NAME: toy})) as server:
        headers = {"Authorization": f"Bearer {key}"}
        async with aiohttp.ClientSession(server.bases["web"], headers=headers) as session:
            for name, data in (("small", b"bear"), ("large", b"bear" * 100_000)):
                async with session.put(f"/box/{name}", data=data) as answer:
                    assert answer.status == 201, await answer.text()
                async with session.get(f"/box/{name}", headers={"Range": "bytes=1-"}) as answer:
                    assert (answer.status, await answer.read()) == (206, data[1:])
            async with session.get("/box/nothing") as answer:
                assert (answer.status, await answer.text()) == (404, "file.unknown")
            async with session.get("/files/download/small") as answer:
                assert answer.status == 404

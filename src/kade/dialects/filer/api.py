"""What stands at the API's paths: with and without the slash at their end (spec 2(c) 27)."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Tx
from kade.dialects.filer import answers, directories, information
from kade.dialects.filer.beginning import Beginning
from kade.dialects.filer.changes import Changes
from kade.dialects.filer.door import Door, Notes, Visit
from kade.dialects.filer.downloads import Downloads
from kade.dialects.filer.errors import refuser
from kade.dialects.filer.management import Management
from kade.dialects.filer.namer import INSTANCE
from kade.dialects.filer.searching import Searches
from kade.dialects.filer.settings import Settings
from kade.web import openapi
from kade.web.dialect import Kit
from kade.web.mounts import Mount
from kade.web.openapi import Document
from kade.web.operation import AnyMethod, Handler, operation

Work = Callable[[Tx, Visit, Notes], dict[str, Any]]
Look = Callable[[Visit, Notes], Awaitable[dict[str, Any]]]
FAMILIES = ("/Search", "/File", "/Directory", "/Handshake", "/FileGroup")
_CONTRACT = Path(__file__).parent / "openapi.yaml"


class Filer:
    """One instance of the dialect, as a process serves it."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings
        self._door = Door(kit.catalog, kit.sealer)
        self._refuse = refuser(settings)
        self._beginning = Beginning(kit.catalog, self._door, settings)
        self._searches = Searches(kit.catalog, kit.index, settings)
        self._downloads = Downloads(kit, self._door, settings)
        self._changes = Changes(kit.keeper)
        self._management = Management(kit.namers, kit.ceiling)

    def operations(self) -> dict[tuple[str, str], tuple[str, Handler]]:
        """Method and path → operationId and handler: what the contract describes."""
        changes, management = self._changes, self._management
        return {
            ("GET", "/Search/"): ("search", self._looking(self._searches.handle)),
            ("GET", "/File/Download/"): ("download", self._answering(self._downloads.download)),
            ("GET", "/File/Download/Attachments/"): (
                "downloadAttachments",
                self._answering(self._downloads.attachments),
            ),
            ("GET", "/File/Content/"): ("content", self._reading(information.content)),
            ("POST", "/File/Add/"): ("add", self._working(changes.add)),
            ("PUT", "/File/Change/"): ("change", self._working(changes.change)),
            ("PUT", "/File/Rename/"): ("rename", self._working(changes.rename)),
            ("DELETE", "/File/Delete/"): ("delete", self._working(changes.delete)),
            ("GET", "/File/Information/"): ("information", self._reading(information.information)),
            ("GET", "/File/List/Changes/"): ("changes", self._reading(information.changes)),
            ("GET", "/Directory/Information/"): (
                "directoryInformation",
                self._reading(directories.information),
            ),
            ("PUT", "/Directory/Synchronize/"): ("synchronize", self._working(directories.synchronize)),
            ("GET", "/Directory/List/"): ("directoryContents", self._reading(directories.contents)),
            ("POST", "/Handshake/Initialize/"): ("initialize", self._beginning.handle),
            ("POST", "/FileGroup/Add/"): ("addFileGroup", self._working(management.add)),
            ("DELETE", "/FileGroup/Delete/"): ("deleteFileGroup", self._working(management.delete)),
        }

    def mounts(self) -> Sequence[Mount]:
        """Everything, on the web listener."""
        prefix = self._settings.prefix
        unknown = AnyMethod(self._operation("unknown", self._unknown))
        routes = [
            Route(prefix + path.rstrip("/") + slash, AnyMethod(self._of_method(method, name, handler)))
            for (method, path), (name, handler) in self.operations().items()
            for slash in ("/", "")
        ]
        documents = openapi.routes(f"{prefix}/Search", self._document)
        app = Router([*documents, *routes], redirect_slashes=False, default=unknown)
        return [Mount(INSTANCE, "web", prefix + family, app) for family in FAMILIES]

    def _operation(self, name: str, handler: Handler) -> Handler:
        return operation(f"{INSTANCE}.{name}", handler, self._refuse, self._kit.audit)

    def _of_method(self, method: str, name: str, handler: Handler) -> Handler:
        known = self._operation(name, handler)
        # The original's own example reads content by PUT (spec 2(d) 7).
        methods = {method, "HEAD"} if method == "GET" else {method}
        methods |= {"PUT"} if name == "content" else set()

        async def other(request: Request) -> Response:
            raise KadeError(RequestReason.METHOD_NOT_ALLOWED, request.method[:20], allow=method)

        wrong = self._operation(name, other)

        async def handle(request: Request) -> Response:
            return await (known if request.method in methods else wrong)(request)

        return handle

    def _working(self, work: Work) -> Handler:
        """What changes something: it and the next handshake are one transaction."""

        async def handle(request: Request) -> Response:
            visit = await self._door.enter(request)
            settled = await self._door.settle(visit, lambda tx, notes: work(tx, visit, notes))
            return answers.success(settled.handshake, settled.notes, settled.result)

        return handle

    def _reading(self, work: Work) -> Handler:
        """What changes nothing: it is read beside those that write; the next handshake is issued after."""

        async def look(visit: Visit, notes: Notes) -> dict[str, Any]:
            def run(tx: Tx) -> dict[str, Any]:
                notes.clear()
                return work(tx, visit, notes)

            return await self._kit.catalog.read(run)

        return self._looking(look)

    def _looking(self, look: Look) -> Handler:
        async def handle(request: Request) -> Response:
            visit = await self._door.enter(request)
            notes = Notes()
            reply = await look(visit, notes)
            settled = await self._door.settle(visit, lambda _tx, _notes: None)
            return answers.success(settled.handshake, notes, reply)

        return handle

    def _answering(self, answer: Callable[[Visit], Awaitable[Response]]) -> Handler:
        async def handle(request: Request) -> Response:
            return await answer(await self._door.enter(request))

        return handle

    async def _unknown(self, _request: Request) -> Response:
        raise KadeError(RequestReason.UNKNOWN_PATH)

    def _document(self) -> Document:
        return Document.load(_CONTRACT, self._kit.bases["web"] + self._settings.prefix)

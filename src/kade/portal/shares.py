"""The page of what is shared: its files, each to be fetched."""

from starlette.requests import Request
from starlette.responses import Response

from kade.core.contents import Content, Extent
from kade.core.errors import KadeError
from kade.core.events import Event
from kade.core.files import File
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.portal.pages import Pages, chosen_language, speaks
from kade.portal.refusals import status_of
from kade.services import files, shares
from kade.web.authentication import origin_of, remember
from kade.web.dialect import Kit
from kade.web.headers import SAFE_DOWNLOAD, attachment
from kade.web.streaming import ContentResponse, Representation, plan


class SharePages:
    """Answers at and below ``<prefix>/<token>``."""

    def __init__(self, kit: Kit, pages: Pages, prefix: str) -> None:
        self._kit = kit
        self._pages = pages
        self._prefix = prefix

    async def show(self, request: Request) -> Response:
        """What is in the share."""
        again = chosen_language(request)
        if again is not None:
            return again
        token: str = request.path_params["token"]
        origin = origin_of(request)

        def look(tx: Tx) -> tuple[Caller, list[File]]:
            guest, shared = shares.visit(tx, token, origin)
            return guest, shares.listed(tx, shared)

        guest, found = await self._kit.catalog.read(look)
        remember(request, guest)
        path = f"{self._prefix}/{token}"
        return self._pages.page("share.html", speaks(request), files=found, path=path)

    async def fetch(self, request: Request) -> Response:
        """One file of it, or some of its bytes."""
        token, file_id = request.path_params["token"], Id(request.path_params["file"])
        origin = origin_of(request)

        def look(tx: Tx) -> tuple[Caller, File, Content, list[Extent]]:
            guest, shared = shares.visit(tx, token, origin)
            file = shares.readable(tx, shared, file_id)
            content = files.content_of(tx, file)
            return guest, file, content, tx.contents.extents(content.id)

        kit = self._kit
        guest, file, content, extents = await kit.catalog.read(look)
        remember(request, guest)
        kit.audit.note(Event.by(guest, "file.read", file.id))
        headers = {"Content-Disposition": attachment(file.name), **SAFE_DOWNLOAD}
        what = Representation(content, extents, headers)
        planned = plan(request, what, kit.ranges)
        return ContentResponse(kit.store, kit.transfers, guest, what, planned, file.media_type)

    def refuse(self, request: Request, error: KadeError) -> Response:
        """A page that says that there is nothing, whatever the reason."""
        return self._pages.message(speaks(request), status_of(error), "unknown", "link")

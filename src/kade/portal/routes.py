"""Which handler answers what in the portal."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from kade.portal.assets import Assets
from kade.portal.gate import Gate
from kade.portal.pages import Guarded, Pages, speaks
from kade.portal.requests import RequestPages
from kade.portal.settings import Settings
from kade.portal.shares import SharePages
from kade.portal.uploads import SlotUploads
from kade.web.dialect import Kit
from kade.web.mounts import Mount
from kade.web.operation import AnyMethod, Handler, Refuse, operation

_NAME = "portal"


def mounts(kit: Kit, settings: Settings) -> Sequence[Mount]:
    """Everything that the portal serves."""
    assets = Assets(settings.assets_path)
    pages = Pages(assets, ZoneInfo(settings.zone))
    built = Router([Route(f"{settings.assets_path}/{{name}}", assets.handle)], redirect_slashes=False)
    prefix, shared = settings.request_path, settings.share_path
    return [
        Mount(_NAME, "web", prefix, Guarded(_request_router(kit, pages, prefix), prefix, kit.bases)),
        Mount(_NAME, "web", shared, Guarded(_share_router(kit, pages, shared), shared, kit.bases)),
        Mount(_NAME, "web", settings.assets_path, built),
    ]


def _share_router(kit: Kit, pages: Pages, prefix: str) -> Router:
    shared = SharePages(kit, pages, prefix)

    def route(path: str, name: str, handler: Handler) -> BaseRoute:
        endpoint = operation(f"{_NAME}.share.{name}", handler, shared.refuse, kit.audit)
        return Route(f"{prefix}/{{token}}{path}", endpoint, methods=["GET"])

    routes = [route("", "show", shared.show), route("/{file}", "fetch", shared.fetch)]
    return Router(routes, redirect_slashes=False, default=_nothing(pages))


def _request_router(kit: Kit, pages: Pages, prefix: str) -> Router:
    gate = Gate(kit.catalog, kit.sealer, prefix)
    asked = RequestPages(kit, gate, pages, prefix)
    uploads = SlotUploads(kit, gate, prefix)

    def route(path: str, verb: str, name: str, handler: Handler, refuse: Refuse = asked.refuse) -> BaseRoute:
        endpoint = operation(f"{_NAME}.request.{name}", handler, refuse, kit.audit)
        return Route(f"{link}{path}", endpoint, methods=[verb])

    link = f"{prefix}/{{token}}"

    routes = [
        route("", "GET", "show", asked.show),
        route("/password", "POST", "password", asked.password),
        route("/send", "POST", "send", asked.send),
        route("/receipt", "POST", "mail_receipt", asked.mail_receipt),
        route("/slots/{slot}/file", "DELETE", "empty", asked.empty, asked.refuse_script),
        Route(f"{link}/uploads", AnyMethod(uploads.handle)),
        Route(f"{link}/uploads/{{upload}}", AnyMethod(uploads.handle)),
    ]
    return Router(routes, redirect_slashes=False, default=_nothing(pages))


def _nothing(pages: Pages) -> ASGIApp:
    """The answer where nothing stands: the same as for a link that ended."""

    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response: Response = pages.message(speaks(request), 404, "unknown", "link")
        await response(scope, receive, send)

    return nothing

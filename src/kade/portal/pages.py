"""Pages: templates in somebody's language, and the headers that every answer of the portal carries."""

import mimetypes
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kade.core.clock import Millis
from kade.portal.assets import Assets
from kade.portal.languages import COOKIE, LANGUAGES, Language, chosen, language

_YEAR_S = 31_536_000
_SECURE = "kade.secure"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


class Pages:
    """Makes pages of templates."""

    def __init__(self, assets: Assets, zone: ZoneInfo) -> None:
        self._assets = assets
        self._zone = zone

    def page(self, template: str, speaking: Language, status: int = 200, **values: object) -> Response:
        """A page of this template; *values* are what only this page knows."""
        html = self._templates.get_template(template).render(
            language=speaking,
            languages=[language(code) for code in LANGUAGES],
            say=speaking.say,
            size=speaking.size,
            moment=partial(speaking.moment, zone=self._zone),
            **values,
        )
        return HTMLResponse(html, status)

    def message(self, speaking: Language, status: int, name: str, symbol: str, **values: object) -> Response:
        """A page that says one thing: the texts *name* and *name*_hint of the section ``gone``."""
        title, hint = speaking.say(f"gone.{name}"), speaking.say(f"gone.{name}_hint")
        return self.page("message.html", speaking, status, title=title, hint=hint, symbol=symbol, **values)

    @cached_property
    def _templates(self) -> Environment:
        environment = Environment(
            loader=PackageLoader("kade.portal"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(asset=self._assets.url, iso=_iso, accept=_accept)
        return environment


class Guarded:
    """Wraps the portal's pages: every answer has the headers, and no log shows the link's token."""

    def __init__(self, app: ASGIApp, prefix: str, bases: Mapping[str, str]) -> None:
        """*bases* are the public URLs of the listeners, by name."""
        self._app = app
        self._prefix = prefix
        self._bases = bases

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["kade.shown_path"] = f"{self._prefix}/…"
        scope[_SECURE] = self._bases.get(scope["kade.listener"], "").startswith("https:")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


def chosen_language(request: Request) -> Response | None:
    """The same page again, in the language that ``?language=`` asks for; None when it asks for none."""
    code = request.query_params.get("language")
    if code not in LANGUAGES:
        return None
    response = RedirectResponse(request.url.path, 303)
    response.set_cookie(
        COOKIE, code, max_age=_YEAR_S, path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )
    return response


def speaks(request: Request, fallback: str = "") -> Language:
    """The language in which the request is answered."""
    return chosen(request, fallback)


def is_secure(request: Request) -> bool:
    """Whether the browser came by https, perhaps to a proxy of ours: then cookies go by nothing else."""
    forwarded = request.headers.get("x-forwarded-proto", "")
    return bool(request.scope[_SECURE]) or "https" in (request.url.scheme, forwarded)


def _iso(at: Millis) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")


def _accept(types: Sequence[str]) -> str:
    """What a file control offers: the types, and the endings of those that systems do not know by type."""
    endings = (ending for each in types for ending in mimetypes.guess_all_extensions(each, strict=False))
    return ",".join(dict.fromkeys((*types, *endings)))

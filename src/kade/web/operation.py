"""An operation: a handler with a name, whose every refusal is answered in its dialect's shape and noted."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kade.core.errors import Code, KadeError, RequestReason
from kade.core.events import Event
from kade.services.audit import Audit
from kade.web.authentication import caller_of, origin_of

_log = structlog.get_logger("kade.web.operation")

Handler = Callable[[Request], Awaitable[Response]]
Refuse = Callable[[Request, KadeError], Response]


class AnyMethod:
    """A route's endpoint that gets requests of every method; Starlette's functions get those listed only."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._handler(Request(scope, receive, send))
        await response(scope, receive, send)


def operation(name: str, handler: Handler, refuse: Refuse, audit: Audit, reads: str = "") -> Handler:
    """*handler* under its operation's *name*: what it raises becomes *refuse*'s answer and an event.

    *reads* is the kind of event that is noted when an operation that leaves none itself was done for a
    caller. An error that nobody foresaw is told as an internal error with the request's id; its trace is
    logged.
    """

    async def run(request: Request) -> Response:
        request.scope["kade.operation"] = name
        try:
            response = await handler(request)
            _noted(request)
            return response
        except KadeError as error:
            return _refused(request, error)
        except Exception:
            _log.exception("internal error", operation=name, request_id=request.scope.get("kade.request_id"))
            return _refused(request, KadeError(RequestReason.UNEXPECTED))

    def _noted(request: Request) -> None:
        caller = caller_of(request)
        if reads and caller is not None:
            audit.note(Event.by(caller, reads, path=request.url.path[:300]))

    def _refused(request: Request, error: KadeError) -> Response:
        audit.refused(error, caller_of(request), origin_of(request))
        response = refuse(request, error)
        if error.code is Code.TOO_SLOW:
            response.headers["Connection"] = "close"  # the rest of the body would be as slow
        return response

    return run

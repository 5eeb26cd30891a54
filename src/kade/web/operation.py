"""An operation: a handler with a name, whose every refusal is answered in its dialect's shape and noted."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import KadeError, RequestReason
from kade.services.audit import Audit
from kade.web.authentication import caller_of, origin_of

_log = structlog.get_logger("kade.web.operation")

Handler = Callable[[Request], Awaitable[Response]]
Refuse = Callable[[Request, KadeError], Response]


def operation(name: str, handler: Handler, refuse: Refuse, audit: Audit) -> Handler:
    """*handler* under its operation's *name*: what it raises becomes *refuse*'s answer and an event.

    An error that nobody foresaw is told as an internal error with the request's id; its trace is logged.
    """

    async def run(request: Request) -> Response:
        request.scope["kade.operation"] = name
        try:
            return await handler(request)
        except KadeError as error:
            return _refused(request, error)
        except Exception:
            _log.exception("internal error", operation=name, request_id=request.scope.get("kade.request_id"))
            return _refused(request, KadeError(RequestReason.UNEXPECTED))

    def _refused(request: Request, error: KadeError) -> Response:
        audit.refused(error, caller_of(request), origin_of(request))
        return refuse(request, error)

    return run

"""Request ids, the access log and the request metrics."""

import re
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kade.core.ids import new_token
from kade.web.metrics import Metrics
from kade.web.middleware.forwarded import client_of

_log = structlog.get_logger("kade.access")
_ACCEPTABLE = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Observed:
    """Wraps a listener's application.

    A client's ``X-Request-ID`` is kept when it is harmless; the id stands in the answer, the log and every
    event. Query strings are not logged: they may hold secrets. Where a path does, the application says in
    ``kade.shown_path`` what is logged instead.
    """

    def __init__(self, app: ASGIApp, listener: str, metrics: Metrics) -> None:
        self._app = app
        self._listener = listener
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = _request_id(scope)
        scope["kade.request_id"] = request_id
        scope["kade.listener"] = self._listener
        status = 0

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        operation = scope.get("kade.operation", "")
        self._metrics.request(operation or "none", status, seconds)
        caller = scope.get("kade.caller")
        _log.info(
            "request",
            listener=self._listener,
            request_id=scope["kade.request_id"],
            method=scope["method"],
            path=scope.get("kade.shown_path", scope["path"]),
            status=status,
            ms=round(seconds * 1000, 1),
            client=client_of(scope),
            operation=operation,
            principal=caller.principal_name if caller else "",
        )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ACCEPTABLE.fullmatch(value):
            return str(value.decode())
    return new_token(20)

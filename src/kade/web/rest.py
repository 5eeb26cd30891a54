"""Resources with methods and media types: 404, 405, 415 and 406 in the order of JAX-RS (JSR 370, 3.7.2)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from kade.core.errors import KadeError, RequestReason
from kade.core.principals import Caller
from kade.services.audit import Audit
from kade.web.operation import AnyMethod, Handler, Refuse, operation

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    *id* is its operationId in the contract. *path* is a template below the router's prefix. A request must
    accept one of *produces*, if there are any, and, when *consumes* names any, bring one of those; a request
    without a Content-Type passes. *reads* is the kind of event of an operation that changes nothing; only
    such a GET also answers HEAD.
    """

    id: str
    method: str
    path: str
    handle: Callable[[Request, Caller], Awaitable[Response]]
    produces: tuple[str, ...] = (JSON,)
    consumes: tuple[str, ...] = ()
    reads: str = ""


class RestRouter:
    """Operations as an application: who is calling is found out first, also for paths that nobody has."""

    def __init__(
        self,
        name: str,
        prefix: str,
        operations: Sequence[Operation],
        authenticate: Callable[[Request], Awaitable[Caller]],
        refuse: Refuse,
        audit: Audit,
    ) -> None:
        self._name = name
        self._authenticate = authenticate
        self._refuse = refuse
        self._audit = audit
        routes = [
            Route(prefix + path, AnyMethod(self._resource(list(of_path))))
            for path, of_path in groupby(operations, key=lambda each: each.path)
        ]
        unknown = AnyMethod(self._wrapped("unknown", self._unknown))
        self.app = Router(routes, redirect_slashes=False, default=unknown)

    def _resource(self, operations: Sequence[Operation]) -> Handler:
        handlers = {
            each.method: self._wrapped(each.id, self._guarded(each), each.reads) for each in operations
        }
        if any(each.method == "GET" and each.reads for each in operations):
            handlers["HEAD"] = handlers["GET"]
        other = self._wrapped("other", self._no_such_method(", ".join(sorted(handlers))))

        async def handle(request: Request) -> Response:
            return await handlers.get(request.method, other)(request)

        return handle

    def _wrapped(self, operation_id: str, handler: Handler, reads: str = "") -> Handler:
        return operation(f"{self._name}.{operation_id}", handler, self._refuse, self._audit, reads)

    def _guarded(self, one: Operation) -> Handler:
        async def handle(request: Request) -> Response:
            caller = await self._authenticate(request)
            _require_consumable(request, one.consumes)
            if one.produces:
                acceptable(request, one.produces)
            return await one.handle(request, caller)

        return handle

    def _no_such_method(self, allow: str) -> Handler:
        async def handle(request: Request) -> Response:
            await self._authenticate(request)
            raise KadeError(RequestReason.METHOD_NOT_ALLOWED, request.method[:20], allow=allow)

        return handle

    async def _unknown(self, request: Request) -> Response:
        await self._authenticate(request)
        raise KadeError(RequestReason.UNKNOWN_PATH)


def acceptable(request: Request, produces: Sequence[str]) -> str:
    """The one of *produces* that the request prefers (RFC 9110, 12.5.1); the earlier one among equals.

    Raises:
        KadeError: ``RequestReason.NOT_ACCEPTABLE``.
    """
    header = ",".join(request.headers.getlist("accept"))
    ranges = [_media_range(each) for each in header.split(",") if each.strip()] or [("*/*", 1.0)]
    quality = {each: _quality(each, ranges) for each in produces}
    best = max(produces, key=lambda each: quality[each])
    if quality[best] <= 0:
        raise KadeError(RequestReason.NOT_ACCEPTABLE, header[:80])
    return best


def _require_consumable(request: Request, consumes: Sequence[str]) -> None:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if consumes and declared and declared not in consumes:
        raise KadeError(RequestReason.UNSUPPORTED_MEDIA_TYPE, declared[:80])


def _media_range(text: str) -> tuple[str, float]:
    media_type, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return media_type, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return media_type, 0.0


def _quality(produced: str, ranges: Sequence[tuple[str, float]]) -> float:
    """By the most specific range that covers the type; 0 when none does."""
    for pattern in (produced, produced.partition("/")[0] + "/*", "*/*"):
        found = [quality for media_type, quality in ranges if media_type == pattern]
        if found:
            return max(found)
    return 0.0

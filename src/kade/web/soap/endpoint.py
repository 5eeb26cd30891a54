"""A service at one URL: POST calls an operation, GET tells the contract."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import KadeError, RequestReason
from kade.core.principals import Caller
from kade.services.audit import Audit
from kade.web.authentication import caller_of, placed
from kade.web.operation import Handler, Refuse, operation
from kade.web.receive import body_of
from kade.web.soap import values
from kade.web.soap.answers import XML, answer
from kade.web.soap.contract import Contract
from kade.web.soap.envelope import QName, Shape
from kade.web.soap.message import Incoming, Message, MessageLimits


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation.

    *body* is what stands before the streamed content, the whole request where there is none;
    *incoming* tells of that content, and *content* is its bytes as a ``core.ports.Source``.
    """

    caller: Caller
    body: Any
    incoming: Incoming
    content: Message
    kind: type[msgspec.Struct]

    def whole(self) -> Any:
        """*body* with what stood behind the content, once *content* has ended. Raises as ``values.read``."""
        return values.read(self.content.operation, self.kind)


@dataclass(frozen=True, slots=True)
class SoapOperation:
    """One operation, called by *name* or one of *aliases*; the answer is ``<called name>Response``.

    *request* has the children of the operation's element, save the one at the end of *streamed*, which is
    handed on as it comes; what is required has to stand before it. *reads* is the kind of event of an
    operation that changes nothing.
    """

    name: str
    request: type[msgspec.Struct]
    handle: Callable[[Call], Awaitable[msgspec.Struct]]
    streamed: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    reads: str = ""

    @property
    def shape(self) -> Shape:
        """What has to be known while a request is read."""
        check = partial(values.require, kind=self.request)
        return Shape(self.streamed, values.binary_names(self.request), check)


class Nothing(msgspec.Struct, frozen=True):
    """A request or an answer without children."""


@dataclass(frozen=True, slots=True)
class SoapService:
    """What stands at one URL: operations in *namespace*, and the contract that describes them.

    *url* is where its clients find it; empty where that is as the request names it.
    """

    namespace: str
    contract: Contract
    operations: Sequence[SoapOperation]
    url: str = ""


class SoapEndpoint:
    """Answers for one service: who is calling is found out before anything is read."""

    def __init__(
        self,
        name: str,
        service: SoapService,
        authenticate: Callable[[Request], Awaitable[Caller]],
        refuse: Refuse,
        audit: Audit,
        limits: MessageLimits | None = None,
    ) -> None:
        self._name = name
        self._service = service
        self._authenticate = authenticate
        self._refuse = refuse
        self._audit = audit
        self._limits = limits or MessageLimits()
        self._operations = {
            called: each for each in service.operations for called in (each.name, *each.aliases)
        }
        described = self._wrapped("wsdl", self._describe, "contract.read")
        self._handlers = {
            "POST": self._wrapped("unknown", self._call),
            "GET": described,
            "HEAD": described,
        }
        self._other = self._wrapped("other", self._no_such_method)

    async def handle(self, request: Request) -> Response:
        """The answer to one request; a fault for whatever is refused."""
        return await self._handlers.get(request.method, self._other)(request)

    def _wrapped(self, name: str, handler: Handler, reads: str = "") -> Handler:
        return operation(f"{self._name}.{name}", handler, self._refuse, self._audit, reads)

    async def _call(self, request: Request) -> Response:
        """Until the operation is known, what is refused is noted as ``unknown``."""
        await self._authenticate(request)
        async with body_of(request.scope, request.receive) as source:
            content_type = request.headers.get("content-type", "")
            message = Message(source, content_type, self._shape_of, self._limits)
            await message.begin()
            called = self._operations[message.operation.qname.name]
            run = self._wrapped(called.name, partial(self._run, called, message), called.reads)
            return await run(request)

    def _shape_of(self, qname: QName) -> Shape:
        if qname.namespace != self._service.namespace or qname.name not in self._operations:
            raise KadeError(
                RequestReason.UNKNOWN_PATH, f"no operation {{{qname.namespace[:120]}}}{qname.name[:60]}"
            )
        return self._operations[qname.name].shape

    async def _run(self, called: SoapOperation, message: Message, request: Request) -> Response:
        caller = placed(request)
        if called.streamed and message.incoming is None:
            raise KadeError(RequestReason.MISSING_VALUE, "/".join(called.streamed))
        body = values.read(message.operation, called.request)
        call = Call(caller, body, message.incoming or Incoming("", None), message, called.request)
        told = await called.handle(call)
        return answer(request, self._service.namespace, f"{message.operation.qname.name}Response", told)

    async def _describe(self, request: Request) -> Response:
        """``?wsdl``, ``?wsdl=NAME``, ``?xsd=NAME``; anything else is no call."""
        await self._authenticate(request)
        address = self._service.url or str(request.url.replace(query="", fragment=""))
        asked = {key.lower(): value for key, value in request.query_params.items()}
        if "wsdl" in asked:
            return _xml(self._service.contract.wsdl(address, asked["wsdl"]))
        if "xsd" in asked:
            return _xml(self._service.contract.schema(asked["xsd"], address))
        return await self._no_such_method(request)

    async def _no_such_method(self, request: Request) -> Response:
        if caller_of(request) is None:
            await self._authenticate(request)
        raise KadeError(RequestReason.METHOD_NOT_ALLOWED, request.method[:20], allow="POST")


def _xml(document: bytes) -> Response:
    return Response(document, media_type=f"{XML}; charset=utf-8")

"""The endpoint: which verb goes where, and what holds for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import KadeError, RequestReason, UploadReason
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload
from kade.services.appending import Appending
from kade.services.audit import Audit
from kade.services.naming import Namers
from kade.services.uploads import Rules
from kade.web.operation import Handler, operation
from kade.web.tus import headers as tus


class Described(NamedTuple):
    """A file's name, its declared media type, and the slot of a request that it is for."""

    name: str
    media_type: str | None = None
    slot_id: Id | None = None


class Door(Protocol):
    """What a dialect decides: who comes in, where their uploads go, and how refusals look."""

    name: str
    path: str
    origins: Sequence[str]

    async def caller(self, request: Request) -> Caller:
        """Who is calling. Raises KadeError."""
        ...

    def space(self, tx: Tx, caller: Caller) -> Id:
        """Into which space the caller's uploads go. Raises KadeError."""
        ...

    def described(self, metadata: dict[str, str]) -> Described:
        """What ``Upload-Metadata`` says of the file. Raises KadeError."""
        ...

    def url_of(self, request: Request, key: str) -> str:
        """The upload's URL in answers, absolute where that is safe to say."""
        ...

    def key_of(self, tx: Tx, upload: Upload) -> str:
        """What stands for the upload in its URL."""
        ...

    def upload_of(self, tx: Tx, caller: Caller, key: str) -> Upload:
        """The caller's upload of that key. Raises KadeError(UploadReason.UNKNOWN)."""
        ...

    def refuse(self, request: Request, error: KadeError) -> Response:
        """A refusal in the dialect's shape; the headers of tus are added."""
        ...


@dataclass(frozen=True, slots=True)
class TusParts:
    """What the verbs are made of."""

    door: Door
    appending: Appending
    namers: Namers
    rules: Rules
    metadata_limit: int


class Verb(Protocol):
    """One of the protocol's methods; *reads*: the event of one that changes nothing."""

    operation: str
    reads: str

    async def handle(self, request: Request, caller: Caller) -> Response: ...


class TusEndpoint:
    """Answers every request at and below the door's path."""

    def __init__(self, parts: TusParts, audit: Audit) -> None:
        from kade.web.tus import append, create, inspect, options, terminate

        self._door = parts.door
        verbs: dict[str, Verb] = {
            "POST": create.Create(parts),
            "HEAD": inspect.Inspect(parts),
            "PATCH": append.Append(parts),
            "DELETE": terminate.Terminate(parts),
        }

        def named(name: str, handler: Handler, reads: str = "") -> Handler:
            return operation(f"{parts.door.name}.{name}", handler, self._refuse, audit, reads)

        asked = options.Options(parts)
        self._handlers = {
            "OPTIONS": named(asked.operation, asked.handle, asked.reads),
            **{name: named(verb.operation, self._entered(verb), verb.reads) for name, verb in verbs.items()},
        }
        self._other = named("upload.other", self._no_such_verb)

    async def handle(self, request: Request) -> Response:
        """Check what holds for every verb, then let the verb answer."""
        handler = self._handlers.get(verb_of(request), self._other)
        response = await handler(request)
        response.headers["Tus-Resumable"] = tus.VERSION
        self._allow_origin(request, response)
        return response

    def _entered(self, verb: Verb) -> Handler:
        """*verb*, for callers who are known and speak our version: every request but OPTIONS says which."""

        async def handle(request: Request) -> Response:
            caller = await self._door.caller(request)
            version = request.headers.get("Tus-Resumable", "")
            if version != tus.VERSION:
                raise KadeError(RequestReason.VERSION_UNSUPPORTED, ascii(version[:20]))
            return await verb.handle(request, caller)

        return handle

    async def _no_such_verb(self, request: Request) -> Response:
        await self._door.caller(request)
        raise KadeError(RequestReason.METHOD_NOT_ALLOWED, request.method, allow=", ".join(self._handlers))

    def _refuse(self, request: Request, error: KadeError) -> Response:
        response = self._door.refuse(request, error)
        if error.reason is UploadReason.OFFSET_MISMATCH:
            response.headers["Upload-Offset"] = str(error.facts["offset"])
        if error.reason is RequestReason.VERSION_UNSUPPORTED:
            response.headers["Tus-Version"] = tus.VERSION
        return response

    def _allow_origin(self, request: Request, response: Response) -> None:
        """CORS: the answer may be read by scripts of the origins that the dialect names."""
        origin = request.headers.get("Origin")
        if origin is None or not ({"*", origin} & set(self._door.origins)):
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"
        response.headers["Access-Control-Expose-Headers"] = tus.CORS_EXPOSED
        if origin in self._door.origins:
            response.headers["Access-Control-Allow-Credentials"] = "true"


def verb_of(request: Request) -> str:
    """The method; a POST may stand for another one (``X-HTTP-Method-Override``)."""
    override = request.headers.get("X-HTTP-Method-Override", "").upper()
    return override if request.method == "POST" and override else request.method


def key_in(request: Request, door: Door) -> str:
    """The upload's key in the request's path. Raises KadeError(UploadReason.UNKNOWN)."""
    path: str = request.scope["path"]
    prefix, _, key = path.rpartition("/")
    if prefix != door.path or not key:
        raise KadeError(UploadReason.UNKNOWN)
    return key


def progress(upload: Upload) -> dict[str, str]:
    """The headers that tell how far an upload is: offset and, while it is unfinished, its expiry."""
    told = {"Upload-Offset": str(upload.offset)}
    if not upload.complete:
        told["Upload-Expires"] = tus.expires(upload.expires_at)
    return told

"""Refusals in this API's shape: ``{code, message}``, and for what a body says ``errors`` by its fields."""

import json
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import (
    AccessReason,
    Code,
    ContactReason,
    FileReason,
    FileRequestReason,
    KadeError,
    Reason,
    RequestReason,
    TokenReason,
    UploadReason,
)

STATUS: dict[Code, int] = {
    Code.INVALID: 422,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.GONE: 404,
    Code.CONFLICT: 409,
    Code.OFFSET_MISMATCH: 409,
    Code.CHECKSUM_MISMATCH: 422,
    Code.LOCKED: 409,
    Code.TOO_SLOW: 408,
    Code.TOO_LARGE: 413,
    Code.RANGE: 416,
    Code.PRECONDITION: 412,
    Code.UNSUPPORTED: 415,
    Code.TOO_MANY: 429,
    Code.NO_SPACE: 507,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
STATUS_OF_REASON: dict[Reason, int] = {
    RequestReason.MALFORMED: 400,
    RequestReason.LINE_CUT: 400,
    RequestReason.METHOD_NOT_ALLOWED: 405,
    RequestReason.NOT_ACCEPTABLE: 406,
}
_MESSAGES: dict[Code, str] = {
    Code.INVALID: "The given data is not valid.",
    Code.UNAUTHENTICATED: "Unauthenticated.",
    Code.FORBIDDEN: "This is not allowed.",
    Code.NOT_FOUND: "Not found.",
    Code.GONE: "Not found.",
    Code.CONFLICT: "This cannot be done now.",
    Code.LOCKED: "Somebody else is writing to it.",
    Code.CHECKSUM_MISMATCH: "What came is not what was sent.",
    Code.OFFSET_MISMATCH: "This cannot be done now.",
    Code.TOO_SLOW: "The request came too slowly.",
    Code.TOO_LARGE: "The request is too large.",
    Code.RANGE: "The range is not satisfiable.",
    Code.PRECONDITION: "A precondition failed.",
    Code.UNSUPPORTED: "This media type is not supported.",
    Code.TOO_MANY: "Too many requests.",
    Code.NO_SPACE: "There is no room for it.",
    Code.UNAVAILABLE: "The service is not available now.",
    Code.INTERNAL: "Internal error.",
}
_SENTENCES: dict[Reason, str] = {
    RequestReason.MALFORMED: "The body cannot be read: {subject}.",
    RequestReason.LINE_CUT: "The body has no end.",
    RequestReason.METHOD_NOT_ALLOWED: "This method is not allowed here.",
    RequestReason.NOT_ACCEPTABLE: "Answers are application/json.",
    RequestReason.MISSING_VALUE: "{subject} is missing.",
    TokenReason.SCOPE_MISSING: "The scope {subject} is missing.",
    FileReason.BAD_NAME: "This cannot be a name.",
    FileRequestReason.COMPLETED: "The request is completed.",
    ContactReason.IN_USE: "A request to this customer is open.",
    UploadReason.MAX_SIZE: "The file is larger than {max_size:d} bytes.",
    AccessReason.ADDRESS_NOT_ALLOWED: "This is not allowed from here.",
}


class FieldErrors(KadeError):
    """What is wrong with the fields of a body, all at once."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(RequestReason.NOT_VALID, ", ".join(errors))
        self.errors = errors


def refuse(_request: Request, error: KadeError) -> Response:
    """The answer to a request that is refused."""
    status = STATUS_OF_REASON.get(error.reason, STATUS[error.code])
    body: dict[str, object] = {"code": status, "message": _message(error)}
    if isinstance(error, FieldErrors):
        body["errors"] = error.errors
    return Response(json.dumps(body), status, _headers(status, error), "application/json")


def _message(error: KadeError) -> str:
    words = _SENTENCES.get(error.reason)
    if words is not None:
        return words.format(subject=error.subject, **error.facts)
    return _MESSAGES[error.code]


def _headers(status: int, error: KadeError) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if status == 405:
        return {"Allow": str(error.facts["allow"])}
    if status == 429:
        return {"Retry-After": str(error.facts["retry_after"])}
    return {}

"""The wire shapes of refusals: who may come in is told in one, everything else in the other (spec 1(b))."""

import json
import math

from starlette.requests import Request
from starlette.responses import Response

from kade.core.clock import now, to_iso
from kade.core.errors import (
    AccessReason,
    Code,
    FileReason,
    KadeError,
    Reason,
    RequestReason,
    TokenReason,
    UploadReason,
)

STATUS: dict[Code, int] = {
    Code.INVALID: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.GONE: 404,
    Code.CONFLICT: 409,
    Code.OFFSET_MISMATCH: 409,
    Code.CHECKSUM_MISMATCH: 400,
    Code.LOCKED: 409,
    Code.TOO_SLOW: 408,
    Code.TOO_LARGE: 400,
    Code.RANGE: 416,
    Code.PRECONDITION: 412,
    Code.UNSUPPORTED: 400,
    Code.TOO_MANY: 429,
    Code.NO_SPACE: 507,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
STATUS_OF_REASON: dict[Reason, int] = {
    RequestReason.METHOD_NOT_ALLOWED: 405,
    # Elsewhere who goes on with a finished upload is forbidden to; here it only comes too late.
    UploadReason.FINISHED: 409,
}
# Who a caller is, and which tenants and scopes its token covers, is judged at the door.
AT_THE_DOOR = frozenset(
    {AccessReason.ADDRESS_NOT_ALLOWED, TokenReason.SCOPE_MISSING, TokenReason.TENANT_NOT_GRANTED}
)
_WORDS = {
    401: ("Authentication Error", "unauthorized"),
    403: ("Access denied", "forbidden"),
}
_MESSAGES: dict[Code, str] = {
    Code.FORBIDDEN: "This is not allowed.",
    Code.NOT_FOUND: "Not found.",
    Code.GONE: "Not found.",
    Code.CONFLICT: "This cannot be done now.",
    Code.LOCKED: "Somebody else is writing to it.",
    Code.TOO_SLOW: "The request came too slowly.",
    Code.TOO_LARGE: "The request is too large.",
    Code.RANGE: "Range not satisfiable.",
    Code.TOO_MANY: "Too many requests",
    Code.NO_SPACE: "There is no room for it.",
    Code.UNAVAILABLE: "The service is not available now.",
    Code.INTERNAL: "Internal error.",
}
# What somebody can mend is said in full; a subject is a parameter, or what the request itself says.
_SENTENCES: dict[Reason, str] = {
    RequestReason.MISSING_VALUE: "{subject} is missing.",
    RequestReason.BAD_VALUE: "The value of {subject} is not allowed.",
    RequestReason.MALFORMED: "The body cannot be read; look at its boundaries, please ({subject}).",
    RequestReason.LINE_CUT: "The body has no end.",
    RequestReason.METHOD_NOT_ALLOWED: "{subject} is not served here.",
    FileReason.BAD_NAME: "A file cannot be called {subject}.",
    FileReason.NAME_REFUSED: "A file of this business type cannot be called {subject}.",
    UploadReason.MAX_SIZE: "The file or the chunk is larger than {max_size:d} bytes.",
    UploadReason.PARTS_MISSING: "The chunk at position {position} is missing.",
    UploadReason.FINISHED: "The upload has ended.",
}
# The same for what is not there and for what somebody may not see, to the last byte.
_ANONYMOUS = frozenset({Code.NOT_FOUND, Code.GONE, Code.RANGE})


def refuse(request: Request, error: KadeError) -> Response:
    """The answer to a request that is refused."""
    status = STATUS_OF_REASON.get(error.reason, STATUS[error.code])
    at_the_door = error.code is Code.UNAUTHENTICATED or error.reason in AT_THE_DOOR
    body = _of_the_door(request, status) if at_the_door else _of_the_api(request, status, error)
    content = b"" if request.method == "HEAD" else json.dumps(body).encode()
    return Response(content, status, {"Content-Type": "application/json", **_headers(status, error)})


def _of_the_door(request: Request, status: int) -> dict[str, str | int]:
    message, code = _WORDS[status]
    return {
        "message": message,
        "correlationId": correlation_id(request),
        "issuedAt": to_iso(now()),
        "errorCode": code,
        "statusCode": status,
    }


def _of_the_api(request: Request, status: int, error: KadeError) -> dict[str, str | None]:
    return {
        "correlationId": None if error.code in _ANONYMOUS else correlation_id(request),
        "message": _message(error),
        "errorCode": str(status),
        "exception": None,
    }


def correlation_id(request: Request) -> str:
    """What the log and the audit trail know the request by, too."""
    return f"rrt-{request.scope.get('kade.request_id', '')}"


def _message(error: KadeError) -> str:
    """What is wrong, and where; nothing of other people's files."""
    if error.reason is RequestReason.BAD_QUERY:
        return f"{error.subject}: at character {error.facts['position']}, {error.facts['expected']} expected."
    words = _SENTENCES.get(error.reason)
    if words is not None:
        return words.format(subject=error.subject, **error.facts)
    return _MESSAGES.get(error.code, "The request is not valid.")


def _headers(status: int, error: KadeError) -> dict[str, str]:
    if error.code is Code.RANGE:
        return {"Content-Range": f"bytes */{error.facts['total']}"}
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if status == 405:
        return {"Allow": str(error.facts["allow"])}
    if status == 429:
        return {"Retry-After": str(math.ceil(float(error.facts.get("retry_after", 1))))}
    return {}

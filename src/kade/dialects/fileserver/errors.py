"""This dialect's wire shape of every refusal: one table for each side."""

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import Code, KadeError, Reason, RequestReason

# Partners' side: upstream answers with a bare status (spec 1.5, 1.6); ours says a word more where it helps.
EXCHANGE_STATUS: dict[Code, int] = {
    Code.INVALID: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.GONE: 410,
    Code.CONFLICT: 409,
    Code.OFFSET_MISMATCH: 409,
    Code.CHECKSUM_MISMATCH: 460,
    Code.LOCKED: 423,
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

# Applications' side: whatever upstream has a word for is 404 or 500 (spec 1.1). Ours are the statuses of
# what upstream cannot meet: rights, limits, a full disk.
SERVICE_STATUS: dict[Code, int] = {
    Code.INVALID: 500,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.GONE: 404,
    Code.CONFLICT: 500,
    Code.OFFSET_MISMATCH: 500,
    Code.CHECKSUM_MISMATCH: 500,
    Code.LOCKED: 500,
    Code.TOO_SLOW: 408,
    Code.TOO_LARGE: 413,
    Code.RANGE: 500,
    Code.PRECONDITION: 412,
    Code.UNSUPPORTED: 415,
    Code.TOO_MANY: 429,
    Code.NO_SPACE: 507,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}

# On both sides: what HTTP itself has a status for.
_STATUS_OF_REASON: dict[Reason, int] = {
    RequestReason.METHOD_NOT_ALLOWED: 405,
    RequestReason.NOT_ACCEPTABLE: 406,
    RequestReason.NOT_VALID: 400,
    RequestReason.LENGTH_REQUIRED: 411,
}
# A form without its file (spec 1.1).
_SERVICE_STATUS_OF_REASON: dict[Reason, int] = {**_STATUS_OF_REASON, RequestReason.MISSING_VALUE: 400}

UNEXPECTED = b'"A unexpected error occurred!"'
CHALLENGE = 'Basic realm="Realm"'


class ExchangeRefusals:
    """Refusals on the partners' side."""

    def __init__(self, unknown_certificate_status: int) -> None:
        self._unknown_certificate_status = unknown_certificate_status

    def __call__(self, _request: Request, error: KadeError) -> Response:
        status = _STATUS_OF_REASON.get(error.reason, EXCHANGE_STATUS[error.code])
        if error.code is Code.UNAUTHENTICATED:
            status = self._unknown_certificate_status
        headers = {"Content-Type": "text/plain; charset=utf-8", **_told(error)}
        return Response(f"{error.reason}\n", status, headers)


def refuse_service(_request: Request, error: KadeError) -> Response:
    """A refusal on the applications' side: upstream's text from 500 on, an empty body below."""
    status = _SERVICE_STATUS_OF_REASON.get(error.reason, SERVICE_STATUS[error.code])
    headers = {"Content-Type": "application/json", **_told(error)}
    if status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    return Response(UNEXPECTED if status >= 500 else b"", status, headers)


def _told(error: KadeError) -> dict[str, str]:
    """Headers that say what would have been right."""
    if error.reason is RequestReason.METHOD_NOT_ALLOWED:
        return {"Allow": str(error.facts["allow"])}
    if error.code is Code.RANGE:
        return {"Content-Range": f"bytes */{error.facts['total']}"}
    return {}

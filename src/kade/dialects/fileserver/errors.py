"""The wire shape of every refusal on the partners' side; the applications' side has ``web.service_api``'s."""

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import Code, KadeError
from kade.web.service_api.refusals import STATUS_OF_REASON, told

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


class ExchangeRefusals:
    """Refusals on the partners' side."""

    def __init__(self, unknown_certificate_status: int) -> None:
        self._unknown_certificate_status = unknown_certificate_status

    def __call__(self, _request: Request, error: KadeError) -> Response:
        status = STATUS_OF_REASON.get(error.reason, EXCHANGE_STATUS[error.code])
        if error.code is Code.UNAUTHENTICATED:
            status = self._unknown_certificate_status
        headers = {"Content-Type": "text/plain; charset=utf-8", **told(error)}
        return Response(f"{error.reason}\n", status, headers)

"""The wire shape of every refusal on the applications' side: one table for REST, one for SOAP."""

from typing import NamedTuple

from lxml import etree
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from kade.core.errors import Code, KadeError, PrincipalReason, Reason, RequestReason, TaskReason
from kade.web.soap import Fault, refusal, text_of

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

# On every side: what HTTP itself has a status for.
STATUS_OF_REASON: dict[Reason, int] = {
    RequestReason.METHOD_NOT_ALLOWED: 405,
    RequestReason.NOT_ACCEPTABLE: 406,
    RequestReason.NOT_VALID: 400,
    RequestReason.LENGTH_REQUIRED: 411,
}
# A form without its file (spec 1.1).
_SERVICE_STATUS_OF_REASON: dict[Reason, int] = {**STATUS_OF_REASON, RequestReason.MISSING_VALUE: 400}

_UNEXPECTED = "A unexpected error occurred!"
UNEXPECTED = f'"{_UNEXPECTED}"'.encode()
CHALLENGE = 'Basic realm="Realm"'


class Wording(NamedTuple):
    """A fault's code and text. Ours say the reason as well, and upstream's nothing more than upstream."""

    code: str
    text: str
    is_ours: bool = True


_SERVER = "Server"
_CLIENT = "Client"
_AS_UPSTREAM = Wording(_SERVER, _UNEXPECTED, is_ours=False)

# Applications' side by SOAP (spec 1.4): upstream's texts for what upstream meets, ours for the rest.
SERVICE_FAULTS: dict[Code, Wording] = {
    Code.INVALID: Wording(_CLIENT, "The request is not valid"),
    Code.UNAUTHENTICATED: Wording(_CLIENT, "A credential is needed"),
    Code.FORBIDDEN: Wording(_CLIENT, "This is not allowed"),
    Code.NOT_FOUND: Wording(_SERVER, "File not found!", is_ours=False),
    Code.GONE: Wording(_SERVER, "File not found!", is_ours=False),
    Code.CONFLICT: _AS_UPSTREAM,
    Code.OFFSET_MISMATCH: _AS_UPSTREAM,
    Code.CHECKSUM_MISMATCH: _AS_UPSTREAM,
    Code.LOCKED: _AS_UPSTREAM,
    Code.TOO_SLOW: Wording(_CLIENT, "The request came too slowly"),
    Code.TOO_LARGE: Wording(_CLIENT, "The request is too large"),
    Code.RANGE: _AS_UPSTREAM,
    Code.PRECONDITION: _AS_UPSTREAM,
    Code.UNSUPPORTED: Wording(_CLIENT, "The request is not supported"),
    Code.TOO_MANY: Wording(_SERVER, "Too many requests"),
    Code.NO_SPACE: Wording(_SERVER, "There is no space left"),
    Code.UNAVAILABLE: Wording(_SERVER, "The service is not available now"),
    Code.INTERNAL: _AS_UPSTREAM,
}
_FAULT_OF_REASON: dict[Reason, Wording] = {
    PrincipalReason.UNKNOWN: Wording(_SERVER, "User not found!", is_ours=False),
    TaskReason.UNKNOWN: Wording(_SERVER, "Task not found!", is_ours=False),
    RequestReason.UNKNOWN_PATH: Wording(_CLIENT, "There is no such thing here"),
    RequestReason.VERSION_UNSUPPORTED: Wording("VersionMismatch", "The version is not supported"),
    RequestReason.HEADER_NOT_UNDERSTOOD: Wording("MustUnderstand", "A header is not understood"),
}
# Everything else is 500 (SOAP 1.1, 6.2); these say what HTTP has to say first (WS-I BP 1.1, R1114, R1115).
_FAULT_STATUS_OF_REASON: dict[Reason, int] = {RequestReason.UNSUPPORTED_MEDIA_TYPE: 415}
_WITHOUT_DETAIL = ("VersionMismatch", "MustUnderstand")


class SoapRefusals:
    """Refusals of one SOAP service, whose faults carry the element *exception* of *namespace*."""

    def __init__(self, namespace: str, exception: str) -> None:
        self._exception = f"{{{namespace}}}{exception}"

    def __call__(self, request: Request, error: KadeError) -> Response:
        if error.reason is RequestReason.METHOD_NOT_ALLOWED:
            text = f"This is a SOAP service: calls come by POST, the contract is at {request.url.path}?wsdl\n"
            return PlainTextResponse(text, 405, told(error))
        status = _FAULT_STATUS_OF_REASON.get(error.reason, 500)
        if error.code is Code.UNAUTHENTICATED:
            status = 401
        answer = refusal(self._fault(error), status)
        if status == 401:
            answer.headers["WWW-Authenticate"] = CHALLENGE
        return answer

    def _fault(self, error: KadeError) -> Fault:
        code, text, is_ours = _FAULT_OF_REASON.get(error.reason, SERVICE_FAULTS[error.code])
        if is_ours:
            text = f"{text} ({error.reason})"
        if is_ours and isinstance(error.reason, RequestReason) and error.subject:
            text = f"{text}: {error.subject}"
        if code in _WITHOUT_DETAIL:
            return Fault(code, text)
        namespace = etree.QName(self._exception).namespace
        exception = etree.Element(self._exception, nsmap={"ns2": namespace})
        etree.SubElement(exception, "message").text = text_of(text)
        return Fault(code, text, exception)


def refuse_service(_request: Request, error: KadeError) -> Response:
    """A refusal on the applications' side: upstream's text from 500 on, an empty body below."""
    status = _SERVICE_STATUS_OF_REASON.get(error.reason, SERVICE_STATUS[error.code])
    headers = {"Content-Type": "application/json", **told(error)}
    if status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    return Response(UNEXPECTED if status >= 500 else b"", status, headers)


def told(error: KadeError) -> dict[str, str]:
    """Headers that say what would have been right."""
    if error.reason is RequestReason.METHOD_NOT_ALLOWED:
        return {"Allow": str(error.facts["allow"])}
    if error.code is Code.RANGE:
        return {"Content-Range": f"bytes */{error.facts['total']}"}
    return {}

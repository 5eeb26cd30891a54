"""Every reason that the core can give has its answer on both sides, in the dialect's shape."""

import pytest
from lxml import etree
from starlette.requests import Request

from kade.core.errors import (
    REASONS,
    AccessReason,
    Code,
    KadeError,
    PrincipalReason,
    Reason,
    RequestReason,
    TaskReason,
)
from kade.dialects.fileserver.errors import ExchangeRefusals
from kade.web.service_api.refusals import SoapRefusals, refuse_service

# Written out, so that no answer changes unnoticed: (partners' side, applications' side).
STATUSES: dict[Code, tuple[int, int]] = {
    Code.INVALID: (400, 500),
    Code.UNAUTHENTICATED: (401, 401),
    Code.FORBIDDEN: (403, 403),
    Code.NOT_FOUND: (404, 404),
    Code.GONE: (410, 404),
    Code.CONFLICT: (409, 500),
    Code.OFFSET_MISMATCH: (409, 500),
    Code.CHECKSUM_MISMATCH: (460, 500),
    Code.LOCKED: (423, 500),
    Code.TOO_SLOW: (408, 408),
    Code.TOO_LARGE: (413, 413),
    Code.RANGE: (416, 500),
    Code.PRECONDITION: (412, 412),
    Code.UNSUPPORTED: (415, 415),
    Code.TOO_MANY: (429, 429),
    Code.NO_SPACE: (507, 507),
    Code.UNAVAILABLE: (503, 503),
    Code.INTERNAL: (500, 500),
}
OTHERS: dict[Reason, tuple[int, int]] = {
    RequestReason.METHOD_NOT_ALLOWED: (405, 405),
    RequestReason.NOT_ACCEPTABLE: (406, 406),
    RequestReason.MISSING_VALUE: (400, 400),
    RequestReason.NOT_VALID: (400, 400),
    RequestReason.LENGTH_REQUIRED: (411, 411),
}
# By SOAP: the fault's code, and how its text begins; a text that ends here is upstream's.
FAULTS: dict[Code, tuple[str, str]] = {
    Code.INVALID: ("Client", "The request is not valid ("),
    Code.UNAUTHENTICATED: ("Client", "A credential is needed ("),
    Code.FORBIDDEN: ("Client", "This is not allowed ("),
    Code.NOT_FOUND: ("Server", "File not found!"),
    Code.GONE: ("Server", "File not found!"),
    Code.CONFLICT: ("Server", "A unexpected error occurred!"),
    Code.OFFSET_MISMATCH: ("Server", "A unexpected error occurred!"),
    Code.CHECKSUM_MISMATCH: ("Server", "A unexpected error occurred!"),
    Code.LOCKED: ("Server", "A unexpected error occurred!"),
    Code.TOO_SLOW: ("Client", "The request came too slowly ("),
    Code.TOO_LARGE: ("Client", "The request is too large ("),
    Code.RANGE: ("Server", "A unexpected error occurred!"),
    Code.PRECONDITION: ("Server", "A unexpected error occurred!"),
    Code.UNSUPPORTED: ("Client", "The request is not supported ("),
    Code.TOO_MANY: ("Server", "Too many requests ("),
    Code.NO_SPACE: ("Server", "There is no space left ("),
    Code.UNAVAILABLE: ("Server", "The service is not available now ("),
    Code.INTERNAL: ("Server", "A unexpected error occurred!"),
}
OTHER_FAULTS: dict[Reason, tuple[str, str]] = {
    PrincipalReason.UNKNOWN: ("Server", "User not found!"),
    TaskReason.UNKNOWN: ("Server", "Task not found!"),
    RequestReason.UNKNOWN_PATH: ("Client", "There is no such thing here ("),
    RequestReason.VERSION_UNSUPPORTED: ("VersionMismatch", "The version is not supported ("),
    RequestReason.HEADER_NOT_UNDERSTOOD: ("MustUnderstand", "A header is not understood ("),
}
NO_CALL = RequestReason.METHOD_NOT_ALLOWED
FAULT_STATUSES: dict[Reason, int] = {
    **dict.fromkeys(AccessReason, 401),
    AccessReason.VERB_NOT_GRANTED: 500,
    AccessReason.ADDRESS_NOT_ALLOWED: 500,
    RequestReason.UNSUPPORTED_MEDIA_TYPE: 415,
}
REQUEST = Request(
    {"type": "http", "headers": [], "path": "/service/file", "server": ("h", 1), "scheme": "http"}
)


def refusal(reason: Reason) -> KadeError:
    return KadeError(reason, "a subject", total=5, offset=3, allow="GET", max_size=1)


def test_every_code_has_its_statuses() -> None:
    assert set(STATUSES) == set(FAULTS) == set(Code)


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_the_partners_side(reason: Reason) -> None:
    answer = ExchangeRefusals(401)(REQUEST, refusal(reason))
    assert answer.status_code == OTHERS.get(reason, STATUSES[reason.code])[0]
    assert answer.body == f"{reason}\n".encode()
    assert ("content-range" in answer.headers) == (reason.code is Code.RANGE)
    assert ("allow" in answer.headers) == (reason is RequestReason.METHOD_NOT_ALLOWED)


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_the_applications_side(reason: Reason) -> None:
    answer = refuse_service(REQUEST, refusal(reason))
    assert answer.status_code == OTHERS.get(reason, STATUSES[reason.code])[1]
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == (b'"A unexpected error occurred!"' if answer.status_code >= 500 else b"")
    assert (answer.headers.get("www-authenticate") == 'Basic realm="Realm"') == (answer.status_code == 401)
    assert ("allow" in answer.headers) == (reason is RequestReason.METHOD_NOT_ALLOWED)


@pytest.mark.parametrize("reason", AccessReason, ids=str)
def test_an_unknown_certificate_is_403_where_the_standard_wants_it(reason: Reason) -> None:
    assert ExchangeRefusals(403)(REQUEST, refusal(reason)).status_code == 403


@pytest.mark.parametrize(
    "reason", [each for each in REASONS if each is not RequestReason.METHOD_NOT_ALLOWED], ids=str
)
def test_the_applications_side_by_soap(reason: Reason) -> None:
    answer = SoapRefusals("http://x/", "Exception")(REQUEST, refusal(reason))
    code, begins = OTHER_FAULTS.get(reason, FAULTS[reason.code])
    fault = etree.fromstring(bytes(answer.body))[0][0]
    text = fault.findtext("faultstring") or ""
    assert answer.status_code == FAULT_STATUSES.get(reason, 500)
    assert (answer.headers.get("www-authenticate") == 'Basic realm="Realm"') == (answer.status_code == 401)
    assert fault.findtext("faultcode") == f"soap:{code}"
    assert text.startswith(begins) if begins.endswith("(") else text == begins
    assert ("a subject" in text) == (begins.endswith("(") and isinstance(reason, RequestReason))
    assert fault.findtext("detail/{http://x/}Exception/message") == (
        text if code in ("Client", "Server") else None
    )


def test_a_method_that_calls_nothing_is_told_where_the_contract_is() -> None:
    answer = SoapRefusals("http://x/", "Exception")(REQUEST, refusal(NO_CALL))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert b"/service/file?wsdl" in bytes(answer.body)

"""Every reason that the core can give has its answer on both sides, in the dialect's shape."""

import pytest
from starlette.requests import Request

from kade.core.errors import REASONS, AccessReason, Code, KadeError, Reason, RequestReason
from kade.dialects.fileserver.errors import ExchangeRefusals, refuse_service

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
REQUEST = Request({"type": "http", "headers": []})


def refusal(reason: Reason) -> KadeError:
    return KadeError(reason, "a subject", total=5, offset=3, allow="GET", max_size=1)


def test_every_code_has_its_statuses() -> None:
    assert set(STATUSES) == set(Code)


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

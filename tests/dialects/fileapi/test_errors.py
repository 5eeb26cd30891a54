"""Every reason that the core can give has its answer, in one of the two shapes of the API."""

import json

import pytest
from starlette.requests import Request

from kade.core.errors import (
    REASONS,
    AccessReason,
    Code,
    FileReason,
    KadeError,
    Reason,
    RequestReason,
    TokenReason,
    UploadReason,
)
from kade.dialects.fileapi.errors import refuse

# Written out, so that no answer changes unnoticed.
STATUSES: dict[Code, int] = {
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
OTHERS: dict[Reason, int] = {RequestReason.METHOD_NOT_ALLOWED: 405, UploadReason.FINISHED: 409}
AT_THE_DOOR: frozenset[Reason] = frozenset(
    {
        *(each for each in AccessReason if each.code is Code.UNAUTHENTICATED),
        AccessReason.ADDRESS_NOT_ALLOWED,
        TokenReason.SCOPE_MISSING,
        TokenReason.TENANT_NOT_GRANTED,
    }
)
# What says nothing at all of what it is about: not there, or not for whoever asks.
SILENT = (Code.NOT_FOUND, Code.GONE, Code.RANGE)
SUBJECT = "a-subject"
MENDABLE: frozenset[Reason] = frozenset(
    {
        RequestReason.MISSING_VALUE,
        RequestReason.BAD_VALUE,
        RequestReason.BAD_QUERY,
        RequestReason.MALFORMED,
        RequestReason.METHOD_NOT_ALLOWED,
        FileReason.BAD_NAME,
        FileReason.NAME_REFUSED,
    }
)


def request(method: str = "GET") -> Request:
    return Request({"type": "http", "method": method, "headers": [], "kade.request_id": "abc"})


def refusal(reason: Reason) -> KadeError:
    facts = {"total": 5, "retry_after": 2, "position": 3, "max_size": 9}
    return KadeError(reason, SUBJECT, allow="GET", expected="a field", **facts)


def test_every_code_has_its_status() -> None:
    assert set(STATUSES) == set(Code)


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_an_answer(reason: Reason) -> None:
    answer = refuse(request(), refusal(reason))
    status = OTHERS.get(reason, STATUSES[reason.code])
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    assert answer.headers.get("retry-after") == ("2" if status == 429 else None)
    assert answer.headers.get("content-range") == ("bytes */5" if status == 416 else None)
    assert answer.headers.get("allow") == ("GET" if status == 405 else None)
    told = json.loads(bytes(answer.body))
    if reason in AT_THE_DOOR:
        assert list(told) == ["message", "correlationId", "issuedAt", "errorCode", "statusCode"]
        words = ("Authentication Error", "unauthorized") if status == 401 else ("Access denied", "forbidden")
        assert (told["message"], told["errorCode"], told["statusCode"]) == (*words, status)
        assert (told["correlationId"], told["issuedAt"][-1]) == ("rrt-abc", "Z")
    else:
        assert list(told) == ["correlationId", "message", "errorCode", "exception"]
        assert (told["errorCode"], told["exception"]) == (str(status), None)
        assert told["correlationId"] == (None if reason.code in SILENT else "rrt-abc")
        assert told["message"]


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_a_subject_is_told_only_where_it_is_the_caller_s_own(reason: Reason) -> None:
    """Parameters, and what the request itself says; never other people's things."""
    text = bytes(refuse(request(), refusal(reason)).body).decode()
    assert (SUBJECT in text) == (reason in MENDABLE)


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_a_head_has_no_body(reason: Reason) -> None:
    answer = refuse(request("HEAD"), refusal(reason))
    assert (answer.status_code, answer.body) == (OTHERS.get(reason, STATUSES[reason.code]), b"")


def test_the_place_in_a_filter_is_told() -> None:
    told = json.loads(bytes(refuse(request(), refusal(RequestReason.BAD_QUERY)).body))
    assert told["message"] == "a-subject: at character 3, a field expected."

"""Every reason that the core can give has its answer; every number has a case."""

import json

import pytest
from starlette.requests import Request
from tests.dialects.filer.test_codes import REFUSED, WARNED

from kade.core.errors import (
    REASONS,
    Code,
    FileReason,
    KadeError,
    Reason,
    RequestReason,
    SearchReason,
)
from kade.dialects.filer.codes import NUMBERS, TEXTS, WARNINGS, FilerReason, Remark
from kade.dialects.filer.errors import NUMBER_OF_REASON, STATUS, refuser
from kade.dialects.filer.settings import Settings

CANNOT_OCCUR = {144, 146}
ELSEWHERE = {114, 152, 153, 154, 213}  # they need a house of their own, or a catalog that does not answer
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
    Code.TOO_LARGE: 413,
    Code.RANGE: 400,
    Code.PRECONDITION: 412,
    Code.UNSUPPORTED: 405,
    Code.TOO_MANY: 429,
    Code.NO_SPACE: 507,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
OF_THE_HOUSE: dict[Reason, int] = {
    RequestReason.METHOD_NOT_ALLOWED: 101,
    RequestReason.UNKNOWN_PATH: 138,
    RequestReason.CATALOG_UNAVAILABLE: 114,
    RequestReason.RATE_LIMITED: 213,
    FileReason.BAD_NAME: 104,
    FileReason.NAME_REFUSED: 104,
    FileReason.CONTENT_GONE: 147,
    FileReason.INCOMPLETE: 147,
    SearchReason.EMPTY: 150,
    SearchReason.TOO_MANY_HITS: 152,
    SearchReason.WORD_TOO_WIDE: 153,
    SearchReason.QUERY_TOO_WIDE: 154,
}
SUBJECT = "a-subject"
WORD = "a-word"
# What the request itself says; of everything else nothing is told but its number.
TOLD = {SearchReason.WORD_TOO_WIDE}
ALL = [*(each for each in REASONS if not isinstance(each, FilerReason)), *FilerReason]


def test_every_number_has_its_case() -> None:
    assert set(WARNINGS) == set(Remark) == set(range(23))
    read_before = {5, 7, 8}
    assert {each.number for each in WARNED} | read_before == set(Remark)
    known = set(NUMBERS.values()) | set(NUMBER_OF_REASON.values())
    assert {each.number for each in REFUSED} | ELSEWHERE == known
    published = {0, *range(101, 155), *range(203, 214)}
    assert known == published - CANNOT_OCCUR
    assert set(TEXTS) == set(NUMBERS) == set(FilerReason)


def test_every_code_has_its_status() -> None:
    assert set(Code) == set(STATUS) == set(STATUSES)


@pytest.mark.parametrize("reason", ALL, ids=str)
@pytest.mark.parametrize("error_statuses", [False, True])
def test_an_answer(reason: Reason, error_statuses: bool) -> None:
    refuse = refuser(Settings(error_statuses=error_statuses))
    request = Request({"type": "http", "method": "GET", "headers": []})
    answer = refuse(request, KadeError(reason, SUBJECT, allow="GET", retry_after=2, word=WORD, hint="hidden"))
    told = json.loads(bytes(answer.body))
    assert list(told) == ["Status", "Error", "Code"]
    assert answer.status_code == (STATUSES[reason.code] if error_statuses else 200)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    number = NUMBERS[reason] if isinstance(reason, FilerReason) else OF_THE_HOUSE.get(reason, 0)
    assert (told["Status"], told["Code"]) == ("Error", number)
    assert told["Error"].endswith(".") and "{" not in told["Error"] and "hidden" not in told["Error"]
    asked = isinstance(reason, FilerReason) and "{subject}" in TEXTS[reason]
    assert (SUBJECT in told["Error"]) == asked
    assert (WORD in told["Error"]) == (reason in TOLD)


def test_whoever_is_not_known_is_told_nothing_more() -> None:
    """A wrong customer, and a handshake that is wrong, spent, expired or revoked: one sentence."""
    refuse = refuser(Settings())
    request = Request({"type": "http", "method": "GET", "headers": []})
    reasons = [each for each in REASONS if each.code is Code.UNAUTHENTICATED and each not in FilerReason]
    bodies = {refuse(request, KadeError(each)).body for each in [*reasons, FilerReason.WRONG_CUSTOMER]}
    assert len(reasons) > 5 and len(bodies) == 1

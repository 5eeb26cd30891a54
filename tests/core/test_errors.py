"""Refusals are closed sets."""

import re
from types import new_class

import pytest

from kade.core.errors import FAMILIES, REASONS, Code, KadeError, Reason, RequestReason, UploadReason


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_every_reason_has_a_code_and_a_name_of_its_own(reason: Reason) -> None:
    assert isinstance(reason.code, Code)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z_]+", str(reason))
    assert str(reason) == f"{reason.noun}.{reason.name.lower()}"
    assert reason.noun.replace("_", "") == type(reason).__name__.removesuffix("Reason").lower()


def test_the_families_hold_every_reason_once() -> None:
    assert set(FAMILIES) == set(Reason.__subclasses__())
    assert len({str(reason) for reason in REASONS}) == len(REASONS) == sum(len(family) for family in FAMILIES)


def test_every_code_is_used_by_a_rule() -> None:
    assert {reason.code for reason in REASONS} == set(Code)


def test_a_family_is_closed() -> None:
    with pytest.raises(TypeError):
        new_class("More", (RequestReason,))


def test_a_refusal_says_which_rule_of_what() -> None:
    error = KadeError(UploadReason.OFFSET_MISMATCH, "u1", offset=5)
    assert (error.reason, error.code, error.subject) == (
        UploadReason.OFFSET_MISMATCH,
        Code.OFFSET_MISMATCH,
        "u1",
    )
    assert error.facts == {"offset": 5}
    assert str(error) == "upload.offset_mismatch u1"
    assert str(KadeError(RequestReason.UNEXPECTED)) == "request.unexpected"

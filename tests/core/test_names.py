"""Names and media types."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kade.core import media_types, names
from kade.core.errors import FileReason, KadeError, SpaceReason

BAD = ["", ".", "..", "a/b", "a\\b", "a\0", "a\n", "\x7f", "a\x85", "x\u202ey", "\u200e", "\u061c", "\ud800"]


@pytest.mark.parametrize("name", [*BAD, "x" * 256, "\ud800" * 300, "\0" * 300])
def test_a_bad_name_is_refused_with_the_reason_of_its_noun(name: str) -> None:
    with pytest.raises(KadeError) as refused:
        names.clean(name, SpaceReason.BAD_NAME)
    assert refused.value.reason is SpaceReason.BAD_NAME
    assert refused.value.subject.isprintable()  # it goes to logs and to the journal


@pytest.mark.parametrize("name", ["a", "x" * 255, "...", ".hidden", "a b", "naïve.pdf", "文件", "🗂", " "])
def test_a_good_name_stays(name: str) -> None:
    assert names.clean(name, FileReason.BAD_NAME) == name


def test_the_limit_counts_characters_of_the_canonical_form() -> None:
    decomposed = "e\u0301" * 255
    assert names.clean(decomposed, FileReason.BAD_NAME) == "\u00e9" * 255
    with pytest.raises(KadeError):
        names.clean("abc", FileReason.BAD_NAME, limit=2)


@given(st.text(max_size=300))
def test_a_clean_name_is_canonical_and_clean_again(name: str) -> None:
    try:
        text = names.clean(name, FileReason.BAD_NAME)
    except KadeError:
        return
    assert unicodedata.is_normalized("NFC", text)
    assert names.clean(text, FileReason.BAD_NAME) == text
    assert text.encode()
    assert "/" not in text and text not in ("", ".", "..")


@given(st.text())
def test_folding_is_blind_to_case_and_form_and_done_once(name: str) -> None:
    folded = names.fold(name)
    assert names.fold(folded) == folded
    assert names.fold(unicodedata.normalize("NFD", name)) == folded


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Straße", "STRASSE"),
        ("É", "e\u0301"),
        ("ΣΑΣ", "σας"),
        ("İ", "i\u0307"),
        ("α\u0345\u0302", "α\u0302\u0345"),  # marks above and below a letter have no order
    ],
)
def test_names_that_people_call_the_same(one: str, two: str) -> None:
    assert names.fold(one) == names.fold(two)


@pytest.mark.parametrize(
    ("declared", "cleaned"),
    [
        (None, media_types.OCTET_STREAM),
        ("", media_types.OCTET_STREAM),
        ("  ", media_types.OCTET_STREAM),
        ("; charset=utf-8", media_types.OCTET_STREAM),
        ("Text/Plain", "text/plain"),
        ("text/html; charset=utf-8", "text/html"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",) * 2,
        ("image/svg+xml", "image/svg+xml"),
    ],
)
def test_a_media_type_loses_its_parameters(declared: str | None, cleaned: str) -> None:
    assert media_types.clean(declared) == cleaned


@pytest.mark.parametrize(
    "declared",
    ["text", "text/", "/plain", "a/b/c", "te xt/plain", "text/pl\nain", "é/x", "x" * 200 + "/y", "\0\n"],
)
def test_what_is_no_media_type_is_refused(declared: str) -> None:
    with pytest.raises(KadeError) as refused:
        media_types.clean(declared)
    assert refused.value.reason is FileReason.BAD_MEDIA_TYPE
    assert refused.value.subject.isprintable()

"""Whatever text is sent, it is read or refused, and at once."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kade.core.errors import KadeError, RequestReason
from kade.core.query import Field
from kade.web.odata.fields import Fields, Moment, Number, Text
from kade.web.odata.lexer import LONGEST
from kade.web.odata.parser import parse_filter, parse_order

FIELDS: Fields = {"title": Text(Field.NAME), "shelf": Number(Field.NUMBER), "bought": Moment(Field.ARRIVED)}
KEYS = {"title": Field.NAME, "shelf": Field.NUMBER}
WORDS = "title SHELF bought colour and or not eq ne gt true false asc desc startsWith contains( datetime'"
VALUES = "7 - + 2020-01-01 T00:00 ' '' 'x' ( ) , % _ \\"
WHOLE = ("shelf eq 1", " and shelf eq 1", " or contains(title,'x') eq false", " and bought lt 2020-01-01")
ODD = (" ", "  ", "\t", "\n", "\u00a0", "\u3000", "\0", "\ud800", "\u0301", "\u0130", "\u212a")
PIECES = (*WORDS.split(" "), *VALUES.split(" "), *WHOLE, *ODD)


def read(text: str) -> None:
    """Parse it both ways; a refusal has to say where in the text, and what else was expected."""
    attempt(lambda: parse_filter(text, FIELDS), len(text))
    attempt(lambda: parse_order(text, KEYS), len(text))


def attempt(parse: Callable[[], object], length: int) -> None:
    try:
        parse()
    except KadeError as error:
        assert error.reason is RequestReason.BAD_QUERY
        assert 1 <= int(error.facts["position"]) <= length + 1
        assert error.facts["expected"]


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    read(text)


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_row_of_pieces(text: str) -> None:
    read(text)


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join))
def test_any_row_of_words(text: str) -> None:
    read(text)


@pytest.mark.parametrize("filler", PIECES)
@pytest.mark.parametrize("length", [LONGEST, 10_000])
def test_a_long_run_of_anything_takes_no_time(filler: str, length: int) -> None:
    run = (filler * length)[:length]
    begun = time.process_time()
    for text in (run, "not " + run[4:], "(" + run[1:], "title eq '" + run[10:]):
        read(text)
    assert time.process_time() - begun < 1  # going back over it again and again would take minutes

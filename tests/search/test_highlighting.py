"""Which stretch of a text is shown, and what in it is marked."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kade.core.search import Snippet
from kade.core.search_text import parse
from kade.search.analysis import Analysis
from kade.search.highlighting import Highlighting

HIGHLIGHTING = Highlighting(Analysis())
FILLING = "lorem ipsum dolor sit amet gewoon gegeven fiets. " * 20


def snippet(query: str, text: str, width: int = 80) -> Snippet:
    return HIGHLIGHTING.snippet(parse(query), text, width)


def marked(query: str, text: str, width: int = 80) -> list[str]:
    found = snippet(query, text, width)
    return [found.text[start:end] for start, end in found.marks]


@pytest.mark.parametrize(
    ("query", "said", "marks"),
    [
        ("factuur", "de Facturen van mei", ["Facturen"]),
        ("wages", "a wage, or WAGES", ["wage", "WAGES"]),
        ("financien", "onze financiën", ["financiën"]),
        ("cafe", "een cafe\u0301 hier", ["cafe\u0301"]),
        ("ijs", "het ĳs is koud", ["ĳs"]),
        ("innen", "de geïnde premie", ["geïnde"]),
        ("contr*", "contract, contrast en kontrakt", ["contract", "contrast"]),
        ('"rode draad"', "rode wijn, een Rode  draad, draad", ["Rode  draad"]),
        ("e-mail", "per e-mail of mail", ["e-mail"]),
        ("日本", "これは日本語です", ["日本"]),
        ("हिन्दी", "यह हिन्दी है", ["हिन्दी"]),
        ("huur -lease", "huur of lease", ["huur"]),
        ("huur OR lease", "huur of lease", ["huur", "lease"]),
        ("name:huur", "huur of lease", []),
        ("tag:huur lease", "huur of lease", ["lease"]),
        ("foo", "foo_bar", ["foo"]),
    ],
)
def test_what_answers_the_query_is_marked(query: str, said: str, marks: list[str]) -> None:
    assert marked(query, said) == marks
    assert marked(query, f"{FILLING}{said} {FILLING}") == marks


def test_the_densest_stretch_is_shown() -> None:
    text = f"huur. {FILLING} huur huur huur. {FILLING} huur en lease. {FILLING} lease"
    assert "huur en lease" in snippet("huur lease", text).text
    assert "huur huur huur" in snippet("huur", text).text


def test_whole_words_stand_at_its_edges() -> None:
    found = snippet("factuur", f"{FILLING} de factuur {FILLING}")
    assert 60 <= len(found.text) <= 80
    assert {found.text.split()[0], found.text.split()[-1]} <= {*FILLING.split(), "de"}


def test_the_beginning_is_shown_where_nothing_is_found() -> None:
    found = snippet("zoiets", FILLING)
    assert FILLING.startswith(found.text)
    assert found.marks == ()
    assert snippet("zoiets", "") == Snippet("", ())
    assert snippet("-zoiets", "kort") == Snippet("kort", ())
    assert len(snippet("x", "y" * 1_000).text) == 80


def test_tags_that_are_found() -> None:
    tags = ["facturen", "Belastingen", "lease", "rode draad"]
    query = parse('factuur OR tag:belasting OR name:lease OR "rode draad" -huur')
    assert HIGHLIGHTING.matching(query, tags) == ["facturen", "Belastingen", "rode draad"]
    assert HIGHLIGHTING.matching(parse("zoiets"), tags) == []


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("zoiets gezocht", "gezond " * 150_000),
        ("zoiets", " ".join(f"z{number}" for number in range(130_000))),
        ("z*", "z " * 500_000),
        ("zoiets", "z" * 1_000_000),
        ('"a a a a a a a a b"', "a " * 500_000),
        ("日本", "日" * 1_000_000),
    ],
)
def test_a_million_characters_take_a_moment(query: str, text: str) -> None:
    snippet(query, "warm up")
    began = time.process_time()
    snippet(query, text)
    assert time.process_time() - began < 3  # a fraction of it on a machine that does nothing else


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=5), max_size=4), st.integers(0, 60))
@example("a b", ["a", "b"], 1)
def test_marks_lie_in_order_within_a_piece_of_the_text(text: str, words: list[str], width: int) -> None:
    query = " OR ".join(["a", "é*", '"a b"', *(word for word in words if word.isalnum())])
    found = HIGHLIGHTING.snippet(parse(query), text, width)
    assert found.text in text
    edges = [0, *(edge for mark in found.marks for edge in mark), len(found.text)]
    assert edges == sorted(edges)


@pytest.mark.parametrize("query", ["fiets", "geg*", '"dolor sit"', "amet OR gewone", "year:2024"])
def test_what_is_marked_does_not_depend_on_what_else_stands_in_the_text(query: str) -> None:
    """A text in ASCII is looked through by a pattern of its own."""
    assert marked(query, FILLING) == marked(query, FILLING + "é")

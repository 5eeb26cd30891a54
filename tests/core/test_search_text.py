"""What people type, and the term that it stands for."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kade.core.errors import KadeError, SearchReason
from kade.core.search import (
    AllOf,
    AnyOf,
    InGroup,
    Not,
    OfType,
    OfYear,
    Phrase,
    Prefix,
    Term,
    Where,
    Word,
    leaves,
)
from kade.core.search_text import MAX_DEPTH, MAX_LENGTH, MAX_TERMS, parse

A, B, C = Word("a"), Word("b"), Word("c")


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("a", A),
        ("  a\tb\n", AllOf((A, B))),
        ("a AND b", AllOf((A, B))),
        ('"a b"', Phrase(("a", "b"))),
        ("“a  b”", Phrase(("a", "b"))),
        ('"a - b !"', Phrase(("a", "b"))),
        ("-a", Not(A)),
        ("a -b", AllOf((A, Not(B)))),
        ('-"a b"', Not(Phrase(("a", "b")))),
        ("--a", Not(A)),
        ("- a", A),
        ("a*", Prefix("a")),
        ("-a**", Not(Prefix("a"))),
        ("a*b", Word("a*b")),
        ("a OR b", AnyOf((A, B))),
        ("a OR b OR c", AnyOf((A, B, C))),
        ("a b OR c", AllOf((A, AnyOf((B, C))))),
        ("a OR -b", AnyOf((A, Not(B)))),
        ("(a b) OR c", AnyOf((AllOf((A, B)), C))),
        ("a (b OR c)", AllOf((A, AnyOf((B, C))))),
        ("-(a b)", Not(AllOf((A, B)))),
        ("a(b)c", AllOf((A, B, C))),
        ("((a))", A),
        ("year:2024", OfYear(2024)),
        ("YEAR:2024", OfYear(2024)),
        ("-year:2024", Not(OfYear(2024))),
        ("year:2022..2024", AnyOf((OfYear(2022), OfYear(2023), OfYear(2024)))),
        ("year:2024..2022", AnyOf((OfYear(2022), OfYear(2023), OfYear(2024)))),
        ("type:pdf", OfType("pdf")),
        ('type:"image/png"', OfType("image/png")),
        ("author:a", Word("a", Where.AUTHOR)),
        ('author:"a b"', Phrase(("a", "b"), Where.AUTHOR)),
        ("tag:a*", Prefix("a", Where.TAG)),
        ("Name:a-b", Word("a-b", Where.NAME)),
        ('group:"Sales 2024"', InGroup("Sales 2024")),
    ],
)
def test_what_a_text_stands_for(text: str, term: Term) -> None:
    assert parse(text) == term


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("OR", Word("OR")),
        ("a OR", AllOf((A, Word("OR")))),
        ("OR a", AllOf((Word("OR"), A))),
        ("AND", Word("AND")),
        ("a or b", AllOf((A, Word("or"), B))),
        ('a "OR" b', AllOf((A, Phrase(("OR",)), B))),
        ("a OR ! b", AnyOf((A, B))),
        ("a:b:c", Word("a:b:c")),
        ("year:", Word("year:")),
        ("year:abc", Word("year:abc")),
        ("year:20245", Word("year:20245")),
        ("name: a", AllOf((Word("name:"), A))),
        ('"a', Word('"a')),
        ('5" a', AllOf((Word('5"'), A))),
        ('a"b c"', AllOf((Word('a"b'), Word('c"')))),
        ("(a", A),
        ("a)", A),
        (")a(", A),
        ("😀 a !", A),
        ("a - b", AllOf((A, B))),
        ("(()) a ()", A),
        ("http://a.b/c?d=e", Word("http://a.b/c?d=e")),
    ],
)
def test_what_is_no_operator_is_text(text: str, term: Term) -> None:
    assert parse(text) == term


@pytest.mark.parametrize(
    "text", ["", "  ", "\n", "!", "-", "---", '""', '"', "*", "()", "((", "😀", "name:!", '-"-"']
)
def test_where_there_is_nothing_to_look_for(text: str) -> None:
    with pytest.raises(KadeError) as error:
        parse(text)
    assert error.value.reason is SearchReason.EMPTY


@pytest.mark.parametrize(
    "text",
    [
        "a" * (MAX_LENGTH + 1),
        "a " * (MAX_TERMS + 1),
        '"' + "a " * (MAX_TERMS + 1) + '"',
        "(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1),
    ],
)
def test_what_goes_too_far(text: str) -> None:
    with pytest.raises(KadeError) as error:
        parse(text)
    assert error.value.reason is SearchReason.QUERY_TOO_WIDE


@pytest.mark.parametrize(
    "text", ["a" * 10_000, "a " * MAX_TERMS, "(" * 9_000 + "a", "(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH]
)
def test_what_is_just_within_bounds(text: str) -> None:
    assert len(list(leaves(parse(text)))) <= MAX_TERMS


PIECES = st.sampled_from(
    [
        "a",
        "b*",
        "OR",
        "AND",
        "-",
        "(",
        ")",
        '"',
        " ",
        " ",
        "year:",
        "2024",
        "..",
        "name:",
        "tag:x",
        "é",
        "😀",
        "*",
        ":",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join)))
@example("-(a OR -(b")
def test_nothing_that_is_typed_is_wrong(text: str) -> None:
    try:
        term = parse(text)
    except KadeError as error:
        assert error.reason is SearchReason.EMPTY
        assert not any(map(str.isalnum, text)) or ":" in text
        return
    found = list(leaves(term))
    assert found or "year:" in text.lower()
    for leaf in found:
        assert not isinstance(leaf, Word | Prefix) or any(map(str.isalnum, leaf.text))
        assert not isinstance(leaf, Phrase) or leaf.words


@given(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=8))
def test_plain_words_are_all_there(words: list[str]) -> None:
    made = tuple(Word(word) for word in words)
    assert parse(" ".join(words)) == (made[0] if len(made) == 1 else AllOf(made))
    assert parse(" OR ".join(words)) == (made[0] if len(made) == 1 else AnyOf(made))

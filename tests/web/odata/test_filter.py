"""The language of $filter: what a text means, and where it is wrong."""

import pytest

from kade.core.errors import KadeError, RequestReason
from kade.core.query import (
    ALWAYS,
    NEVER,
    AllOf,
    AnyOf,
    Compare,
    Field,
    Holds,
    Not,
    OneOf,
    Operator,
    Part,
    Term,
)
from kade.web.odata.fields import Fields, Meaning, Moment, Number, Text, Word
from kade.web.odata.lexer import LONGEST
from kade.web.odata.parser import DEEPEST, MOST_TERMS, parse_filter

OPEN, SHUT = OneOf(Field.STATE, (1,)), OneOf(Field.STATE, (2, 3))
FIELDS: Fields = {
    "Title": Text(Field.NAME),
    "shelf": Number(Field.NUMBER),
    "bought": Moment(Field.ARRIVED),
    "state": Word({"open": Meaning(OPEN, unequal=SHUT), "shut": Meaning(SHUT, unequal=NEVER)}),
}
FIELD = "Title, shelf, bought, state, startsWith, endsWith or contains"
JOINER = "and, or or the end"


def shelf(number: int, operator: Operator = Operator.EQ) -> Compare:
    return Compare(Field.NUMBER, operator, number)


def title(text: str, operator: Operator = Operator.EQ) -> Compare:
    return Compare(Field.NAME, operator, text)


def bought(millis: int, operator: Operator = Operator.EQ) -> Compare:
    return Compare(Field.ARRIVED, operator, millis)


def refused(text: str, position: int, expected: str) -> None:
    with pytest.raises(KadeError) as error:
        parse_filter(text, FIELDS)
    assert error.value.reason is RequestReason.BAD_QUERY
    assert error.value.subject == "$filter"
    assert error.value.facts == {"position": position, "expected": expected}


A, B, C = shelf(1), shelf(2), shelf(3)


@pytest.mark.parametrize("text", ["", " ", "\t\r\n\u00a0\u2003"])
def test_no_text_is_no_filter(text: str) -> None:
    assert parse_filter(text, FIELDS) == ALWAYS


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("shelf eq 1 or shelf eq 2 and shelf eq 3", AnyOf((A, AllOf((B, C))))),
        ("shelf eq 1 and shelf eq 2 or shelf eq 3", AnyOf((AllOf((A, B)), C))),
        ("(shelf eq 1 or shelf eq 2) and shelf eq 3", AllOf((AnyOf((A, B)), C))),
        ("shelf eq 1 and shelf eq 2 and shelf eq 3", AllOf((A, B, C))),
        ("shelf eq 1 or shelf eq 2 or shelf eq 3", AnyOf((A, B, C))),
        ("not shelf eq 1 and shelf eq 2", AllOf((Not(A), B))),
        ("not shelf eq 1 or shelf eq 2", AnyOf((Not(A), B))),
        ("not (shelf eq 1 or shelf eq 2)", Not(AnyOf((A, B)))),
        ("not(shelf eq 1)", Not(A)),
        ("not not shelf eq 1", A),
        ("not not not shelf eq 1", Not(A)),
        ("not (not shelf eq 1)", Not(Not(A))),
        ("((((shelf eq 1))))", A),
        ("shelf eq 1 and not (shelf eq 2 or not shelf eq 3)", AllOf((A, Not(AnyOf((B, Not(C))))))),
    ],
)
def test_not_binds_tighter_than_and_than_or(text: str, term: Term) -> None:
    assert parse_filter(text, FIELDS) == term


@pytest.mark.parametrize("operator", Operator)
def test_every_operator_compares_names_numbers_and_dates(operator: Operator) -> None:
    assert parse_filter(f"Title {operator} 'B'", FIELDS) == title("b", operator)
    assert parse_filter(f"shelf {operator} 7", FIELDS) == shelf(7, operator)
    assert parse_filter(f"bought {operator} 1970-01-01T00:00:01Z", FIELDS) == bought(1000, operator)


@pytest.mark.parametrize(
    "text",
    [
        "contains(Title,'x')and(shelf eq 1 or shelf eq 2)",
        "CONTAINS ( TITLE , 'X' ) AND ( SHELF EQ 1 OR SHELF EQ 2 )",
        "\tContains\n(title\u00a0,\r\n'X')and(Shelf Eq 1 oR shelf eQ 2)",
    ],
)
def test_case_and_white_space_do_not_matter(text: str) -> None:
    assert parse_filter(text, FIELDS) == AllOf((Holds(Field.NAME, Part.ANYWHERE, "x"), AnyOf((A, B))))


@pytest.mark.parametrize(
    ("literal", "folded"),
    [
        ("''", ""),
        ("''''", "'"),
        ("'it''s'", "it's"),
        ("' a '", " a "),
        ("'and (not) or, '", "and (not) or, "),
        ("'100%_\\'", "100%_\\"),
        ("'Straße'", "strasse"),
        ("'E\u0301'", "\u00e9"),
        ("'\u0130\u0131I'", "i\u0307\u0131i"),
        ("'a+b'", "a+b"),
        ("'line\nbreak'", "line\nbreak"),
    ],
)
def test_strings_are_names_folded(literal: str, folded: str) -> None:
    assert parse_filter(f"Title eq {literal}", FIELDS) == title(folded)


@pytest.mark.parametrize(
    ("name", "part"),
    [("startsWith", Part.START), ("endsWith", Part.END), ("contains", Part.ANYWHERE)],
)
def test_functions_look_for_a_text_and_may_be_compared(name: str, part: Part) -> None:
    holds = Holds(Field.NAME, part, "x")
    call = f"{name}(Title, 'X')"
    assert parse_filter(call, FIELDS) == holds
    assert parse_filter(f"{call} eq true", FIELDS) == holds
    assert parse_filter(f"{call} ne FALSE", FIELDS) == holds
    assert parse_filter(f"{call} eq False", FIELDS) == Not(holds)
    assert parse_filter(f"{call} NE true", FIELDS) == Not(holds)
    assert parse_filter(f"not {call} eq false", FIELDS) == Not(Not(holds))
    assert parse_filter(f"{call} eq false and shelf eq 1", FIELDS) == AllOf((Not(holds), A))


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("state eq 'open'", OPEN),
        ("STATE eq 'OPEN'", OPEN),
        ("state ne 'open'", SHUT),
        ("state eq 'shut'", SHUT),
        ("state ne 'shut'", NEVER),
        ("shelf eq -7", shelf(-7)),
        ("shelf eq 007", shelf(7)),
        ("shelf lt 999999999999999999", shelf(10**18 - 1, Operator.LT)),
    ],
)
def test_words_and_numbers(text: str, term: Term) -> None:
    assert parse_filter(text, FIELDS) == term


@pytest.mark.parametrize("literal", ["{}", "'{}'", "datetime'{}'", "DateTimeOffset'{}'"])
@pytest.mark.parametrize(
    ("date", "millis"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01", 0),
        ("1970-01-01T00:01", 60_000),
        ("1970-01-01T00:01Z", 60_000),
        ("1970-01-01T00:00:00.5Z", 500),
        ("1970-01-01T00:00:00.0010000Z", 1),
        ("1970-01-01T00:00:00.12+01:30", 120 - 90 * 60_000),
        ("1970-01-01T00:00:00-01:30", 90 * 60_000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2020-05-19T08:42:47.400Z", 1589877767400),
        ("2020-02-29T00:00:00Z", 1582934400000),
        ("0001-01-01T00:00:00+14:00", -62135596800000 - 14 * 3_600_000),
        ("9999-12-31T23:59:59.999-14:00", 253402300799999 + 14 * 3_600_000),
    ],
)
def test_dates_are_milliseconds_in_utc(literal: str, date: str, millis: int) -> None:
    assert parse_filter(f"bought ge {literal.format(date)}", FIELDS) == bought(millis, Operator.GE)


@pytest.mark.parametrize(
    ("operator", "term"),
    [
        ("eq", NEVER),
        ("ne", ALWAYS),
        ("gt", bought(-1, Operator.GT)),
        ("ge", bought(-1, Operator.GT)),
        ("lt", bought(-1, Operator.LE)),
        ("le", bought(-1, Operator.LE)),
    ],
)
def test_a_date_finer_than_a_millisecond_lies_between_two(operator: str, term: Term) -> None:
    for date in ("1969-12-31T23:59:59.9990001Z", "1969-12-31T23:59:59.9999999Z"):
        assert parse_filter(f"bought {operator} {date}", FIELDS) == term


@pytest.mark.parametrize(
    "date",
    [
        "2020-02-30",
        "2019-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2020-01-01T24:00:00Z",
        "2020-01-01T23:60:00Z",
        "2020-01-01T23:59:60Z",
        "2020-01-01T00:00:00.Z",
        "2020-01-01T00:00.5Z",
        "2020-01-01T00:00:00.12345678Z",
        "2020-01-01T00:00:00+15:00",
        "2020-01-01T00:00:00+01:60",
        "2020-01-01T00:00:00+0100",
        "2020-01-01Z",
        "20200101",
        "+2020-01-01",
        "\u0662\u0660\u0662\u0660-01-01",  # digits, but Arabic ones
        "tomorrow",
    ],
)
def test_what_is_no_date_is_refused_where_it_begins(date: str) -> None:
    for literal in (date, f"'{date}'", f"datetime'{date}'"):
        refused(f"bought eq  {literal}", 12, "a date")


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("colour eq 1", 1, FIELD),
        ("shelf eq 1 and colour eq 1", 16, FIELD),
        ("'Title' eq 'x'", 1, FIELD),
        ("7 eq shelf", 1, FIELD),
        ("and", 1, FIELD),
        ("not", 4, FIELD),
        ("not ", 5, FIELD),
        ("shelf eq 1 and", 15, FIELD),
        ("shelf eq 1 or or", 15, FIELD),
        ("()", 2, FIELD),
        (",", 1, FIELD),
        (")", 1, FIELD),
        ("shelf", 6, "eq, ne, gt, ge, lt or le"),
        ("shelf = 1", 7, "eq, ne, gt, ge, lt or le"),
        ("shelf not eq 1", 7, "eq, ne, gt, ge, lt or le"),
        ("shelf 'eq' 1", 7, "eq, ne, gt, ge, lt or le"),
        ("state gt 'open'", 7, "eq or ne"),
        ("state LE 'open'", 7, "eq or ne"),
        ("state eq open", 10, "'open' or 'shut'"),
        ("state eq 'ajar'", 10, "'open' or 'shut'"),
        ("state eq", 9, "'open' or 'shut'"),
        ("shelf eq", 9, "an integer"),
        ("shelf eq '1'", 10, "an integer"),
        ("shelf eq 1.5", 10, "an integer"),
        ("shelf eq +1", 10, "an integer"),
        ("shelf eq 1_0", 10, "an integer"),
        ("shelf eq 1000000000000000000", 10, "an integer"),
        ("shelf eq \u0661", 10, "an integer"),
        ("shelf eq 1or shelf eq 2", 10, "an integer"),
        ("shelf eq (1)", 10, "an integer"),
        ("Title eq x", 10, "a string"),
        ("Title eq datetime'x'", 10, "a string"),
        ('Title eq "x"', 10, "a string"),
        ("Title eq 'x", 10, "a string that ends"),
        ("Title eq 'x''", 10, "a string that ends"),
        ("Title eq 'x' 'y'", 14, JOINER),
        ("shelf eq 1 shelf eq 2", 12, JOINER),
        ("shelf eq 1)", 11, JOINER),
        ("shelf eq 1,", 11, JOINER),
        ("shelf eq 1 xor shelf eq 2", 12, JOINER),
        ("(shelf eq 1", 12, "and, or or )"),
        ("((shelf eq 1)", 14, "and, or or )"),
        ("(shelf eq 1, shelf eq 2)", 12, "and, or or )"),
        ("contains Title,'x')", 10, "("),
        ("contains", 9, "("),
        ("contains('x', Title)", 10, "Title"),
        ("contains(shelf,'1')", 10, "Title"),
        ("contains(contains(Title,'x'),'x')", 10, "Title"),
        ("contains(Title 'x')", 16, ","),
        ("contains(Title,x)", 16, "a string"),
        ("contains(Title,'x'", 19, ")"),
        ("contains(Title,'x','y')", 19, ")"),
        ("contains(Title,'x') gt true", 21, JOINER),
        ("contains(Title,'x') eq 1", 24, "true or false"),
        ("contains(Title,'x') eq 'true'", 24, "true or false"),
        ("contains(Title,'x') eq", 23, "true or false"),
        ("substringof('x',Title)", 1, FIELD),
        ("Title eq 'a\0'", 12, "a printable character"),
        ("Title eq '\ud800'", 11, "a printable character"),
    ],
)
def test_an_error_says_where_and_what_was_expected(text: str, position: int, expected: str) -> None:
    refused(text, position, expected)


def test_without_a_text_there_are_no_functions() -> None:
    fields: Fields = {"shelf": Number(Field.NUMBER)}
    with pytest.raises(KadeError) as error:
        parse_filter("contains(shelf,'x')", fields)
    assert error.value.facts == {"position": 1, "expected": "shelf"}


def test_a_text_has_so_many_characters_and_no_more() -> None:
    longest = "shelf eq 1".ljust(LONGEST)
    assert parse_filter(longest, FIELDS) == A
    refused(longest + " ", LONGEST + 1, f"at most {LONGEST} characters")


def test_a_filter_has_so_many_terms_and_no_more() -> None:
    term = "shelf eq 1"
    assert parse_filter(" or ".join([term] * MOST_TERMS), FIELDS) == AnyOf((A,) * MOST_TERMS)
    many = " or ".join([term] * MOST_TERMS + ["contains(Title,'x')"])
    refused(many, many.index("contains") + 1, f"at most {MOST_TERMS} terms")


def test_brackets_go_so_deep_and_no_deeper() -> None:
    def nested(depth: int) -> str:
        return "(" * depth + "shelf eq 1" + ")" * depth

    beside = f"{nested(DEEPEST)} and {nested(DEEPEST)}"
    assert parse_filter(beside, FIELDS) == AllOf((A, A))
    refused(nested(DEEPEST + 1), DEEPEST + 1, f"at most {DEEPEST} brackets within each other")


@pytest.mark.parametrize("count", [1000, 1001])
def test_a_long_run_of_not_costs_nothing(count: int) -> None:
    assert parse_filter("not " * count + "shelf eq 1", FIELDS) == (Not(A) if count % 2 else A)

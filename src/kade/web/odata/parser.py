"""From text to a term, or to an order.

::

    filter     = [ any ]
    any        = all *( "or" all )
    all        = term *( "and" term )
    term       = *"not" ( "(" any ")" / function / comparison )
    function   = ( "startsWith" / "endsWith" / "contains" ) "(" field "," string ")"
                 [ ( "eq" / "ne" ) ( "true" / "false" ) ]
    comparison = field ( "eq" / "ne" / "gt" / "ge" / "lt" / "le" ) value
    order      = [ field [ "asc" / "desc" ] ]

Words may be in any case, and white space may stand between any two tokens. ``not`` takes a whole comparison.
"""

from collections.abc import Mapping
from typing import TypeVar

from kade.core.names import fold
from kade.core.query import ALWAYS, NEWEST_FIRST, AllOf, AnyOf, Field, Holds, Not, Operator, Order, Part, Term
from kade.web.odata.fields import Fields, Text
from kade.web.odata.lexer import Cursor, Shape, Token, one_of

MOST_TERMS = 50  # comparisons and functions in one filter
DEEPEST = 10  # brackets within each other; SQLite's own parser gives up at 14

_FUNCTIONS = {"startsWith": Part.START, "endsWith": Part.END, "contains": Part.ANYWHERE}

T = TypeVar("T")


def parse_filter(text: str, fields: Fields) -> Term:
    """What ``$filter`` asks for; ALWAYS when the text is empty.

    Raises:
        KadeError: ``RequestReason.BAD_QUERY`` with the facts *position*, the character from 1 at which the
            text is wrong, and *expected*, what could have stood there.
    """
    cursor = Cursor("$filter", text)
    if cursor.current.shape is Shape.END:
        return ALWAYS
    term = _Parser(cursor, fields).any_of()
    cursor.finish("and, or or the end")
    return term


def parse_order(text: str, keys: Mapping[str, Field]) -> Order:
    """What ``$orderBy`` asks for: one key, ascending unless it says ``desc``; newest first without any.

    Raises:
        KadeError: as ``parse_filter``.
    """
    cursor = Cursor("$orderBy", text)
    if cursor.current.shape is Shape.END:
        return NEWEST_FIRST
    field = _named(cursor, keys)
    modifier = cursor.accept("asc", "desc")
    cursor.finish("the end" if modifier else "asc, desc or the end")
    return Order(field, descending=modifier is not None and modifier.says("desc"))


class _Parser:
    """One filter. Each method reads one rule of the grammar and gives its term."""

    def __init__(self, cursor: Cursor, fields: Fields) -> None:
        self._cursor = cursor
        self._fields = fields
        self._texts = {name: kind for name, kind in fields.items() if isinstance(kind, Text)}
        self._terms = 0
        self._depth = 0

    def any_of(self) -> Term:
        terms = [self._all_of()]
        while self._cursor.accept("or"):
            terms.append(self._all_of())
        return AnyOf(tuple(terms)) if len(terms) > 1 else terms[0]

    def _all_of(self) -> Term:
        terms = [self._term()]
        while self._cursor.accept("and"):
            terms.append(self._term())
        return AllOf(tuple(terms)) if len(terms) > 1 else terms[0]

    def _term(self) -> Term:
        negative = False
        while self._cursor.accept("not"):
            negative = not negative
        term = self._bracketed() if self._cursor.current.says("(") else self._condition()
        return Not(term) if negative else term

    def _bracketed(self) -> Term:
        bracket = self._cursor.take()
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._cursor.refused(bracket, f"at most {DEEPEST} brackets within each other")
        term = self.any_of()
        self._cursor.require(")", expected="and, or or )")
        self._depth -= 1
        return term

    def _condition(self) -> Term:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise self._cursor.refused(self._cursor.current, f"at most {MOST_TERMS} terms")
        if self._texts and (function := _lookup(self._cursor.current, _FUNCTIONS)):
            self._cursor.take()
            return self._function(function)
        return self._comparison()

    def _function(self, part: Part) -> Term:
        self._cursor.require("(")
        text = _named(self._cursor, self._texts)
        self._cursor.require(",")
        sought = self._cursor.take()
        if sought.shape is not Shape.STRING:
            raise self._cursor.refused(sought, text.expected)
        self._cursor.require(")")
        holds = Holds(text.field, part, fold(sought.text))
        operator = self._cursor.accept("eq", "ne")
        if operator is None:
            return holds
        truth = self._cursor.require("true", "false")
        return holds if operator.says("eq") == truth.says("true") else Not(holds)

    def _comparison(self) -> Term:
        also = tuple(_FUNCTIONS) if self._texts else ()
        kind = _named(self._cursor, self._fields, also)
        operator = self._cursor.require(*kind.operators)
        literal = self._cursor.take()
        term = kind.compare(Operator(operator.text.lower()), literal)
        if term is None:
            raise self._cursor.refused(literal, kind.expected)
        return term


def _lookup(token: Token, table: Mapping[str, T]) -> T | None:
    """What the table has under the word, without regard to case."""
    return next((value for name, value in table.items() if token.says(name.lower())), None)


def _named(cursor: Cursor, table: Mapping[str, T], also: tuple[str, ...] = ()) -> T:
    """What the next word names. Raises KadeError, which tells the names that are known and *also* these."""
    token = cursor.take()
    found = _lookup(token, table)
    if found is None:
        raise cursor.refused(token, one_of((*table, *also)))
    return found

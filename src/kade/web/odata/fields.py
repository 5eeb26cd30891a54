"""The fields that a list can be asked about: what may stand behind each, and which term that becomes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from kade.core.names import fold
from kade.core.query import ALWAYS, NEVER, Compare, Field, Operator, Term
from kade.web.odata.dates import TICKS, ticks_of
from kade.web.odata.lexer import Shape, Token, one_of

_INTEGER = re.compile(r"-?[0-9]{1,18}")  # what fits into 64 bits in any case


class Kind(Protocol):
    """What a field holds."""

    @property
    def expected(self) -> str:
        """What its values are, in words."""

    @property
    def operators(self) -> tuple[Operator, ...]:
        """How it can be compared."""

    def compare(self, operator: Operator, literal: Token) -> Term | None:
        """The field against a value; None when the literal is no value of this kind."""


@dataclass(frozen=True, slots=True)
class Text:
    """A name, in single quotes. Upper and lower case are the same; order is that of folded UTF-8."""

    field: Field
    expected = "a string"
    operators = tuple(Operator)

    def compare(self, operator: Operator, literal: Token) -> Term | None:
        if literal.shape is not Shape.STRING:
            return None
        return Compare(self.field, operator, fold(literal.text))


@dataclass(frozen=True, slots=True)
class Number:
    """An integer of at most 18 digits."""

    field: Field
    expected = "an integer"
    operators = tuple(Operator)

    def compare(self, operator: Operator, literal: Token) -> Term | None:
        if literal.shape is not Shape.WORD or not _INTEGER.fullmatch(literal.text):
            return None
        return Compare(self.field, operator, int(literal.text))


@dataclass(frozen=True, slots=True)
class Moment:
    """A date with a time, bare; quotes are forgiven, and so is ``datetime'…'``."""

    field: Field
    expected = "a date"
    operators = tuple(Operator)

    def compare(self, operator: Operator, literal: Token) -> Term | None:
        if literal.shape is Shape.MARK or (ticks := ticks_of(literal.text)) is None:
            return None
        millis, finer = divmod(ticks, TICKS)
        if finer:
            return _between(self.field, operator, millis)
        return Compare(self.field, operator, millis)


class Meaning(NamedTuple):
    """What it means that a field is a word, and that it is not: the one need not be the other's opposite."""

    equal: Term
    unequal: Term


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words, in single quotes and any case."""

    meanings: Mapping[str, Meaning]
    operators = (Operator.EQ, Operator.NE)

    @property
    def expected(self) -> str:
        """The words."""
        return one_of(tuple(f"'{word}'" for word in self.meanings))

    def compare(self, operator: Operator, literal: Token) -> Term | None:
        meaning = self.meanings.get(literal.text.lower()) if literal.shape is Shape.STRING else None
        if meaning is None:
            return None
        return meaning.equal if operator is Operator.EQ else meaning.unequal


Fields = Mapping[str, Kind]
"""By the name that is told in errors; case does not matter when it is read."""


def _between(field: Field, operator: Operator, millis: int) -> Term:
    """The field, whose values are whole milliseconds, against a moment between this one and the next."""
    match operator:
        case Operator.EQ:
            return NEVER
        case Operator.NE:
            return ALWAYS
        case Operator.GT | Operator.GE:
            return Compare(field, Operator.GT, millis)
        case Operator.LT | Operator.LE:
            return Compare(field, Operator.LE, millis)

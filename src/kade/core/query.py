"""Query: what is asked of a list, as one tree that a dialect builds and a catalog answers.

A dialect turns its text into a term; the catalog turns the term into SQL. Terms are about what every entry
of a list has; what only a dialect knows (a business type, say) is a set of spaces by the time it is here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from kade.core.ids import Id

T = TypeVar("T")


class Field(StrEnum):
    """What an entry can be asked about, with the type of its values.

    NAME is the folded name (``names.fold``), compared bytewise in UTF-8. The times are milliseconds;
    FETCHED and DISMISSED may be absent. STATE is a ``DeliveryState``. SPACE is an id; NUMBER is the number
    of the space, to sort by.
    """

    NAME = "name"
    ARRIVED = "arrived"
    FETCHED = "fetched"
    DISMISSED = "dismissed"
    STATE = "state"
    SPACE = "space"
    NUMBER = "number"


class Operator(StrEnum):
    """How a value is compared; an absent one is unlike every value and neither before nor after it."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


class Part(StrEnum):
    """Where in a text another one is looked for."""

    START = "start"
    END = "end"
    ANYWHERE = "anywhere"


@dataclass(frozen=True, slots=True)
class Compare:
    """The field's value against another one."""

    field: Field
    operator: Operator
    value: str | int


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field's value is among these."""

    field: Field
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Holds:
    """The field's text has *text* at that part of it."""

    field: Field
    part: Part
    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """What the term is false for."""

    term: "Term"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every term is true; without terms: always."""

    terms: tuple["Term", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one term is true; without terms: never."""

    terms: tuple["Term", ...]


Term = Compare | OneOf | Holds | Not | AllOf | AnyOf

ALWAYS = AllOf(())
NEVER = AnyOf(())


class Order(NamedTuple):
    """By which field; entries that are equal in it follow by id, in the same direction."""

    field: Field = Field.ARRIVED
    descending: bool = True


NEWEST_FIRST = Order()


@dataclass(frozen=True, slots=True)
class Query:
    """Of the entries in *spaces* for which *where* is true: *size* of them, after the first *skip*."""

    tenant_id: Id
    spaces: Sequence[Id]
    where: Term = ALWAYS
    order: Order = NEWEST_FIRST
    skip: int = 0
    size: int = 20


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some entries of a list, and how many there are in all."""

    entries: list[T]
    count: int


def leaves(term: Term) -> Iterator[Compare | OneOf | Holds]:
    """Every question about a field that the term is made of, from left to right."""
    if isinstance(term, Not):
        yield from leaves(term.term)
    elif isinstance(term, AllOf | AnyOf):
        for each in term.terms:
            yield from leaves(each)
    else:
        yield term

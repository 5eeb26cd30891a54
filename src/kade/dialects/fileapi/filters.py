"""``$filter`` and ``$orderBy`` of the file lists: their fields, and what a status means (spec 1(a) to 1(c)).

A filter is parsed before it is known who asks: business types are numbers in it until ``Filter.where`` puts
the spaces in their place that the caller may see.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kade.core.deliveries import DeliveryState
from kade.core.ids import Id
from kade.core.query import ALWAYS, AllOf, AnyOf, Compare, Field, Not, OneOf, Operator, Term, leaves
from kade.web.odata.fields import Fields, Meaning, Moment, Number, Text, Word
from kade.web.odata.parser import parse_filter


def _state(*states: DeliveryState) -> OneOf:
    return OneOf(Field.STATE, states)


_AVAILABLE = _state(DeliveryState.AVAILABLE)
_DOWNLOADED = _state(DeliveryState.FETCHED)
_ALL = _state(DeliveryState.AVAILABLE, DeliveryState.FETCHED, DeliveryState.LAPSED)
_DELETED = _state(DeliveryState.DISMISSED)

STATUSES = {
    "available": Meaning(_AVAILABLE, unequal=_DOWNLOADED),
    "downloaded": Meaning(_DOWNLOADED, unequal=_AVAILABLE),
    "all": Meaning(_ALL, unequal=_state()),
    "deleted": Meaning(_DELETED, unequal=Not(_DELETED)),
}
"""What a subscriber can ask of a delivery. What lapsed before it was fetched is neither available nor
downloaded; it is one of all."""

PUBLISHER_FIELDS: Fields = {
    "uploadDate": Moment(Field.ARRIVED),
    "businessType": Number(Field.NUMBER),
    "fileName": Text(Field.NAME),
}
SUBSCRIBER_FIELDS: Fields = {
    **PUBLISHER_FIELDS,
    "status": Word(STATUSES),
    "lastDownloadDate": Moment(Field.FETCHED),
    "deleteDate": Moment(Field.DISMISSED),
}

PUBLISHER_KEYS = {"uploadDate": Field.ARRIVED, "businessType": Field.NUMBER, "fileName": Field.NAME}
SUBSCRIBER_KEYS = {**PUBLISHER_KEYS, "status": Field.STATE}
"""What a list can be sorted by: ``$orderBy`` is ``parse_order`` with one of these."""

_COMPARISONS: Mapping[Operator, Callable[[int, int], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is asked for. In *term*, business types are still numbers (``Field.NUMBER``)."""

    term: Term

    @property
    def named_types(self) -> frozenset[int]:
        """The business types that it names one by one, with ``eq`` or ``ne``."""
        return frozenset(
            int(leaf.value)
            for leaf in leaves(self.term)
            if isinstance(leaf, Compare)
            and leaf.field is Field.NUMBER
            and leaf.operator in (Operator.EQ, Operator.NE)
        )

    @property
    def shows_deleted(self) -> bool:
        """Whether deleted files are asked for literally."""
        return any(leaf == _DELETED or leaf.field is Field.DISMISSED for leaf in leaves(self.term))

    def where(self, spaces: Mapping[int, Id]) -> Term:
        """The term that the catalog answers; *spaces* are those that the caller may see, by business type."""
        return _placed(self.term, spaces)


def for_publisher(text: str) -> Filter:
    """What a publisher asks about files of its own. Raises KadeError as ``parse_filter`` does."""
    return Filter(parse_filter(text, PUBLISHER_FIELDS))


def for_subscriber(text: str) -> Filter:
    """What a subscriber asks about its deliveries: the available ones, unless it says a word about status.

    One that it deleted is shown only when ``'deleted'`` is asked for literally. Raises KadeError as
    ``parse_filter`` does.
    """
    asked = parse_filter(text, SUBSCRIBER_FIELDS)
    states = [leaf for leaf in leaves(asked) if leaf.field is Field.STATE]
    if _DELETED in states:
        return Filter(asked)
    implied = _ALL if states else _AVAILABLE
    return Filter(implied if asked == ALWAYS else AllOf((asked, implied)))


def _placed(term: Term, spaces: Mapping[int, Id]) -> Term:
    """The term with spaces for numbers."""
    match term:
        case Not():
            return Not(_placed(term.term, spaces))
        case AllOf():
            return AllOf(tuple(_placed(each, spaces) for each in term.terms))
        case AnyOf():
            return AnyOf(tuple(_placed(each, spaces) for each in term.terms))
        case Compare(Field.NUMBER, how, int(named)):
            found = (space for number, space in spaces.items() if _COMPARISONS[how](number, named))
            return OneOf(Field.SPACE, tuple(found))
        case _:
            return term

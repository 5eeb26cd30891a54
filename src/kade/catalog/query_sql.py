"""Queries in SQL: terms over the columns that a table has for each field.

Every value is bound, never written into a statement.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select, true

from kade.catalog.statements import Place, Row, Session
from kade.core.query import (
    AllOf,
    AnyOf,
    Compare,
    Field,
    Holds,
    Not,
    OneOf,
    Operator,
    Order,
    Page,
    Part,
    Query,
    Term,
)

Columns = Mapping[Field, ColumnElement[Any]]

_COMPARISONS: dict[Operator, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]] = {
    Operator.EQ: lambda column, value: column == value,
    Operator.NE: lambda column, value: column.is_distinct_from(value),
    Operator.GT: lambda column, value: column > value,
    Operator.GE: lambda column, value: column >= value,
    Operator.LT: lambda column, value: column < value,
    Operator.LE: lambda column, value: column <= value,
}
# Not by LIKE: SQLite's takes upper and lower case for the same, and patterns of a limited length only.
_HOLDS: dict[Part, Callable[[ColumnElement[Any], str], ColumnElement[bool]]] = {
    Part.START: lambda column, text: func.substr(column, 1, len(text)) == text,
    Part.END: lambda column, text: func.substr(column, func.length(column) - (len(text) - 1)) == text,
    Part.ANYWHERE: lambda column, text: Place(column, text) > 0,
}
_MAY_BE_ABSENT = (Field.FETCHED, Field.DISMISSED, Field.NUMBER)
_FARTHEST = 1 << 62  # beyond it no database can count


def condition(term: Term, columns: Columns) -> ColumnElement[bool]:
    """The term as a condition that is true or false and never NULL, also behind a NOT."""
    match term:
        case Compare(field, operator, value):
            return _sure(field, _COMPARISONS[operator](columns[field], value))
        case OneOf(field, values):
            return _sure(field, columns[field].in_(values))
        case Holds(field, part, text):
            return _HOLDS[part](columns[field], text)
        case Not(inner):
            return not_(condition(inner, columns))
        case AllOf(terms):
            return and_(true(), *(condition(each, columns) for each in terms))
        case AnyOf(terms):
            return or_(false(), *(condition(each, columns) for each in terms))


def page(
    session: Session, asked: Select[Any], query: Query, columns: Columns, key: ColumnElement[str]
) -> Page[Row]:
    """What *asked* selects, as *query* narrows, sorts and cuts it; equals follow by *key*.

    The entries and their number come from one statement, and so from one state of the catalog.
    """
    narrowed = asked.where(columns[Field.SPACE].in_(query.spaces), condition(query.where, columns))
    cut = (
        narrowed.add_columns(func.count().over())
        .order_by(*_sorting(query.order, columns[query.order.field], key))
        .limit(query.size)
        .offset(min(query.skip, _FARTHEST))
    )
    rows = session.all(cut)
    if rows:
        return Page([row[:-1] for row in rows], rows[0][-1])
    counted = session.one(select(func.count()).select_from(narrowed.subquery())) if query.skip else None
    return Page([], counted[0] if counted else 0)


def _sure(field: Field, compared: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition, which is false where the field is absent."""
    return func.coalesce(compared, false()) if field in _MAY_BE_ABSENT else compared


def _sorting(
    order: Order, column: ColumnElement[Any], key: ColumnElement[str]
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return (column.desc(), key.desc()) if order.descending else (column.asc(), key.asc())

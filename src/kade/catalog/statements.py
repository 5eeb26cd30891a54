"""How statements reach a driver: compiled once, run many times.

A module-level statement is compiled at its first use and kept; that takes SQLAlchemy's work per execution
off the hot path of SQLite's single writer. Statements made for one call are compiled for that call.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import BigInteger, Connection, Executable, Integer, Table, Text, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ClauseElement, ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from kade.core.ids import Id

Row = tuple[Any, ...]


class Duplicate(Exception):
    """A unique index refused a row."""


class DatabaseClock(FunctionElement[int]):
    """The database's own time in milliseconds: leases compare clocks of one machine only."""

    inherit_cache = True
    type = BigInteger()


@compiles(DatabaseClock, "sqlite")
def _sqlite_clock(_element: DatabaseClock, _compiler: Any, **_options: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


@compiles(DatabaseClock, "postgresql")
def _postgresql_clock(_element: DatabaseClock, _compiler: Any, **_options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def database_clock() -> ColumnElement[int]:
    """Milliseconds by the database's clock, as part of a statement."""
    return DatabaseClock()


class Place(FunctionElement[int]):
    """Where in the first text the second one begins, from 1; 0 when it is not there. Bytes are compared."""

    inherit_cache = True
    type = Integer()


@compiles(Place, "sqlite")
def _sqlite_place(element: Place, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(Place, "postgresql")
def _postgresql_place(element: Place, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


class Among(FunctionElement[Any]):
    """Whether a column is one of the ids that are given as a JSON list.

    A statement with ``IN`` is compiled at every call, which takes longer than it runs; this one is compiled
    once for lists of any length. It has no type: as a boolean SQLite would be asked whether it is 1, and use
    no index.
    """

    inherit_cache = True


@compiles(Among, "sqlite")
def _sqlite_among(element: Among, compiler: Any, **options: Any) -> str:
    column, given = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({given}))"  # noqa: S608 (both are compiled SQL)


@compiles(Among, "postgresql")
def _postgresql_among(element: Among, compiler: Any, **options: Any) -> str:
    column, given = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({given} AS JSON))))"


def among(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Whether *column* is one of the ids in the parameter of that *name*, as ``listed`` gives it."""
    return Among(column, bindparam(name, type_=Text()))


def listed(ids: Iterable[Id]) -> str:
    """Ids as ``among`` takes them."""
    return json.dumps(list(ids))


def upsert(table: Table, *key: ColumnElement[Any]) -> Executable:
    """Insert a whole row, or put it in the place of the one with the same *key* columns."""
    row = _insert(table)
    names = {column.name for column in key}
    rest = {column.name: row.excluded[column.name] for column in table.c if column.name not in names}
    made: Executable = row.on_conflict_do_update(index_elements=key, set_=rest)
    return made


def insert_if_absent(table: Table, *key: ColumnElement[Any]) -> Executable:
    """Insert a whole row, unless one with the same *key* columns is there."""
    made: Executable = _insert(table).on_conflict_do_nothing(index_elements=key)
    return made


def _insert(table: Table) -> Any:
    # Both databases spell ON CONFLICT alike; this one's words are compiled for the other, too.
    return postgresql.insert(table).values({column.name: bindparam(column.name) for column in table.c})


class Session(Protocol):
    """What a table needs of a transaction."""

    def all(self, statement: Executable, **params: Any) -> Sequence[Row]:
        """Every row."""
        ...

    def one(self, statement: Executable, **params: Any) -> Row | None:
        """The first row, if any."""
        ...

    def run(self, statement: Executable, **params: Any) -> int:
        """How many rows it changed. Raises Duplicate."""
        ...

    def run_many(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """The same statement for each of *rows*."""
        ...


class Compiled:
    """A statement as text with positional parameters."""

    __slots__ = ("defaults", "names", "text")

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        assert isinstance(statement, ClauseElement)
        compiled: Any = statement.compile(dialect=dialect)
        # A list becomes part of the text; values that are given at each run may be absent until then.
        later = {name: None for name, bind in compiled.binds.items() if bind.required}
        expanded = compiled.construct_expanded_state(later)
        self.text: str = expanded.statement
        self.names: list[str] = list(expanded.positiontup or ())
        self.defaults: dict[str, Any] = dict(expanded.parameters)

    def arguments(self, params: Mapping[str, Any]) -> list[Any]:
        """The positional parameters for *params*."""
        defaults = self.defaults
        return [params[name] if name in params else defaults[name] for name in self.names]


class SqlAlchemySession:
    """A session on a SQLAlchemy connection, which keeps its own cache of compiled statements."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, statement: Executable, **params: Any) -> Sequence[Row]:
        return [tuple(row) for row in self._connection.execute(statement, params)]

    def one(self, statement: Executable, **params: Any) -> Row | None:
        row = self._connection.execute(statement, params).first()
        return None if row is None else tuple(row)

    def run(self, statement: Executable, **params: Any) -> int:
        try:
            return self._connection.execute(statement, params).rowcount
        except IntegrityError as error:
            raise _as_duplicate(error) from error

    def run_many(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._connection.execute(statement, list(rows))


def _as_duplicate(error: IntegrityError) -> Exception:
    state = getattr(error.orig, "sqlstate", None)
    return Duplicate(str(error.orig)) if state == "23505" else error

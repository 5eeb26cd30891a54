"""Connections to SQLite: how they are opened, how statements run on them, and what their errors mean."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Executable
from sqlalchemy.dialects import sqlite

from kade.catalog.statements import Compiled, Duplicate, Row
from kade.core.errors import KadeError, RequestReason, UploadReason

BUSY_MS = 30_000  # how long to wait for another process that is writing
DIALECT = sqlite.dialect(paramstyle="qmark")
# A text follows from its statement alone, so every connection shares it; two threads at worst make it twice.
_COMPILED: WeakKeyDictionary[Executable, Compiled] = WeakKeyDictionary()

_REFUSALS = {
    sqlite3.SQLITE_FULL: UploadReason.DISK_FULL,
    sqlite3.SQLITE_BUSY: RequestReason.CATALOG_UNAVAILABLE,
    sqlite3.SQLITE_IOERR: RequestReason.CATALOG_UNAVAILABLE,
    sqlite3.SQLITE_CANTOPEN: RequestReason.CATALOG_UNAVAILABLE,
}


class SqliteSession:
    """A session on a plain driver connection, with statements compiled once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def all(self, statement: Executable, **params: Any) -> Sequence[Row]:
        return self._execute(statement, params).fetchall()

    def one(self, statement: Executable, **params: Any) -> Row | None:
        # All rows are fetched: an UPDATE … RETURNING takes effect as it is stepped through.
        rows = self._execute(statement, params).fetchall()
        return rows[0] if rows else None

    def run(self, statement: Executable, **params: Any) -> int:
        try:
            return self._execute(statement, params).rowcount
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode in (
                sqlite3.SQLITE_CONSTRAINT_UNIQUE,
                sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
            ):
                raise Duplicate(str(error)) from error
            raise

    def run_many(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        compiled = _compile(statement)
        self.connection.executemany(compiled.text, [compiled.arguments(row) for row in rows])

    def _execute(self, statement: Executable, params: Mapping[str, Any]) -> sqlite3.Cursor:
        compiled = _compile(statement)
        return self.connection.execute(compiled.text, compiled.arguments(params))


def connect(path: Path) -> sqlite3.Connection:
    """A connection as every part of Kade uses it: WAL, FULL sync, foreign keys, explicit transactions."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def understood(error: Exception) -> Exception:
    """What is nobody's mistake in core's words; everything else as it is."""
    reason = None
    if isinstance(error, sqlite3.OperationalError):
        reason = _REFUSALS.get(error.sqlite_errorcode & 0xFF)  # without the extended part
    elif isinstance(error, (UnicodeEncodeError, OverflowError)):
        reason = RequestReason.BAD_VALUE
    elif isinstance(error, StopIteration):
        return RuntimeError("a transaction raised StopIteration")  # no future takes that
    if reason is None:
        return error
    refusal = KadeError(reason, "catalog")
    refusal.__cause__ = error
    return refusal


def _compile(statement: Executable) -> Compiled:
    compiled = _COMPILED.get(statement)
    if compiled is None:
        compiled = _COMPILED[statement] = Compiled(statement, DIALECT)
    return compiled

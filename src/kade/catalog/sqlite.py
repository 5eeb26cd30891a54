"""The catalog on SQLite: one writer thread with group commit, a few readers.

Transactions of many requests share one COMMIT, and so one sync of the log: each runs in a SAVEPOINT of its
own, and nobody is answered before the COMMIT that holds their work returned (``synchronous=FULL``). The
journal mode is WAL, so readers never wait for the writer.
"""

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Executable
from sqlalchemy.dialects import sqlite

from kade.catalog.journal import enter
from kade.catalog.statements import Compiled, Duplicate, Row
from kade.catalog.transaction import Transaction
from kade.core.errors import KadeError, RequestReason, UploadReason
from kade.core.events import Event
from kade.core.ports import Tx

T = TypeVar("T")
P = ParamSpec("P")

_BATCH = 256  # transactions that share one COMMIT at most
_BUSY_MS = 30_000  # how long to wait for another process that is writing
_DIALECT = sqlite.dialect(paramstyle="qmark")


class SqliteSession:
    """A session on a plain driver connection, with statements compiled once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._compiled: WeakKeyDictionary[Executable, Compiled] = WeakKeyDictionary()

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
        compiled = self._compile(statement)
        self.connection.executemany(compiled.text, [compiled.arguments(row) for row in rows])

    def _execute(self, statement: Executable, params: Mapping[str, Any]) -> sqlite3.Cursor:
        compiled = self._compile(statement)
        return self.connection.execute(compiled.text, compiled.arguments(params))

    def _compile(self, statement: Executable) -> Compiled:
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = Compiled(statement, _DIALECT)
        return compiled


class _Job:
    """One transaction that somebody waits for."""

    __slots__ = ("error", "fn", "future", "loop", "result")

    def __init__(self, fn: Callable[[Tx], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.fn = fn
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None


class SqliteCatalog:
    """Implements ``core.ports.Catalog`` on one database file."""

    def __init__(self, path: Path, readers: int = 4) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_forever, name="catalog-writer", daemon=True)
        self._readers = ThreadPoolExecutor(readers, "catalog-reader")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closing = False

    async def open(self) -> None:
        from kade.catalog.migrations import migrate_sqlite

        await asyncio.to_thread(_make_private, self._path)
        await asyncio.to_thread(migrate_sqlite, self._path)
        self._writer.start()

    async def close(self) -> None:
        self._closing = True
        if self._writer.is_alive():
            self._jobs.put(None)
            await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    async def write(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._closing:
            raise KadeError(RequestReason.SHUTTING_DOWN)
        job = _Job(lambda tx: fn(tx, *args, **kwargs), asyncio.get_running_loop())
        self._jobs.put(job)
        result: T = await job.future
        return result

    async def read(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._closing:
            raise KadeError(RequestReason.SHUTTING_DOWN)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, lambda tx: fn(tx, *args, **kwargs))

    async def glance(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        # A few pages, nearly always in memory, cost less than handing the work to a thread.
        if self._closing:
            raise KadeError(RequestReason.SHUTTING_DOWN)
        try:
            return fn(Transaction(self._reader()), *args, **kwargs)
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise _understood(error) from error

    def _read(self, fn: Callable[[Tx], T]) -> T:
        session = self._reader()
        session.connection.execute("BEGIN")
        try:
            return fn(Transaction(session))
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise _understood(error) from error
        finally:
            session.connection.execute("COMMIT")

    def _reader(self) -> SqliteSession:
        """This thread's own connection, which cannot write."""
        session: SqliteSession | None = getattr(self._local, "session", None)
        if session is None:
            connection = connect(self._path)
            connection.execute("PRAGMA query_only = ON")
            self._connections.append(connection)
            session = self._local.session = SqliteSession(connection)
        return session

    def _write_forever(self) -> None:
        connection = connect(self._path)
        session = SqliteSession(connection)
        stopping = False
        while not stopping:
            batch, stopping = self._next_batch()
            if batch:
                self._commit_batch(connection, session, batch)
                _answer(batch)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def _next_batch(self) -> tuple[list[_Job], bool]:
        batch: list[_Job] = []
        job = self._jobs.get()
        while True:
            if job is None:
                return batch, True
            batch.append(job)
            if len(batch) >= _BATCH:
                return batch, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return batch, False

    def _commit_batch(
        self, connection: sqlite3.Connection, session: SqliteSession, batch: list[_Job]
    ) -> None:
        events: list[Event] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in batch:
                events += _run_in_savepoint(connection, session, job)
            enter(session, events)
            connection.execute("COMMIT")
        except Exception as error:
            with contextlib.suppress(sqlite3.Error):  # the writer must live on, whatever the disk does
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            for job in batch:
                job.error = job.error or _understood(error)


def connect(path: Path) -> sqlite3.Connection:
    """A connection as every part of Kade uses it: WAL, FULL sync, foreign keys, explicit transactions."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _run_in_savepoint(connection: sqlite3.Connection, session: SqliteSession, job: _Job) -> list[Event]:
    """Run one transaction of the batch; the events that it leaves, none when it failed."""
    tx = Transaction(session)
    connection.execute("SAVEPOINT job")
    try:
        job.result = job.fn(tx)
        events = tx.journal.events
    except Exception as error:
        if not connection.in_transaction:
            raise  # the whole batch is gone: the disk is full, or broken
        connection.execute("ROLLBACK TO job")
        job.error = _understood(error)
        events = []
    connection.execute("RELEASE job")
    return events


def _make_private(path: Path) -> None:
    """Make the file, for its owner alone: small files lie in it whole. SQLite's log gets the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


_REFUSALS = {
    sqlite3.SQLITE_FULL: UploadReason.DISK_FULL,
    sqlite3.SQLITE_BUSY: RequestReason.CATALOG_UNAVAILABLE,
    sqlite3.SQLITE_IOERR: RequestReason.CATALOG_UNAVAILABLE,
    sqlite3.SQLITE_CANTOPEN: RequestReason.CATALOG_UNAVAILABLE,
}


def _understood(error: Exception) -> Exception:
    """What is nobody's mistake in core's words; everything else as it is."""
    reason = None
    if isinstance(error, sqlite3.OperationalError):
        reason = _REFUSALS.get(error.sqlite_errorcode & 0xFF)  # without the extended part
    elif isinstance(error, UnicodeEncodeError):
        reason = RequestReason.BAD_VALUE
    elif isinstance(error, StopIteration):
        return RuntimeError("a transaction raised StopIteration")  # no future takes that
    if reason is None:
        return error
    refusal = KadeError(reason, "catalog")
    refusal.__cause__ = error
    return refusal


def _answer(batch: list[_Job]) -> None:
    """Wake each waiting loop once, however many of its transactions the batch holds."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, jobs)


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)

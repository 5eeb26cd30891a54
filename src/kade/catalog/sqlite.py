"""The catalog on SQLite: one writer with group commit, a few readers.

The journal mode is WAL, so readers never wait for the writer.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from kade.catalog.sqlite_session import SqliteSession, connect, understood
from kade.catalog.sqlite_writer import SqliteWriter
from kade.catalog.transaction import Transaction
from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Tx

T = TypeVar("T")
P = ParamSpec("P")


class SqliteCatalog:
    """Implements ``core.ports.Catalog`` on one database file."""

    def __init__(self, path: Path, readers: int = 4) -> None:
        self._path = path
        self._writer: SqliteWriter | None = None
        self._readers = ThreadPoolExecutor(readers, "catalog-reader")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def open(self) -> None:
        from kade.catalog.migrations import migrate_sqlite

        await asyncio.to_thread(_make_private, self._path)
        await asyncio.to_thread(migrate_sqlite, self._path)
        self._writer = await asyncio.to_thread(SqliteWriter, self._path)

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    async def write(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = await self._opened().write(lambda tx: fn(tx, *args, **kwargs))
        return result

    async def read(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._opened()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, lambda tx: fn(tx, *args, **kwargs))

    async def glance(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        # A few pages, nearly always in memory, cost less than handing the work to a thread.
        self._opened()
        try:
            return fn(Transaction(self._reader()), *args, **kwargs)
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise understood(error) from error

    def _opened(self) -> SqliteWriter:
        if self._writer is None:
            raise KadeError(RequestReason.SHUTTING_DOWN)
        return self._writer

    def _read(self, fn: Callable[[Tx], T]) -> T:
        session = self._reader()
        session.connection.execute("BEGIN")
        try:
            return fn(Transaction(session))
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise understood(error) from error
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


def _make_private(path: Path) -> None:
    """Make the file, for its owner alone: small files lie in it whole. SQLite's log gets the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

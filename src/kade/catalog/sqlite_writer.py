"""The one writer of a SQLite catalog, with group commit.

Transactions of many requests share one COMMIT, and so one sync of the log: each runs in a SAVEPOINT of its
own, and nobody is answered before the COMMIT that holds their work returned (``synchronous=FULL``).

Statements are short and run where the request runs; what waits, COMMIT for the disk and a contested BEGIN for
another process, has a thread of its own. A thread for the statements too would hand the interpreter back and
forth with every one of them, which costs more than most statements do.
"""

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kade.catalog.journal import enter
from kade.catalog.sqlite_session import BUSY_MS, SqliteSession, connect, understood
from kade.catalog.transaction import Transaction
from kade.core.errors import KadeError, RequestReason
from kade.core.events import Event
from kade.core.ports import Tx

_BATCH = 64  # transactions that share one COMMIT at most
_CACHE_KIB = 8 << 10
_LOG_PAGES = 4000  # of 4 KiB: so much is read again after a crash


class SqliteWriter:
    """Runs transactions one after the other, for the tasks of one event loop."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        self._connection.execute("PRAGMA busy_timeout = 0")  # the event loop waits for nobody
        # Savepoints keep the pages that they change: in memory, not in a file as they would by default.
        self._connection.execute("PRAGMA temp_store = MEMORY")
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        # A checkpoint writes a page once, however often the log has it, and syncs twice: seldom is cheaper.
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        self._session = SqliteSession(self._connection)
        self._thread = ThreadPoolExecutor(1, "catalog-writer")
        self._waiting: deque[_Job] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._closing = False

    async def write(self, fn: Callable[[Tx], Any]) -> Any:
        """What *fn* gives, once it is durable; what it raises, once it is undone."""
        if self._closing:
            raise KadeError(RequestReason.SHUTTING_DOWN)
        job = _Job(fn)
        self._waiting.append(job)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())
        return await job.future

    async def close(self) -> None:
        """Commit what waits, and end."""
        self._closing = True
        if self._writing is not None:
            await self._writing
        await self._aside(self._connection.execute, "PRAGMA wal_checkpoint(TRUNCATE)")
        await asyncio.to_thread(self._thread.shutdown)
        self._connection.close()

    async def _write_waiting(self) -> None:
        try:
            while self._waiting:
                await self._write_batch()
        finally:
            self._writing = None

    async def _write_batch(self) -> None:
        batch: list[_Job] = []
        try:
            await self._begin()
            await self._run(batch)
            await self._aside(self._connection.execute, "COMMIT")
        except Exception as error:
            await self._fail(batch, error)
        for job in batch:
            job.answer()

    async def _begin(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            await self._aside(self._begin_patiently)

    def _begin_patiently(self) -> None:
        self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        finally:
            self._connection.execute("PRAGMA busy_timeout = 0")

    async def _run(self, batch: list["_Job"]) -> None:
        """Take what waits into *batch*, run it, and give its events their places."""
        events: list[Event] = []
        while self._waiting and len(batch) < _BATCH:
            job = self._waiting.popleft()
            batch.append(job)
            events += self._run_in_savepoint(job)
            await asyncio.sleep(0)  # now the others; they may bring more
        enter(self._session, events)

    def _run_in_savepoint(self, job: "_Job") -> list[Event]:
        """Run one transaction of the batch; the events that it leaves, none when it failed."""
        tx = Transaction(self._session)
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = job.fn(tx)
            events = tx.journal.events
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # the whole batch is gone: the disk is full, or broken
            self._connection.execute("ROLLBACK TO job")
            job.error = understood(error)
            events = []
        self._connection.execute("RELEASE job")
        return events

    async def _fail(self, batch: list["_Job"], error: Exception) -> None:
        """Undo the batch; when it could not even begin, it is everything that waits."""
        with contextlib.suppress(sqlite3.Error):  # the writer must live on, whatever the disk does
            if self._connection.in_transaction:
                await self._aside(self._connection.execute, "ROLLBACK")
        if not batch:
            batch += self._waiting
            self._waiting.clear()
        for job in batch:
            job.error = job.error or understood(error)

    async def _aside(self, work: Callable[..., object], *args: object) -> None:
        """Run what may wait in the writer's thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


class _Job:
    """One transaction that somebody waits for."""

    __slots__ = ("error", "fn", "future", "result")

    def __init__(self, fn: Callable[[Tx], Any]) -> None:
        self.fn = fn
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def answer(self) -> None:
        """Tell whoever waits, if they still do."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)

"""The catalog on PostgreSQL: the same functions, on SQLAlchemy's bridge to asyncpg.

READ COMMITTED; serialisation failures and deadlocks run the function again. Events wait in the outbox until
the sequencer, of which one works at a time in all processes together, moves them to the journal.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kade.catalog.journal import post, sequence
from kade.catalog.statements import SqlAlchemySession
from kade.catalog.transaction import Transaction
from kade.core.errors import KadeError, Reason, RequestReason, UploadReason
from kade.core.ports import Tx

T = TypeVar("T")
P = ParamSpec("P")

_RETRIES = 20
_RETRY_STATES = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
_REFUSALS: dict[str, Reason] = {
    "22000": RequestReason.BAD_VALUE,  # what the driver cannot send: a lone surrogate
    "22021": RequestReason.BAD_VALUE,  # character_not_in_repertoire: a NUL
    "53100": UploadReason.DISK_FULL,
    "53300": RequestReason.CATALOG_UNAVAILABLE,  # too_many_connections
    "57P01": RequestReason.CATALOG_UNAVAILABLE,  # admin_shutdown
    "57P03": RequestReason.CATALOG_UNAVAILABLE,  # cannot_connect_now
}
_SEQUENCER_LOCK = 0x6B616465  # "kade"
_SEQUENCE_PAUSE_S = 0.2


class PostgresCatalog:
    """Implements ``core.ports.Catalog`` on ``postgresql+asyncpg://…``."""

    def __init__(self, url: str, pool_size: int = 10, *, migrate: bool = False) -> None:
        self._url = url
        self._migrate = migrate
        self._engine: AsyncEngine = create_async_engine(url, pool_size=pool_size, max_overflow=0)
        self._posted = asyncio.Event()
        self._sequencer: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def open(self) -> None:
        from kade.catalog.migrations import check_postgres, migrate_postgres

        if self._migrate:
            await asyncio.to_thread(migrate_postgres, self._url)
        try:
            async with self._engine.connect() as connection:
                await connection.run_sync(check_postgres)
        except BaseException:
            await self._engine.dispose()
            raise
        self._sequencer = asyncio.create_task(self._sequence_forever())

    async def close(self) -> None:
        self._closing = True
        while self._running:
            await asyncio.wait(self._running)
        if self._sequencer is not None:
            self._sequencer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sequencer
            with contextlib.suppress(DBAPIError, OSError):  # the next process goes on with the outbox
                while await self._sequence_once():
                    pass
        await self._engine.dispose()

    async def write(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._see_to_its_end(self._write(lambda tx: fn(tx, *args, **kwargs)))

    async def read(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def run(connection: Connection) -> T:
            return fn(Transaction(SqlAlchemySession(connection)), *args, **kwargs)

        return await self._see_to_its_end(self._read(run))

    glance = read

    async def _see_to_its_end(self, work: Coroutine[None, None, T]) -> T:
        """Do what began also when the caller is cancelled: a COMMIT that is cut leaves nobody knowing."""
        if self._closing:
            work.close()
            raise KadeError(RequestReason.SHUTTING_DOWN)
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except (DBAPIError, OSError, UnicodeEncodeError) as error:
            raise _understood(error) from error

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever still waits gets it

    async def _write(self, fn: Callable[[Tx], T]) -> T:
        def run(connection: Connection) -> tuple[T, bool]:
            session = SqlAlchemySession(connection)
            tx = Transaction(session)
            result = fn(tx)
            post(session, tx.journal.events)
            return result, bool(tx.journal.events)

        for attempt in range(_RETRIES):
            try:
                async with self._engine.begin() as connection:
                    result, events = await connection.run_sync(run)
                break
            except DBAPIError as error:
                if attempt == _RETRIES - 1 or _state(error) not in _RETRY_STATES:
                    raise
                await asyncio.sleep(0.005 * (attempt + 1))
        if events:
            self._posted.set()
        return result

    async def _read(self, run: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(run)

    async def _sequence_forever(self) -> None:
        while True:
            self._posted.clear()
            with contextlib.suppress(DBAPIError, OSError):  # the next round tries again
                while await self._sequence_once():
                    pass
            # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SEQUENCE_PAUSE_S):
                    await self._posted.wait()

    async def _sequence_once(self) -> int:
        def run(connection: Connection) -> int:
            alone = connection.execute(
                text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SEQUENCER_LOCK}
            )
            return sequence(SqlAlchemySession(connection)) if alone.scalar() else 0

        async with self._engine.begin() as connection:
            return await connection.run_sync(run)


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _understood(error: DBAPIError | OSError | UnicodeEncodeError) -> Exception:
    """What is nobody's mistake in core's words; everything else as it is."""
    if isinstance(error, UnicodeEncodeError):
        reason: Reason | None = RequestReason.BAD_VALUE
    elif isinstance(error, OSError) or error.connection_invalidated:
        reason = RequestReason.CATALOG_UNAVAILABLE
    else:
        reason = _REFUSALS.get(_state(error) or "")
    return error if reason is None else KadeError(reason, "catalog")

"""SQLite's writer: other processes make it wait, never the event loop; and no failure is its last."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.catalogs import on_sqlite

from kade.catalog import sqlite_writer
from kade.core.bindings import Noun
from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Catalog, Tx


@pytest.fixture
async def catalog(request: pytest.FixtureRequest) -> AsyncIterator[Catalog]:
    opened = on_sqlite(request)()
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def other(catalog: Catalog, tmp_path: Path) -> sqlite3.Connection:
    """Another process that is writing."""
    connection = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection


async def test_waiting_for_another_process_holds_up_nobody_else(
    catalog: Catalog, other: sqlite3.Connection
) -> None:
    writes = [asyncio.create_task(catalog.write(_number)) for _ in range(3)]
    for _ in range(20):
        await asyncio.sleep(0.005)
        assert await catalog.glance(_position) == await catalog.read(_position) == 0
    assert not any(write.done() for write in writes)
    other.execute("ROLLBACK")
    assert sorted(await asyncio.gather(*writes)) == [1, 2, 3]


async def test_who_waits_too_long_is_told_and_the_next_one_gets_through(
    catalog: Catalog, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "BUSY_MS", 50)
    refused = await asyncio.gather(*(catalog.write(_number) for _ in range(3)), return_exceptions=True)
    for error in refused:
        assert isinstance(error, KadeError) and error.reason is RequestReason.CATALOG_UNAVAILABLE
    monkeypatch.setattr(sqlite_writer, "BUSY_MS", 30_000)
    patient = asyncio.create_task(catalog.write(_number))
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(0.1)  # it waits, again in its thread
    assert asyncio.get_running_loop().time() - began < 5
    other.execute("ROLLBACK")
    assert await patient == 1


async def test_others_have_their_turn_between_two_transactions(catalog: Catalog) -> None:
    turns: list[int] = []

    async def count() -> None:
        while len(turns) < 10:
            turns.append(len(done))
            await asyncio.sleep(0)

    done: list[int] = []
    await asyncio.gather(count(), *(catalog.write(lambda tx: done.append(_number(tx))) for _ in range(30)))
    assert any(0 < turn < 30 for turn in turns)


async def test_what_is_written_while_it_closes_is_refused_and_what_waited_is_kept(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    closing = on_sqlite(request)()
    await closing.open()
    writes = [asyncio.create_task(closing.write(_number)) for _ in range(3)]
    await asyncio.sleep(0)
    await closing.close()
    assert sorted(await asyncio.gather(*writes)) == [1, 2, 3]
    with pytest.raises(KadeError) as refused:
        await closing.write(_number)
    assert refused.value.reason is RequestReason.SHUTTING_DOWN


def _number(tx: Tx) -> int:
    return tx.bindings.next_number("test", Noun.FILE) + 1


def _position(tx: Tx) -> int:
    return tx.journal.last_position()

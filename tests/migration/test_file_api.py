"""From the schema before the File API: files get their dates, trash its end, rules begin where they are."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.support.postgres import PostgresServer

from kade.catalog import migrations
from kade.catalog.migrations import migrate_postgres, migrate_sqlite
from kade.catalog.postgres import PostgresCatalog
from kade.catalog.sqlite import SqliteCatalog
from kade.core.clock import Millis
from kade.core.files import File, FileState
from kade.core.ids import Id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Principal

SPACES: dict[str, dict[str, Any]] = {
    "plain": {},
    "keeping": {"trash_ms": 1000, "digests": ["md5"]},
    "old": {"trash_ms": 0},
}
STATES = [*FileState]
LAST = 41  # position in the journal


def _fill(connection: Connection) -> None:
    """Rows of the schema 0002: in each space a file in each state, and a journal."""
    connection.execute(text("INSERT INTO tenants VALUES ('t', 'acme', 1)"))
    connection.execute(
        text("INSERT INTO principals VALUES ('p', 't', 'operator', 'admin', 'admin', 1, NULL)")
    )
    for name, policy in SPACES.items():
        connection.execute(
            text("INSERT INTO spaces VALUES (:name, 't', NULL, :name, :name, :policy, 1, NULL)"),
            {"name": name, "policy": json.dumps(policy)},
        )
        connection.execute(
            text(
                "INSERT INTO files VALUES (:id, 't', :space, 'n', 'n', 'text/plain', :state, NULL, 5, '',"
                " NULL, NULL, 1, 'p', :made, :moved)"
            ),
            [
                {
                    "id": f"{name} {state}",
                    "space": name,
                    "state": state,
                    "made": 100 + at,
                    "moved": 200 + at,
                }
                for at, state in enumerate(STATES)
            ],
        )
    connection.execute(
        text(
            "INSERT INTO journal VALUES (:at, 1, 'file.created', 'plain live', 'done', '', 't', 'p', NULL,"
            " '', '', '', '{}', 'd', 'c')"
        ),
        [{"at": at + 1} for at in range(LAST)],
    )


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The migrations up to the schema 0002."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder)
    for later in (folder / "versions").glob("*.py"):
        if later.name[:4] > "0002":
            later.unlink()
    return folder


async def _check(catalog: Catalog) -> None:
    await catalog.open()

    def look(tx: Tx) -> tuple[dict[str, File], int, list[Id], Principal | None]:
        files = {each.id: each for each in tx.files.page(None, 100)}
        due = [each.id for each in tx.files.due(Millis(10_000), 100)]
        principal = tx.principals.get(Id("p"))
        return {str(key): file for key, file in files.items()}, tx.cursors.get("rules"), due, principal

    files, cursor, due, principal = await catalog.read(look)
    spaces = await catalog.read(lambda tx: tx.spaces.of_tenant(Id("t")))
    await catalog.close()
    assert len(files) == len(SPACES) * len(STATES)
    for name, policy in SPACES.items():
        for at, state in enumerate(STATES):
            file = files[f"{name} {state}"]
            arrived = 100 + at if state in (FileState.LIVE, FileState.TRASHED) else None
            ends = 200 + at + policy.get("trash_ms", 0) if state is FileState.TRASHED else None
            assert (file.arrived_at, file.due_at, file.origin_id) == (arrived, ends, None)
            assert (file.state, file.version, file.changed_at) == (state, 1, 200 + at)
    assert due == ["old trashed", "plain trashed", "keeping trashed"]
    assert cursor == LAST
    assert principal is not None and principal.networks == ""
    assert {each.number for each in spaces} == {None} and len(spaces) == len(SPACES)


def test_on_sqlite(tmp_path: Path, before: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    migrate_sqlite(path, before)
    engine = create_engine(f"sqlite:///{path}", poolclass=pool.NullPool)
    with engine.begin() as connection:
        _fill(connection)
    assert migrate_sqlite(path) == "0002"
    asyncio.run(_check(SqliteCatalog(path)))


def test_on_sqlite_without_a_journal(tmp_path: Path, before: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    migrate_sqlite(path, before)
    migrate_sqlite(path)

    async def cursor() -> int:
        catalog = SqliteCatalog(path)
        await catalog.open()
        found = await catalog.write(lambda tx: tx.cursors.lock("rules"))
        await catalog.close()
        return found

    assert asyncio.run(cursor()) == 0


@pytest.mark.needs("postgres")
def test_on_postgres(postgres_server: PostgresServer, before: Path) -> None:
    url = postgres_server.url(postgres_server.create())

    async def until_before() -> None:
        engine = create_async_engine(url, poolclass=pool.NullPool)
        async with engine.begin() as connection:
            await connection.run_sync(migrations._upgrade, before)
            await connection.run_sync(_fill)
        await engine.dispose()

    asyncio.run(until_before())
    assert migrate_postgres(url) == "0002"
    asyncio.run(_check(PostgresCatalog(url)))

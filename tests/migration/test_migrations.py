"""Migrations: step by step they give the tables of this version, on both databases."""

import asyncio
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, pool
from sqlalchemy.ext.asyncio import create_async_engine
from tests.support.postgres import PostgresServer

from kade.catalog import migrations
from kade.catalog.migrations import SchemaError, migrate_postgres, migrate_sqlite
from kade.catalog.postgres import PostgresCatalog
from kade.catalog.schema import metadata
from kade.catalog.sqlite import SqliteCatalog

NEXT = '''
"""A later step"""

import sqlalchemy as sa
from alembic import op

revision = "9998"
down_revision = {before!r}


def upgrade() -> None:
    op.add_column("tenants", sa.Column("motto", sa.Text(), nullable=True))
    {then}
'''


def reflected(connection: Connection) -> dict[str, Any]:
    """Everything that the database says of its tables, in an order of its own."""
    found: dict[str, Any] = {}
    inspector = inspect(connection)
    for table in sorted(inspector.get_table_names()):
        if table == "alembic_version":
            continue
        columns = {
            each["name"]: (str(each["type"]), each["nullable"], getattr(each["type"], "collation", None))
            for each in inspector.get_columns(table)
        }
        indexes = sorted(
            (each["name"], tuple(each["column_names"]), bool(each["unique"]), _where(each))
            for each in inspector.get_indexes(table)
        )
        keys = sorted(
            (tuple(each["constrained_columns"]), each["referred_table"], str(each.get("options")))
            for each in inspector.get_foreign_keys(table)
        )
        found[table] = (
            columns,
            indexes,
            keys,
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted(tuple(each["column_names"]) for each in inspector.get_unique_constraints(table)),
            sorted(
                re.sub(r'[\s()"]', "", each["sqltext"]) for each in inspector.get_check_constraints(table)
            ),
        )
    return found


def _bare(sql: str) -> str:
    return re.sub(r'[\s()"]', "", sql)


def _where(index: Any) -> str:
    options = index.get("dialect_options") or {}
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))


def on_sqlite(path: Path) -> dict[str, Any]:
    engine = create_engine(f"sqlite:///{path}", poolclass=pool.NullPool)
    with engine.connect() as connection:
        return reflected(connection)


def test_sqlite_step_by_step_is_the_schema(tmp_path: Path) -> None:
    migrate_sqlite(tmp_path / "steps.sqlite")
    engine = create_engine(f"sqlite:///{tmp_path / 'whole.sqlite'}", poolclass=pool.NullPool)
    metadata.create_all(engine)
    steps = on_sqlite(tmp_path / "steps.sqlite")
    assert steps == on_sqlite(tmp_path / "whole.sqlite")
    assert steps.keys() == metadata.tables.keys()


async def _on_postgres(url: str, *, create: bool) -> dict[str, Any]:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.begin() as connection:
        if create:
            await connection.run_sync(metadata.create_all)
        found = await connection.run_sync(reflected)
    await engine.dispose()
    return found


def test_postgres_step_by_step_is_the_schema(postgres_server: PostgresServer) -> None:
    steps, whole = postgres_server.create(), postgres_server.create()
    migrate_postgres(postgres_server.url(steps))
    found = asyncio.run(_on_postgres(postgres_server.url(steps), create=False))
    assert found == asyncio.run(_on_postgres(postgres_server.url(whole), create=True))
    assert found.keys() == metadata.tables.keys()


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """The migrations of a version to come."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder)
    script = NEXT.format(before=migrations.head(), then="pass")
    (folder / "versions" / "9998_later.py").write_text(script)
    return folder


def _execute(path: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_before_an_upgrade_the_file_is_copied(tmp_path: Path, later: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    migrate_sqlite(path)
    _execute(path, "INSERT INTO tenants VALUES ('i', 'acme', 1)")
    migrate_sqlite(path, later)
    migrate_sqlite(path, later)
    backup = tmp_path / "catalog.sqlite.before-9998"
    assert _execute(path, "SELECT * FROM tenants") == [("i", "acme", 1, None)]
    assert _execute(backup, "SELECT * FROM tenants") == [("i", "acme", 1)]
    assert [each.name for each in tmp_path.glob("*.before-*")] == [backup.name]


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path, later: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    migrate_sqlite(path)
    before = on_sqlite(path)
    script = later / "versions" / "9998_later.py"
    script.write_text(NEXT.format(before=migrations.head(), then="raise ValueError('power cut')"))
    with pytest.raises(ValueError, match="power cut"):
        migrate_sqlite(path, later)
    assert on_sqlite(path) == before
    migrate_sqlite(path)


async def test_a_later_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    migrate_sqlite(path)
    _execute(path, "UPDATE alembic_version SET version_num = '9999'")
    catalog = SqliteCatalog(path)
    with pytest.raises(SchemaError, match=r"written by a later version of Kade \(schema 9999\)"):
        await catalog.open()
    await catalog.close()


def _refusal(url: str) -> str:
    async def attempt() -> str:
        catalog = PostgresCatalog(url)
        with pytest.raises(SchemaError) as refused:
            await catalog.open()
        await catalog.close()
        return str(refused.value)

    return asyncio.run(attempt())


def test_postgres_is_not_migrated_unasked_and_refuses_what_is_later(postgres_server: PostgresServer) -> None:
    name = postgres_server.create()
    url = postgres_server.url(name)
    assert "run 'kade migrate'" in _refusal(url)
    migrate_postgres(url)
    migrate_postgres(url)
    postgres_server.sql("UPDATE alembic_version SET version_num = '9999'", name)
    assert "later version of Kade (schema 9999)" in _refusal(url)
    with pytest.raises(SchemaError, match="later version"):
        migrate_postgres(url)


def test_the_newest_file_is_the_head_of_all_migrations() -> None:
    """A catalog that needs nothing is opened without asking alembic, by the numbers of the files."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.head()]

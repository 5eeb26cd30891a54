"""Bringing a catalog to this version's schema, step by step (alembic).

SQLite is migrated when it is opened, after a backup of the file beside it; PostgreSQL by ``kade migrate``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, pool

if TYPE_CHECKING:  # alembic is only imported when there is something to migrate: that saves a second
    from alembic.config import Config


class SchemaError(Exception):
    """The catalog's schema is not the one of this version."""


_FOLDER = Path(__file__).parent


def head(folder: Path = _FOLDER) -> str:
    """The revision that this version of Kade works with."""
    # Revisions are numbered, and their files begin with the number.
    return max(path.name.partition("_")[0] for path in (folder / "versions").glob("[0-9]*_*.py"))


def current(connection: Connection) -> str | None:
    """The revision that a catalog stands at; None for an empty one."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def migrate_sqlite(path: Path, folder: Path = _FOLDER) -> str | None:
    """Create or upgrade the database file; before an upgrade it is copied to ``<name>.before-<revision>``.

    Returns the revision that was found, None for an empty one. *folder* holds the migrations.

    Raises:
        SchemaError: when the file was written by a later version.
    """
    revision = _current_of_sqlite(path)
    if revision == head(folder):
        return revision
    engine = create_engine(f"sqlite:///{path}", poolclass=pool.NullPool)
    if revision is not None:
        _refuse_unknown(revision, folder)
        _back_up(path, path.with_name(f"{path.name}.before-{head(folder)}"))
    with engine.connect() as connection:
        # The driver begins no transaction before DDL: a crash would leave half a schema without a number.
        # Of two processes that start together the second waits here, and finds nothing left to do.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _upgrade(connection, folder)
        connection.commit()
    return revision


def migrate_postgres(url: str) -> str | None:
    """Create or upgrade the schema; must run outside an event loop.

    Returns the revision that was found, None for an empty schema.

    Raises:
        SchemaError: when the schema was written by a later version.
    """
    import asyncio

    from sqlalchemy.ext.asyncio import create_async_engine

    async def run() -> str | None:
        engine = create_async_engine(url, poolclass=pool.NullPool)
        async with engine.begin() as connection:
            revision = await connection.run_sync(current)
            if revision is not None:
                _refuse_unknown(revision, _FOLDER)
            await connection.run_sync(_upgrade, _FOLDER)
        await engine.dispose()
        return revision

    return asyncio.run(run())


def check_postgres(connection: Connection) -> None:
    """Raises SchemaError, with the command that mends it, unless the schema is this version's."""
    revision = current(connection)
    if revision is not None:
        _refuse_unknown(revision, _FOLDER)
    if revision != head():
        raise SchemaError(
            f"the catalog's schema is at {revision or 'nothing'}, not {head()}: run 'kade migrate'"
        )


def _current_of_sqlite(path: Path) -> str | None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        # Asked for by name: an error such as a locked file must not pass for an empty one.
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _refuse_unknown(revision: str, folder: Path) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_config(folder)).walk_revisions()}
    if revision not in known:
        raise SchemaError(f"the catalog was written by a later version of Kade (schema {revision})")


def _back_up(path: Path, target: Path) -> None:
    """By SQLite's own backup: whole also while another process writes."""
    target.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _upgrade(connection: Connection, folder: Path) -> None:
    from alembic import command

    config = _config(folder)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config(folder: Path) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config

"""Bringing a catalog to this version's schema, step by step (alembic).

SQLite is migrated when it is opened, after a backup of the file beside it; PostgreSQL by ``kade migrate``.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, pool

if TYPE_CHECKING:  # alembic is only imported when there is something to migrate: that saves a second
    from alembic.config import Config

_VERSIONS = Path(__file__).parent / "versions"


class SchemaError(Exception):
    """The catalog's schema is not the one of this version."""


def head() -> str:
    """The revision that this version of Kade works with."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))


def current(connection: Connection) -> str | None:
    """The revision that a catalog stands at; None for an empty one."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def migrate_sqlite(path: Path) -> str | None:
    """Create or upgrade the database file; before an upgrade it is copied to ``<name>.before-<revision>``.

    Returns the revision that was found, None for an empty one.

    Raises:
        SchemaError: when the file was written by a later version.
    """
    revision = _current_of_sqlite(path)
    if revision == head():
        return revision
    engine = create_engine(f"sqlite:///{path}", poolclass=pool.NullPool)
    if revision is not None:
        _refuse_unknown(revision)
        _back_up(path, path.with_name(f"{path.name}.before-{head()}"))
    with engine.begin() as connection:
        _upgrade(connection)
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
                _refuse_unknown(revision)
            await connection.run_sync(_upgrade)
        await engine.dispose()
        return revision

    return asyncio.run(run())


def check_postgres(connection: Connection) -> None:
    """Raises SchemaError, with the command that mends it, unless the schema is this version's."""
    revision = current(connection)
    if revision != head():
        raise SchemaError(
            f"the catalog's schema is at {revision or 'nothing'}, not {head()}: run 'kade migrate'"
        )


def _current_of_sqlite(path: Path) -> str | None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None  # an empty file has no such table
    return str(row[0]) if row else None


def _refuse_unknown(revision: str) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision not in known:
        raise SchemaError(f"the catalog was written by a later version of Kade (schema {revision})")


def _back_up(path: Path, target: Path) -> None:
    with sqlite3.connect(path) as source:
        source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy2(path, target)


def _upgrade(connection: Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config

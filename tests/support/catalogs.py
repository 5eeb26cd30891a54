"""Every implementation of the catalog, for the tests that hold for all of them.

A new one is a line in ``CATALOGS``: a function that, given the fixture request, returns another that makes
one more handle on the same fresh database each time it is called, as another process would have.
"""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.support.postgres import PostgresServer

from kade.catalog.migrations import migrate_postgres, migrate_sqlite
from kade.catalog.postgres import PostgresCatalog
from kade.catalog.schema import metadata
from kade.catalog.sqlite import SqliteCatalog
from kade.core.ports import Catalog

MakeCatalog = Callable[[], Catalog]
# Emptying a table makes it new files, so only those that have rows; CASCADE meets the others.
EMPTY = f"""
DO $$
DECLARE filled text; used boolean; name text;
BEGIN
    FOREACH name IN ARRAY ARRAY{list(metadata.tables)!r} LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO used;
        IF used THEN filled := concat_ws(', ', filled, quote_ident(name)); END IF;
    END LOOP;
    IF filled IS NOT NULL THEN EXECUTE 'TRUNCATE ' || filled || ' CASCADE'; END IF;
END $$"""  # noqa: S608 - names of our own tables


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file without rows, to be copied."""
    path = tmp_path_factory.mktemp("catalog") / "template.sqlite"
    migrate_sqlite(path)
    return path


def on_sqlite(request: pytest.FixtureRequest) -> MakeCatalog:
    """A database file in the test's folder."""
    folder: Path = request.getfixturevalue("tmp_path")
    path = folder / "catalog.sqlite"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    return lambda: SqliteCatalog(path, readers=2)


def _migrated(url: str) -> None:
    migrate_postgres(url)


def on_postgres(request: pytest.FixtureRequest) -> MakeCatalog:
    """The session's database, emptied: that is far faster than a database for each test."""
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.template("catalog", _migrated)
    server.sql(EMPTY, name)
    return lambda: PostgresCatalog(server.url(name), pool_size=10)


CATALOGS = [
    pytest.param(on_sqlite, id="sqlite"),
    pytest.param(on_postgres, id="postgresql", marks=pytest.mark.needs("postgres")),
]


@pytest.fixture(params=CATALOGS)
def new_catalog(request: pytest.FixtureRequest) -> MakeCatalog:
    """Makes handles, not yet open, on one fresh database of each implementation in turn."""
    make: MakeCatalog = request.param(request)
    return make


@pytest.fixture
async def catalog(new_catalog: MakeCatalog) -> AsyncIterator[Catalog]:
    """An open catalog of each implementation in turn."""
    made = new_catalog()
    await made.open()
    yield made
    await made.close()

"""The PostgreSQL that other tests stand on is real, fresh for each test, and quick to copy."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.support.postgres import PostgresServer


async def _run(url: str, statement: str) -> object:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            result = await connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        await engine.dispose()


async def test_it_is_postgresql_18(postgres_url: str) -> None:
    version = await _run(postgres_url, "SHOW server_version_num")
    assert isinstance(version, str)
    assert int(version) // 10_000 == 18


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_has_an_empty_database(postgres_url: str, turn: int) -> None:
    """Were the database shared, the second turn would find the table of the first."""
    await _run(postgres_url, f"CREATE TABLE boxes AS SELECT {turn} AS number")
    assert await _run(postgres_url, "SELECT sum(number) FROM boxes") == turn


def test_a_template_is_built_once_and_copied(postgres_server: PostgresServer) -> None:
    built = []

    def build(url: str) -> None:
        built.append(url)
        asyncio.run(_run(url, "CREATE TABLE spaces AS SELECT 7 AS number"))

    for _ in range(2):
        database = postgres_server.create(template=postgres_server.template("spaces", build))
        assert asyncio.run(_run(postgres_server.url(database), "SELECT number FROM spaces")) == 7
        postgres_server.drop(database)
    assert len(built) == 1

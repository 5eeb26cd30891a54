"""Where an index lies in PostgreSQL: a pair of tables per generation, and a row that says which one counts.

    search_current      the format, and the number of the current generation
    search_files_7      a row for each file of generation 7
    search_words_7      in how many files of a space, and in which part of them, a word is

Whoever fills a generation that is not current holds an advisory lock of its number. Changes of the current
one, and saying which that is, take turns by another.
"""

from typing import Any

FORMAT = 1
"""Grows with each change of these tables or of the analysis that an index built before does not survive."""

CHANGES_LOCK = 0x6B617365
"""The first number of the advisory locks; the second is the generation, or 0 for changes of the current."""

_PATIENCE = "3s"

_CURRENT = """
CREATE TABLE IF NOT EXISTS search_current (
    alone boolean PRIMARY KEY DEFAULT true CHECK (alone), format integer NOT NULL, generation integer NOT NULL
)
"""
_TABLES = (
    """
CREATE TABLE {files} (
    file_id text COLLATE "C" PRIMARY KEY, stamp bigint NOT NULL, seen text COLLATE "C" NOT NULL,
    length bigint NOT NULL, modified bigint, year integer, types text[] NOT NULL,
    lexemes text[] COLLATE "C" NOT NULL, worth jsonb NOT NULL, said text[] COLLATE "C" NOT NULL,
    near text COLLATE "C" NOT NULL
)
""",
    "CREATE INDEX ON {files} USING gin (lexemes)",
    "CREATE INDEX ON {files} (seen)",
    """
CREATE TABLE {words} (
    word text COLLATE "C", part text COLLATE "C", seen text COLLATE "C", files integer NOT NULL,
    PRIMARY KEY (word, part, seen)
)
""",
    "CREATE INDEX ON {words} (files) WHERE files <= 0",
)


def files_of(generation: int) -> str:
    """The table of files of a generation."""
    return f"search_files_{generation}"


def words_of(generation: int) -> str:
    """The table of words of a generation."""
    return f"search_words_{generation}"


async def current(connection: Any) -> int | None:
    """The current generation; None when there is none of this format."""
    generation: int | None = await connection.fetchval(
        "SELECT generation FROM search_current WHERE format = $1", FORMAT
    )
    return generation


async def prepare(connection: Any) -> None:
    """Make sure that there is a current generation of this format, begun empty when there is none."""
    if await connection.fetchval("SELECT to_regclass('search_current')") and await current(connection):
        return
    async with connection.transaction():
        await wait_for_turn(connection)
        await connection.execute(_CURRENT)
        if await current(connection) is None:
            await publish(connection, await begin(connection))
        await drop_others(connection)


async def wait_for_turn(connection: Any) -> None:
    """Be the only one that changes something until the transaction ends.

    Raises:
        asyncpg.LockNotAvailableError: others take too long.
    """
    await connection.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", CHANGES_LOCK)


async def begin(connection: Any) -> int:
    """Tables of a new generation. Changes must wait meanwhile."""
    used = await generations(connection)
    generation = max([0, *used]) + 1
    for statement in _TABLES:
        await connection.execute(statement.format(files=files_of(generation), words=words_of(generation)))
    return generation


async def publish(connection: Any, generation: int) -> None:
    """Make it the current one, and drop what was. Changes must wait meanwhile."""
    await connection.execute(
        "INSERT INTO search_current (format, generation) VALUES ($1, $2)"
        " ON CONFLICT (alone) DO UPDATE SET format = excluded.format, generation = excluded.generation",
        FORMAT,
        generation,
    )


async def drop_others(connection: Any) -> None:
    """Drop what is neither current nor being filled. Changes must wait meanwhile."""
    kept = await current(connection)
    for generation in await generations(connection):
        if generation != kept and await connection.fetchval(
            "SELECT pg_try_advisory_xact_lock($1, $2)", CHANGES_LOCK, generation
        ):
            await connection.execute(f"DROP TABLE IF EXISTS {files_of(generation)}, {words_of(generation)}")


async def hold(connection: Any, generation: int) -> None:
    """Keep a generation from being dropped for as long as the connection is there."""
    await connection.execute("SELECT pg_advisory_lock($1, $2)", CHANGES_LOCK, generation)


async def let_go(connection: Any, generation: int) -> None:
    """Keep it no longer."""
    await connection.execute("SELECT pg_advisory_unlock($1, $2)", CHANGES_LOCK, generation)


async def generations(connection: Any) -> list[int]:
    """All that there are."""
    rows = await connection.fetch(
        "SELECT substring(tablename FROM '[0-9]+$')::integer FROM pg_tables"
        " WHERE schemaname = current_schema() AND tablename ~ '^search_files_[0-9]+$'"
    )
    return [number for (number,) in rows]

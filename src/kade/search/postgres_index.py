"""Full text in PostgreSQL, for installations whose processes share a database and no disk."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from kade.core.errors import KadeError, Reason, RequestReason, SearchReason, UploadReason
from kade.core.ids import Id
from kade.core.search import Document, Found, Hit, Search, Snippet, SortBy, Term
from kade.search import postgres_tables as tables
from kade.search.fields import all_seen
from kade.search.weighing import is_scored

if TYPE_CHECKING:
    from kade.search.analysis import Analysis
    from kade.search.highlighting import Highlighting

T = TypeVar("T")

_TRIES = 10
_AT_ONCE = 200  # documents that are made rows of together
_UNDEFINED_TABLE = "42P01"
_CONNECTION = "08"  # the class of what is wrong with a connection
_REFUSALS: dict[str, Reason] = {
    "55P03": SearchReason.INDEX_BUSY,  # lock_not_available
    "53100": UploadReason.DISK_FULL,
    "53300": RequestReason.CATALOG_UNAVAILABLE,  # too_many_connections
    "57P01": RequestReason.CATALOG_UNAVAILABLE,  # admin_shutdown
    "57P03": RequestReason.CATALOG_UNAVAILABLE,  # cannot_connect_now
}
_COLUMNS = {SortBy.SIZE: "length", SortBy.DATE: "coalesce(modified, -9223372036854775808)"}


class PostgresIndex:
    """Implements ``core.ports.search.SearchIndex`` in the tables ``search_…`` of the database at *url*."""

    def __init__(self, url: str, pool_size: int = 5) -> None:
        self._url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._pool_size = pool_size
        self._pool: Any = None
        self._analysis: Analysis
        self._highlighting: Highlighting

    async def open(self) -> None:
        import asyncpg  # type: ignore[import-untyped]

        from kade.search.analysis import Analysis
        from kade.search.highlighting import Highlighting

        self._analysis = Analysis()
        self._highlighting = Highlighting(self._analysis)
        with _understood():
            self._pool = await asyncpg.create_pool(self._url, min_size=0, max_size=self._pool_size)
            async with self._pool.acquire() as connection:
                await tables.prepare(connection)

    async def close(self) -> None:
        await self._pool.close()

    async def apply(self, documents: Sequence[Document], removed: Sequence[Id] = ()) -> None:
        async with self._connection() as connection, connection.transaction():
            await tables.wait_for_turn(connection)
            await put(connection, await _current(connection), self._analysis, documents, removed)

    async def search(self, search: Search) -> Found:
        return await self._read(lambda connection, current: self._search(connection, current, search))

    async def _search(self, connection: Any, current: int, search: Search) -> Found:
        from kade.search.postgres_query import Asking, Compiler, Part

        by_score = search.sort_by is SortBy.RELEVANCE and is_scored(search.term)
        asking = Asking(connection, current, all_seen(search.spaces, search.trashed_in))
        compiler = Compiler(asking, self._analysis, search.caps, ranks=by_score)
        part = await compiler.compile(search.term)
        count = await asking.count(part.found)
        if 0 < search.caps.hits < count:
            raise KadeError(SearchReason.TOO_MANY_HITS)
        column = _COLUMNS.get(search.sort_by, "worth")
        order = f"{column} {'DESC' if search.descending else 'ASC'}, file_id DESC"
        page = await asking.page(part if by_score else Part(part.found), order, search.skip, search.size)
        return Found(count, [Hit(Id(file_id), worth) for file_id, worth in page])

    async def suggest(self, start: str, spaces: Sequence[Id], size: int = 10) -> list[str]:
        from kade.search.postgres_query import suggested

        words = self._analysis.words(start)
        if not words:
            return []
        return await self._read(
            lambda connection, current: suggested(connection, current, words[-1], all_seen(spaces), size)
        )

    async def entries(self, after: Id | None, limit: int) -> list[tuple[Id, int]]:
        async def read(connection: Any, current: int) -> list[tuple[Id, int]]:
            rows = await connection.fetch(
                f"SELECT file_id, stamp FROM {tables.files_of(current)}"  # noqa: S608
                " WHERE file_id > $1 ORDER BY file_id LIMIT $2",
                after or "",
                limit,
            )
            return [(Id(file_id), stamp) for file_id, stamp in rows]

        return await self._read(read)

    async def rebuild(self) -> "PostgresRebuild":
        with _understood():
            connection = await self._pool.acquire()
            try:
                async with connection.transaction():
                    await tables.wait_for_turn(connection)
                    await tables.drop_others(connection)
                    generation = await tables.begin(connection)
                    await tables.hold(connection, generation)
            except BaseException:
                await self._pool.release(connection)
                raise
        return PostgresRebuild(self._pool, connection, generation, self._analysis)

    def snippet(self, term: Term, text: str, width: int = 200) -> Snippet:
        return self._highlighting.snippet(term, text, width)

    def matching(self, term: Term, tags: Sequence[str]) -> list[str]:
        return self._highlighting.matching(term, tags)

    async def _read(self, read: Callable[[Any, int], Awaitable[T]]) -> T:
        """Read from one state of the current generation; from the next one if it goes away meanwhile."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(_Gone):
                return await self._read_once(read)
        return await self._read_once(read)

    async def _read_once(self, read: Callable[[Any, int], Awaitable[T]]) -> T:
        async with self._connection() as connection:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await read(connection, await _current(connection))

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        with _understood():
            async with self._pool.acquire() as connection:
                yield connection


class PostgresRebuild:
    """Implements ``core.ports.search.Rebuild``: tables of another generation, filled beside the current."""

    def __init__(self, pool: Any, connection: Any, generation: int, analysis: "Analysis") -> None:
        self._pool = pool
        self._connection = connection
        self._generation = generation
        self._analysis = analysis
        self._is_over = False

    async def add(self, documents: Sequence[Document], removed: Sequence[Id] = ()) -> None:
        with _understood():
            async with self._connection.transaction():
                await put(self._connection, self._generation, self._analysis, documents, removed)

    async def swap(self) -> None:
        with _understood():
            await self._connection.execute(f"ANALYZE {tables.files_of(self._generation)}")
            async with self._connection.transaction():
                await tables.wait_for_turn(self._connection)
                await tables.publish(self._connection, self._generation)
        await self._end()

    async def abandon(self) -> None:
        if not self._is_over:
            await self._end()

    async def _end(self) -> None:
        """Drop what is not wanted any more; what is in use for longer is dropped by whoever comes next."""
        self._is_over = True
        try:
            with _understood(), contextlib.suppress(KadeError):
                await tables.let_go(self._connection, self._generation)
                async with self._connection.transaction():
                    await tables.wait_for_turn(self._connection)
                    await tables.drop_others(self._connection)
        finally:
            await self._pool.release(self._connection)


async def put(
    connection: Any,
    generation: int,
    analysis: "Analysis",
    documents: Sequence[Document],
    removed: Sequence[Id],
) -> None:
    """Put and forget these in the tables of a generation, in the transaction of the connection."""
    from kade.search.postgres_rows import Row, rows_of, words_of

    latest = {document.file_id: document for document in documents}
    files = tables.files_of(generation)
    changed: Counter[tuple[str, str, str]] = Counter()
    forgotten = await connection.fetch(
        f"DELETE FROM {files} WHERE file_id = ANY($1) RETURNING seen, lexemes",  # noqa: S608
        [*latest, *removed],
    )
    for seen, lexemes in forgotten:
        changed.subtract((word, part, seen) for part, word in words_of(lexemes))
    kept = [latest[file_id] for file_id in latest.keys() - set(removed)]
    for first in range(0, len(kept), _AT_ONCE):
        batch = kept[first : first + _AT_ONCE]
        rows = await asyncio.to_thread(rows_of, batch, analysis)
        await connection.copy_records_to_table(files, records=rows, columns=Row._fields)
        for made in rows:
            changed.update((word, part, made.seen) for part, word in words_of(made.lexemes))
    await _count_words(connection, tables.words_of(generation), changed)


async def _count_words(connection: Any, words: str, changed: Counter[tuple[str, str, str]]) -> None:
    """Keep in how many files of a space each word is."""
    counts = sorted((key, count) for key, count in changed.items() if count)
    if not counts:
        return
    columns = [[key[column] for key, _ in counts] for column in range(3)]
    await connection.execute(
        f"INSERT INTO {words} AS known (word, part, seen, files)"  # noqa: S608
        " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[])"
        " ON CONFLICT (word, part, seen) DO UPDATE SET files = known.files + excluded.files",
        *columns,
        [count for _, count in counts],
    )
    await connection.execute(f"DELETE FROM {words} WHERE files <= 0")  # noqa: S608


async def _current(connection: Any) -> int:
    current = await tables.current(connection)
    if current is None:
        raise KadeError(RequestReason.CATALOG_UNAVAILABLE, "index")
    return current


class _Gone(Exception):
    """The generation that was being read was dropped."""


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """What is nobody's mistake in core's words; everything else as it is."""
    import asyncpg

    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate == _UNDEFINED_TABLE:
            raise _Gone from error
        is_cut = (error.sqlstate or "").startswith(_CONNECTION)
        reason = RequestReason.CATALOG_UNAVAILABLE if is_cut else _REFUSALS.get(error.sqlstate or "")
        if reason is None:
            raise
        raise KadeError(reason, "index") from error
    except (asyncpg.InterfaceError, OSError) as error:
        raise KadeError(RequestReason.CATALOG_UNAVAILABLE, "index") from error

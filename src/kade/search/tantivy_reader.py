"""Searching an index of tantivy. Everything here blocks, and gives the interpreter away while it works."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tantivy import DocAddress, FieldType, Index, Occur, Order, Query, Schema, Searcher

from kade.core.errors import KadeError, SearchReason
from kade.core.ids import Id
from kade.core.search import Found, Hit, Search, SortBy
from kade.search.analysis import Analysis
from kade.search.fields import PARTS, all_seen
from kade.search.generations import Generations
from kade.search.tantivy_query import Compiler, View, counted, in_spaces
from kade.search.tantivy_schema import equip, halves, schema, whole
from kade.search.weighing import is_scored

_SPARE = 64  # hits read beyond a page, to see whether those that are equal to its last one end there
_TRIES = 5
_COLUMNS = {SortBy.SIZE: "length", SortBy.DATE: "modified", SortBy.RELEVANCE: None}


class _State(NamedTuple):
    """One state of an index."""

    folder: Path
    version: tuple[int, int, int]
    tantivy: Index
    searcher: Searcher
    schema: Schema


class Reader:
    """What is in the current generation as of its last commit, whoever made it."""

    def __init__(self, generations: Generations, analysis: Analysis) -> None:
        self._generations = generations
        self._analysis = analysis
        self._opened: _State | None = None
        self._lock = threading.Lock()

    def state(self) -> _State:
        """The current generation, as it is now.

        Raises:
            OSError, ValueError: there is none that can be read.
        """
        with self._lock:
            for attempt in range(_TRIES):
                try:
                    return self._refreshed()
                except (OSError, ValueError):  # the next generation came in between
                    if attempt == _TRIES - 1:
                        raise
            raise AssertionError

    def is_readable(self) -> bool:
        """Whether there is a current generation, and an index in it."""
        folder = self._generations.current()
        if folder is None or not (folder / "meta.json").exists():
            return False
        try:
            return Index.open(str(folder)).schema == schema()
        except ValueError as error:
            if "corrupt" in str(error).lower() or "incompatible" in str(error).lower():
                return False
            raise

    def _refreshed(self) -> _State:
        folder = self._generations.current()
        if folder is None:
            raise FileNotFoundError(self._generations.folder / "current")
        status = (folder / "meta.json").stat()
        version = (status.st_ino, status.st_mtime_ns, status.st_size)
        opened = self._opened
        if opened is None or opened.folder != folder:
            index = Index.open(str(folder))
            equip(index, self._analysis)
            index.config_reader("manual")
        elif opened.version != version:
            index = opened.tantivy
        else:
            return opened
        index.reload()
        self._opened = _State(folder, version, index, index.searcher(), index.schema)
        return self._opened

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            self._opened = None

    def search(self, search: Search) -> Found:
        """See ``SearchIndex.search``."""
        state = self.state()
        column = _COLUMNS[search.sort_by]
        by_score = column is None and is_scored(search.term)
        view = View(state.searcher, state.schema, all_seen(search.spaces, search.trashed_in))
        compiler = Compiler(state.searcher, state.schema, self._analysis, view, search.caps, ranks=by_score)
        query = compiler.compile(search.term)
        ranked = _Ranked(
            state.searcher,
            query,
            column or (None if by_score else "born"),
            descending=search.descending or not (column or by_score),
        )
        page = ranked.page(search.skip, search.size)
        if 0 < search.caps.hits < ranked.count:
            raise KadeError(SearchReason.TOO_MANY_HITS)
        return Found(ranked.count, [Hit(file_id, value if by_score else 1.0) for value, _, file_id in page])

    def suggest(self, start: str, spaces: Sequence[Id], size: int) -> list[str]:
        """See ``SearchIndex.suggest``."""
        words = self._analysis.words(start)
        if not words:
            return []
        state = self.state()
        limit_to = in_spaces(state.schema, all_seen(spaces))
        counts: dict[str, int] = {}
        for part in PARTS:
            for word, count in state.searcher.terms_with_prefix(part, words[-1], limit_to, size):
                counts[word] = max(count, counts.get(word, 0))
        found = sorted((-count, word) for word, count in counts.items() if count)
        return [word for _, word in found[:size]]

    def entries(self, after: Id | None, limit: int) -> list[tuple[Id, int]]:
        """See ``SearchIndex.entries``."""
        state = self.state()
        searcher = state.searcher
        query = Query.all_query() if after is None else self._behind(state.schema, after)
        page = _Ranked(searcher, query, "born", descending=False).page(0, limit, newest_first=False)
        stamps = searcher.fast_field_values("stamp", [address for _, address, _ in page])
        return [(file_id, int(stamp or 0)) for (_, _, file_id), stamp in zip(page, stamps, strict=True)]

    @staticmethod
    def _behind(schema: Schema, after: Id) -> Query:
        """Files whose ids are greater."""
        born, rest = halves(after)

        def greater(field: str, than: int) -> Query:
            kind = FieldType.Unsigned
            return Query.range_query(schema, field, kind, than, None, include_lower=False)

        same = Query.range_query(schema, "born", FieldType.Unsigned, born, born)
        equal = Query.boolean_query([(Occur.Must, same), (Occur.Must, greater("rest", rest))])
        return Query.boolean_query([(Occur.Should, greater("born", born)), (Occur.Should, equal)])


class _Ranked:
    """The hits of a query in their order: by a column or, without one, by score; equal ones by id.

    tantivy breaks ties by where documents happen to stand. So a few hits beyond a page are read, until those
    that are equal to its last one are all there, and equal ones are put in order here.
    """

    def __init__(self, searcher: Searcher, query: Query, column: str | None, *, descending: bool) -> None:
        self._searcher = searcher
        self._query = query
        self._column = column
        self._order = Order.Desc if descending or column is None else Order.Asc
        self._worst_first = column is None and not descending  # which tantivy cannot be asked for
        self.count = 0

    def page(self, skip: int, size: int, *, newest_first: bool = True) -> list[tuple[float, DocAddress, Id]]:
        """Of *size* hits after the first *skip*: score or value of the column, address and id."""
        hits = self._hits(skip, size)
        if skip >= len(hits) or not size:
            return []
        first, last = skip, min(skip + size, len(hits)) - 1
        while first and hits[first - 1][0] == hits[skip][0]:
            first -= 1
        stop = last + 1
        while stop < len(hits) and hits[stop][0] == hits[last][0]:
            stop += 1
        found: list[tuple[float, DocAddress, Id]] = []
        for _, equal in itertools.groupby(self._named(hits[first:stop]), lambda hit: hit[0]):
            found.extend(sorted(equal, key=lambda hit: hit[2], reverse=newest_first))
        return found[skip - first : last + 1 - first]

    def _hits(self, skip: int, size: int) -> list[tuple[float, DocAddress]]:
        """The hits up to those of the page, and all that are equal to its last one; sets *count*."""
        wanted, limit = skip + size, skip + size + _SPARE
        while True:
            result = self._searcher.search(self._query, limit, True, self._column, 0, self._order)
            self.count, hits = counted(result), result.hits
            if len(hits) == self.count or (not self._worst_first and hits[-1][0] != hits[wanted - 1][0]):
                return hits[::-1] if self._worst_first else hits
            limit = self.count if self._worst_first else min(self.count, limit * 8)

    def _named(self, hits: Sequence[tuple[float, DocAddress]]) -> Iterator[tuple[float, DocAddress, Id]]:
        addresses = [address for _, address in hits]
        births = self._searcher.fast_field_values("born", addresses)
        rests = self._searcher.fast_field_values("rest", addresses)
        for (value, address), born, rest in zip(hits, births, rests, strict=True):
            yield value, address, whole(int(born or 0), int(rest or 0))

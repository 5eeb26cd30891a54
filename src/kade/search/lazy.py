"""An index that is opened when it is first asked: who searches nothing need not load an engine."""

import asyncio
from collections.abc import Callable, Sequence

from kade.core.ids import Id
from kade.core.ports import Rebuild, SearchIndex
from kade.core.search import Document, Found, Search, Snippet, Term


class LazyIndex:
    """Implements ``core.ports.SearchIndex`` by the index that *make* gives.

    What asks no index (``snippet``, ``matching``) needs one that was opened.
    """

    def __init__(self, make: Callable[[], SearchIndex]) -> None:
        self._make = make
        self._index: SearchIndex | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        await self._opened()

    async def close(self) -> None:
        index, self._index = self._index, None
        if index is not None:
            await index.close()

    async def apply(self, documents: Sequence[Document], removed: Sequence[Id] = ()) -> None:
        await (await self._opened()).apply(documents, removed)

    async def search(self, search: Search) -> Found:
        return await (await self._opened()).search(search)

    async def suggest(self, start: str, spaces: Sequence[Id], size: int = 10) -> list[str]:
        return await (await self._opened()).suggest(start, spaces, size)

    async def entries(self, after: Id | None, limit: int) -> list[tuple[Id, int]]:
        return await (await self._opened()).entries(after, limit)

    async def rebuild(self) -> Rebuild:
        return await (await self._opened()).rebuild()

    def snippet(self, term: Term, text: str, width: int = 200) -> Snippet:
        assert self._index is not None
        return self._index.snippet(term, text, width)

    def matching(self, term: Term, tags: Sequence[str]) -> list[str]:
        assert self._index is not None
        return self._index.matching(term, tags)

    async def _opened(self) -> SearchIndex:
        if self._index is None:
            async with self._opening:
                if self._index is None:
                    index = self._make()
                    await index.open()
                    self._index = index
        return self._index

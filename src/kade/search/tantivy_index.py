"""Full text in a folder, by tantivy: the index that needs no server."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from kade.core.ids import Id
from kade.core.search import Document, Found, Search, Snippet, Term
from kade.search.generations import Building, Generations

if TYPE_CHECKING:
    from kade.search.analysis import Analysis
    from kade.search.highlighting import Highlighting
    from kade.search.tantivy_reader import Reader
    from kade.search.tantivy_writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

_IDLE_S = 1.0
_NICE = 5
_REBUILDING_THREADS = 4


def _step_back() -> None:
    """Let this thread, and those that it starts, wait where others want the processor: searches go first.

    On Linux a thread has a niceness of its own.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


class TantivyIndex:
    """Implements ``core.ports.search.SearchIndex`` in *folder*, which it makes.

    Searches run in any thread, changes one after the other in a thread of their own. A process that changed
    something lets others do so when it has had nothing to change for *idle* seconds.
    """

    def __init__(self, folder: Path, idle: float = _IDLE_S) -> None:
        self._folder = folder
        self._idle = idle
        self._threads = ThreadPoolExecutor(1, "search-changes", _step_back)
        self._letting_go: asyncio.TimerHandle | None = None
        self._generations: Generations
        self._analysis: Analysis
        self._highlighting: Highlighting
        self._reader: Reader
        self._writer: Writer

    async def open(self) -> None:
        await self._change(self._open)

    def _open(self) -> None:
        from kade.search.analysis import Analysis
        from kade.search.highlighting import Highlighting
        from kade.search.tantivy_reader import Reader
        from kade.search.tantivy_schema import FORMAT
        from kade.search.tantivy_writer import Writer

        self._folder.mkdir(parents=True, exist_ok=True)
        self._generations = Generations(self._folder, FORMAT)
        self._analysis = Analysis()
        self._highlighting = Highlighting(self._analysis)
        self._reader = Reader(self._generations, self._analysis)
        self._writer = Writer(self._analysis)
        if not self._reader.is_readable():
            self._begin_empty()

    def _begin_empty(self) -> None:
        from kade.search.tantivy_writer import create

        with self._generations.locked(alone=True):
            if not self._reader.is_readable():  # another process may have been first
                building = self._generations.begin()
                create(building.folder)
                self._generations.publish(building)

    async def close(self) -> None:
        if self._letting_go is not None:
            self._letting_go.cancel()
        await self._change(self._writer.let_go)
        self._threads.shutdown()
        self._reader.close()

    async def apply(self, documents: Sequence[Document], removed: Sequence[Id] = ()) -> None:
        try:
            await self._change(self._apply, documents, removed)
        finally:
            if self._letting_go is not None:
                self._letting_go.cancel()
            loop = asyncio.get_running_loop()
            self._letting_go = loop.call_later(self._idle, self._threads.submit, self._writer.let_go)

    def _apply(self, documents: Sequence[Document], removed: Sequence[Id]) -> None:
        with self._generations.locked(alone=False):
            folder = self._generations.current()
            if folder is None:
                raise FileNotFoundError(self._folder)
            self._writer.put(folder, documents, removed)
            self._writer.commit()

    async def search(self, search: Search) -> Found:
        return await asyncio.to_thread(self._reader.search, search)

    async def suggest(self, start: str, spaces: Sequence[Id], size: int = 10) -> list[str]:
        return await asyncio.to_thread(self._reader.suggest, start, spaces, size)

    async def entries(self, after: Id | None, limit: int) -> list[tuple[Id, int]]:
        return await asyncio.to_thread(self._reader.entries, after, limit)

    async def rebuild(self) -> "TantivyRebuild":
        from kade.search.tantivy_writer import Writer

        building = await asyncio.to_thread(self._begin)
        writer = Writer(self._analysis, min(os.cpu_count() or 1, _REBUILDING_THREADS))
        return TantivyRebuild(self._generations, building, writer)

    def _begin(self) -> Building:
        from kade.search.tantivy_writer import create

        with self._generations.locked(alone=True):
            self._generations.drop_others()
            building = self._generations.begin()
        create(building.folder)
        return building

    def snippet(self, term: Term, text: str, width: int = 200) -> Snippet:
        return self._highlighting.snippet(term, text, width)

    def matching(self, term: Term, tags: Sequence[str]) -> list[str]:
        return self._highlighting.matching(term, tags)

    async def _change(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(self._threads.submit(fn, *args, **kwargs))


class TantivyRebuild:
    """Implements ``core.ports.search.Rebuild``: another generation, filled beside the current one."""

    def __init__(self, generations: Generations, building: Building, writer: "Writer") -> None:
        self._generations = generations
        self._building = building
        self._writer = writer
        self._threads = ThreadPoolExecutor(1, "search-rebuild", _step_back)
        self._is_over = False

    async def add(self, documents: Sequence[Document], removed: Sequence[Id] = ()) -> None:
        await self._do(lambda: self._add(documents, removed))

    def _add(self, documents: Sequence[Document], removed: Sequence[Id]) -> None:
        self._writer.put(self._building.folder, documents, removed)
        self._writer.commit_now_and_then()

    async def swap(self) -> None:
        await self._do(self._swap)
        self._over()

    def _swap(self) -> None:
        self._writer.commit()
        self._writer.let_go()
        with self._generations.locked(alone=True):
            self._generations.publish(self._building)

    async def abandon(self) -> None:
        if not self._is_over:
            await self._do(self._abandon)
            self._over()

    def _abandon(self) -> None:
        self._writer.drop()
        self._building.release()
        with self._generations.locked(alone=True):
            self._generations.drop_others()

    def _over(self) -> None:
        self._is_over = True
        self._threads.shutdown()

    async def _do(self, fn: Callable[[], None]) -> None:
        await asyncio.wrap_future(self._threads.submit(fn))

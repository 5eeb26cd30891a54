"""Digests that are pending: bytes are read again, once, however many wait for it."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable

from kade.core.contents import Content, ContentState
from kade.core.errors import FileReason, KadeError
from kade.core.ids import Id
from kade.core.ports import Catalog, Digester, SegmentStore, Tx

_AT_ONCE = 2  # contents that are read again at the same time
_PAGE = 500
_REMEMBERED = 4096  # digests that no row keeps


class Digesting:
    """Computes what is missing, in the background or for whoever asks."""

    def __init__(
        self,
        catalog: Catalog,
        store: SegmentStore,
        digester: Callable[[Iterable[str]], Digester],
        most_remembered: int = _REMEMBERED,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._digester = digester
        self._most_remembered = most_remembered
        self._running: dict[Id, asyncio.Task[Content]] = {}
        self._others: dict[tuple[Id, str], asyncio.Task[str]] = {}
        self._remembered: OrderedDict[tuple[Id, str], str] = OrderedDict()
        self._background: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def ensure(self, content_id: Id, *, md5: bool = False) -> Content:
        """The content with its SHA-256 and, when asked for, its MD5.

        Raises:
            KadeError: ``FileReason.CONTENT_GONE`` when the content is there no longer, ``INCOMPLETE`` while
                it is still growing, ``CHECKSUM_MISMATCH`` when the stored bytes are not those that came.
        """
        content = await self._catalog.read(_get, content_id)
        while content.sha256 is None or (md5 and content.md5 is None):
            content = await asyncio.shield(self.compute(content_id))
        return content

    async def hexdigest(self, content_id: Id, algorithm: str) -> str:
        """The digest by any algorithm of ``storage.digests``, in lower-case hex.

        One that the catalog does not keep is computed by reading, once, and remembered in memory: contents
        never change. Raises as ``ensure`` does.
        """
        if algorithm in ("sha256", "md5"):
            content = await self.ensure(content_id, md5=algorithm == "md5")
            return (content.sha256 if algorithm == "sha256" else content.md5) or ""
        key = content_id, algorithm
        if key not in self._remembered:
            task = self._others.get(key)
            if task is None:
                task = self._others[key] = asyncio.create_task(self._compute_other(key))
                task.add_done_callback(lambda done: self._remember(key, done))
            return await asyncio.shield(task)
        self._remembered.move_to_end(key)
        return self._remembered[key]

    def compute(self, content_id: Id) -> asyncio.Task[Content]:
        """Begin to compute both digests, unless that is under way."""
        task = self._running.get(content_id)
        if task is None:
            task = self._running[content_id] = asyncio.create_task(self._compute(content_id))
            task.add_done_callback(lambda done: self._ended(content_id, done))
        return task

    def begin_pending(self, content_id: Id) -> None:
        """Compute in the background what the content still lacks, if anything."""
        self._go_on(self.ensure(content_id))

    def begin_all_pending(self) -> None:
        """The same for every content, such as those that were just joined from parts."""
        self._go_on(self.resume())

    def _go_on(self, work: Coroutine[None, None, object]) -> None:
        task = asyncio.create_task(_without_refusal(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def resume(self) -> None:
        """Compute whatever is pending, page by page; one that fails is left for the next start."""
        after: Id | None = None
        while page := await self._catalog.read(_pending, after):
            await asyncio.wait([self.compute(content_id) for content_id in page])
            after = page[-1]

    async def close(self) -> None:
        """Give up what is under way; it is pending still and resumed at the next start."""
        tasks: list[asyncio.Task[Content] | asyncio.Task[None] | asyncio.Task[str]]
        tasks = [*self._background, *self._running.values(), *self._others.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def digest(self, content_id: Id, algorithms: tuple[str, ...] = ("sha256", "md5")) -> dict[str, str]:
        """The digests of the stored bytes as they are now read, in lower-case hex; SHA-256 and MD5."""
        content, extents = await self._catalog.read(
            lambda tx: (_get(tx, content_id), tx.contents.extents(content_id))
        )
        running = self._digester(algorithms)
        if content.inline is not None:
            running.update(content.inline)
        async for data in self._store.read(extents):
            await asyncio.to_thread(running.update, data)
        return {name: running.hexdigest(name) or "" for name in algorithms}

    async def _compute(self, content_id: Id) -> Content:
        async with self._slots:
            found = await self.digest(content_id)
            return await self._catalog.write(_store, content_id, found["sha256"], found["md5"])

    async def _compute_other(self, key: tuple[Id, str]) -> str:
        content_id, algorithm = key
        async with self._slots:
            return (await self.digest(content_id, (algorithm,)))[algorithm]

    def _remember(self, key: tuple[Id, str], task: asyncio.Task[str]) -> None:
        self._others.pop(key, None)
        if not task.cancelled() and task.exception() is None:
            self._remembered[key] = task.result()
            if len(self._remembered) > self._most_remembered:
                self._remembered.popitem(last=False)

    def _ended(self, content_id: Id, task: asyncio.Task[Content]) -> None:
        self._running.pop(content_id, None)
        if not task.cancelled():
            task.exception()  # whoever waits gets it; a background one is tried again at the next start


async def _without_refusal(work: Coroutine[None, None, object]) -> None:
    """In the background nobody waits for a refusal: the content went, or has not all come yet."""
    with contextlib.suppress(KadeError):
        await work


def _get(tx: Tx, content_id: Id) -> Content:
    content = tx.contents.get(content_id)
    if content is None:
        raise KadeError(FileReason.CONTENT_GONE, content_id)
    if content.state == ContentState.GROWING:
        raise KadeError(FileReason.INCOMPLETE, content_id)
    return content


def _pending(tx: Tx, after: Id | None) -> list[Id]:
    return tx.contents.without_sha256(after, _PAGE)


def _store(tx: Tx, content_id: Id, sha256: str, md5: str) -> Content:
    content = _get(tx, content_id)
    if content.sha256 not in (None, sha256):
        # The digest that was computed while the bytes came is the truth: it must not be overwritten.
        raise KadeError(FileReason.CHECKSUM_MISMATCH, content_id)
    tx.contents.set_digests(content_id, sha256, md5)
    return content._replace(sha256=sha256, md5=md5)

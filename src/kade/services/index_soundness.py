"""Whether the index knows exactly what it was told: two lists, by file id, side by side."""

from collections.abc import AsyncIterator, Callable

from kade.core.ids import Id
from kade.core.ports import Catalog, SearchIndex, Tx
from kade.core.readings import Reading, ReadingState
from kade.services.soundness import Finding, Severity

MISSING = "index.missing"
STALE = "index.stale"
SUPERFLUOUS = "index.superfluous"
_PAGE = 1000
_ABSENT = 0  # no stamp: those begin with 1

Progress = Callable[[int], None]


async def compared(
    catalog: Catalog, index: SearchIndex, progress: Progress = lambda _done: None
) -> AsyncIterator[Finding]:
    """Files that the index lost, knows as they were, or should have forgotten.

    What it was not told yet is left alone. A worker may go on meanwhile: what is found is looked at again.
    """
    suspicions = [finding async for finding in _differences(catalog, index, progress)]
    if suspicions:
        again = {finding async for finding in _differences(catalog, index, lambda _done: None)}
        for finding in suspicions:
            if finding in again:
                yield finding


async def mend(catalog: Catalog, index: SearchIndex, finding: Finding) -> bool:
    """Have the index told once more, or have it forget; whether that was done. Raises KadeError."""
    file_id = Id(finding.subject)
    if finding.code == SUPERFLUOUS:
        await index.apply([], [file_id])
        return True
    return await catalog.write(_retell, file_id)


def _retell(tx: Tx, file_id: Id) -> bool:
    reading = tx.readings.lock(file_id)
    if reading is None:
        return False
    tx.readings.change(reading._replace(indexed=0))
    return True


async def _differences(catalog: Catalog, index: SearchIndex, progress: Progress) -> AsyncIterator[Finding]:
    known = _Known(index)
    done = 0
    async for told in _told(catalog):
        for file_id, stamp in told.items():
            async for entry in known.before(file_id):
                yield _finding(SUPERFLUOUS, entry, "the index knows it, and the catalog does not")
            found = await known.take(file_id)
            if stamp == _ABSENT and found is not None:
                yield _finding(SUPERFLUOUS, file_id, "the index knows it, and it is gone")
            elif stamp and found is None:
                yield _finding(MISSING, file_id, "the index does not know it")
            elif stamp and found != stamp:
                yield _finding(STALE, file_id, f"the index knows stamp {found}, and was told {stamp}")
        done += len(told)
        progress(done)
    async for entry in known.before(None):
        yield _finding(SUPERFLUOUS, entry, "the index knows it, and the catalog does not")


async def _told(catalog: Catalog) -> AsyncIterator[dict[Id, int | None]]:
    """The stamps that the index was told of: ``_ABSENT`` for what it forgot, None: it is to be told yet."""
    after: Id | None = None
    while page := await catalog.read(_page, after):
        after = max(page)
        yield page


def _page(tx: Tx, after: Id | None) -> dict[Id, int | None]:
    return {each.file_id: _stamp(each) for each in tx.readings.page(after, _PAGE)}


def _stamp(reading: Reading) -> int | None:
    if reading.stamp != reading.indexed:
        return None
    return _ABSENT if reading.state == ReadingState.GONE else reading.stamp


class _Known:
    """The entries of an index, in order."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index
        self._page: list[tuple[Id, int]] = []
        self._after: Id | None = None
        self._ended = False

    async def before(self, file_id: Id | None) -> AsyncIterator[Id]:
        """Take the entries before that id; None: all that are left."""
        while (entry := await self._next()) is not None and (file_id is None or entry[0] < file_id):
            self._page.pop(0)
            yield entry[0]

    async def take(self, file_id: Id) -> int | None:
        """The stamp of that id's entry, if it is the next one."""
        entry = await self._next()
        if entry is None or entry[0] != file_id:
            return None
        self._page.pop(0)
        return entry[1]

    async def _next(self) -> tuple[Id, int] | None:
        if not self._page and not self._ended:
            self._page = await self._index.entries(self._after, _PAGE)
            self._ended = not self._page
            if self._page:
                self._after = self._page[-1][0]
        return self._page[0] if self._page else None


def _finding(code: str, file_id: Id, detail: str) -> Finding:
    return Finding(Severity.ERROR, code, file_id, detail)

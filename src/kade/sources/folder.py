"""A folder tree on this machine, or mounted on it, as a ``Place``."""

from collections.abc import AsyncIterator

from kade.core.errors import KadeError, SourceReason
from kade.core.sources import Seen, Unreadable
from kade.sources.folder_tree import FolderTree
from kade.sources.settings import FolderSettings
from kade.sources.threads import Threads
from kade.sources.watching import watch

_THREADS = 3  # one walks, one reads, one is for looks in between


class FolderPlace:
    """Implements ``core.ports.Place``. A key is the path below the place, with slashes."""

    def __init__(self, tree: FolderTree, threads: Threads, settings: FolderSettings) -> None:
        self._tree = tree
        self._threads = threads
        self._settings = settings

    @classmethod
    async def open(cls, location: str, path: str, settings: FolderSettings) -> "FolderPlace":
        """The tree at *path* below the folder *location*; raises as ``core.ports.Places.open`` does."""
        tree, threads = FolderTree(location, path, settings), Threads(location, _THREADS)
        try:
            await threads.run(tree.resolve)
        except BaseException:
            threads.close()
            raise
        return cls(tree, threads, settings)

    def walk(self) -> AsyncIterator[Seen | Unreadable]:
        return self._threads.iterate(self._tree.walk)

    async def look(self, key: str) -> Seen | None:
        return await self._threads.run(self._tree.look, key)

    def read(self, seen: Seen) -> AsyncIterator[bytes]:
        return self._threads.iterate(lambda: self._tree.read(seen), batch=1)

    def changes(self) -> AsyncIterator[None]:
        return watch(self._tree, self._threads, self._settings.poll_ms)

    async def close(self) -> None:
        self._threads.close()


def check(location: str) -> None:
    """Raise ``SourceReason.BAD_LOCATION`` unless it is the full path of a folder."""
    if not location.startswith("/") or "\0" in location:
        raise KadeError(SourceReason.BAD_LOCATION, f"{location!r} is no full path of a folder")

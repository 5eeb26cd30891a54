"""Polite locks: whoever comes later gets the upload, and the one before stores what it has.

A lease is a row's fields in the catalog. A waiter leaves a wish; the holder sees it when it next commits,
at least each second, lets go, and the waiter takes over. Within one process the wish wakes the holder at
once. A holder that died loses its lease when that runs out.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from kade.core.errors import KadeError, UploadReason
from kade.core.ids import Id
from kade.core.ports import Catalog, Tx

TTL_MS = 3000
_POLL_S = 0.03

T = TypeVar("T")


class Leasing:
    """Waits for leases and wakes the holders of this process."""

    def __init__(self, catalog: Catalog, patience_s: float) -> None:
        self._catalog = catalog
        self._patience_s = patience_s
        self._wishes: dict[Id, asyncio.Event] = {}
        self.doubts = 0  # how often somebody's rights changed: holders look whether theirs still stand

    @contextmanager
    def holding(self, upload_id: Id) -> Iterator[asyncio.Event]:
        """While the lease is held: an event that is set when somebody of this process wants it."""
        wish = self._wishes[upload_id] = asyncio.Event()
        try:
            yield wish
        finally:
            if self._wishes.get(upload_id) is wish:
                del self._wishes[upload_id]

    def wake(self, upload_id: Id) -> None:
        """Tell the holder, when it is in this process, to let go now."""
        wish = self._wishes.get(upload_id)
        if wish is not None:
            wish.set()

    def wake_all(self) -> None:
        """Tell every holder in this process to store what it has and end."""
        for wish in self._wishes.values():
            wish.set()

    def doubt(self) -> None:
        """Somebody's rights changed: every holder in this process makes sure of its own."""
        self.doubts += 1

    async def taken(self, upload_id: Id, attempt: Callable[[Tx], T | None]) -> T:
        """The result of *attempt*, run until it is not None; meanwhile the holder is asked to let go.

        Raises:
            KadeError: ``UploadReason.LOCKED`` when the holder kept the lease all the time.
        """
        deadline = asyncio.get_running_loop().time() + self._patience_s
        while True:
            result = await self._catalog.write(attempt)
            if result is not None:
                return result
            self.wake(upload_id)
            if asyncio.get_running_loop().time() >= deadline:
                raise KadeError(UploadReason.LOCKED, upload_id)
            await asyncio.sleep(_POLL_S)

    async def let_go(self, upload_id: Id) -> None:
        """Return once nobody holds the upload's lease. Raises as ``taken`` does."""

        def attempt(tx: Tx) -> bool | None:
            return None if tx.uploads.want_lease(upload_id, "waiter") else True

        await self.taken(upload_id, attempt)

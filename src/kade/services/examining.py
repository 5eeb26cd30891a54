"""Media types of small and of joined contents, detected some time after they arrived.

Looking at bytes costs more than storing a small file, so it is not done while somebody waits; and only a
small part of the time, so that it never holds up what is asked for now.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from kade.core.contents import Content, Extent, cut
from kade.core.errors import KadeError
from kade.core.ids import Id
from kade.core.ports import Catalog, SegmentStore, Tx
from kade.core.ranges import Span

_BATCH = 50
_PAUSE_S = 2.0
_REST = 9  # seconds of rest for each second of work
_HEAD = 4096


class Examining:
    """Finds contents whose type is not detected yet, and detects it."""

    def __init__(self, catalog: Catalog, store: SegmentStore, detect: Callable[[bytes], str]) -> None:
        self._catalog = catalog
        self._store = store
        self._detect = detect

    async def run(self) -> None:
        """Work until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            found = 0
            with contextlib.suppress(KadeError):
                found = await self.examine()
            await asyncio.sleep(max((clock() - began) * _REST, 0 if found else _PAUSE_S))

    async def examine(self) -> int:
        """Examine one batch; how many there were."""
        heads = [
            (content.id, await self._head(content, extents))
            for content, extents in await self._catalog.read(_unexamined)
        ]
        if heads:
            types = await asyncio.to_thread(self._types, heads)
            await self._catalog.write(_store, types)
        return len(heads)

    async def _head(self, content: Content, extents: Sequence[Extent]) -> bytes:
        if content.inline is not None:
            return content.inline[:_HEAD]
        with contextlib.suppress(OSError, EOFError):  # damage is for the doctor: the others must not wait
            return await self._stored_head(extents)
        return b"\0"

    async def _stored_head(self, extents: Sequence[Extent]) -> bytes:
        return b"".join([data async for data in self._store.read(cut(extents, Span(0, _HEAD)))])

    def _types(self, heads: Sequence[tuple[Id, bytes]]) -> list[tuple[Id, str]]:
        return [(content_id, self._detect(head)) for content_id, head in heads]


def _unexamined(tx: Tx) -> list[tuple[Content, list[Extent]]]:
    return [(each, tx.contents.extents(each.id)) for each in tx.contents.without_type(_BATCH)]


def _store(tx: Tx, types: list[tuple[Id, str]]) -> None:
    for content_id, detected in types:
        tx.contents.set_detected_type(content_id, detected)

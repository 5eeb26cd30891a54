"""Files that were put, as they are read: volumes of an archive, or one stream after the other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from kade.core.contents import Content, Extent, cut
from kade.core.files import File
from kade.core.ports import Digester, Piece, SegmentStore, Tx
from kade.core.ranges import Span
from kade.services import files
from kade.services.pieces import HeldPiece


class Put(NamedTuple):
    """One file that was put, and its bytes, as they were when it was looked at."""

    file: File
    content: Content
    extents: list[Extent]

    @classmethod
    def of(cls, tx: Tx, file: File) -> "Put":
        content = files.content_of(tx, file)
        return cls(file, content, tx.contents.extents(content.id))


class PutVolumes:
    """Implements ``splitzip.Volumes``."""

    def __init__(self, store: SegmentStore, puts: Sequence[Put]) -> None:
        self.lengths = [each.content.length for each in puts]
        self._store = store
        self._puts = puts

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from *start* to *stop*, counted over all of them."""
        begin = 0
        for each in self._puts:
            length = each.content.length
            span = Span(max(start - begin, 0), min(stop - begin, length))
            begin += length
            if span.start >= span.stop:
                continue
            if each.content.inline is not None:
                yield each.content.inline[span.start : span.stop]
                continue
            async for data in self._store.read(cut(each.extents, span)):
                yield data


class Digested:
    """Implements ``core.ports.Source``: pieces on their way into a file, with their digests.

    What the pieces raise breaks the append off, and comes out of it as it is.
    """

    remaining: int | None = None

    def __init__(self, pieces: AsyncIterator[bytes], digester: Digester) -> None:
        self.trailers: dict[str, str] = {}
        self.digester = digester
        self._pieces = pieces

    async def read(self, patience: float) -> Piece | None:
        data = await anext(self._pieces, None)
        if data is None:
            return None
        await asyncio.to_thread(self.digester.update, data)
        return HeldPiece(data)

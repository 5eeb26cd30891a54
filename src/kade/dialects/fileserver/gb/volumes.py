"""Files that were put, as what reads them wants them: volumes of an archive, or one stream after the other."""

import hashlib
from collections.abc import AsyncIterator, Sequence

from kade.core.contents import Content, Extent, cut
from kade.core.errors import FileReason, KadeError
from kade.core.files import File
from kade.core.ports import Piece, SegmentStore, Tx
from kade.core.principals import Caller
from kade.core.ranges import Span
from kade.dialects.fileserver.gb.places import Place
from kade.dialects.fileserver.gb.splitzip import ZipError
from kade.services import files
from kade.web.buffers import HeldPiece

ALGORITHMS = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}


class Put:
    """One file that was put: its place, its entry and its bytes, as they were when it was looked at."""

    def __init__(self, place: Place, file: File, content: Content, extents: list[Extent]) -> None:
        self.place = place
        self.file = file
        self.content = content
        self.extents = extents

    @classmethod
    def of(cls, tx: Tx, place: Place, file: File) -> "Put":
        content = files.content_of(tx, file)
        return cls(place, file, content, tx.contents.extents(content.id))


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


class Checked:
    """Implements ``core.ports.Source``: bytes on their way into a file, with their digest.

    Raises:
        KadeError: ``FileReason.CONTENT_GONE`` with the words of what is wrong with an archive.
    """

    remaining: int | None = None

    def __init__(self, pieces: AsyncIterator[bytes], kind: str) -> None:
        self.trailers: dict[str, str] = {}
        self.broken: ZipError | None = None
        self._pieces = pieces
        self._digest = hashlib.new(ALGORITHMS[kind], usedforsecurity=False)

    async def read(self, patience: float) -> Piece | None:
        try:
            data = await anext(self._pieces, None)
        except ZipError as error:
            self.broken = error
            raise KadeError(FileReason.CONTENT_GONE, str(error)[:80]) from error
        if data is None:
            return None
        self._digest.update(data)
        return HeldPiece(data)

    def hexdigest(self) -> str:
        """Of everything that was read, in lower-case hex."""
        return self._digest.hexdigest()

"""Full text: what finds files, and what reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from kade.core.extraction import Extracted
from kade.core.ids import Id
from kade.core.search import Document, Found, Search, Snippet, Term


class SearchIndex(Protocol):
    """Which files say what. It is derived: lost, it is built anew from the catalog.

    One process at a time changes it; any number search. What ``apply`` did is found by searches that begin
    a second later in any process, and at once in the same one.
    """

    async def open(self) -> None:
        """Make it ready to be searched; one that is not there, or of another format, is begun empty."""

    async def close(self) -> None: ...
    async def apply(self, documents: Sequence[Document], removed: Sequence[Id] = ()) -> None:
        """Put these documents in the place of what is known of their files, forget *removed*; durably.

        Once more is harmless; of two documents of one file the later counts.

        Raises:
            KadeError: ``SearchReason.INDEX_BUSY`` when another process is changing it;
                ``UploadReason.DISK_FULL``.
        """

    async def search(self, search: Search) -> Found:
        """What is found.

        Raises:
            KadeError: ``SearchReason.TOO_MANY_HITS``, ``WORD_TOO_WIDE`` (the fact *word* says
                which; a subject would be noted, and what somebody looks for is not) or
                ``QUERY_TOO_WIDE``, by the caps of *search*.
        """

    async def suggest(self, start: str, spaces: Sequence[Id], size: int = 10) -> list[str]:
        """Words of files in *spaces*, and of no others, that begin so (case and accents apart), commonest
        first."""

    async def entries(self, after: Id | None, limit: int) -> list[tuple[Id, int]]:
        """What is in it, by file id: file and stamp, for checks over everything."""

    async def rebuild(self) -> "Rebuild":
        """An empty index beside the live one, which is searched and changed meanwhile as ever."""

    def snippet(self, term: Term, text: str, width: int = 200) -> Snippet:
        """The stretch of *text*, about *width* characters, that answers *term* best; its beginning if none
        does."""

    def matching(self, term: Term, tags: Sequence[str]) -> list[str]:
        """Those of *tags* that *term* finds."""


class Rebuild(Protocol):
    """An index that takes the live one's place once everything is in it."""

    async def add(self, documents: Sequence[Document], removed: Sequence[Id] = ()) -> None:
        """What ``SearchIndex.apply`` does, here."""

    async def swap(self) -> None:
        """Take the live one's place, in every process, within a second; what was there is dropped."""

    async def abandon(self) -> None:
        """Drop it; nothing happens after ``swap``."""


class Extractor(Protocol):
    """Reads files that anybody may have made, so that they can harm nobody: within limits of time and memory,
    without a network."""

    async def extract(self, path: Path, name: str) -> Extracted:
        """What is in the file at *path*; *name* is what it is called. What cannot be had is a remark."""

    async def attachments(
        self, path: Path, name: str, wanted: Sequence[str], into: Path
    ) -> Mapping[str, Path]:
        """Write those of the *wanted* attachments that there are, by the names that ``extract`` gave them, to
        files below the folder *into*; where each is."""

    async def close(self) -> None:
        """Stop what is running."""

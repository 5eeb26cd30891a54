"""A search index and an extractor in memory: small, and as honest as their contracts ask."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kade.core.extraction import Extracted
from kade.core.ids import Id
from kade.core.search import AllOf, Document, Found, Hit, Search, Snippet, Term, Word, leaves


async def _pass() -> None:
    pass


@dataclass
class MemoryIndex:
    """Implements ``core.ports.SearchIndex``; it answers single words and all of some. *failing* is raised by
    what changes it; *between* is called after each addition to an index that is being built."""

    documents: dict[Id, Document] = field(default_factory=dict)
    failing: Exception | None = None
    between: Callable[[], Awaitable[None]] = _pass
    rebuilds: list["MemoryRebuild"] = field(default_factory=list)

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def apply(self, documents: Sequence[Document], removed: Sequence[Id] = ()) -> None:
        if self.failing is not None:
            raise self.failing
        _apply(self.documents, documents, removed)

    async def search(self, search: Search) -> Found:
        hits = [
            Hit(each.file_id, 1.0)
            for each in sorted(self.documents.values(), key=lambda each: each.file_id, reverse=True)
            if each.space_id in (search.trashed_in if each.trashed else search.spaces)
            and _answers(search.term, each)
        ]
        return Found(len(hits), hits[search.skip : search.skip + search.size])

    async def suggest(self, start: str, spaces: Sequence[Id], size: int = 10) -> list[str]:
        words = {word for each in self.documents.values() if each.space_id in spaces for word in _words(each)}
        return sorted(word for word in words if word.startswith(start.casefold()))[:size]

    async def entries(self, after: Id | None, limit: int) -> list[tuple[Id, int]]:
        found = sorted((each.file_id, each.stamp) for each in self.documents.values())
        return [entry for entry in found if after is None or entry[0] > after][:limit]

    async def rebuild(self) -> "MemoryRebuild":
        rebuild = MemoryRebuild(self)
        self.rebuilds.append(rebuild)
        return rebuild

    def snippet(self, term: Term, text: str, width: int = 200) -> Snippet:
        for word in (each.text for each in leaves(term) if isinstance(each, Word)):
            found = re.search(re.escape(word), text, re.IGNORECASE)
            if found:
                start = max(found.start() - width // 2, 0)
                mark = (found.start() - start, found.end() - start)
                return Snippet(text[start : start + width], (mark,))
        return Snippet(text[:width], ())

    def matching(self, term: Term, tags: Sequence[str]) -> list[str]:
        wanted = {each.text.casefold() for each in leaves(term) if isinstance(each, Word)}
        return [tag for tag in tags if tag.casefold() in wanted]


class MemoryRebuild:
    """Implements ``core.ports.Rebuild``."""

    def __init__(self, index: MemoryIndex) -> None:
        self._index = index
        self._documents: dict[Id, Document] = {}
        self.ended = ""

    async def add(self, documents: Sequence[Document], removed: Sequence[Id] = ()) -> None:
        if self._index.failing is not None:
            raise self._index.failing
        _apply(self._documents, documents, removed)
        await self._index.between()

    async def swap(self) -> None:
        self._index.documents = self._documents
        self.ended = "swapped"

    async def abandon(self) -> None:
        self.ended = self.ended or "abandoned"


def _apply(known: dict[Id, Document], documents: Sequence[Document], removed: Sequence[Id]) -> None:
    known.update({each.file_id: each for each in documents})
    for each in removed:
        known.pop(each, None)


def _words(document: Document) -> set[str]:
    said = " ".join((document.text, document.name, document.author, *document.tags))
    return {word.casefold() for word in re.findall(r"\w+", said)}


def _answers(term: Term, document: Document) -> bool:
    if isinstance(term, AllOf):
        return all(_answers(each, document) for each in term.terms)
    assert isinstance(term, Word)
    return term.text.casefold() in _words(document)


Reads = Callable[[bytes, str], Awaitable[Extracted]]


async def plainly(data: bytes, name: str) -> Extracted:
    """What a plain text says."""
    text = data.decode("utf-8", "replace")
    return Extracted(media_type="text/plain", text=text, length=len(text))


class MemoryExtractor:
    """Implements ``core.ports.Extractor`` by a function of the file's bytes and name; *read* are the names of
    files that it was given."""

    def __init__(self, reads: Reads = plainly) -> None:
        self.reads = reads
        self.read: list[str] = []

    async def extract(self, path: Path, name: str) -> Extracted:
        self.read.append(name)
        return await self.reads(await asyncio.to_thread(path.read_bytes), name)

    async def attachments(
        self, path: Path, name: str, wanted: Sequence[str], into: Path
    ) -> Mapping[str, Path]:
        return {}

    async def close(self) -> None:
        pass

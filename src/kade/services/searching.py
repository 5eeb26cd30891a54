"""Searching: what a caller finds, among what it may read and nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kade.core import annotations
from kade.core.annotations import Annotations
from kade.core.files import File, FileState
from kade.core.folders import Folder
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import SearchIndex, Tx
from kade.core.principals import Caller
from kade.core.readings import Reading
from kade.core.search import AllOf, AnyOf, Hit, InGroup, InSpaces, Not, Search, Snippet, Term
from kade.services import access

FOUND = (FileState.LIVE, FileState.TRASHED)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that was found, with all that is known of it; *text* is what was read in it and said of it."""

    file: File
    folder: Folder | None
    reading: Reading | None
    said: Annotations
    downloadable: bool
    text: str = ""
    score: float = 0.0


def resolved(term: Term, spaces_of: Callable[[str], Sequence[Id]]) -> Term:
    """*term* with the spaces that *spaces_of* knows by a group's name in that name's place."""
    if isinstance(term, InGroup):
        return InSpaces(tuple(spaces_of(term.name)))
    if isinstance(term, Not):
        return Not(resolved(term.term, spaces_of))
    if isinstance(term, AllOf):
        return AllOf(tuple(resolved(each, spaces_of) for each in term.terms))
    if isinstance(term, AnyOf):
        return AnyOf(tuple(resolved(each, spaces_of) for each in term.terms))
    return term


def permitted(tx: Tx, caller: Caller, search: Search) -> Search:
    """*search* in those of its spaces in which the caller may read; in all of them when it names none."""
    reach = access.reach(tx, caller, Verb.READ)
    allowed = set(reach)
    spaces = [each for each in search.spaces if each in allowed] if search.spaces else reach
    trashed = [each for each in search.trashed_in if each in allowed]
    return replace(search, spaces=tuple(spaces), trashed_in=tuple(trashed))


def entries(tx: Tx, caller: Caller, hits: Sequence[Hit], *, texts: bool = False) -> list[Entry]:
    """What is known of files that were found, in their order; of those that are there still, and readable.

    The index follows the catalog a moment later: rights and state are looked at once more, here.
    """
    found = tx.files.get_many([hit.file_id for hit in hits])
    reach = set(access.reach(tx, caller, Verb.READ)) if found else set()
    files = [found[hit.file_id] for hit in hits if hit.file_id in found]
    kept = described(tx, [file for file in files if file.space_id in reach], texts=texts)
    scores = {hit.file_id: hit.score for hit in hits}
    return [replace(each, score=scores[each.file.id]) for each in kept]


def described(
    tx: Tx, files: Sequence[File], *, texts: bool = False, states: Sequence[FileState] = FOUND
) -> list[Entry]:
    """All that is known of those of the files that are in one of *states*, in their order."""
    present = [file for file in files if file.state in states]
    ids = [file.id for file in present]
    folders = tx.folders.get_many([file.folder_id for file in present if file.folder_id is not None])
    readings = tx.readings.get_many(ids)
    said = {file.id: annotations.of(file.annotations) for file in present}
    read = tx.readings.texts(ids) if texts else {}
    stored = tx.contents.living([file.content_id for file in present if file.content_id is not None])
    return [
        Entry(
            file=file,
            folder=folders.get(file.folder_id) if file.folder_id is not None else None,
            reading=readings.get(file.id),
            said=said[file.id],
            downloadable=file.content_id in stored,
            text="\n".join(filter(None, (read.get(file.id, ""), said[file.id].extra))) if texts else "",
        )
        for file in present
    ]


def snippet(index: SearchIndex, term: Term, entry: Entry, width: int = 200) -> Snippet:
    """The stretch of the file's text that answers *term*."""
    return index.snippet(term, entry.text, width)

"""Search: what is looked for, as one tree; what an index knows of a file; and what it finds.

A query's text becomes a term (``core/search_text.py``), an index answers the term. ``InGroup`` is a name that
only the house knows: by the time an index sees a term, it is ``InSpaces``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kade.core.clock import Millis
from kade.core.ids import Id


class Where(StrEnum):
    """Where in a file something is looked for; ANYWHERE is text, name, tags and author."""

    ANYWHERE = "anywhere"
    NAME = "name"
    AUTHOR = "author"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Word:
    """A word in any of its inflections, with or without its accents."""

    text: str
    where: Where = Where.ANYWHERE


@dataclass(frozen=True, slots=True)
class Prefix:
    """Every word that begins with *text*, as it is written but for case and accents."""

    text: str
    where: Where = Where.ANYWHERE


@dataclass(frozen=True, slots=True)
class Phrase:
    """These words one after the other."""

    words: tuple[str, ...]
    where: Where = Where.ANYWHERE


@dataclass(frozen=True, slots=True)
class OfType:
    """Files of a kind (``file``, ``email``), an extension (``pdf``) or a media type (``image/png``,
    ``image``)."""

    text: str


@dataclass(frozen=True, slots=True)
class OfYear:
    """Files last modified in that year (UTC)."""

    year: int


@dataclass(frozen=True, slots=True)
class InGroup:
    """Files of the space that goes by that name."""

    name: str


@dataclass(frozen=True, slots=True)
class InSpaces:
    """Files of these spaces; none: nothing."""

    spaces: tuple[Id, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What the term does not find."""

    term: "Term"


@dataclass(frozen=True, slots=True)
class AllOf:
    """What every term finds; without terms: everything."""

    terms: tuple["Term", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What at least one term finds; without terms: nothing."""

    terms: tuple["Term", ...]


Term = Word | Prefix | Phrase | OfType | OfYear | InGroup | InSpaces | Not | AllOf | AnyOf


class Kind(StrEnum):
    """What a file is, to people: a file, or a message from a mailbox."""

    FILE = "file"
    EMAIL = "email"


class SortBy(StrEnum):
    RELEVANCE = "relevance"
    SIZE = "size"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Document:
    """What an index is told of a file.

    *stamp* grows with each change of what follows. *folder* is the path in which it lies, with slashes, or
    empty. *length* is in bytes. *trashed*: it was removed, and can be restored.
    """

    file_id: Id
    stamp: int
    space_id: Id
    name: str
    folder: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    text: str = ""
    kind: Kind = Kind.FILE
    media_type: str = "application/octet-stream"
    length: int = 0
    modified_at: Millis | None = None
    trashed: bool = False


@dataclass(frozen=True, slots=True)
class Caps:
    """How much one search may ask of the index.

    *word* and *query* bound how many different words a prefix, and all prefixes of the query together, stand
    for; *hits* how many files are found (0: no limit).
    """

    word: int = 1_000
    query: int = 4_000
    hits: int = 0


@dataclass(frozen=True, slots=True)
class Search:
    """Of the files in *spaces* that *term* finds: *size* of them, after the first *skip*.

    Equally relevant, large or old ones follow by id, newest first. Trashed ones are found only where
    *trashed_in* names their space.
    """

    term: Term
    spaces: Sequence[Id]
    trashed_in: Sequence[Id] = ()
    sort_by: SortBy = SortBy.RELEVANCE
    descending: bool = True
    skip: int = 0
    size: int = 20
    caps: Caps = Caps()


@dataclass(frozen=True, slots=True)
class Hit:
    """A file that was found; *score* is positive, and comparable within one answer only."""

    file_id: Id
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """The hits asked for, and how many there are in all."""

    count: int
    hits: list[Hit]


@dataclass(frozen=True, slots=True)
class Snippet:
    """A stretch of a text, and which parts of it answer the query: (start, end) within *text*, in order."""

    text: str
    marks: tuple[tuple[int, int], ...]


def leaves(term: Term) -> Iterator[Term]:
    """Every term that is not made of others, from left to right; what stands under a ``Not`` too."""
    if isinstance(term, Not):
        yield from leaves(term.term)
    elif isinstance(term, AllOf | AnyOf):
        for each in term.terms:
            yield from leaves(each)
    else:
        yield term

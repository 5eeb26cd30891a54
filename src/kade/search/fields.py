"""What an index knows of a file besides its words, and where words are looked for."""

import re
from collections.abc import Iterable

from kade.core.clock import Millis, to_datetime
from kade.core.ids import Id
from kade.core.search import Document, Where

PARTS = ("text", "name", "author", "tag")
LOOKED_IN = {
    Where.ANYWHERE: PARTS,
    Where.NAME: ("name",),
    Where.AUTHOR: ("author",),
    Where.TAG: ("tag",),
}

EVERY = "*"
"""A type that every file is of."""

_EXTENSION = re.compile(r"\.([^\W_]{1,16})$")


def seen(space_id: Id, *, trashed: bool = False) -> str:
    """The word by which the files of a space are found, or those in its trash."""
    return f"-{space_id}" if trashed else space_id


def all_seen(spaces: Iterable[Id], trashed_in: Iterable[Id] = ()) -> list[str]:
    """The words for the files of these spaces, and for the trash of those that are in both."""
    readable = set(spaces)
    words = [seen(each) for each in sorted(readable)]
    return words + [seen(each, trashed=True) for each in sorted(readable & set(trashed_in))]


def types(document: Document) -> list[str]:
    """Everything that ``type:`` finds this file by."""
    media_type = document.media_type.partition(";")[0].encode("ascii", "ignore").decode()
    media_type = media_type.replace("\0", "").strip().lower()
    found = [EVERY, document.kind.value, media_type, media_type.partition("/")[0]]
    if extension := _EXTENSION.search(document.name):
        found.append(extension[1].lower())
    return list(dict.fromkeys(found))


def asked_type(text: str) -> str:
    """What stands behind ``type:``, as ``types`` says it."""
    return text.strip().lower().removeprefix("*").removeprefix(".")


def year_of(moment: Millis | None) -> int | None:
    """The year of a moment in UTC; None when there is none, or none that a calendar has."""
    if moment is None:
        return None
    try:
        return to_datetime(moment).year
    except (ValueError, OverflowError, OSError):
        return None

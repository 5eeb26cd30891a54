"""What of a file stands in the index, field by field.

A part of a file (text, name, author, tags) has three fields: its words with their positions, its Dutch stems
and its English ones. Nothing is stored but columns of numbers: what is shown of a file is in the catalog.
"""

import re

from tantivy import Document as Fields
from tantivy import Index, Schema, SchemaBuilder

from kade.core.clock import Millis, to_datetime
from kade.core.ids import Id
from kade.core.search import Document, Where
from kade.search.analysis import LANGUAGES, SURFACE, Analysis, prepared

FORMAT = 1
"""Grows with each change of this module or of the analysis that an index built before does not survive."""

PARTS = ("text", "name", "author", "tag")
LOOKED_IN = {
    Where.ANYWHERE: PARTS,
    Where.NAME: ("name",),
    Where.AUTHOR: ("author",),
    Where.TAG: ("tag",),
}

NEARNESS = "text_nl"
"""The stems that have positions: whether words stand together, in whatever inflection, is asked of it."""

EVERY = "*"
"""A type that every file is of."""

_UNKNOWN = -(1 << 62)  # the column of when, of a file that nobody knows it of: before all others
_EXTENSION = re.compile(r"\.([^\W_]{1,16})$")


def schema() -> Schema:
    """The fields of an index."""
    builder = SchemaBuilder()
    for part in PARTS:
        builder.add_text_field(part, tokenizer_name=SURFACE, index_option="position")
        for language in LANGUAGES:
            field = stems(part, language)
            kept = "position" if field == NEARNESS else "freq"
            builder.add_text_field(field, tokenizer_name=language, index_option=kept)
    for name in ("id", "seen", "type"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("year", indexed=True)
    for name in ("born", "rest", "length"):
        builder.add_unsigned_field(name, fast=True)
    for name in ("modified", "stamp"):
        builder.add_integer_field(name, fast=True)
    return builder.build()


def equip(index: Index, analysis: Analysis) -> None:
    """Give an index that was opened its analysers, which it only knows by name."""
    for name, analyzer in analysis.analyzers.items():
        index.register_tokenizer(name, analyzer)


def stems(part: str, language: str) -> str:
    """The field with the stems of that part of a file."""
    return f"{part}_{language}"


def seen(space_id: Id, *, trashed: bool = False) -> str:
    """The word by which the files of a space are found, or those in its trash."""
    return f"-{space_id}" if trashed else space_id


def halves(file_id: Id) -> tuple[int, int]:
    """An id as two numbers of 64 bits; ids sort as these do."""
    return int(file_id[:16], 16), int(file_id[16:], 16)


def whole(born: int, rest: int) -> Id:
    """The id of which these are the halves."""
    return Id(f"{born:016x}{rest:016x}")


def fields(document: Document) -> Fields:
    """A document as the index takes it."""
    made = Fields()
    parts = {"text": (document.text,), "name": (document.name,), "author": (document.author,)}
    for part, values in (parts | {"tag": document.tags}).items():
        for value in filter(None, map(prepared, values)):
            for field in (part, *(stems(part, language) for language in LANGUAGES)):
                made.add_text(field, value)
    made.add_text("id", document.file_id)
    made.add_text("seen", seen(document.space_id, trashed=document.trashed))
    for kind in types(document):
        made.add_text("type", kind)
    if (year := year_of(document.modified_at)) is not None:
        made.add_integer("year", year)
    born, rest = halves(document.file_id)
    made.add_unsigned("born", born)
    made.add_unsigned("rest", rest)
    made.add_unsigned("length", document.length)
    made.add_integer("modified", _UNKNOWN if document.modified_at is None else document.modified_at)
    made.add_integer("stamp", document.stamp)
    return made


def types(document: Document) -> list[str]:
    """Everything that ``type:`` finds this file by."""
    media_type = document.media_type.partition(";")[0].strip().lower()
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

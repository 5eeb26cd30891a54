"""What of a file stands in the index, field by field.

A part of a file (text, name, author, tags) has a field of its words, with their positions. The stems of all
parts together have a field for each language, those of the small parts one of their own besides. Nothing is
stored but columns of numbers: what is shown of a file is in the catalog.
"""

from tantivy import Document as Fields
from tantivy import Index, Schema, SchemaBuilder

from kade.core.ids import Id
from kade.core.search import Document
from kade.search.analysis import LANGUAGES, SURFACE, Analysis, prepared
from kade.search.fields import PARTS, seen, types, year_of

FORMAT = 1
"""Grows with each change of this module or of the analysis that an index built before does not survive."""

ANYWHERE = "all"
FIRST = next(iter(LANGUAGES))
"""The language whose stems have positions: of them it is asked whether words stand together."""

_UNKNOWN = -(1 << 62)  # the column of when, of a file that nobody knows it of: before all others


def schema() -> Schema:
    """The fields of an index."""
    builder = SchemaBuilder()
    for part in PARTS:
        builder.add_text_field(part, tokenizer_name=SURFACE, index_option="position")
    for part in (ANYWHERE, *PARTS[1:]):
        for language in LANGUAGES:
            kept = "position" if (part, language) == (ANYWHERE, FIRST) else "freq"
            builder.add_text_field(stems(part, language), tokenizer_name=language, index_option=kept)
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
            made.add_text(part, value)
            for language in LANGUAGES:
                made.add_text(stems(ANYWHERE, language), value)
                if part != "text":
                    made.add_text(stems(part, language), value)
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

"""What of a file stands in PostgreSQL.

A lexeme is a word of a part of the file, or a stem of one: ``factuur`` in the text, ``name:factuur`` in the
name, ``nl/factuur`` and ``name:nl/factuur`` Dutch stems. No word has a colon or a slash. What a lexeme is
worth is what BM25 says of how often it is there, with fixed figures for what is usual, so that it does not
depend on other files.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kade.core.ids import Id
from kade.core.search import Document
from kade.search.analysis import LANGUAGES, Analysis, Forms
from kade.search.fields import seen, types, year_of
from kade.search.weighing import ELSEWHERE, ELSEWHERE_SURFACE, STEM, SURFACE

_K, _B, _USUAL = 1.2, 0.75, 300.0
_FIRST, _LAST = -(1 << 63), (1 << 63) - 1


class Row(NamedTuple):
    """A file as a row; the columns are those of the table, in order.

    *said* has the words of each part between blanks, part by part; *near* the Dutch stems of the text.
    """

    file_id: Id
    stamp: int
    seen: str
    length: int
    modified: int | None
    year: int | None
    types: list[str]
    lexemes: list[str]
    worth: str
    said: list[str]
    near: str


def lexeme(part: str, word: str, language: str = "") -> str:
    """A word, or a stem in that language, in a part of a file."""
    stem = f"{language}/{word}" if language else word
    return stem if part == "text" else f"{part}:{stem}"


def lexemes(part: str, form: Forms) -> Iterator[str]:
    """All by which an inflection of a word is found in a part."""
    for language, stem in zip(LANGUAGES, form.stems, strict=True):
        yield lexeme(part, stem, language)


def words_of(found: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Part and word of those lexemes that are no stems."""
    for each in found:
        part, _, word = each.rpartition(":")
        if "/" not in word:
            yield part or "text", word


def rows_of(documents: Sequence[Document], analysis: Analysis) -> list[Row]:
    """Documents as rows."""
    return [_row(document, analysis) for document in documents]


def _row(document: Document, analysis: Analysis) -> Row:
    worth: dict[str, float] = {}
    text = analysis.forms(document.text)
    usual = 1 - _B + _B * len(text) / _USUAL
    counts: Counter[str] = Counter()
    for form in text:
        counts.update((form.surface, *lexemes("text", form)))
    for each, count in counts.items():
        worth[each] = (STEM if "/" in each else SURFACE) * count * (_K + 1) / (count + _K * usual)
    said = [_between_blanks(text)]
    parts = {"name": (document.name,), "author": (document.author,), "tag": document.tags}
    for part, values in parts.items():
        for form in (form for value in values for form in analysis.forms(value)):
            worth[lexeme(part, form.surface)] = ELSEWHERE_SURFACE
            worth.update(dict.fromkeys(lexemes(part, form), ELSEWHERE[part]))
        said.append("|".join(_between_blanks(analysis.forms(value)) for value in values))
    moment = document.modified_at
    return Row(
        document.file_id,
        document.stamp,
        seen(document.space_id, trashed=document.trashed),
        document.length,
        None if moment is None else max(_FIRST, min(_LAST, moment)),
        year_of(moment),
        types(document),
        list(worth),
        json.dumps({each: round(value, 4) for each, value in worth.items()}),
        said,
        f" {' '.join(form.stems[0] for form in text)} ",
    )


def _between_blanks(forms: Sequence[Forms]) -> str:
    return f" {' '.join(form.surface for form in forms)} "

"""How text becomes words, for every index and for what is shown of a text.

A word is a run of letters and digits, in lower case and without accents (``Financiën`` is ``financien``,
``ß`` is ``ss``, the ligature ``ĳ`` is ``ij``). Nobody knows in which language a document is, so a word has
two stems besides, a Dutch and an English one (Snowball): two words are inflections of one when either agrees.
In scripts that put no space between words each sign is a word; what is several words is found as a phrase.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tantivy import TextAnalyzer

LANGUAGES = {"nl": "dutch", "en": "english"}
SURFACE = "surface"

_LONGEST = 240  # bytes of a word; what is longer is no word but data that somebody encoded
SIGNS = "\u2e80-\u2fdf\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SIGNS = re.compile(f"([{SIGNS}])")
_ACCENTS = re.compile("[\u0300-\u036f]+")


class Forms(NamedTuple):
    """A word as it is written, and its stems by language."""

    surface: str
    stems: tuple[str, ...]


class Analysis:
    """The analysers, made once; they may be used by several threads."""

    def __init__(self) -> None:
        self.analyzers: dict[str, TextAnalyzer] = {SURFACE: _analyzer("")}
        self.analyzers |= {name: _analyzer(language) for name, language in LANGUAGES.items()}

    def words(self, text: str) -> list[str]:
        """The words of a text, in order."""
        return self.analyzers[SURFACE].analyze(prepared(text))

    def forms(self, text: str) -> list[Forms]:
        """The words of a text with their stems, in order."""
        clean = prepared(text)
        surfaces = self.analyzers[SURFACE].analyze(clean)
        return [Forms(surface, stems) for surface, stems in zip(surfaces, self.stems(clean), strict=True)]

    def stems(self, clean: str) -> Iterator[tuple[str, ...]]:
        """The stems of the words of a text that was prepared, in order."""
        return zip(*(self.analyzers[name].analyze(clean) for name in LANGUAGES), strict=True)


def prepared(text: str) -> str:
    """The same text as analysers take it: without accents, signs apart, nothing that UTF-8 lacks."""
    if text.isascii():
        return text
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    clean = _SIGNS.sub(r" \1 ", unicodedata.normalize("NFC", bare))
    try:
        clean.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return clean.encode(errors="replace").decode()
    return clean


def _analyzer(language: str) -> "TextAnalyzer":
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for each in (Filter.remove_long(_LONGEST), Filter.ascii_fold(), Filter.lowercase()):
        builder = builder.filter(each)
    return (builder.filter(Filter.stemmer(language)) if language else builder).build()

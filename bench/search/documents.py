"""Documents of about two kilobytes, as many as one likes, and queries about them; the same for the same seed.

Words are made of syllables and are as unevenly common as words are (Zipf), with Dutch and English endings. A
document is drawn from a pool of sentences, which is fast, and has a number of its own.
"""

import itertools
import random
from collections.abc import Iterator
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.search import Document, Search, SortBy
from kade.core.search_text import parse

SPACES = [Id(f"{number:032x}") for number in range(1, 51)]

_WORDS, _SENTENCES = 60_000, 40_000
_SENTENCES_EACH, _SPREAD = 24, 8
_ONSETS = [
    "b",
    "d",
    "f",
    "g",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "z",
    "st",
    "tr",
    "br",
    "kl",
    "gr",
    "sch",
]
_VOWELS = ["a", "e", "i", "o", "u", "aa", "ee", "oo", "ij", "ui", "ie"]
_CODAS = ["", "", "l", "n", "r", "s", "t", "k", "m", "nd", "rt"]
_ENDINGS = ["", "", "", "en", "s", "ing", "de", "er"]
_EXTENSIONS = {
    "pdf": "application/pdf",
    "docx": "application/msword",
    "txt": "text/plain",
    "eml": "message/rfc822",
}
_FIRST_DAY, _DAY_MS, _DAYS = Millis(1_577_836_800_000), 86_400_000, 2_000  # 2020-01-01


class Asked(NamedTuple):
    """A query as it is typed, and the search that it becomes."""

    text: str
    search: Search


class Archive:
    """Makes documents and queries."""

    def __init__(self, seed: int = 1) -> None:
        chance = random.Random(seed)
        self.words = _words(chance)
        weights = list(itertools.accumulate(1 / (rank + 20) for rank in range(_WORDS)))
        drawn = iter(chance.choices(self.words, cum_weights=weights, k=_SENTENCES * 20))
        self._sentences = [list(itertools.islice(drawn, chance.randint(8, 20))) for _ in range(_SENTENCES)]
        self._said = [" ".join(sentence).capitalize() + "." for sentence in self._sentences]

    def documents(self, count: int, first: int = 0) -> Iterator[Document]:
        """*count* documents from number *first* on; a document depends on nothing but its number."""
        for number in range(first, first + count):
            yield self._document(number)

    def _document(self, number: int) -> Document:
        chance = random.Random(number)
        said = chance.choices(self._said, k=_SENTENCES_EACH + chance.randint(-_SPREAD, _SPREAD))
        extension = chance.choice(list(_EXTENSIONS))
        name = chance.choices(self.words, k=2)
        return Document(
            file_id=Id(f"{number + (1 << 100):032x}"),
            stamp=1,
            space_id=chance.choice(SPACES),
            name=f"{' '.join(name)} {number}.{extension}",
            author=f"{chance.choice('ABCDE')}. {chance.choice(self.words[:5000])}",
            tags=tuple(chance.choices(self.words[1000:3000], k=number % 3)),
            text=f"{' '.join(said)} Nr. {2020 + number % 6}-{number:07}",
            media_type=_EXTENSIONS[extension],
            length=chance.randint(500, 5_000_000),
            modified_at=Millis(_FIRST_DAY + chance.randint(0, _DAYS) * _DAY_MS),
        )

    def queries(self, count: int, seed: int = 2) -> list[Asked]:
        """Mixed ones: of one to three words mostly, by whoever may see one space, ten or all."""
        chance = random.Random(seed)
        return [self._query(chance) for _ in range(count)]

    def _query(self, chance: random.Random) -> Asked:
        shape = chance.choices(list(_SHAPES), cum_weights=list(itertools.accumulate(_SHAPES.values())))[0]
        sentence = chance.choice(self._sentences)
        at = chance.randint(0, len(sentence) - 3)
        one, two, three = sentence[at : at + 3]
        text = shape.format(
            one=one,
            two=two,
            three=three,
            start=one[:4],
            far=chance.choice(sentence),
            year=chance.randint(2020, 2025),
        )
        spaces = chance.choice((SPACES[:1], SPACES[:10], SPACES))
        sort_by = chance.choices(list(SortBy), weights=(8, 1, 1))[0]
        return Asked(text, Search(parse(text), spaces, sort_by=sort_by))


_SHAPES = {
    "{one}": 20,
    "{one} {far}": 35,
    "{one} {two} {three}": 10,
    '"{one} {two}"': 8,
    "{start}*": 5,
    "{one} {start}*": 3,
    "{one} year:{year}": 5,
    "{one} {far} type:pdf": 4,
    "{one} -{two}": 4,
    "{one} OR {far}": 4,
    "tag:{one}": 1,
    "name:{one} {far}": 1,
}


def _words(chance: random.Random) -> list[str]:
    made: dict[str, None] = {}
    while len(made) < _WORDS:
        syllables = (
            chance.choice(_ONSETS) + chance.choice(_VOWELS) + chance.choice(_CODAS)
            for _ in range(chance.choice((1, 2, 2, 3)))
        )
        base = "".join(syllables)
        made.update(dict.fromkeys(base + ending for ending in chance.choices(_ENDINGS, k=3)))
    return list(made)[:_WORDS]

"""What of a given text answers a query: snippets and tags, with the analysis of the index.

Only words that begin with a letter that can lead to a match are analysed, each distinct one once, so a text
of a million characters takes about a tenth of a second; the search for the densest stretch ends with the
first block of the text that has all there is to find.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from kade.core.search import AllOf, AnyOf, Phrase, Prefix, Snippet, Term, Where, Word
from kade.search.analysis import SIGNS, Analysis, Forms

_BLOCK = 50_000
_FARTHEST = 4_000_000  # characters that are looked through
_MOST = 10_000  # matches that are weighed
_KEPT = 32  # queries whose finders are kept
_VOCABULARY = 50_000  # words that a finder remembers from text to text
_PATIENCE = 200_000  # words that are compared with those of phrases
_LONG = 200
_MARKS = (  # what combines with a letter: accents, and vowel signs of Indic scripts, Thai and Lao
    "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0d83\u0e31-\u0e4e\u0eb1-\u0ecd"
)
_LETTER = f"[^\\W_{SIGNS}]"
_INNER = f"(?:{_LETTER}|[{_MARKS}])"
_RUN = f"{_LETTER}*(?:[{_MARKS}]+{_LETTER}*)*"  # the same as _INNER*, in long steps
_WORD = re.compile(f"[{SIGNS}]|{_INNER}+")
_CANDIDATE = re.compile(f"{_LETTER}{_RUN}|[{_MARKS}]{_RUN}|(?<!{_INNER})[{SIGNS}]")
_PLAIN = "[0-9A-Za-z]"
_LATIN = "".join(map(chr, [*range(0x41, 0x250), *range(0x1E00, 0x1F00), *range(0xFF21, 0xFF5B)]))
_PARTICIPLE = "g"  # the Dutch stemmer takes ge- away: gewerkt, werk


class _Needle(NamedTuple):
    """Words that have to follow each other; of a single one also its inflections, or all that begin so."""

    surfaces: tuple[str, ...]
    stems: tuple[str, ...] = ()
    is_prefix: bool = False

    def finds(self, word: Forms) -> bool:
        """Whether it is this one word."""
        if self.is_prefix:
            return word.surface.startswith(self.surfaces[0])
        alike = any(mine == theirs for mine, theirs in zip(self.stems, word.stems, strict=False))
        return alike or word.surface == self.surfaces[0]

    def begins(self, surfaces: Sequence[str]) -> bool:
        """Whether the first of its words is the first of these."""
        return bool(surfaces) and surfaces[0] == self.surfaces[0]


_Known = dict[str, tuple[int, ...]]
"""Words of texts, and for each the needles that it is, or that begin with it."""


class _Match(NamedTuple):
    start: int
    end: int
    needle: int


class Highlighting:
    """Implements ``snippet`` and ``matching`` of ``core.ports.SearchIndex``."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._finders: dict[tuple[Term, tuple[Where, ...]], _Finder] = {}

    def snippet(self, term: Term, text: str, width: int = 200) -> Snippet:
        """See ``SearchIndex.snippet``."""
        finder = self._finder(term, (Where.ANYWHERE,))
        best: list[_Match] = []
        for matches in finder.blocks(text):
            best = max(best, _densest(matches, width), key=_worth)
            if _worth(best)[0] == finder.different:
                break
        return _cut(text, best, width)

    def matching(self, term: Term, tags: Sequence[str]) -> list[str]:
        """See ``SearchIndex.matching``."""
        finder = self._finder(term, (Where.ANYWHERE, Where.TAG))
        return [tag for tag in tags if any(finder.blocks(tag))]

    def _finder(self, term: Term, places: tuple[Where, ...]) -> "_Finder":
        """One for all texts of an answer: the words of one come again in the next."""
        found = self._finders.get((term, places))
        if found is None:
            if len(self._finders) >= _KEPT:
                self._finders.clear()
            found = _Finder(self._analysis, self._needles(term, places), self._by_first_letter)
            self._finders[term, places] = found
        return found

    def _needles(self, term: Term, places: tuple[Where, ...]) -> list[_Needle]:
        found = (self._needle(leaf) for leaf in _positive(term) if leaf.where in places)
        return list(dict.fromkeys(needle for needle in found if needle is not None))

    def _needle(self, leaf: Word | Prefix | Phrase) -> _Needle | None:
        said = " ".join(leaf.words) if isinstance(leaf, Phrase) else leaf.text
        forms = self._analysis.forms(said)
        if not forms:
            return None
        surfaces = tuple(each.surface for each in forms)
        if isinstance(leaf, Prefix):
            return _Needle(surfaces[-1:], is_prefix=True)
        return _Needle(surfaces, forms[0].stems if isinstance(leaf, Word) and len(forms) == 1 else ())

    @cached_property
    def _by_first_letter(self) -> dict[str, str]:
        """For a letter, all that become it, in whatever case and with whatever accent."""
        found: dict[str, str] = {}
        for letter in _LATIN:
            for word in self._analysis.words(letter):
                found[word[0]] = found.get(word[0], "") + letter
        return found


def _positive(term: Term) -> Iterator[Word | Prefix | Phrase]:
    """What is looked for; not what must not be there."""
    if isinstance(term, AllOf | AnyOf):
        for each in term.terms:
            yield from _positive(each)
    elif isinstance(term, Word | Prefix | Phrase):
        yield term


class _Finder:
    """Finds needles in texts, and remembers the words that it saw; several threads may use it."""

    def __init__(self, analysis: Analysis, needles: Sequence[_Needle], by_first: dict[str, str]) -> None:
        self.different = len(needles)
        self.needles = needles
        self._analysis = analysis
        self._known: _Known = {}
        self._starts = tuple(needle.surfaces[0] for needle in needles)
        self._stems = {stem for needle in needles for stem in needle.stems}
        letters = {form[0] for needle in needles for form in (needle.surfaces[0], *needle.stems) if form}
        letters |= {_PARTICIPLE} if any(needle.stems for needle in needles) else set()
        self._firsts = frozenset("".join(by_first.get(letter, letter + letter.upper()) for letter in letters))
        # One that knows of all scripts takes ten milliseconds to compile, this one a tenth of one.
        first = f"[{''.join(sorted(filter(str.isascii, self._firsts)))}]"
        self._plain = re.compile(f"{first}(?<!{_PLAIN}{first}){_PLAIN}*" if first != "[]" else "(?!)")

    def candidates(self, text: str) -> Iterator[re.Match[str]]:
        """Words that begin with a letter that can lead to a match."""
        if text.isascii():
            return self._plain.finditer(text, 0, _FARTHEST)
        words = _CANDIDATE.finditer(text, 0, _FARTHEST)
        return (word for word in words if word[0][0] in self._firsts)

    def blocks(self, text: str) -> Iterator[list[_Match]]:
        """Matches from left to right, those of one block of the text together; none: no block."""
        if len(self._known) >= _VOCABULARY:
            self._known = {}  # whoever is reading keeps the one that it has
        return _Reading(self, text, self._known).blocks()

    def learn(self, words: set[str], known: _Known) -> None:
        """Analyse words that are new; all plain ones at once, which is a lot faster."""
        plain = list(filter(_is_plain, words))
        surfaces = list(map(str.lower, plain))
        stems = list(self._analysis.stems(" ".join(surfaces))) if self._stems else [()] * len(plain)
        found: _Known = dict.fromkeys(plain, ())
        for word, surface, forms in zip(plain, surfaces, stems, strict=True):
            if surface.startswith(self._starts) or not self._stems.isdisjoint(forms):
                found[word] = self._judged([Forms(surface, forms)])
        for word in words.difference(plain):
            found[word] = self._judged(self._analysis.forms(word))
        known.update(found)

    def surfaces(self, word: str) -> tuple[str, ...]:
        """What a word of a text is made of."""
        return (word.lower(),) if _is_plain(word) else tuple(self._analysis.words(word))

    def _judged(self, forms: list[Forms]) -> tuple[int, ...]:
        surfaces = tuple(form.surface for form in forms)
        return tuple(
            number
            for number, needle in enumerate(self.needles)
            if (any(map(needle.finds, forms)) if len(needle.surfaces) == 1 else needle.begins(surfaces))
        )


class _Reading:
    """One text that is looked through."""

    def __init__(self, finder: _Finder, text: str, known: _Known) -> None:
        self._finder = finder
        self._text = text
        self._known = known
        self._said: dict[str, tuple[str, ...]] = {}  # words that followed others
        self._compared = 0

    def blocks(self) -> Iterator[list[_Match]]:
        """See ``_Finder.blocks``."""
        candidates = self._finder.candidates(self._text)
        total = 0
        for _, block in itertools.groupby(candidates, lambda candidate: candidate.start() // _BLOCK):
            words = [(candidate[0], candidate) for candidate in block]
            self._finder.learn({word for word, _ in words if word not in self._known}, self._known)
            wanted = [candidate for word, candidate in words if self._known[word]]
            found = [match for candidate in wanted for match in self._at(candidate)]
            if found:
                yield found
            total += len(found)
            if total > _MOST or self._compared > _PATIENCE:
                break

    def _at(self, candidate: re.Match[str]) -> Iterator[_Match]:
        """What is found where this word stands."""
        for number in self._known[candidate[0]]:
            surfaces = self._finder.needles[number].surfaces
            end = candidate.end() if len(surfaces) == 1 else self._end_of(candidate.start(), surfaces)
            if end is not None:
                yield _Match(candidate.start(), end, number)

    def _end_of(self, start: int, surfaces: tuple[str, ...]) -> int | None:
        """Where these words, one after the other, end; None when others stand at *start*."""
        left = surfaces
        for word in _WORD.finditer(self._text, start):
            self._compared += 1
            said = self._said.get(word[0])
            if said is None:
                said = self._said[word[0]] = self._finder.surfaces(word[0])
            if said != left[: len(said)]:
                return None
            left = left[len(said) :]
            if not left:
                return word.end()
        return None


def _is_plain(word: str) -> bool:
    """Whether a word's surface is the word in lower case."""
    return word.isascii() and len(word) < _LONG


def _worth(matches: Sequence[_Match]) -> tuple[int, int]:
    """How many different needles there are, and how many matches."""
    return len({match.needle for match in matches}), len(matches)


def _densest(matches: list[_Match], width: int) -> list[_Match]:
    """Of those that fit into *width*, the first that are worth most; a longer one stands alone."""
    best, worth = matches[:1], (0, 0)
    counts: dict[int, int] = {}
    last = 0
    for first, match in enumerate(matches):
        while last < len(matches) and (last == first or matches[last].end <= match.start + width):
            counts[matches[last].needle] = counts.get(matches[last].needle, 0) + 1
            last += 1
        here = len(counts), last - first
        if here > worth:
            best, worth = matches[first:last], here
        counts[match.needle] -= 1
        if not counts[match.needle]:
            del counts[match.needle]
    return best


def _cut(text: str, matches: Sequence[_Match], width: int) -> Snippet:
    """The stretch about the matches, whole words at its edges."""
    first = matches[0].start if matches else 0
    last = max((match.end for match in matches), default=0)
    start = max(0, first - max(0, width - (last - first)) // 3)
    end = min(len(text), max(last, start + width))
    start = _after_space(text, max(0, min(start, end - width)), first)
    end = _before_space(text, end, last)
    marks: list[tuple[int, int]] = []
    for match in matches:
        if not marks or match.start - start >= marks[-1][1]:
            marks.append((match.start - start, match.end - start))
        else:
            marks[-1] = marks[-1][0], max(marks[-1][1], match.end - start)
    return Snippet(text[start:end], tuple(marks))


def _after_space(text: str, start: int, limit: int) -> int:
    """Where the first whole word at or after *start* begins, *limit* at the latest."""
    while start and start < limit and not text[start - 1].isspace():
        start += 1
    return start


def _before_space(text: str, end: int, limit: int) -> int:
    """Where the last whole word at or before *end* ends; in the midst of one that is longer than that."""
    place = end
    while limit < place < len(text) and not text[place].isspace():
        place -= 1
    return place if place > limit or place == len(text) or text[place].isspace() else max(end, limit)

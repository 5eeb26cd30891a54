"""From a term to a query of tantivy, with what a match is worth.

A match in the text is worth what BM25 says of the stem, and something besides of the word as it was written;
one in the name is worth more than any in the text, one in the tags more still. How rare a word is, is counted
among the files that the caller may see, so that a score tells nothing of others'; tantivy's own idea of it,
which counts every file, is divided out again.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from tantivy import Occur, Query, Schema, Searcher, SearchResult

from kade.core.errors import KadeError, SearchReason
from kade.core.ids import Id
from kade.core.search import (
    AllOf,
    AnyOf,
    Caps,
    InGroup,
    InSpaces,
    Not,
    OfType,
    OfYear,
    Phrase,
    Prefix,
    Term,
    Where,
    Word,
    leaves,
)
from kade.search.analysis import LANGUAGES, Analysis, Forms
from kade.search.tantivy_schema import EVERY, LOOKED_IN, NEARNESS, asked_type, seen, stems

# BM25 of a word is below 2.2 times its rarity, however often it is there.
_STEM, _SURFACE = 1.0, 0.8
_ELSEWHERE = {"name": 4.5, "author": 4.5, "tag": 9.0}
_ELSEWHERE_SURFACE = 0.5
_PREFIX = 0.5
_PHRASE = 2.0
_NEAR, _NEAR_SLOP = 1.5, 4
_NEAR_MOST = 200_000  # of two words that are both in more files than that it is not asked whether they meet
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def is_scored(term: Term) -> bool:
    """Whether some files answer the term better than others."""
    if isinstance(term, AllOf | AnyOf):
        return any(map(is_scored, term.terms))
    return isinstance(term, Word | Prefix | Phrase)


def visible(schema: Schema, spaces: Iterable[Id], trashed_in: Iterable[Id] = ()) -> Query:
    """The files of these spaces, and the trash of those that are in both."""
    readable = set(spaces)
    words = [seen(each) for each in sorted(readable)]
    words += [seen(each, trashed=True) for each in sorted(readable & set(trashed_in))]
    return Query.const_score_query(Query.term_set_query(schema, "seen", words), 0.0)


class Compiler:
    """Makes the query of one search."""

    def __init__(
        self, searcher: Searcher, schema: Schema, analysis: Analysis, limit_to: Query, caps: Caps
    ) -> None:
        self._searcher = searcher
        self._schema = schema
        self._analysis = analysis
        self._visible = limit_to
        self._caps = caps
        self._expanded = 0
        self._rarities: dict[str, float] = {}  # of words, by their first stem
        self._compares = False

    def compile(self, term: Term) -> Query:
        """The query that finds what *term* does, of the visible files.

        Raises:
            KadeError: ``SearchReason.WORD_TOO_WIDE`` or ``QUERY_TOO_WIDE``.
        """
        self._compares = sum(isinstance(leaf, Word | Phrase) for leaf in leaves(term)) > 1
        return self._both(self._query(term), self._visible)

    def _query(self, term: Term) -> Query:
        match term:
            case Word(text, where):
                return self._words(self._analysis.forms(text), where)
            case Phrase(words, where):
                return self._phrase(self._analysis.words(" ".join(words)), where)
            case Prefix(text, where):
                return self._prefix(text, where)
            case OfType(text):
                return self._filter(Query.term_query(self._schema, "type", asked_type(text)))
            case OfYear(year):
                return self._filter(Query.term_query(self._schema, "year", year))
            case InSpaces(spaces):
                return self._filter(visible(self._schema, spaces, spaces))
            case Not(inner):
                return self._all_of([Not(inner)])
            case AllOf(terms):
                return self._all_of(terms)
            case AnyOf(terms):
                return self._any([self._query(each) for each in terms])
            case InGroup(name):
                raise AssertionError(f"the group {name!r} was not resolved")

    def _all_of(self, terms: Sequence[Term]) -> Query:
        clauses = [
            (Occur.MustNot, self._query(each.term))
            if isinstance(each, Not)
            else (Occur.Must, self._query(each))
            for each in terms
        ]
        if not any(occur == Occur.Must for occur, _ in clauses):
            clauses.append((Occur.Must, Query.const_score_query(Query.all_query(), 0.0)))
        return Query.boolean_query([*clauses, *((Occur.Should, query) for query in self._nearness(terms))])

    def _words(self, forms: Sequence[Forms], where: Where) -> Query:
        """One word in any inflection; what turns out to be several is a phrase."""
        if len(forms) != 1:
            return self._phrase([each.surface for each in forms], where)
        form = forms[0]
        rarity = self._rarity([self._plain(part, form) for part in LOOKED_IN[where]])
        self._rarities[form.stems[0]] = rarity
        return self._any([self._word(part, form, rarity) for part in LOOKED_IN[where]])

    def _plain(self, part: str, form: Forms) -> Query:
        """Whether a word is in a part, whatever that is worth."""
        found = (
            Query.term_query(self._schema, stems(part, language), stem, "freq")
            for language, stem in zip(LANGUAGES, form.stems, strict=True)
        )
        return self._any([Query.term_query(self._schema, part, form.surface, "freq"), *found])

    def _word(self, part: str, form: Forms, rarity: float) -> Query:
        if part in _ELSEWHERE:
            exact = Query.term_query(self._schema, part, form.surface, "freq")
            found = Query.const_score_query(self._plain(part, form), _ELSEWHERE[part] * rarity)
            return self._any([found, Query.const_score_query(exact, _ELSEWHERE_SURFACE * rarity)])
        stemmed = [
            self._bm25(stems(part, language), [stem], _STEM * rarity)
            for language, stem in zip(LANGUAGES, form.stems, strict=True)
        ]
        exact = self._bm25(part, [form.surface], _SURFACE * rarity)
        return self._any([Query.disjunction_max_query(stemmed), exact])

    def _phrase(self, words: Sequence[str], where: Where) -> Query:
        if not words:
            return Query.empty_query()
        plain = {part: self._sequence(part, words) for part in LOOKED_IN[where]}
        rarity = self._rarity(list(plain.values()))
        return self._any(
            [
                Query.const_score_query(query, _ELSEWHERE[part] * rarity)
                if part in _ELSEWHERE
                else self._bm25(part, words, _PHRASE * rarity)
                for part, query in plain.items()
            ]
        )

    def _sequence(self, part: str, words: Sequence[str], slop: int = 0) -> Query:
        if len(words) == 1:
            return Query.term_query(self._schema, part, words[0], "freq")
        return Query.phrase_query(self._schema, part, list(words), slop)

    def _bm25(self, field: str, words: Sequence[str], worth: float, slop: int = 0) -> Query:
        """These words, worth as much as *worth* times what BM25 says of how often they are there."""
        rarity = sum(_rarity(self._total, self._searcher.doc_freq(field, word)) for word in words)
        return Query.boost_query(self._sequence(field, words, slop), worth / rarity)

    def _nearness(self, terms: Sequence[Term]) -> Iterator[Query]:
        """What is worth something besides: words that were asked together and stand together."""
        asked = [term.text for term in terms if isinstance(term, Word) and term.where is Where.ANYWHERE]
        words = [found[0].stems[0] for text in asked if len(found := self._analysis.forms(text)) == 1]
        for pair in itertools.pairwise(words):
            least = min(self._searcher.doc_freq(NEARNESS, word) for word in pair)
            if pair[0] != pair[1] and 0 < least <= _NEAR_MOST:
                worth = _NEAR * sum(self._rarities[word] for word in pair)
                yield self._bm25(NEARNESS, pair, worth, _NEAR_SLOP)

    def _prefix(self, text: str, where: Where) -> Query:
        """Every word that begins so; what stands before it, if it is several words, as they are."""
        *before, start = self._analysis.words(text) or [""]
        if not start:
            return Query.empty_query()
        found = {part: self._beginning(part, start) for part in LOOKED_IN[where]}
        different = len(set().union(*found.values()))
        self._expanded += different
        if different > self._caps.word:
            raise KadeError(SearchReason.WORD_TOO_WIDE, text)
        if self._expanded > self._caps.query:
            raise KadeError(SearchReason.QUERY_TOO_WIDE)
        queries = [
            Query.const_score_query(
                Query.term_set_query(self._schema, part, sorted(words)), _ELSEWHERE.get(part, _PREFIX)
            )
            for part, words in found.items()
            if words
        ]
        return self._both(self._any(queries), *(self._phrase([word], where) for word in before))

    def _beginning(self, part: str, start: str) -> set[str]:
        """Words of visible files that begin so; of many too many, enough to see that.

        A dictionary can be read from a start only, so a single letter is tried with the next one after it
        before everything that begins with it is read.
        """
        found: set[str] = set()
        for longer in [*(start + letter for letter in _LETTERS if len(start) == 1), start]:
            terms = self._searcher.terms_with_prefix(part, longer, self._visible)
            found.update(word for word, count in terms if count)
            if len(found) > self._caps.word:
                break
        return found

    def _rarity(self, plain: Sequence[Query]) -> float:
        """How rare it is, among the files that the caller may see, that one of these finds a file."""
        if not self._compares:
            return 1.0
        return _rarity(self._seen, self._count(self._both(self._any(plain), self._visible)))

    def _count(self, query: Query) -> int:
        return counted(self._searcher.search(query, 1, order_by_field="length"))

    @cached_property
    def _seen(self) -> int:
        """How many files the caller may see."""
        return self._count(self._visible)

    @cached_property
    def _total(self) -> int:
        """How many files there are for BM25; those that were removed count until they are merged away."""
        return self._searcher.doc_freq("type", EVERY)

    def _any(self, queries: Sequence[Query]) -> Query:
        return self._boolean(Occur.Should, queries)

    def _both(self, *queries: Query) -> Query:
        return self._boolean(Occur.Must, queries)

    def _boolean(self, occur: Occur, queries: Sequence[Query]) -> Query:
        return queries[0] if len(queries) == 1 else Query.boolean_query([(occur, each) for each in queries])

    @staticmethod
    def _filter(query: Query) -> Query:
        return Query.const_score_query(query, 0.0)


def counted(result: SearchResult) -> int:
    """How many hits there are in all."""
    found: int = result.count  # type: ignore[attr-defined]  # its types lack it
    return found


def _rarity(files: int, having: int) -> float:
    """The inverse document frequency of BM25; tantivy's is the same."""
    return math.log(1 + (files - having + 0.5) / (having + 0.5))

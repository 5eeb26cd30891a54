"""From a term to a query of tantivy, with what a match is worth.

How rare a word is, is counted among the files that the caller may see, so that a score tells nothing of
others'; tantivy's own idea of it, which counts every file, is divided out again.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from tantivy import Occur, Query, Schema, Searcher, SearchResult

from kade.core.errors import KadeError, SearchReason
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
from kade.search.fields import EVERY, LOOKED_IN, all_seen, asked_type
from kade.search.tantivy_schema import ANYWHERE, FIRST, stems
from kade.search.weighing import (
    ELSEWHERE,
    ELSEWHERE_SURFACE,
    NEAR,
    NEAR_MOST,
    NEAR_SLOP,
    PHRASE,
    PREFIX,
    STEM,
    SURFACE,
    is_compared,
    rarity_of,
)

_FEW = 16
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class View:
    """The files that a caller may see; *count* has some that were removed and are not merged away yet."""

    def __init__(self, searcher: Searcher, schema: Schema, seen: Sequence[str]) -> None:
        self.query = in_spaces(schema, seen)
        self.count = sum(searcher.doc_freq("seen", word) for word in seen)
        # Every file has one such word and one such type, so nothing is hidden when there are as many.
        self._is_all = self.count == searcher.doc_freq("type", EVERY)

    def limit(self, query: Query) -> Query:
        """What of it is among them."""
        if self._is_all:
            return query
        return Query.boolean_query([(Occur.Must, query), (Occur.Must, self.query)])

    def having(self, searcher: Searcher, schema: Schema, field: str, word: str) -> int:
        """How many of them have a word."""
        if self._is_all:
            return searcher.doc_freq(field, word)
        query = self.limit(Query.term_query(schema, field, word, "basic"))
        return counted(searcher.search(query, 1, order_by_field="length"))


class Compiler:
    """Makes the query of one search; *ranks* says whether what a match is worth matters to it."""

    def __init__(
        self, searcher: Searcher, schema: Schema, analysis: Analysis, view: View, caps: Caps, *, ranks: bool
    ) -> None:
        self._searcher = searcher
        self._schema = schema
        self._analysis = analysis
        self._view = view
        self._caps = caps
        self._ranks = ranks
        self._expansions: dict[Prefix, dict[str, set[str]]] = {}
        self._rarities: dict[str, float] = {}  # of words, by their first stem
        self._compares = False

    def compile(self, term: Term) -> Query:
        """The query that finds what *term* does, of the visible files.

        Raises:
            KadeError: ``SearchReason.WORD_TOO_WIDE`` or ``QUERY_TOO_WIDE``.
        """
        self._compares = self._ranks and is_compared(term)
        self._expansions = self._expanded(term)
        return self._view.limit(self._query(term))

    def _query(self, term: Term) -> Query:
        match term:
            case Word(text, where):
                return self._word(self._analysis.forms(text), where)
            case Phrase(words, where):
                return self._phrase(self._analysis.words(" ".join(words)), where)
            case Prefix():
                return self._prefix(term)
            case OfType(text):
                return self._filter(self._term("type", asked_type(text)))
            case OfYear(year):
                return self._filter(Query.term_query(self._schema, "year", year))
            case InSpaces(spaces):
                return in_spaces(self._schema, all_seen(spaces, spaces))
            case Not(inner):
                return self._all_of([Not(inner)])
            case AllOf(terms):
                return self._all_of(terms)
            case AnyOf(terms):
                return some(self._query(each) for each in terms)
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

    def _word(self, forms: Sequence[Forms], where: Where) -> Query:
        """One word in any inflection; what turns out to be several is a phrase.

        Its stems are looked for in all of the file or in one part; whatever makes it worth more, the word as
        it was written or the part where it is, only makes a difference to what these find.
        """
        if len(forms) != 1:
            return self._phrase([each.surface for each in forms], where)
        form = forms[0]
        found = ANYWHERE if where is Where.ANYWHERE else where.value
        if not self._ranks:
            return some(self._stems(found, form))
        rarity = self._rarities[form.stems[0]] = self._rarity(stems(found, FIRST), form.stems[0])
        elsewhere = [part for part in LOOKED_IN[where] if part in ELSEWHERE]
        more = [
            Query.const_score_query(some(self._stems(part, form)), ELSEWHERE[part] * rarity)
            for part in elsewhere
        ]
        more += [
            Query.const_score_query(self._term(part, form.surface), ELSEWHERE_SURFACE * rarity)
            for part in elsewhere
        ]
        if where is Where.ANYWHERE:
            more.append(self._bm25("text", [form.surface], SURFACE * rarity))
        needed = [
            self._bm25(stems(found, language), [stem], STEM * rarity)
            for language, stem in zip(LANGUAGES, form.stems, strict=True)
        ]
        return Query.boolean_query([(Occur.Must, some(needed)), *((Occur.Should, each) for each in more)])

    def _stems(self, part: str, form: Forms) -> list[Query]:
        """Whether a word is in a part, in any inflection."""
        return [
            self._term(stems(part, language), stem)
            for language, stem in zip(LANGUAGES, form.stems, strict=True)
        ]

    def _phrase(self, words: Sequence[str], where: Where) -> Query:
        if not words:
            return Query.empty_query()
        rarity = max(self._rarity(LOOKED_IN[where][0], word) for word in words)
        return some(
            Query.const_score_query(self._sequence(part, words), ELSEWHERE[part] * rarity)
            if part in ELSEWHERE
            else self._bm25(part, words, PHRASE * rarity)
            for part in LOOKED_IN[where]
        )

    def _term(self, field: str, word: str) -> Query:
        return Query.term_query(self._schema, field, word, "freq")

    def _sequence(self, field: str, words: Sequence[str], slop: int = 0) -> Query:
        if len(words) == 1:
            return self._term(field, words[0])
        return Query.phrase_query(self._schema, field, list(words), slop)

    def _bm25(self, field: str, words: Sequence[str], worth: float, slop: int = 0) -> Query:
        """These words, worth as much as *worth* times what BM25 says of how often they are there."""
        rarity = sum(rarity_of(self._total, self._searcher.doc_freq(field, word)) for word in words)
        return Query.boost_query(self._sequence(field, words, slop), worth / rarity)

    def _nearness(self, terms: Sequence[Term]) -> Iterator[Query]:
        """What is worth something besides: words that were asked together and stand together."""
        asked = [term.text for term in terms if isinstance(term, Word) and term.where is Where.ANYWHERE]
        if len(asked) < 2 or not self._ranks:
            return
        words = [found[0].stems[0] for text in asked if len(found := self._analysis.forms(text)) == 1]
        field = stems(ANYWHERE, FIRST)
        for pair in itertools.pairwise(words):
            least = min(self._searcher.doc_freq(field, word) for word in pair)
            if pair[0] != pair[1] and 0 < least <= NEAR_MOST:
                worth = NEAR * sum(self._rarities[word] for word in pair)
                yield self._bm25(field, pair, worth, NEAR_SLOP)

    def _prefix(self, prefix: Prefix) -> Query:
        """Every word that begins so; what stands before it, if it is several words, as they are."""
        *before, start = self._analysis.words(prefix.text) or [""]
        if not start:
            return Query.empty_query()
        queries = [
            Query.const_score_query(
                Query.term_set_query(self._schema, part, sorted(words)), ELSEWHERE.get(part, PREFIX)
            )
            for part, words in self._expansions[prefix].items()
            if words
        ]
        earlier = (self._phrase([word], prefix.where) for word in before)
        return Query.boolean_query([(Occur.Must, each) for each in (some(queries), *earlier)])

    def _expanded(self, term: Term) -> dict[Prefix, dict[str, set[str]]]:
        """The words that the prefixes of a term stand for, by part.

        If all words of the index are few enough, so are those that the caller may see, and the others do no
        harm; only if not, it is worth the time to tell them apart.
        """
        prefixes = list(dict.fromkeys(leaf for leaf in leaves(term) if isinstance(leaf, Prefix)))
        found = {each: self._beginning(each, None) for each in prefixes}
        if _too_wide(found, self._caps) is None:
            return found
        found = {each: self._beginning(each, self._view.query) for each in prefixes}
        if (refusal := _too_wide(found, self._caps)) is not None:
            raise refusal
        return found

    def _beginning(self, prefix: Prefix, limit_to: Query | None) -> dict[str, set[str]]:
        """Words that begin so, by part; of many too many, enough to see that.

        A dictionary can be read from a start only, so a single letter is tried with the next one after it
        before everything that begins with it is read.
        """
        start = (self._analysis.words(prefix.text) or [""])[-1]
        found: dict[str, set[str]] = {part: set() for part in LOOKED_IN[prefix.where]}
        if not start:
            return found
        for longer in [*(start + letter for letter in _LETTERS if len(start) == 1), start]:
            for part, words in found.items():
                terms = self._searcher.terms_with_prefix(part, longer, limit_to)
                words.update(word for word, count in terms if count)
                if len(words) > self._caps.word:
                    return found
        return found

    def _rarity(self, field: str, word: str) -> float:
        """How rare a word is among the files that the caller may see."""
        if not self._compares:
            return 1.0
        having = self._view.having(self._searcher, self._schema, field, word)
        return rarity_of(self._view.count, having)

    @cached_property
    def _total(self) -> int:
        """How many files there are for BM25; those that were removed count until they are merged away."""
        return self._searcher.doc_freq("type", EVERY)

    @staticmethod
    def _filter(query: Query) -> Query:
        return Query.const_score_query(query, 0.0)


def _too_wide(found: dict[Prefix, dict[str, set[str]]], caps: Caps) -> KadeError | None:
    """What there is to refuse when prefixes stand for these words."""
    counts = {prefix.text: len(set().union(*parts.values())) for prefix, parts in found.items()}
    for text, count in counts.items():
        if count > caps.word:
            return KadeError(SearchReason.WORD_TOO_WIDE, word=text)
    return KadeError(SearchReason.QUERY_TOO_WIDE) if sum(counts.values()) > caps.query else None


def some(queries: Iterable[Query]) -> Query:
    """What at least one of them finds."""
    given = list(queries)
    return given[0] if len(given) == 1 else Query.boolean_query([(Occur.Should, each) for each in given])


def in_spaces(schema: Schema, words: Sequence[str]) -> Query:
    """The files that are seen by these words; by many of them a set is faster, by few a union is."""
    if 0 < len(words) <= _FEW:
        found = some(Query.term_query(schema, "seen", word, "basic") for word in words)
    else:
        found = Query.term_set_query(schema, "seen", words)
    return Query.const_score_query(found, 0.0)


def counted(result: SearchResult) -> int:
    """How many hits there are in all."""
    found: int = result.count  # type: ignore[attr-defined]  # its types lack it
    return found

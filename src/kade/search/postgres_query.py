"""From a term to SQL: a condition that finds files, and an expression of what they are worth.

What a word is worth in a file was counted when the file came in (``postgres_rows``); how rare the word is, is
counted among the files that the caller may see.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

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
)
from kade.search.analysis import Analysis, Forms
from kade.search.fields import LOOKED_IN, PARTS, all_seen, asked_type
from kade.search.postgres_rows import lexeme, lexemes
from kade.search.postgres_tables import files_of, words_of
from kade.search.weighing import ELSEWHERE, NEAR, NEAR_SLOP, PHRASE, PREFIX, is_compared, rarity_of

_LAST_LETTER = chr(0x10FFFF)


class Sql(NamedTuple):
    """A piece of a statement, with a question mark for each of its values."""

    text: str
    values: tuple[object, ...] = ()

    def numbered(self, first: int) -> str:
        """The text with placeholders as PostgreSQL has them, from this number on."""
        number = itertools.count(first)
        return re.sub(r"\?", lambda _: f"${next(number)}", self.text)


def sql(text: str, *values: object) -> Sql:
    """A piece of a statement, with values for its question marks."""
    return Sql(text, values)


def joined(pieces: Iterable[Sql], between: str, otherwise: str) -> Sql:
    """Pieces in brackets with that between them; *otherwise* when there are none."""
    given = list(pieces)
    values = tuple(value for piece in given for value in piece.values)
    return Sql(between.join(f"({piece.text})" for piece in given) or otherwise, values)


class Part(NamedTuple):
    """When a file is found, and what it is then worth: nothing, or a number."""

    found: Sql
    worth: Sql | None = None


class Asking:
    """Asks the database on behalf of one search, in one transaction."""

    def __init__(self, connection: Any, generation: int, seen: Sequence[str]) -> None:
        self._connection = connection
        self._files = files_of(generation)
        self._words = words_of(generation)
        self._seen = list(seen)

    async def count(self, found: Sql) -> int:
        """How many visible files a condition finds."""
        counted: int = await self._connection.fetchval(
            f"SELECT count(*) FROM {self._files} WHERE seen = ANY($1) AND ({found.numbered(2)})",  # noqa: S608
            self._seen,
            *found.values,
        )
        return counted

    async def page(self, part: Part, order: str, skip: int, size: int) -> list[tuple[str, float]]:
        """Id and worth of visible files that are found, in this order."""
        worth = part.worth or Sql("1")
        found = part.found.numbered(4 + len(worth.values))
        rows = await self._connection.fetch(
            f"SELECT file_id, worth FROM (SELECT file_id, ({worth.numbered(4)})::float8 AS worth, length,"  # noqa: S608
            f" modified FROM {self._files} WHERE seen = ANY($1) AND ({found})) AS hits"
            f" ORDER BY {order} OFFSET $2 LIMIT $3",
            self._seen,
            skip,
            size,
            *worth.values,
            *part.found.values,
        )
        return [(file_id, value) for file_id, value in rows]

    async def beginning(self, start: str, parts: Sequence[str], most: int) -> list[str]:
        """Words of visible files that begin so, one more than *most* at most."""
        rows = await self._connection.fetch(
            f"SELECT DISTINCT word FROM {self._words} WHERE word >= $2 AND word < $3 AND part = ANY($4)"  # noqa: S608
            " AND seen = ANY($1) AND files > 0 LIMIT $5",
            self._seen,
            start,
            start + _LAST_LETTER,
            list(parts),
            most + 1,
        )
        return [word for (word,) in rows]


class Compiler:
    """Makes the condition and the worth of one search."""

    def __init__(self, asking: Asking, analysis: Analysis, caps: Caps, *, ranks: bool) -> None:
        self._asking = asking
        self._analysis = analysis
        self._caps = caps
        self._ranks = ranks
        self._compares = False
        self._expanded = 0
        self._files: int | None = None
        self._rarities: dict[str, float] = {}  # of words, by their first stem

    async def compile(self, term: Term) -> Part:
        """The condition and the worth of a term.

        Raises:
            KadeError: ``SearchReason.WORD_TOO_WIDE`` or ``QUERY_TOO_WIDE``.
        """
        self._compares = self._ranks and is_compared(term)
        return await self._part(term)

    async def _part(self, term: Term) -> Part:
        match term:
            case Word(text, where):
                return await self._word(self._analysis.forms(text), where)
            case Phrase(words, where):
                return await self._phrase(self._analysis.words(" ".join(words)), where)
            case Prefix(text, where):
                return await self._prefix(text, where)
            case OfType(text):
                return Part(sql("types @> ?::text[]", [asked_type(text)]))
            case OfYear(year):
                return Part(sql("coalesce(year = ?::int, false)", year))
            case InSpaces(spaces):
                return Part(sql("seen = ANY(?::text[])", all_seen(spaces, spaces)))
            case Not(inner):
                found = (await self._part(inner)).found
                return Part(sql(f"NOT ({found.text})", *found.values))
            case AllOf(terms):
                parts = [await self._part(each) for each in terms]
                worth = [*_worth_of(parts), *self._nearness(terms)]
                return Part(joined((each.found for each in parts), " AND ", "true"), _sum(worth))
            case AnyOf(terms):
                parts = [await self._part(each) for each in terms]
                worth = [_if(each.found, each.worth) for each in parts if each.worth is not None]
                return Part(joined((each.found for each in parts), " OR ", "false"), _sum(worth))
            case InGroup(name):
                raise AssertionError(f"the group {name!r} was not resolved")

    async def _word(self, forms: Sequence[Forms], where: Where) -> Part:
        """One word in any inflection; what turns out to be several is a phrase."""
        if len(forms) != 1:
            return await self._phrase([each.surface for each in forms], where)
        form = forms[0]
        asked = [each for part in LOOKED_IN[where] for each in lexemes(part, form)]
        found = sql("lexemes && ?::text[]", asked)
        if not self._ranks:
            return Part(found)
        rarity = self._rarities[form.stems[0]] = await self._rarity(asked)
        worth = [_worth(lexeme(part, form.surface)) for part in LOOKED_IN[where]]
        for part in LOOKED_IN[where]:
            stems = [_worth(each) for each in lexemes(part, form)]
            worth += [joined(stems, ", ", "")._replace(text=_greatest(stems))] if part in ELSEWHERE else stems
        total = joined(worth, " + ", "0")
        return Part(found, sql(f"{rarity} * ({total.text})", *total.values))

    async def _phrase(self, words: Sequence[str], where: Where) -> Part:
        """Words as they are written, one after the other; the words are looked up, the order is read."""
        if not words:
            return Part(Sql("false"))
        rarity = max([await self._rarity([lexeme(LOOKED_IN[where][0], word)]) for word in words])
        found: list[Sql] = []
        worth: list[Sql] = []
        for part in LOOKED_IN[where]:
            here = sql("lexemes @> ?::text[]", sorted({lexeme(part, word) for word in words}))
            if len(words) > 1:
                place = sql(f"strpos(said[{PARTS.index(part) + 1}], ?) > 0", f" {' '.join(words)} ")
                here = joined((here, place), " AND ", "")
            found.append(here)
            worth.append(_if(here, Sql(str(ELSEWHERE.get(part, PHRASE) * rarity))))
        return Part(joined(found, " OR ", "false"), _sum(worth))

    async def _prefix(self, text: str, where: Where) -> Part:
        """Every word that begins so; what stands before it, if it is several words, as they are."""
        *before, start = self._analysis.words(text) or [""]
        if not start:
            return Part(Sql("false"))
        words = await self._asking.beginning(start, LOOKED_IN[where], self._caps.word)
        self._expanded += len(words)
        if len(words) > self._caps.word:
            raise KadeError(SearchReason.WORD_TOO_WIDE, word=text)
        if self._expanded > self._caps.query:
            raise KadeError(SearchReason.QUERY_TOO_WIDE)
        found = {
            part: sql("lexemes && ?::text[]", [lexeme(part, word) for word in words])
            for part in LOOKED_IN[where]
        }
        worth = [_if(each, Sql(str(ELSEWHERE.get(part, PREFIX)))) for part, each in found.items()]
        parts = [Part(joined(found.values(), " OR ", "false"), _sum(worth))]
        parts += [await self._phrase([word], where) for word in before]
        return Part(joined((each.found for each in parts), " AND ", "true"), _sum(_worth_of(parts)))

    def _nearness(self, terms: Sequence[Term]) -> Iterator[Sql]:
        """What is worth something besides: words that were asked together and stand together."""
        asked = [term.text for term in terms if isinstance(term, Word) and term.where is Where.ANYWHERE]
        if len(asked) < 2 or not self._ranks:
            return
        words = [found[0].stems[0] for text in asked if len(found := self._analysis.forms(text)) == 1]
        for one, other in itertools.pairwise(words):
            between = f"( [^ ]+){{0,{NEAR_SLOP}}} "
            near = sql("near ~ ?", f" ({one}{between}{other}|{other}{between}{one}) ")
            yield _if(near, Sql(str(NEAR * (self._rarities[one] + self._rarities[other]))))

    async def _rarity(self, asked: Sequence[str]) -> float:
        """How rare it is among the files that the caller may see that one of these is there."""
        if not self._compares:
            return 1.0
        if self._files is None:
            self._files = await self._asking.count(Sql("true"))
        return rarity_of(self._files, await self._asking.count(sql("lexemes && ?::text[]", list(asked))))


def _worth(asked: str) -> Sql:
    return sql("coalesce((worth ->> ?::text)::float8, 0)", asked)


def _worth_of(parts: Iterable[Part]) -> list[Sql]:
    return [each.worth for each in parts if each.worth is not None]


def _sum(worth: Sequence[Sql]) -> Sql | None:
    return joined(worth, " + ", "0") if worth else None


def _greatest(pieces: Sequence[Sql]) -> str:
    return f"greatest({', '.join(piece.text for piece in pieces)})"


def _if(found: Sql, worth: Sql) -> Sql:
    return sql(f"CASE WHEN {found.text} THEN {worth.text} ELSE 0 END", *found.values, *worth.values)


async def suggested(
    connection: Any, generation: int, start: str, seen: Sequence[str], size: int
) -> list[str]:
    """Words of visible files that begin so, commonest first; of a word in several parts the most counts."""
    rows = await connection.fetch(
        f"SELECT word FROM (SELECT word, part, sum(files) AS files FROM {words_of(generation)}"  # noqa: S608
        " WHERE word >= $2 AND word < $3 AND seen = ANY($1) GROUP BY word, part) AS counted"
        " GROUP BY word ORDER BY max(files) DESC, word LIMIT $4",
        list(seen),
        start,
        start + _LAST_LETTER,
        size,
    )
    return [word for (word,) in rows]

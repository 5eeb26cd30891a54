"""What people type into a search box, as the term that an index answers.

    factuur 2024            both words, in any inflection
    "jaarlijkse opgave"     these words one after the other
    -concept  -"to do"      without that
    contr*                  every word that begins so
    huur OR lease           one of the two; OR binds closer than the words beside it
    (huur OR lease) 2024    brackets
    year:2024  year:2020..2024  type:pdf  type:email  author:  tag:  name:  group:"Sales 2024"

Words must all be there; ``AND`` between two may be written and says the same. Names of fields may be in any
case, ``OR`` and ``AND`` are in upper case. What is no operator where it stands is text, so nothing that
somebody types is wrong; only a text in which there is nothing to look for is refused.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kade.core.errors import KadeError, SearchReason
from kade.core.search import (
    AllOf,
    AnyOf,
    InGroup,
    Not,
    OfType,
    OfYear,
    Phrase,
    Prefix,
    Term,
    Where,
    Word,
)

MAX_LENGTH = 20_000
"""Characters of a text."""
MAX_TERMS = 256
"""Words and other conditions, those within phrases too."""
MAX_DEPTH = 16
"""Brackets within brackets."""

_YEARS = (1900, 2100)  # a range of years is cut to these
_QUOTES = str.maketrans("“”„‟", '""""')
_TOKEN = re.compile(
    r"""\s*(?P<minus>-*)
    (?: (?P<open>\() | (?P<close>\))
      | (?:(?P<key>name|author|tag|type|year|group):)? (?: "(?P<phrase>[^"]*)" | (?P<word>[^\s()]+) )
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_YEAR = re.compile(r"([0-9]{4})(?:\.\.([0-9]{4}))?", re.ASCII)
_PLACES = {"name": Where.NAME, "author": Where.AUTHOR, "tag": Where.TAG}


def parse(text: str) -> Term:
    """The term that *text* stands for.

    Raises:
        KadeError: ``SearchReason.EMPTY`` when there is nothing to look for, no letter and no digit;
            ``QUERY_TOO_WIDE`` beyond ``MAX_LENGTH``, ``MAX_TERMS`` or ``MAX_DEPTH``.
    """
    if len(text) > MAX_LENGTH:
        raise KadeError(SearchReason.QUERY_TOO_WIDE)
    term = _Parser(_tokens(text.translate(_QUOTES))).group(0)
    if term is None:
        raise KadeError(SearchReason.EMPTY)
    return term


class _Token(NamedTuple):
    """A bracket, or something to look for. A phrase counts as many words as it has."""

    minus: bool
    bracket: str
    key: str
    text: str
    quoted: bool

    def is_operator(self, name: str) -> bool:
        return self.text == name and not (self.minus or self.key or self.quoted or self.bracket)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    terms = 0
    for match in _TOKEN.finditer(text):
        bracket = match["open"] or match["close"] or ""
        quoted = match["phrase"] is not None
        said = (match["phrase"] if quoted else match["word"]) or ""
        terms += len(said.split()) if quoted else not bracket
        found.append(_Token(bool(match["minus"]), bracket, (match["key"] or "").lower(), said, quoted))
    if terms > MAX_TERMS:
        raise KadeError(SearchReason.QUERY_TOO_WIDE)
    return _in_pairs(found)


def _in_pairs(tokens: Sequence[_Token]) -> list[_Token]:
    """Without the brackets that nobody opened or closed."""
    opened: list[int] = []
    alone: set[int] = set()
    for place, token in enumerate(tokens):
        if token.bracket == "(":
            opened.append(place)
        elif token.bracket and opened:
            opened.pop()
        elif token.bracket:
            alone.add(place)
    alone.update(opened)
    return [token for place, token in enumerate(tokens) if place not in alone]


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def group(self, depth: int) -> Term | None:
        """Everything up to the bracket that closes this group; None when there is nothing to look for."""
        if depth > MAX_DEPTH:
            raise KadeError(SearchReason.QUERY_TOO_WIDE)
        parts: list[Term] = []
        either = False
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            self._next += 1
            if token.bracket == ")":
                break
            if parts and not either and self._is_between(token):
                either = token.text == "OR"
                continue
            term = self._operand(token, depth)
            if term is None:
                continue
            if either:
                parts[-1] = _any_of(parts[-1], term)
            else:
                parts.append(term)
            either = False
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts)) if parts else None

    def _is_between(self, token: _Token) -> bool:
        """Whether the token is an operator between two operands; else it is a word."""
        if not (token.is_operator("OR") or token.is_operator("AND")) or self._next == len(self._tokens):
            return False
        after = self._tokens[self._next]
        return not (after.bracket == ")" or after.is_operator("OR") or after.is_operator("AND"))

    def _operand(self, token: _Token, depth: int) -> Term | None:
        term = self.group(depth + 1) if token.bracket else _leaf(token)
        return Not(term) if term is not None and token.minus else term


def _any_of(first: Term, second: Term) -> Term:
    firsts = first.terms if isinstance(first, AnyOf) else (first,)
    return AnyOf((*firsts, second))


def _leaf(token: _Token) -> Term | None:
    """What one token looks for; None when it has neither letter nor digit."""
    if not any(map(str.isalnum, token.text)):
        return None
    if token.key in _LEAVES and (made := _LEAVES[token.key](token.text.strip())) is not None:
        return made
    where = _PLACES.get(token.key, Where.ANYWHERE)
    said = f"{token.key}:{token.text}" if token.key in _LEAVES else token.text
    if token.quoted:
        return Phrase(tuple(word for word in said.split() if any(map(str.isalnum, word))), where)
    if said.endswith("*"):
        return Prefix(said.rstrip("*"), where)
    return Word(said, where)


def _of_year(text: str) -> Term | None:
    match = _YEAR.fullmatch(text)
    if match is None:
        return None
    first = int(match[1])
    if match[2] is None:
        return OfYear(first)
    low, high = sorted((first, int(match[2])))
    years = range(max(low, _YEARS[0]), min(high, _YEARS[1]) + 1)
    return AnyOf(tuple(OfYear(year) for year in years))


_LEAVES: dict[str, Callable[[str], Term | None]] = {"type": OfType, "group": InGroup, "year": _of_year}

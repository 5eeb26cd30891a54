"""From text to tokens.

Brackets, commas, quotes and white space part a text. Whatever else stands together is one word, be it a
keyword, a name, a number or a date: only who reads it knows what it should be.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from kade.core.errors import KadeError, RequestReason

LONGEST = 4096  # characters of a text

_TOKEN = re.compile(
    r"""  ' (?P<string> (?: [^'] | '' )*+ ) '
        | datetime(?:offset)? ' (?P<date> [^']* ) '     # as OData 2 and 3 wrote dates
        | (?P<mark> [(),] )
        | (?P<word> [^\s(),']+ )
        | '                                             # one that nothing ends
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")  # what no database takes


class Shape(StrEnum):
    """What a token looks like; the names are those of the groups above."""

    STRING = "string"
    DATE = "date"
    MARK = "mark"
    WORD = "word"
    END = "end"


class Token(NamedTuple):
    """*text* is without quotes if it stood in quotes; *position* counts characters from 1."""

    shape: Shape
    text: str
    position: int

    def says(self, word: str) -> bool:
        """Whether it is this keyword or mark; case does not matter."""
        return self.shape in (Shape.WORD, Shape.MARK) and self.text.lower() == word


class Cursor:
    """The tokens of one query option, from left to right.

    Raises:
        KadeError: ``RequestReason.BAD_QUERY`` for a text that is too long or holds what is no text, and for
            a string that has no end.
    """

    def __init__(self, option: str, text: str) -> None:
        self._option = option
        self._tokens = list(self._cut(text))
        self._next = 0

    @property
    def current(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._next]

    def take(self) -> Token:
        """The next token, which is over with that. The end can be taken again and again."""
        taken = self.current
        if taken.shape is not Shape.END:
            self._next += 1
        return taken

    def accept(self, *words: str) -> Token | None:
        """The next token if it is one of these keywords or marks; else it stays."""
        return self.take() if any(self.current.says(word) for word in words) else None

    def require(self, *words: str, expected: str = "") -> Token:
        """The next token, which has to be one of these.

        Raises:
            KadeError: ``RequestReason.BAD_QUERY``, with *expected* or else the words themselves.
        """
        found = self.accept(*words)
        if found is None:
            raise self.refused(self.current, expected or one_of(words))
        return found

    def finish(self, expected: str) -> None:
        """See that nothing is left. Raises KadeError(``RequestReason.BAD_QUERY``)."""
        if self.current.shape is not Shape.END:
            raise self.refused(self.current, expected)

    def refused(self, token: Token, expected: str) -> KadeError:
        """The error that something else was expected where *token* stands. It quotes nothing of the text."""
        return self._refused(token.position, expected)

    def _cut(self, text: str) -> Iterator[Token]:
        if len(text) > LONGEST:
            raise self._refused(LONGEST + 1, f"at most {LONGEST} characters")
        if stray := _NOT_TEXT.search(text):
            raise self._refused(stray.start() + 1, "a printable character")
        for found in _TOKEN.finditer(text):
            position = found.start() + 1
            if found.lastgroup is None:
                raise self._refused(position, "a string that ends")
            shape = Shape(found.lastgroup)
            yield Token(shape, found[shape].replace("''", "'"), position)
        yield Token(Shape.END, "", len(text) + 1)

    def _refused(self, position: int, expected: str) -> KadeError:
        return KadeError(RequestReason.BAD_QUERY, self._option, position=position, expected=expected)


def one_of(words: tuple[str, ...]) -> str:
    """The words as a choice: ``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last

"""Random filters of the File API as text: spaces, case, brackets and dates in any way that is allowed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from tests.dialects.fileapi.filter_trees import (
    Date,
    Function,
    Junction,
    Name,
    Negation,
    Status,
    Tree,
    Type,
)

_SPACES = (" ", " ", "  ", "\t", "\n", " \u00a0", "\r\n ")
_BINDS = {"or": 1, "and": 2}
_EDGES = "(),'"
_SECOND = 10_000_000  # in units of 100 ns


class Printer:
    """Writes a tree in one of the many ways in which it can be written."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def text(self, tree: Tree) -> str:
        written = ""
        for token in self._tokens(tree, 0):
            apart = written and written[-1] not in _EDGES and token[0] not in _EDGES
            written += (self._chance.choice(_SPACES) if apart else self._maybe_space()) + token
        return written + self._maybe_space()

    def order(self, key: str, descending: bool) -> str:
        """The text of an order; ascending may be left unsaid."""
        direction = "desc" if descending else self._chance.choice(("asc", ""))
        return f"{self._cased(key)} {self._maybe_space()}{self._cased(direction)}"

    def _tokens(self, tree: Tree, binding: int) -> Iterator[str]:
        """The tokens of a tree that stands where what binds less tightly than *binding* needs brackets."""
        match tree:
            case Junction(joiner, _):
                binds = _BINDS[joiner]
            case _:
                binds = 3
        bracketed = binds < binding or self._chance.random() < 0.15
        yield from ["("] * bracketed
        yield from self._bare(tree, binds)
        yield from [")"] * bracketed

    def _bare(self, tree: Tree, binds: int) -> Iterator[str]:
        match tree:
            case Junction(joiner, trees):
                for number, each in enumerate(trees):
                    yield from [self._cased(joiner)] * (number > 0)
                    yield from self._tokens(each, binds)
            case Negation(inner):
                yield self._cased("not")
                yield from self._tokens(inner, binds)
            case Function(name, text, truth):
                yield from (self._cased(name), "(", self._cased("fileName"), ",", _quoted(text), ")")
                for word in (truth[0], str(truth[1])) if truth else ():
                    yield self._cased(word)
            case Name(how, text):
                yield from (self._cased("fileName"), self._cased(how), _quoted(text))
            case Type(how, number):
                yield from (self._cased("businessType"), self._cased(how), str(number))
            case Status(how, word):
                yield from (self._cased("status"), self._cased(how), _quoted(self._cased(word)))
            case Date(field, how, moment):
                yield from (self._cased(field), self._cased(how), self._date(moment))

    def _date(self, moment: int) -> str:
        zone = self._chance.choice(("", "Z", "z", "+00:00", "+02:00", "-05:30", "+14:00"))
        ahead = 0
        if zone[:1] in ("+", "-"):
            ahead = (int(zone[1:3]) * 60 + int(zone[4:])) * (-60 if zone[0] == "-" else 60)
        seconds, fraction = divmod(moment + ahead * _SECOND, _SECOND)
        told = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
        digits = f"{fraction:07d}"
        digits = digits[: self._chance.randint(len(digits.rstrip("0")), 7)]
        written = f"{told}.{digits}" if digits else told
        if not digits and self._chance.random() < 0.5:
            written = written.removesuffix(":00")
            written = written.removesuffix("T00:00") if not zone else written
        return self._chance.choice(("{}", "{}", "'{}'", "datetime'{}'")).format(written + zone)

    def _cased(self, word: str) -> str:
        forms: tuple[Callable[[str], str], ...] = (str, str, str.upper, str.lower, str.title, str.swapcase)
        return self._chance.choice(forms)(word)

    def _maybe_space(self) -> str:
        return self._chance.choice(("", "", *_SPACES))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

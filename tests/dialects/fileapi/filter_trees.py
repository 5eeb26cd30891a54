"""Random filters of the File API: trees, and which rows they are true for, in plain Python.

Nothing here comes from the parser or from the core's tree of terms. What they agree on is the rules alone.
"""

import operator
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

STATUSES = ("available", "downloaded", "lapsed", "deleted")
"""What can have become of a delivery, in the order of a list that is sorted by status."""
UNLIKE = {"available": ("downloaded",), "downloaded": ("available",), "all": (), "deleted": STATUSES[:3]}
"""What ``ne`` asks for, by its word."""
TYPES = (7100, 7101, 8000, 101002)
HIDDEN_TYPE = 9000
"""A business type that the caller has no right to see, though there are files of it."""


class Row(NamedTuple):
    """A delivery; the times are milliseconds."""

    key: str
    name: str
    type: int
    uploaded: int
    downloaded: int | None
    deleted: int | None
    status: str


@dataclass(frozen=True)
class Name:
    operator: str
    text: str


@dataclass(frozen=True)
class Function:
    """*truth* is what stands behind it: None, or an operator and a value."""

    name: str
    text: str
    truth: tuple[str, bool] | None


@dataclass(frozen=True)
class Type:
    operator: str
    number: int


@dataclass(frozen=True)
class Date:
    """*moment* is in units of 100 ns since 1970."""

    field: str
    operator: str
    moment: int


@dataclass(frozen=True)
class Status:
    operator: str
    word: str


@dataclass(frozen=True)
class Negation:
    tree: "Tree"


@dataclass(frozen=True)
class Junction:
    joiner: str
    trees: tuple["Tree", ...]


Tree = Name | Function | Type | Date | Status | Negation | Junction

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    each: getattr(operator, each) for each in ("eq", "ne", "gt", "ge", "lt", "le")
}
FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}
DATES: dict[str, Callable[[Row], int | None]] = {
    "uploadDate": lambda row: row.uploaded,
    "lastDownloadDate": lambda row: row.downloaded,
    "deleteDate": lambda row: row.deleted,
}
KEYS: dict[str, Callable[[Row], Any]] = {
    "uploadDate": lambda row: row.uploaded,
    "businessType": lambda row: row.type,
    "fileName": lambda row: same(row.name).encode(),
    "status": lambda row: STATUSES.index(row.status),
}
"""What a list can be sorted by."""


# Evaluating


def shows(tree: Tree | None, row: Row) -> bool:
    """Whether the list of that filter has the row: only what is available, unless the filter knows better."""
    words = set() if tree is None else set(_status_words(tree))
    if not words and row.status != "available":
        return False
    if "deleted" not in words and row.status == "deleted":
        return False
    return tree is None or holds(tree, row)


def holds(tree: Tree, row: Row) -> bool:
    match tree:
        case Junction("and", trees):
            return all(holds(each, row) for each in trees)
        case Junction(_, trees):
            return any(holds(each, row) for each in trees)
        case Negation(inner):
            return not holds(inner, row)
        case Status(how, word):
            return _has_status(row.status, how, word)
        case Date(field, how, moment):
            value = DATES[field](row)
            return how == "ne" if value is None else COMPARISONS[how](value * 10_000, moment)
        case Type(how, number):
            return COMPARISONS[how](row.type, number)
        case Name(how, text):
            return COMPARISONS[how](same(row.name).encode(), same(text).encode())
        case Function(name, text, truth):
            found = FUNCTIONS[name](same(row.name), same(text))
            return found if truth is None else COMPARISONS[truth[0]](found, truth[1])


def _has_status(status: str, how: str, word: str) -> bool:
    if how == "eq":
        return status != "deleted" if word == "all" else status == word
    opposite = {
        "available": ("downloaded",),
        "downloaded": ("available",),
        "all": (),
        "deleted": STATUSES[:3],
    }
    return status in opposite[word]


def _status_words(tree: Tree) -> Iterator[str]:
    match tree:
        case Status(_, word):
            yield word
        case Negation(inner):
            yield from _status_words(inner)
        case Junction(_, trees):
            for each in trees:
                yield from _status_words(each)


def same(text: str) -> str:
    """The form in which texts are the same that differ in case or normal form."""
    composed = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", composed.casefold())


# Making

NAMES = (
    *("payroll.xml", "Payroll.XML", "PAYROLL 2020.xml", "my payroll", "holidays", "x holidays", "tEst.csv"),
    *("100%.csv", "100_.csv", "100x.csv", "100\\.csv", "100\\%.csv", "%", "_", "\\", "a\\_b", "[a-z]*?.txt"),
    *("it's.txt", "it''s.txt", "'", '"quoted".txt', "a+b.txt", "a b.txt", "A%2Bb.txt", "a;b--.txt", "or not"),
    *("Müller.pdf", "Mu\u0308ller.pdf", "MÜLLER.PDF", "Muller.pdf", "Straße", "STRASSE", "strase", "ſtrasse"),
    *("istanbul", "Istanbul", "İstanbul", "ıstanbul", "ΣΑΣ", "σας", "Ωmega", "\u2126mega", "α\u0345\u0302"),
    *("文件.zip", "🗂.zip", "\uffee.zip", "\ufb01n", "fin", "e\u0301", "é", "e", "E", "\u0301", "z", "ÿ", "~"),
)
PATTERNS = ("%", "_", "\\", "1_0", "1%", "%.csv", "_%", "\\%", "100\\_", "*", "?", "[a-z]", "^", "'", "")
MOMENTS = (1589877767400, 1589877767399, 1589877767401, 1589877767000, 1589846400000, 0, -1, 253402300799999)
"""Milliseconds: the documents' own instant and what is beside it, a midnight, 1970 and the last there is."""


def some_rows(chance: Random, count: int) -> Iterator[Row]:
    """Rows that differ in little, so that each filter parts them, and many are equal in each key."""
    for number in range(count):
        status = chance.choice(STATUSES)
        downloaded = chance.choice(MOMENTS) if status == "downloaded" or chance.random() < 0.2 else None
        deleted = chance.choice(MOMENTS) if status == "deleted" else None
        name = NAMES[number] if number < len(NAMES) else chance.choice(NAMES)
        yield Row(
            f"{chance.getrandbits(128):032x}",
            name,
            chance.choice((*TYPES, HIDDEN_TYPE)),
            chance.choice(MOMENTS),
            downloaded,
            deleted,
            status,
        )


def a_tree(chance: Random, statuses: bool, depth: int = 4) -> Tree:
    """A tree of at most 27 leaves; *statuses*: it may ask what became of a file, as subscribers can."""
    kind = chance.random()
    if depth == 1 or kind < 0.25:
        return _leaf(chance, statuses)
    if kind < 0.4:
        return Negation(a_tree(chance, statuses, depth - 1))
    trees = tuple(a_tree(chance, statuses, depth - 1) for _ in range(chance.randint(2, 3)))
    return Junction(chance.choice(("and", "or")), trees)


def _leaf(chance: Random, statuses: bool) -> Tree:
    how = chance.choice(tuple(COMPARISONS))
    match chance.randrange(6 if statuses else 5):
        case 0:
            return Name(how, _some_text(chance))
        case 1 | 2:
            truth = (chance.choice(("eq", "ne")), chance.random() < 0.5) if chance.random() < 0.5 else None
            return Function(chance.choice(tuple(FUNCTIONS)), _some_text(chance), truth)
        case 3:
            return Type(how, chance.choice((*TYPES, HIDDEN_TYPE, 7099, -1, 0, 10**17)))
        case 4:
            beside = chance.choice((0, 0, 1, -1, 5_000, 9_999, 10_000, -10_000, 864_000_000_000))
            field = chance.choice(tuple(DATES)) if statuses else "uploadDate"
            return Date(field, how, chance.choice(MOMENTS[:-1]) * 10_000 + beside)
        case _:
            return Status(chance.choice(("eq", "ne")), chance.choice(tuple(UNLIKE)))


def _some_text(chance: Random) -> str:
    """A name or a piece of one, in any form, or what a database might take for a pattern."""
    name = chance.choice(NAMES)
    start = chance.randint(0, len(name))
    pieces = (name, name[start:], name[:start], name[start : start + 1], chance.choice(PATTERNS))
    text = chance.choice(pieces)
    forms: tuple[Callable[[str], str], ...] = (
        *(str, str.upper, str.lower, str.swapcase),
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFC", text),
    )
    return chance.choice(forms)(text)

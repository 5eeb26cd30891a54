"""SQLite's FTS5 on the same documents: porter stems, accents folded, rights by a join."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from bench.search.documents import Asked
from kade.core.clock import to_datetime
from kade.core.search import (
    AllOf,
    AnyOf,
    Document,
    Not,
    OfType,
    OfYear,
    Phrase,
    Prefix,
    SortBy,
    Term,
    Where,
    Word,
)

_COLUMNS = {Where.NAME: "name : ", Where.TAG: "tags : ", Where.AUTHOR: "author : ", Where.ANYWHERE: ""}
_ORDER = {
    SortBy.RELEVANCE: "bm25(words, 9, 4.5, 4.5, 1)",
    SortBy.SIZE: "length DESC",
    SortBy.DATE: "modified DESC",
}


class Fts5:
    """One database file. The text is in the words only, as it is with us: no content is kept."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.executescript(
            "PRAGMA journal_mode = WAL;"
            "CREATE VIRTUAL TABLE words USING fts5("
            "  tags, name, author, body, content='', tokenize='porter unicode61 remove_diacritics 2');"
            "CREATE TABLE files(number INTEGER PRIMARY KEY, space TEXT, year INT, type TEXT, length INT,"
            "  modified INT);"
        )
        self._count = 0

    def add(self, documents: Iterable[Document]) -> None:
        """Add these in one transaction."""
        with self._database as database:
            for document in documents:
                self._count += 1
                moment = document.modified_at
                year = 0 if moment is None else to_datetime(moment).year
                extension = document.name.rpartition(".")[2]
                file = (self._count, document.space_id, year, extension, document.length, moment)
                database.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)", file)
                said = (self._count, " ".join(document.tags), document.name, document.author, document.text)
                database.execute(
                    "INSERT INTO words(rowid, tags, name, author, body) VALUES (?, ?, ?, ?, ?)", said
                )

    def search(self, asked: Asked) -> int:
        """How many there are; the first twenty are read."""
        search = asked.search
        terms = search.term.terms if isinstance(search.term, AllOf) else (search.term,)
        wheres, values = [f"space IN ({', '.join('?' * len(search.spaces))})"], list[str](search.spaces)
        for term in terms:
            if isinstance(term, OfYear | OfType):
                wheres.append("year = ?" if isinstance(term, OfYear) else "type = ?")
                values.append(str(term.year) if isinstance(term, OfYear) else term.text)
        match = _match(tuple(term for term in terms if not isinstance(term, OfYear | OfType)))
        body = f"FROM words JOIN files ON number = words.rowid WHERE words MATCH ? AND {' AND '.join(wheres)}"
        given = (match, *values)
        order = _ORDER[search.sort_by]
        self._database.execute(f"SELECT number {body} ORDER BY {order} LIMIT 20", given).fetchall()
        count: int = self._database.execute(f"SELECT count(*) {body}", given).fetchone()[0]
        return count

    def close(self) -> None:
        self._database.close()


def _match(terms: tuple[Term, ...]) -> str:
    wanted = [_said(term) for term in terms if not isinstance(term, Not)]
    unwanted = [_said(term.term) for term in terms if isinstance(term, Not)]
    return " NOT ".join([f"({' AND '.join(wanted)})", *unwanted])


def _said(term: Term) -> str:
    match term:
        case Word(text, where):
            return f'{_COLUMNS[where]}"{text}"'
        case Prefix(text, where):
            return f'{_COLUMNS[where]}"{text}"*'
        case Phrase(words, where):
            return f'{_COLUMNS[where]}"{" ".join(words)}"'
        case AnyOf(terms):
            return f"({' OR '.join(map(_said, terms))})"
    raise AssertionError(term)

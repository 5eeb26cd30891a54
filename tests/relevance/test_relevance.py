"""How well answers are ordered: nDCG@10 of every index, beside SQLite's FTS5 on the same collection."""

import math
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import kreuzberg
import pytest
from tests.relevance.collection import FORMATS, Collection, Paper, Question, collection
from tests.relevance.formats import write
from tests.support.search import SPACE, a_document, found

from kade.core.ids import Id
from kade.core.ports.search import SearchIndex
from kade.core.search import Document, Phrase, Word
from kade.core.search_text import parse
from kade.search.analysis import Analysis

TOP = 10
FLOOR = 0.95


@pytest.fixture(scope="module")
def papers() -> Collection:
    return collection()


def ndcg(ranked: Sequence[int], grades: dict[int, int]) -> float:
    """Normalised discounted cumulative gain of the first ten, gain 2^grade - 1."""

    def gain(values: Iterable[int]) -> float:
        return sum((float(1 << value) - 1) / math.log2(place + 2) for place, value in enumerate(values))

    best = gain(sorted(grades.values(), reverse=True)[:TOP])
    return gain(grades.get(number, 0) for number in ranked[:TOP]) / best


def mean(values: Iterable[float]) -> float:
    given = list(values)
    return sum(given) / len(given)


def test_the_collection_is_what_it_has_to_be(papers: Collection) -> None:
    assert papers == collection()
    assert len(papers.papers) >= 2_000
    assert len(papers.questions) == 40
    assert {paper.format for paper in papers.papers} == {"txt", "html", "eml", "csv", "rtf", "docx"}
    assert {paper.language for paper in papers.papers} == {"nl", "en"}
    for question in papers.questions:
        assert len(question.distractors) >= 20
        assert sorted(set(question.grades.values())) == [1, 2, 3]


@pytest.mark.parametrize("format", FORMATS)
def test_papers_are_files_that_can_be_read(tmp_path: Path, papers: Collection, format: str) -> None:
    paper = next(each for each in papers.papers if each.format == format and not each.text.isascii())
    path = write(paper, tmp_path)
    assert write(paper, tmp_path).read_bytes() == path.read_bytes()
    text = Analysis().words(kreuzberg.extract_file_sync(path).content)
    for sentence in paper.sentences:
        words = " ".join(Analysis().words(sentence))
        assert words in " ".join(text)


async def test_answers_are_ordered_better_than_by_fts5(index: SearchIndex, papers: Collection) -> None:
    ids = [Id(f"{paper.number:032x}") for paper in papers.papers]
    await index.apply([_document(ids[paper.number], paper) for paper in papers.papers])
    fts5 = _fts5(papers.papers)
    ours, theirs = [], []
    for question in papers.questions:
        ranked = [int(each, 16) for each in await found(index, question.text, size=TOP)]
        ours.append(ndcg(ranked, question.grades))
        theirs.append(ndcg(_asked(fts5, question), question.grades))
    fts5.close()
    print(f"nDCG@10: {mean(ours):.3f}, FTS5 {mean(theirs):.3f}")
    for question, mine, other in zip(papers.questions, ours, theirs, strict=True):
        print(f"  {question.text:32} {mine:.3f} {other:.3f}")
    assert mean(ours) > mean(theirs)
    assert mean(ours) >= FLOOR


def _document(file_id: Id, paper: Paper) -> Document:
    return a_document(
        paper.text, file_id=file_id, space_id=SPACE, name=paper.name, author=paper.author, tags=paper.tags
    )


def _fts5(papers: Sequence[Paper]) -> sqlite3.Connection:
    """FTS5 at its best for this: the porter stemmer, accents folded, tags and names weighing more."""
    database = sqlite3.connect(":memory:")
    tokenize = "porter unicode61 remove_diacritics 2"
    database.execute(
        f"CREATE VIRTUAL TABLE papers USING fts5(tags, name, author, body, tokenize='{tokenize}')"
    )
    rows = ((paper.number, " ".join(paper.tags), paper.name, paper.author, paper.text) for paper in papers)
    database.executemany("INSERT INTO papers(rowid, tags, name, author, body) VALUES (?, ?, ?, ?, ?)", rows)
    return database


def _asked(fts5: sqlite3.Connection, question: Question) -> list[int]:
    term = parse(question.text)
    words = term.words if isinstance(term, Phrase) else None
    assert words or all(isinstance(each, Word) for each in getattr(term, "terms", ()))
    match = f'"{" ".join(words)}"' if words else " ".join(f'"{word}"' for word in question.text.split())
    found = fts5.execute(
        "SELECT rowid FROM papers WHERE papers MATCH ? ORDER BY bm25(papers, 9.0, 4.5, 4.5, 1.0) LIMIT ?",
        (match, TOP),
    )
    return [number for (number,) in found]

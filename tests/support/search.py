"""Every implementation of the search index, and documents for it.

A new one is a line in ``INDEXES``: a function that, given the fixture request, returns another that makes one
more handle on the same index each time it is called, as another process would have.
"""

import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.postgres import PostgresServer

from kade.core.ids import Id, new_id
from kade.core.ports.search import SearchIndex
from kade.core.search import Document, Found, Search, Term
from kade.core.search_text import parse
from kade.search.postgres_index import PostgresIndex
from kade.search.tantivy_index import TantivyIndex

MakeIndex = Callable[[], SearchIndex]


def in_a_folder(request: pytest.FixtureRequest) -> MakeIndex:
    """A folder in the test's own."""
    folder: Path = request.getfixturevalue("tmp_path")
    return lambda: TantivyIndex(folder / "index", idle=0.2)


def in_postgres(request: pytest.FixtureRequest) -> MakeIndex:
    """The session's database with nothing in it: that is far faster than a database for each test."""
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.template("search", lambda _url: None)
    server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", name)
    return lambda: PostgresIndex(server.url(name))


INDEXES = [
    pytest.param(in_a_folder, id="tantivy"),
    pytest.param(in_postgres, id="postgresql", marks=pytest.mark.needs("postgres")),
]


@pytest.fixture(params=INDEXES)
def new_index(request: pytest.FixtureRequest) -> MakeIndex:
    """Makes handles, not yet open, on one fresh index of each implementation in turn."""
    make: MakeIndex = request.param(request)
    return make


@pytest.fixture
async def index(new_index: MakeIndex) -> AsyncIterator[SearchIndex]:
    """An open index of each implementation in turn."""
    made = new_index()
    await made.open()
    yield made
    await made.close()


SPACE, OTHER = new_id(), new_id()
SPACE_OF_CHILD = Id("c" * 32)

_IDS = itertools.count(int(new_id(), 16))  # those of one millisecond come in no order


def a_document(text: str = "", **given: Any) -> Document:
    """A document in ``SPACE``; its id is newer than that of the one before."""
    document = Document(Id(f"{next(_IDS):032x}"), stamp=1, space_id=SPACE, name="untitled", text=text)
    return replace(document, **given)


async def find(index: SearchIndex, query: str | Term, *spaces: Id, **given: Any) -> Found:
    """What a text, or a term, finds in these spaces, or in ``SPACE``."""
    term = parse(query) if isinstance(query, str) else query
    return await index.search(Search(term, spaces or (SPACE,), **given))


async def found(index: SearchIndex, query: str | Term, *spaces: Id, **given: Any) -> list[Id]:
    """The same, but only which files."""
    return [hit.file_id for hit in (await find(index, query, *spaces, **given)).hits]


async def put(index: SearchIndex, *documents: Document) -> list[Id]:
    await index.apply(documents)
    return [document.file_id for document in documents]


async def texts(index: SearchIndex, *said: str) -> list[Id]:
    return await put(index, *(a_document(text) for text in said))

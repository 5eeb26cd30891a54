"""A process that changes an index until it is killed: ``python -m tests.support.search_child HOW WHERE``.

It says ``ready``, and then the number of each document whose change was acknowledged. WHERE is a folder or
the URL of a database. HOW is ``apply``, ``rebuild`` (a new generation over and over, swapped when it says so)
or ``once`` (one change, and then nothing more).
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.search import SPACE_OF_CHILD, a_document

from kade.core.ids import Id
from kade.core.ports.search import SearchIndex
from kade.core.search import Document
from kade.search.postgres_index import PostgresIndex
from kade.search.tantivy_index import TantivyIndex

ALWAYS = 200  # documents of every generation, besides those that are acknowledged


def child_document(number: int) -> Document:
    """The document of that number."""
    text = f"appel nummer{number} " + "en nog wat tekst eromheen " * 40
    return a_document(text, file_id=Id(f"{number + 1:032x}"), space_id=SPACE_OF_CHILD)


def index_at(where: str) -> SearchIndex:
    """The index in a folder, or at the URL of a database."""
    return PostgresIndex(where) if where.startswith("postgresql") else TantivyIndex(Path(where), idle=0.2)


@asynccontextmanager
async def opened(where: str) -> AsyncIterator[SearchIndex]:
    """The same, open."""
    index = index_at(where)
    await index.open()
    yield index
    await index.close()


async def _apply(index: SearchIndex) -> None:
    number = len(await index.entries(None, 1_000_000))
    while True:
        await index.apply([child_document(number), child_document(number + 1)])
        _say(str(number), str(number + 1))
        number += 2


async def _rebuild(index: SearchIndex) -> None:
    number = ALWAYS
    while True:
        rebuild = await index.rebuild()
        for first in range(0, number, 50):
            await rebuild.add([child_document(each) for each in range(first, min(first + 50, number))])
        await rebuild.swap()
        _say(str(number))
        number += 1


async def main() -> None:
    how, where = sys.argv[1:]
    async with opened(where) as index:
        _say("ready")
        if how == "apply":
            await _apply(index)
        elif how == "rebuild":
            await _rebuild(index)
        await index.apply([child_document(0)])
        _say("0")
        await asyncio.sleep(3600)


def _say(*words: str) -> None:
    print(*words, sep="\n", flush=True)


if __name__ == "__main__":
    asyncio.run(main())

"""A data folder whose catalog and index know any number of files: what is measured is asking, not reading.

Customer, groups, keys and index come by the services. Files, readings, texts and names are rows as the
services write them, 5,000 to a transaction; there are no contents, so nothing can be downloaded, and no
events, so nothing is extracted. What it costs to receive, store and read a file is measured elsewhere.
"""

from __future__ import annotations

import itertools
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Table

from bench.search.documents import SPACES, Archive
from kade import app
from kade.catalog.schema import bindings, files, readings, texts
from kade.config import load
from kade.core.clock import Millis, now
from kade.core.customers import Customer, GroupSettings
from kade.core.files import File, FileState
from kade.core.ids import Id
from kade.core.names import fold
from kade.core.ports import Tx
from kade.core.readings import ReadingState, unread
from kade.core.search import Document
from kade.services import customers, groups
from kade.services.installing import local_operator

NUMBER = 2434
_BATCH = 5_000


class Filled(NamedTuple):
    """Who asks: the customer's secret key, and the names of its groups in the order of ``SPACES``."""

    key: str
    groups: Sequence[str]


async def fill(folder: Path, archive: Archive, count: int) -> Filled:
    """Fill an installed *folder* with *count* files of one customer, in a group for each of the spaces."""
    kade = app.build(load(None, {"KADE_DATA_FOLDER": str(folder)}, app.sections()))
    key = customers.new_key()
    async with app.opened(kade):

        def make(tx: Tx) -> tuple[Customer, dict[Id, Id]]:
            caller = local_operator(tx)
            customer = customers.create(tx, caller, kade.namers, "bench", NUMBER)
            customers.add_key(tx, caller, customer, key)
            made = {}
            for place, space_id in enumerate(SPACES):
                said = GroupSettings(customer.principal.id, f"group {place:02}")
                made[space_id] = groups.create(tx, caller, kade.namers, customer, said).space.id
            return customer, made

        customer, spaces = await kade.catalog.write(make)
        rebuild = await kade.index.rebuild()
        rows = _Rows(customer, spaces)
        connection = sqlite3.connect(folder / "catalog.sqlite", isolation_level=None)
        for batch in _batches(archive.documents(count)):
            placed = [replace(each, space_id=spaces[each.space_id]) for each in batch]
            connection.execute("BEGIN")
            for table, values in rows.of(placed):
                marks = ", ".join("?" * len(table.c))
                connection.executemany(f'INSERT INTO "{table.name}" VALUES ({marks})', values)  # noqa: S608
            connection.execute("COMMIT")
            await rebuild.add(placed)
        connection.close()
        await rebuild.swap()
    return Filled(key, [f"group {place:02}" for place in range(len(SPACES))])


class _Rows:
    """What the catalog knows of documents."""

    def __init__(self, customer: Customer, spaces: Mapping[Id, Id]) -> None:
        self._tenant = customer.principal.tenant_id
        self._creator = customer.principal.id
        self._at = now()
        self._number = itertools.count(9_000_000_000_001)

    def of(self, documents: Sequence[Document]) -> Iterator[tuple[Table, list[tuple[Any, ...]]]]:
        """Rows for each table."""
        yield files, [tuple(self._file(each)) for each in documents]
        yield readings, [tuple(self._reading(each)) for each in documents]
        yield texts, [(each.file_id, zlib.compress(each.text.encode(), 3)) for each in documents]
        yield (
            bindings,
            [("filer", "file", each.space_id, str(next(self._number)), each.file_id) for each in documents],
        )

    def _file(self, document: Document) -> File:
        tags = ",".join(f'"{tag}"' for tag in document.tags)
        return File(
            document.file_id,
            self._tenant,
            document.space_id,
            document.name,
            fold(document.name),
            document.media_type,
            FileState.LIVE.value,
            None,
            document.length,
            f'{{"tags":[{tags}]}}' if tags else "",
            None,
            None,
            1,
            self._creator,
            self._at,
            self._at,
            self._at,
            None,
            None,
            None,
            document.modified_at,
        )

    def _reading(self, document: Document) -> tuple[Any, ...]:
        return unread(document.file_id, document.space_id, 0, Millis(0))._replace(
            state=ReadingState.DONE.value,
            author=document.author,
            kept=len(document.text),
            length=len(document.text),
            read_at=self._at,
            indexed=1,
            indexed_at=self._at,
        )


def unmark(folder: Path, count: int) -> None:
    """Have the index told again of so many files: what a worker does while others search."""
    with sqlite3.connect(folder / "catalog.sqlite", timeout=30) as connection:
        connection.execute(
            "UPDATE readings SET stamp = stamp + 1 WHERE file_id IN (SELECT file_id FROM readings LIMIT ?)",
            (count,),
        )


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    source = iter(documents)
    while batch := list(itertools.islice(source, _BATCH)):
        yield batch

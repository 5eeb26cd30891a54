"""Runs it: `python -m bench.search [--size small|full | --count N] [--queries 1000] [--peers kade,fts5]`."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil
from tests.support.processes import peak_resident_bytes, reset_peak

from bench.machine import describe
from bench.search.documents import Archive, Asked
from bench.search.fts5 import Fts5
from bench.search.over_http import measure
from kade.core.search import Caps, Document, Search
from kade.search.tantivy_index import TantivyIndex

T = TypeVar("T")

SIZES = {"small": 20_000, "full": 1_000_000}
_BATCH = 1_000
_CHANGED_AT_ONCE = 50
_CAPS = Caps(word=10_000, query=10_000)


class Row(NamedTuple):
    """What one of them did. Memory is the process's, pages of the index's files left out.

    *load* is how many processes wanted to run in the last minute, those of others too.
    """

    name: str
    documents: int
    documents_per_second: float
    megabytes: float
    peak_mb: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    worst: str
    load: float
    p50_while_indexing_ms: float | None = None
    p99_while_indexing_ms: float | None = None
    indexed_meanwhile_per_second: float | None = None


def main() -> int:
    """Fill, ask, and report."""
    options = _parse()
    archive = Archive()
    asked = archive.queries(options.queries)
    rows: list[Row] = []
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="work-", dir=options.out) as work:
        for name in options.peers.split(","):
            folder = Path(work) / name
            folder.mkdir()
            if name == "kade":
                rows.append(asyncio.run(_kade(folder, archive, asked, options.count)))
            elif name == "http":
                rows.append(_http(folder, archive, asked, options.count))
            else:
                rows.append(_fts5(folder, archive, asked, options.count))
            _print(rows[-1])
    told = {"machine": describe(), "rows": [row._asdict() for row in rows]}
    (options.out / "search.json").write_text(json.dumps(told, indent=1))
    return 0


async def _kade(folder: Path, archive: Archive, asked: list[Asked], count: int) -> Row:
    index = TantivyIndex(folder / "index")
    await index.open()
    reset_peak(os.getpid())
    began = time.perf_counter()
    rebuild = await index.rebuild()
    for batch in _batches(_told(archive.documents(count), count), _BATCH):
        await rebuild.add(batch)
    await rebuild.swap()
    took = time.perf_counter() - began
    peak = _private_peak()
    searches = [replace(each.search, caps=_CAPS) for each in asked]
    for search in searches[:50]:
        await index.search(search)
    times = [await _timed(index, search) for search in searches]
    changing = _Changing(index, archive, count)
    task = asyncio.create_task(changing.run())
    meanwhile = [await _timed(index, search) for search in searches]
    changing.stop = True
    await task
    await index.close()
    row = _row("kade", count, took, _size(folder), peak, times, asked)
    cuts = statistics.quantiles(meanwhile, n=100)
    return row._replace(
        p50_while_indexing_ms=cuts[49] * 1000,
        p99_while_indexing_ms=cuts[98] * 1000,
        indexed_meanwhile_per_second=changing.changed / sum(meanwhile),
    )


async def _timed(index: TantivyIndex, search: Search) -> float:
    began = time.perf_counter()
    await index.search(search)
    return time.perf_counter() - began


def _http(folder: Path, archive: Archive, asked: list[Asked], count: int) -> Row:
    """The same questions to a server, whose catalog has the files as well."""
    began = time.perf_counter()
    measured = measure(folder, archive, asked, count)
    took = time.perf_counter() - began - sum(measured.alone) - sum(measured.meanwhile)
    row = _row("http", count, took, _size(folder), 0.0, measured.alone, asked)
    cuts = statistics.quantiles(measured.meanwhile, n=100)
    return row._replace(
        p50_while_indexing_ms=cuts[49] * 1000,
        p99_while_indexing_ms=cuts[98] * 1000,
        indexed_meanwhile_per_second=measured.told_per_second,
    )


class _Changing:
    """Changes documents, a few at a time, until it is told to stop."""

    def __init__(self, index: TantivyIndex, archive: Archive, count: int) -> None:
        self._index = index
        self._archive = archive
        self._count = count
        self.changed = 0
        self.stop = False

    async def run(self) -> None:
        chance = random.Random(3)
        while not self.stop:
            first = chance.randint(0, self._count)
            await self._index.apply(list(self._archive.documents(_CHANGED_AT_ONCE, first)))
            self.changed += _CHANGED_AT_ONCE


def _fts5(folder: Path, archive: Archive, asked: list[Asked], count: int) -> Row:
    reset_peak(os.getpid())
    peer = Fts5(folder / "words.sqlite")
    began = time.perf_counter()
    for batch in _batches(_told(archive.documents(count), count), _BATCH):
        peer.add(batch)
    took = time.perf_counter() - began
    peak = _private_peak()
    times = []
    for each in [*asked[:50], *asked]:
        began = time.perf_counter()
        peer.search(each)
        times.append(time.perf_counter() - began)
    peer.close()
    return _row("fts5", count, took, _size(folder), peak, times[50:], asked)


def _row(
    name: str, count: int, took: float, size: int, peak: float, times: list[float], asked: list[Asked]
) -> Row:
    cuts = statistics.quantiles(times, n=100)
    worst = max(range(len(times)), key=times.__getitem__)
    return Row(
        name,
        count,
        count / took,
        size / 1e6,
        peak,
        cuts[49] * 1000,
        cuts[98] * 1000,
        times[worst] * 1000,
        asked[worst].text,
        os.getloadavg()[0],
    )


def _private_peak() -> float:
    """The highest resident memory in MB, without the pages of files that are mapped now."""
    mapped = psutil.Process().memory_info().shared
    return (peak_resident_bytes(os.getpid()) - mapped) / 1e6


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _batches(documents: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(documents)
    while batch := list(itertools.islice(source, size)):
        yield batch


def _told(documents: Iterable[Document], count: int) -> Iterator[Document]:
    """The same, saying now and then how far it is."""
    for number, document in enumerate(documents):
        if number and number % (count // 4 or 1) == 0:
            print(f"{number:,} of {count:,}", file=sys.stderr, flush=True)
        yield document


def _print(row: Row) -> None:
    print(
        f"{row.name}: {row.documents:,} documents, {row.documents_per_second:,.0f}/s, "
        f"{row.megabytes:,.0f} MB, "
        f"peak {row.peak_mb:,.0f} MB; p50 {row.p50_ms:.1f} ms, p99 {row.p99_ms:.1f} ms, "
        f"worst {row.worst_ms:.0f} ms ({row.worst}); load {row.load:.1f}"
    )
    if row.p50_while_indexing_ms is not None and row.p99_while_indexing_ms is not None:
        print(
            f"  while {row.indexed_meanwhile_per_second:,.0f} documents/s change: "
            f"p50 {row.p50_while_indexing_ms:.1f} ms, p99 {row.p99_while_indexing_ms:.1f} ms",
            flush=True,
        )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), default=os.environ.get("BENCH_SIZE", "small"))
    parser.add_argument("--count", type=int, help="documents, instead of --size")
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--peers", default="kade,fts5,http")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    options.count = options.count or SIZES[options.size]
    return options


if __name__ == "__main__":
    sys.exit(main())

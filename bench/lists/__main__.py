"""Runs it: `python -m bench.lists [--sizes 10000,1000000] [--rounds 40] [--databases sqlite,postgres]`."""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

from tests.support.kade_server import KadeServer
from tests.support.postgres import PostgresServer

from bench.lists.catalog import Asking, Filled, fill
from kade import app
from kade.config import load

_UNLIMITED = {"KADE_DIALECTS_FILEAPI_CALLS_PER_MINUTE": "0", "KADE_LOG_LEVEL": "warning"}
_WARM_UP = 5

QUESTIONS: dict[str, dict[str, str]] = {
    "first page": {},
    "page 90": {"pageIndex": "90"},
    "first page, 1000 files": {"pageSize": "1000"},
    "newer than": {"$filter": "uploadDate gt 2020-05-19T08:42:47.400Z"},
    "between": {
        "$filter": "uploadDate gt 2020-05-19T08:42:47.400Z and uploadDate lt 2020-05-19T16:42:47.400Z"
    },
    "all": {"$filter": "status eq 'all'"},
    "downloaded": {"$filter": "status eq 'downloaded'"},
    "available": {"$filter": "status eq 'available'"},
    "a type": {"$filter": "businessType eq 7101"},
    "a type or another": {"$filter": "businessType eq 7100 or businessType eq 7101"},
    "downloaded of types": {
        "$filter": "status eq 'downloaded' and (businessType eq 7100 or businessType eq 7101)"
    },
    "all, newer, of a type": {
        "$filter": "uploadDate gt 2020-05-19T08:42:47.400Z and businessType eq 7101 and status eq 'all'"
    },
    "begins with": {"$filter": "startsWith(FileName, 'payroll')"},
    "ends with": {"$filter": "endsWith(FileName, 'holidays')"},
    "contains": {"$filter": "contains(fileName, 'test')"},
    "begins with, of a type": {"$filter": "startsWith(FileName, 'payroll') and businessType eq 7101"},
    "a type, latest": {"$filter": "businessType eq 101002"},
    "a type, oldest first": {"$filter": "businessType eq 101100", "$orderBy": "uploadDate asc"},
    "by type": {"$orderBy": "businessType asc"},
    "by name": {"$orderBy": "fileName desc"},
    "by status": {"$filter": "status eq 'all'", "$orderBy": "status asc"},
}


class Row(NamedTuple):
    """One question: medians in milliseconds, and how many files the answers counted."""

    database: str
    question: str
    small_ms: float
    large_ms: float
    ratio: float
    counted: int
    other_ms: float | None


class Client:
    """One application on one connection that stays."""

    def __init__(self, port: int, asking: Asking) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        form = urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": asking.client_id,
                "client_secret": asking.secret,
            }
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, told = self._ask("POST", "/connect/token", headers, form)
        assert status == 200, told
        self._headers = {
            "Authorization": f"Bearer {json.loads(told)['access_token']}",
            "x-raet-tenant-id": asking.tenant,
        }

    def list(self, query: dict[str, str]) -> tuple[float, int]:
        """Seconds until the answer was there, and the count that it tells."""
        path = "/fileapi/v1.0/files?" + urlencode({"role": "subscriber", **query}, quote_via=quote)
        began = time.perf_counter()
        status, body = self._ask("GET", path, self._headers)
        seconds = time.perf_counter() - began
        assert status == 200, body
        return seconds, json.loads(body)["count"]

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: str | None = None
    ) -> tuple[int, bytes]:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def main() -> int:
    """Fill, ask and report."""
    options = _parse()
    rows: list[Row] = []
    options.out.mkdir(parents=True, exist_ok=True)
    for database in options.databases.split(","):
        rows += _measure(database, options.sizes, options.rounds)
    _print(rows)
    told = {"sizes": options.sizes, "rounds": options.rounds, "rows": [row._asdict() for row in rows]}
    (options.out / "lists.json").write_text(json.dumps(told, indent=1))
    return 0


def _print(rows: list[Row]) -> None:
    columns = f"{'small ms':>9}{'large ms':>9}{'ratio':>7}{'count':>7}{'of 20,000':>11}"
    print(f"\n{'database':10}{'question':26}{columns}")
    for row in rows:
        other = f"{row.other_ms:11.1f}" if row.other_ms is not None else f"{'-':>11}"
        figures = f"{row.small_ms:9.1f}{row.large_ms:9.1f}{row.ratio:7.2f}{row.counted:7}{other}"
        print(f"{row.database:10}{row.question:26}{figures}")


def _measure(database: str, sizes: list[int], rounds: int) -> list[Row]:
    """Every question, asked of both catalogs in turn, so that both see the same machine."""
    with ExitStack() as stack:
        small, large = (stack.enter_context(_served(database, size)) for size in sizes)
        clients = [Client(server.web_port, filled.one) for server, filled in (small, large)]
        other = large[1].other
        third = Client(large[0].web_port, other) if other else None
        return [_row(database, name, query, clients, third, rounds) for name, query in QUESTIONS.items()]


def _row(
    database: str, name: str, query: dict[str, str], clients: list[Client], third: Client | None, rounds: int
) -> Row:
    times: list[list[float]] = [[], []]
    counts = {client.list(query)[1] for client in clients for _ in range(_WARM_UP)}
    for _ in range(rounds):
        for client, taken in zip(clients, times, strict=True):
            taken.append(client.list(query)[0])
    small, large = (statistics.median(taken) * 1000 for taken in times)
    other = None
    if third is not None and "businessType eq" not in query.get("$filter", ""):
        other = statistics.median(third.list(query)[0] for _ in range(rounds)) * 1000
    return Row(database, name, small, large, large / small, max(counts), other)


@contextmanager
def _served(database: str, count: int) -> Iterator[tuple[KadeServer, Filled]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kade-lists-"))) / "quay"
        url = ""
        if database == "postgres":
            server = PostgresServer()
            server.start()
            stack.callback(server.stop)
            url = server.url(server.create(), "postgresql")
            app.migrate(load(None, {"KADE_CATALOG_URL": url}, app.sections()))
        environment = _UNLIMITED | ({"KADE_CATALOG_URL": url} if url else {})
        kade = KadeServer(folder, environment=environment)
        kade.initialise()
        began = time.perf_counter()
        filled = fill(folder, url, count)
        print(
            f"{database}: {count} files in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True
        )
        kade.start()
        stack.callback(kade.close)
        yield kade, filled


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parser.add_argument("--sizes", type=_numbers, default=[10_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--databases", default="sqlite,postgres")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())

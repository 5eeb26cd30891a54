"""Searches as a customer's program makes them: `GET /Search/` of a real server, on one connection.

What is measured is a search from the request to the parsed answer: handshake checked and changed, rights,
index, and the 25 files of a page with their snippets; and the same while a worker, a process of its own,
tells the index of files again. Client, server and worker share the machine. How fast a catalog is filled is
not measured (see ``catalog``), nor is TLS.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.support.kade_server import PROGRAM, KadeServer

from bench.search.catalog import NUMBER, Filled, fill, unmark
from bench.search.documents import SPACES, Archive, Asked

_CHANGED = 200_000
_SORTS = {"relevance": "Relevance", "size": "FileSize", "date": "Date"}
_QUIET = {
    "KADE_LOG_LEVEL": "warning",
    "KADE_WORKER_BESIDE_SERVE": "false",
    "KADE_DIALECTS_FILER_WORD_LIMIT": "10000",
    "KADE_DIALECTS_FILER_QUERY_LIMIT": "10000",
}


class Measured(NamedTuple):
    """Seconds of each search, alone and while a worker indexes; how many files that told a second."""

    alone: list[float]
    meanwhile: list[float]
    told_per_second: float


def measure(folder: Path, archive: Archive, asked: list[Asked], count: int) -> Measured:
    """Fill a data folder, serve it, and ask."""
    server = KadeServer(folder, environment=_QUIET)
    server.initialise()
    filled = asyncio.run(fill(server.folder, archive, count))
    server.start()
    try:
        client = _Client(server.web_port, filled)
        for each in asked[:50]:
            client.search(each)
        alone = [client.search(each) for each in asked]
        unmark(server.folder, min(_CHANGED, count))
        worker = subprocess.Popen(
            [*PROGRAM, "--config", str(server.folder / "kade.toml"), "worker"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await_work(client, server.folder)
            before, began = client.told(server.folder), time.perf_counter()
            meanwhile = [client.search(each) for each in asked]
            told = (before - client.told(server.folder)) / (time.perf_counter() - began)
        finally:
            worker.terminate()
            worker.wait(30)
    finally:
        server.close()
    return Measured(alone, meanwhile, told)


def _await_work(client: _Client, folder: Path) -> None:
    """Wait until a worker that was started has told the index of something."""
    left = client.told(folder)
    patience = time.monotonic() + 60
    while client.told(folder) == left:
        if time.monotonic() > patience:
            raise RuntimeError("the worker does not index")
        time.sleep(0.1)


class _Client:
    """A chain of handshakes for each choice of groups that the questions make."""

    def __init__(self, port: int, filled: Filled) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._groups = filled.groups
        answer = self._ask(
            "POST", "/Handshake/Initialize/", {"SecretKey": filled.key, "FileGroups[]": "Filer_ALL"}
        )
        self._handshake = answer["Handshake"]

    def search(self, asked: Asked) -> float:
        """How long one search takes, in seconds."""
        search = asked.search
        said: dict[str, Any] = {
            "Handshake": self._handshake,
            "Search": asked.text,
            "SortBy": _SORTS[search.sort_by.value],
        }
        if len(search.spaces) < len(SPACES):
            said["FileGroups[]"] = list(self._groups[: len(search.spaces)])
        began = time.perf_counter()
        answer = self._ask("GET", "/Search/", said)
        took = time.perf_counter() - began
        if "Handshake" in answer:
            self._handshake = answer["Handshake"]
        elif answer["Code"] not in (150, 153, 154):
            raise RuntimeError(f"{asked.text}: {answer}")
        return took

    def told(self, folder: Path) -> int:
        """How many files the index is to be told of still."""
        with sqlite3.connect(folder / "catalog.sqlite", timeout=30) as connection:
            (left,) = connection.execute("SELECT count(*) FROM readings WHERE stamp <> indexed").fetchone()
        return int(left)

    def _ask(self, method: str, path: str, said: dict[str, Any]) -> dict[str, Any]:
        query = urlencode({"CustomerID": NUMBER, **said}, doseq=True)
        self._connection.request(method, f"{path}?{query}")
        answer: dict[str, Any] = json.loads(self._connection.getresponse().read())
        return answer

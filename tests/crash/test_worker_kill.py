"""SIGKILL of `kade worker` amid a walk: in the end each file is there once, as it is, and is found."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil
from tests.support.fork_server import ForkedProcess
from tests.support.kade_server import KadeServer
from tests.support.processes import process_tree
from tests.support.sizes import sizes

from kade import app
from kade.config import load
from kade.core.clock import Millis
from kade.core.customers import GroupSettings
from kade.core.files import FileState
from kade.core.ports import Tx
from kade.core.readings import ReadingState
from kade.core.sources import Method, ServiceKind
from kade.services import customers, groups, sources
from kade.services.installing import local_operator
from kade.services.naming import Namers

T = TypeVar("T")
FILES = 500 if sizes.full else 120
ROUNDS = 25 if sizes.full else 4
ENDS_S = 60.0


class Kept(NamedTuple):
    """What the catalog has of the folder."""

    digests: dict[str, str | None]
    names: Counter[str]
    items: int
    waiting: int


def content(number: int) -> bytes:
    return f"Sheet {number} of the harbour, with the word only{number}once in it.\n".encode()


def inside(server: KadeServer, verb: Callable[[Tx], T]) -> T:
    """What a transaction gives, beside whatever runs."""

    async def do() -> T:
        async with app.opened(app.build(load(server.config, {}, app.sections()))) as kade:
            return await kade.catalog.write(verb)

    return asyncio.run(do())


def outlast(tx: Tx) -> None:
    """Let the time be over for which a dead worker holds what it took."""
    for source in tx.sources.all():
        if source.run_until is not None:
            tx.sources.change(source._replace(run_until=Millis(1)))
        for item in tx.items.of_source(source.id, None, 2 * FILES):
            if item.due_at is not None:
                tx.items.change(item._replace(due_at=Millis(1)))
    for reading in tx.readings.page(None, 2 * FILES):
        if reading.state == ReadingState.WAITING:
            tx.readings.change(reading._replace(due_at=Millis(1)))


def look(tx: Tx) -> Kept:
    (source,) = tx.sources.all()
    files = tx.files.of_space(source.space_id, (FileState.LIVE,))
    digests = {}
    for file in files:
        there = tx.contents.get(file.content_id) if file.content_id is not None else None
        digests[file.name] = there.sha256 if there is not None else None
    items = tx.items.of_source(source.id, None, 2 * FILES)
    waiting = tx.readings.waiting() + tx.readings.untold() + sum(item.due_at is not None for item in items)
    return Kept(digests, Counter(file.name for file in files), len(items), waiting)


@contextlib.contextmanager
def worker(server: KadeServer) -> Iterator[None]:
    """A worker, which is killed with all that it started."""
    with server.log_file.open("ab") as log:
        process = ForkedProcess(
            ["--config", str(server.config), "worker"], dict(server.environment), log, log
        )
    try:
        yield
    finally:
        for each in reversed(process_tree(process.pid)):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()


def found(server: KadeServer, *words: str) -> int:
    return int(json.loads(server.run("search", *words, "--json"))["count"])


def furnish(server: KadeServer, folder: Path) -> None:
    """A customer with a group that is filled from a folder."""
    (folder / "harbour").mkdir(parents=True)
    for number in range(FILES):
        (folder / "harbour" / f"{number}.txt").write_bytes(content(number))

    def make(tx: Tx) -> None:
        caller, namers = local_operator(tx), Namers()
        where = sources.install(tx, caller, "GOF001")
        service = sources.add_service(tx, caller, where, ServiceKind.FOLDER, "GOFSERV001", str(folder))
        customer = customers.create(tx, caller, namers, "acme", 2434)
        said = GroupSettings(customer.principal.id, "Papers", where.id)
        group = groups.create(tx, caller, namers, customer, said, keep_deleted_ms=0)
        sources.add(
            tx, caller, namers, group.space, service, sources.Wish("harbour", method=Method.AUTOMATIC)
        )

    inside(server, make)


def test_each_file_is_there_once_whenever_the_worker_is_killed(tmp_path: Path) -> None:
    chance = random.Random(5)
    server = KadeServer(tmp_path / "data")
    server.initialise()
    furnish(server, tmp_path / "files")
    amid = 0
    for _ in range(ROUNDS):
        with worker(server):
            time.sleep(chance.uniform(0.4, 1.2))
        kept = inside(server, look)
        amid += kept.waiting > 0 or kept.items < FILES
        inside(server, outlast)
    assert amid > 0  # else nothing was broken off
    deadline = time.monotonic() + ENDS_S
    with worker(server):
        while (kept := inside(server, look)).waiting or len(kept.digests) < FILES:
            assert time.monotonic() < deadline, server.log_tail()
            time.sleep(0.1)
    kept = inside(server, look)
    assert kept.digests == {f"{at}.txt": hashlib.sha256(content(at)).hexdigest() for at in range(FILES)}
    assert set(kept.names.values()) == {1} and kept.items == FILES
    assert found(server, "harbour") == FILES
    for number in chance.sample(range(FILES), 3):
        assert found(server, f"only{number}once") == 1
    assert "all is well" in server.run("doctor", "--digests")

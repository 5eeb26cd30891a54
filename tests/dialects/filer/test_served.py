"""Filer with a real `kade serve` and the worker that runs beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from tests.dialects.filer.house import KEY, NUMBER, unc
from tests.support.filer_client import FilerClient
from tests.support.kade_server import KadeServer

from kade import app
from kade.config import load
from kade.core.customers import GroupSettings
from kade.core.ports import Tx
from kade.core.sources import Method, ServiceKind
from kade.services import customers, groups, sources
from kade.services.installing import local_operator
from kade.services.naming import Namers

GROUP = "Papers"
WAIT_S = 30.0
LOW = 40


class Served(NamedTuple):
    """A server with a customer, whose group has a folder of each method below *files*."""

    server: KadeServer
    files: Path
    client: FilerClient

    def put(self, path: str, text: str) -> None:
        (self.files / path).write_text(text)

    async def add(self, name: str, **said: Any) -> None:
        path = unc("GOFSERV001", "requested", name)
        await self.client.done("POST", "/File/Add/", FilePath=path, FileGroup=GROUP, **said)

    async def synchronization(self) -> dict[str, Any]:
        """How the folder that is walked is kept up."""
        directory = unc("GOFSERV001", "directory")
        told = await self.client.done("GET", "/Directory/Information/", Directory=directory)
        return dict(next(iter(_found(told, "Synchronization"))))


def _found(told: Any, name: str) -> list[Any]:
    """Every value of that name, however deep it lies."""
    if isinstance(told, list):
        return [each for one in told for each in _found(one, name)]
    if not isinstance(told, dict):
        return []
    return [told[name]] if name in told else _found(list(told.values()), name)


async def read_order(server: KadeServer) -> list[str]:
    """Names of files, as they were read one after another."""

    def look(tx: Tx) -> list[str]:
        readings = [each for each in tx.readings.page(None, 1000) if each.read_at is not None]
        files = tx.files.get_many([each.file_id for each in readings])
        return [files[each.file_id].name for each in sorted(readings, key=lambda each: each.read_at or 0)]

    async with app.opened(app.build(load(server.config, {}, app.sections()))) as kade:
        return await kade.catalog.read(look)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.1)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    files = tmp_path / "files"
    for name in ("directory", "requested"):
        (files / name).mkdir(parents=True)
    limit = {"KADE_DIALECTS_FILER_HANDSHAKES": "100000"}
    server = KadeServer(tmp_path / "data", environment=limit)
    await asyncio.to_thread(server.initialise)
    async with app.opened(app.build(load(server.config, {}, app.sections()))) as kade:
        await kade.catalog.write(_furnish, kade.namers, files)
    try:
        await asyncio.to_thread(server.start)
        async with aiohttp.ClientSession() as session:
            yield Served(server, files, await FilerClient(session, server.web_url, NUMBER, KEY).begin())
    finally:
        await asyncio.to_thread(server.close)


def _furnish(tx: Tx, namers: Namers, files: Path) -> None:
    caller = local_operator(tx)
    where = sources.install(tx, caller, "GOF001")
    service = sources.add_service(tx, caller, where, ServiceKind.FOLDER, "GOFSERV001", str(files))
    customer = customers.create(tx, caller, namers, "acme", NUMBER)
    customers.add_key(tx, caller, customer, KEY)
    said = GroupSettings(customer.principal.id, GROUP, where.id)
    group = groups.create(tx, caller, namers, customer, said, keep_deleted_ms=0)
    for path, method in (("directory", Method.AUTOMATIC), ("requested", Method.REQUESTED)):
        sources.add(tx, caller, namers, group.space, service, sources.Wish(path, method=method))


async def test_what_is_asked_for_is_read_and_by_priority(served: Served) -> None:
    client = served.client
    served.put("requested/one.txt", "Words about lighthouses.")
    served.put("requested/unasked.txt", "More about lighthouses.")
    await served.add("one.txt", CustomID="1")

    async def is_read() -> bool:
        return await client.names("lighthouses") == ["one.txt"]

    await until(is_read)
    content = await client.done("GET", "/File/Content/", CustomID="1", FileGroup=GROUP)
    assert "Words about lighthouses." in str(content)

    await asyncio.to_thread(served.server.stop)
    served.server.environment["KADE_WORKER_BESIDE_SERVE"] = "false"
    await asyncio.to_thread(served.server.start)
    names = [f"low{number}.txt" for number in range(LOW)] + ["high.txt", "higher.txt"]
    for name in names:
        served.put(f"requested/{name}", f"Words of {name} about windmills.")
        priority = {"high.txt": 999, "higher.txt": 1000}.get(name, 0)
        await served.add(name, Priority=priority)
    assert await client.names("windmills") == []
    await asyncio.to_thread(served.server.stop)
    served.server.environment["KADE_WORKER_BESIDE_SERVE"] = "true"
    await asyncio.to_thread(served.server.start)

    async def all_are_read() -> bool:
        return sorted(await client.names("windmills", Limit=100)) == sorted(names)

    await until(all_are_read)
    order = await read_order(served.server)
    assert {"high.txt", "higher.txt"} <= set(order[1 : LOW // 2])  # one.txt was read before


async def test_a_folder_is_synchronised_when_it_is_asked_for(served: Served) -> None:
    client = served.client

    async def was_walked() -> bool:
        return (await served.synchronization())["Completed"] is not None

    await until(was_walked)
    before = await served.synchronization()
    assert before["Next"] > before["Completed"] and before["Requested"] == 0
    served.put("directory/new.txt", "Words about lighthouses.")
    await asyncio.sleep(1.1)  # times are told in whole seconds
    directory = unc("GOFSERV001", "directory")
    await client.done("PUT", "/Directory/Synchronize/", Directory=directory)

    async def is_found() -> bool:
        return await client.names("lighthouses") == ["new.txt"]

    await until(is_found)
    after = await served.synchronization()
    assert after["Started"] > before["Started"] and after["Requested"] == 0
    assert after["Next"] >= before["Next"]

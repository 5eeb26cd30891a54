"""A running Kade with Filer, its worker in steps, and customers on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec
from tests.support.filer_client import FilerClient

from kade import app
from kade.config import load
from kade.core.customers import Customer, FileGroup, GroupSettings
from kade.core.events import JournalEntry
from kade.core.ports import Tx
from kade.core.sources import Installation, Method, Service, ServiceKind, Source
from kade.services import customers, groups, readings, sources
from kade.services.extracting import Extracting
from kade.services.fetching import Fetching
from kade.services.installing import install, local_operator
from kade.services.reacting import Reacting
from kade.services.syncing import Syncing

T = TypeVar("T")
Build = Callable[[dict[str, str]], AbstractAsyncContextManager["House"]]
KEY = "a-secret-key-of-a-customer"
NUMBER = 2434
DAY_MS = 86_400_000


class House:
    """One server with what a worker does, and whoever talks to it."""

    def __init__(self, kade: app.Kade, server: app.Server, session: aiohttp.ClientSession) -> None:
        self.kade = kade
        self.server = server
        self.session = session
        self.base = server.bases["web"]
        self.files = kade.config.data.folder / "served"
        self.files.mkdir(exist_ok=True)
        self._reacting = Reacting(kade.catalog, "reading", readings.follow)
        self._syncing = Syncing(kade.catalog, kade.places, kade.keeper)
        self._fetching = Fetching(kade.catalog, kade.places, kade.keeper, kade.appending)
        self._extracting = Extracting(kade.catalog, kade.spool, kade.extractor, 1 << 60)

    async def settle(self) -> None:
        """Do what a worker does, until nothing is left to do."""
        working = True
        while working:
            await self._reacting.catch_up()
            steps = (self._syncing.step, self._fetching.step, self._extracting.step, self.kade.indexing.step)
            working = any([await step() for step in steps])

    async def walk(self) -> None:
        """Let every source be walked now, and settle."""

        def ask(tx: Tx) -> None:
            for service in tx.sources.services(local_operator(tx).tenant_id):
                for source in tx.sources.of_service(service.id):
                    if source.method == Method.AUTOMATIC:
                        sources.request_run(tx, local_operator(tx), source)

        await self.kade.catalog.write(ask)
        await self.settle()

    async def operate(self, verb: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """What a verb of the services gives to the operator."""
        return await self.kade.catalog.write(lambda tx: verb(tx, local_operator(tx), *arguments, **options))

    async def customer(self, number: int = NUMBER, key: str = KEY, **account: Any) -> Customer:
        """A customer with a key."""

        def make(tx: Tx) -> Customer:
            caller = local_operator(tx)
            made = customers.create(tx, caller, self.kade.namers, f"customer {number}", number)
            made = customers.change(tx, caller, made, msgspec.structs.replace(made.account, **account))
            customers.add_key(tx, caller, made, key)
            return made

        return await self.kade.catalog.write(make)

    async def change_account(self, customer: Customer, **account: Any) -> None:
        """Other settings for a customer."""
        changed = msgspec.structs.replace(customer.account, **account)
        await self.operate(customers.change, customer, changed)

    async def installation(self, name: str, *, takes_requests: bool = True) -> Installation:
        return await self.operate(sources.install, name, takes_requests=takes_requests)

    async def service(
        self,
        where: Installation,
        name: str,
        kind: ServiceKind = ServiceKind.FOLDER,
        location: str = "",
        **options: Any,
    ) -> Service:
        """A service; a folder's is below ``files``."""
        (self.files / name).mkdir(exist_ok=True)
        at = location or str(self.files / name)
        return await self.operate(sources.add_service, where, kind, name, at, **options)

    async def group(
        self,
        customer: Customer,
        name: str,
        where: Installation | None = None,
        *,
        keep_deleted_ms: int = 0,
        **settings: Any,
    ) -> FileGroup:
        """A group of a customer."""
        said = GroupSettings(customer.principal.id, name, where.id if where else "", **settings)

        def make(tx: Tx) -> FileGroup:
            caller, namers = local_operator(tx), self.kade.namers
            return groups.create(tx, caller, namers, customer, said, keep_deleted_ms=keep_deleted_ms)

        return await self.kade.catalog.write(make)

    async def source(
        self, group: FileGroup, service: Service, path: str, method: Method = Method.AUTOMATIC, **wish: Any
    ) -> Source:
        """A place that fills a group; a folder is made where it is missing."""
        if service.kind == ServiceKind.FOLDER:
            (self.files / service.name / path).mkdir(parents=True, exist_ok=True)
        said = sources.Wish(path, method=method, **wish)
        return await self.kade.catalog.write(
            lambda tx: sources.add(tx, local_operator(tx), self.kade.namers, group.space, service, said)
        )

    def put(self, path: str, content: bytes | str) -> Path:
        """Put a file where a service looks; *path* begins with its name."""
        at = self.files / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(content.encode() if isinstance(content, str) else content)
        return at

    def client(self, number: int = NUMBER, key: str = KEY) -> FilerClient:
        """Somebody with the key of a customer, and no handshake yet."""
        return FilerClient(self.session, self.base, number, key)

    async def journal(self, kind: str = "") -> list[JournalEntry]:
        """Everything of a kind that was noted until now."""
        await self.kade.audit.flush()
        entries = await self.kade.catalog.read(lambda tx: tx.journal.tail(0, 100_000))
        return [entry for entry in entries if entry.kind.startswith(kind)]


def unc(*names: str) -> str:
    """A path as the documentation writes it."""
    return "\\\\" + "\\".join(names)


async def make_example(
    house: House, names: Sequence[str] = ("example.txt",), folder: str = "directory"
) -> Customer:
    """The customer of the documentation, with a group that is filled from a folder."""
    customer = await house.customer()
    where = await house.installation("GOF001")
    await house.change_account(customer, installations=(where.id,))
    service = await house.service(where, "GOFSERV001")
    group = await house.group(customer, "Example group", where, keep_deleted_ms=30 * DAY_MS)
    await house.source(group, service, folder)
    for name in names:
        house.put(f"GOFSERV001/{folder}/{name}", f"{name} is a file of Filer, made to demonstrate a search.")
    await house.settle()
    return customer


@asynccontextmanager
async def running_house(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[House]:
    """Install into *folder* and serve; *settings* are variables of the configuration."""
    environment = {
        "KADE_DATA_FOLDER": str(folder),
        "KADE_WEB_PORT": "0",
        "KADE_DIALECTS_FILER_HANDSHAKES": "100000",
        **(settings or {}),
    }
    kade = app.build(load(None, environment, app.sections()))
    async with app.opened(kade):
        await kade.catalog.write(install, kade.namers, "main", "0" * 64)
    kade = app.build(kade.config)
    jar = aiohttp.DummyCookieJar()
    async with app.running(kade, ("web",)) as server, aiohttp.ClientSession(cookie_jar=jar) as session:
        await kade.index.open()
        await asyncio.to_thread(kade.spool.prepare)
        yield House(kade, server, session)

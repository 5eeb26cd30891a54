"""Catalogs of any size, filled with rows directly: what is measured is asking, not how files came."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import Table

from kade import app
from kade.auth import client_secret
from kade.catalog.schema import business_types, deliveries, files, principals, quotas, spaces
from kade.config import load
from kade.core.clock import Millis, now
from kade.core.deliveries import Delivery, DeliveryState
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id, dashed, new_id
from kade.core.names import fold
from kade.core.ports import Tx
from kade.core.principals import CredentialKind, Principal, PrincipalKind
from kade.core.spaces import Policy, Space
from kade.services import applications, tenants
from kade.services import principals as people
from kade.services.installing import local_operator

TENANTS, TYPES, SUBSCRIBERS = 50, 200, 400
ASKED_TYPES = (7100, 7101, 8000, 101002, 101100)  # those that the documentation's examples name
SEEN, SEEN_BY_THE_OTHER = 2_000, 20_000
_FETCHED_OF_TEN = 1  # so many of ten deliveries were fetched
_SPREAD_MS = 30 * 24 * 3_600_000
_BATCH = 20_000
_NAMES = ("payroll_{}.xml", "mutations_{}.csv", "summer_{}_holidays", "test_file_{}.txt", "report {}.pdf")


class Asking(NamedTuple):
    """An application that asks, and the tenant in which."""

    client_id: str
    secret: str
    tenant: str


@dataclass(frozen=True)
class Filled:
    """A catalog, and who asks: *one* sees 2,000 files; *other* 20,000, where there are as many."""

    one: Asking
    other: Asking | None


def fill(folder: Path, url: str, count: int) -> Filled:
    """Install into *folder* (and, with *url*, PostgreSQL) and fill it with *count* files."""
    return asyncio.run(_fill(folder, url, count))


async def _fill(folder: Path, url: str, count: int) -> Filled:
    environment = {"KADE_DATA_FOLDER": str(folder)} | ({"KADE_CATALOG_URL": url} if url else {})
    kade = app.build(load(None, environment, app.sections()))
    async with app.opened(kade):
        names = [f"tenant{number:02d}" for number in range(TENANTS)]
        roots = await kade.catalog.write(_tenants, names)
        tenant_ids = list(roots)
        numbers = [*ASKED_TYPES, *range(200_000, 200_000 + TYPES - len(ASKED_TYPES))]
        made = _Rows(roots, numbers)
        sink = _Postgres(url) if url else _Sqlite(folder / "catalog.sqlite")
        await sink.write(made.settings())
        one, one_id = await _applicant(kade, names[0], "one", ASKED_TYPES)
        plan = [(one_id, names[0], ASKED_TYPES, SEEN)]
        other = None
        if count > SEEN_BY_THE_OTHER * 2:
            some = tuple(numbers[20:40])
            other, other_id = await _applicant(kade, names[1], "other", some)
            plan.append((other_id, names[1], some, SEEN_BY_THE_OTHER))
        owners = [(who, tenant_ids[names.index(tenant)], types, n) for who, tenant, types, n in plan]
        await sink.write(made.files(count, owners))
        await sink.finish()
    return Filled(one, other)


def _tenants(tx: Tx, names: Sequence[str]) -> dict[Id, Id]:
    """The root space of each tenant."""
    caller = local_operator(tx)
    made = [tenants.add(tx, caller, name).id for name in names]
    return {tenant_id: tenants.root_of(tx, tenant_id).id for tenant_id in made}


async def _applicant(kade: app.Kade, tenant: str, name: str, numbers: Sequence[int]) -> tuple[Asking, Id]:
    secret = client_secret.new_secret()

    def make(tx: Tx) -> Principal:
        caller = local_operator(tx)
        made = applications.create(tx, caller, kade.namers, name)
        fingerprint = client_secret.fingerprint(secret)
        people.register(tx, caller, made, CredentialKind.SECRET, fingerprint)
        here = caller.__class__(caller.principal_id, caller.principal_name, tenants.named(tx, tenant).id)
        for number in numbers:
            applications.entitle(tx, here, kade.namers, made, number, Verb.SUBSCRIBE)
        return made

    made = await kade.catalog.write(make)
    return Asking(dashed(made.id), secret, tenant), made.id


class _Rows:
    """Rows in batches, each for one table; the same for the same numbers."""

    def __init__(self, roots: Mapping[Id, Id], numbers: Sequence[int]) -> None:
        self._random = random.Random(7)
        self._now = now()
        self._policy = json.dumps(Policy().stored())
        self._roots = roots
        self._tenants = list(roots)
        self._numbers = numbers
        self._spaces = {(tenant, number): new_id() for tenant in roots for number in numbers}
        self._people = [new_id() for _ in range(SUBSCRIBERS)]

    def settings(self) -> Iterator[tuple[Table, list[tuple[Any, ...]]]]:
        """Business types, a space for each in each tenant, and subscribers that nobody asks as."""
        stamp = self._now
        yield business_types, [(n, f"type {n}", "both", self._policy, stamp) for n in self._numbers]
        made = [
            Space(space_id, tenant, self._roots[tenant], str(n), str(n), Policy(), stamp, None, n)
            for (tenant, n), space_id in self._spaces.items()
        ]
        yield spaces, [(*each[:5], self._policy, *each[6:]) for each in made]
        yield quotas, [(each.id, None, 0, 0) for each in made]
        first = self._tenants[0]
        yield (
            principals,
            [
                tuple(Principal(each, first, PrincipalKind.APPLICATION, each, each, stamp, None))
                for each in self._people
            ],
        )

    def files(
        self, count: int, owners: Sequence[tuple[Id, Id, Sequence[int], int]]
    ) -> Iterator[tuple[Table, list[tuple[Any, ...]]]]:
        """*count* files with a delivery each, oldest first; the owners get theirs spread among them."""
        places = self._places(count, owners)
        for start in range(0, count, _BATCH):
            file_rows, delivery_rows = [], []
            for at in range(start, min(start + _BATCH, count)):
                file, delivery = self._one(at, count, *places[at])
                file_rows.append(tuple(file))
                delivery_rows.append(tuple(delivery))
            yield files, file_rows
            yield deliveries, delivery_rows

    def _places(
        self, count: int, owners: Sequence[tuple[Id, Id, Sequence[int], int]]
    ) -> list[tuple[Id, Id, int]]:
        """Who gets each file, in which tenant and for which type; the owners' types have strangers' too."""
        places = [
            (who, tenant, types[turn % len(types)]) for who, tenant, types, n in owners for turn in range(n)
        ]
        chosen = self._random
        while len(places) < count:
            tenant, number = chosen.choice(self._tenants), chosen.choice(self._numbers)
            places.append((chosen.choice(self._people), tenant, number))
        chosen.shuffle(places)
        return places

    def _one(self, at: int, count: int, who: Id, tenant: Id, number: int) -> tuple[File, Delivery]:
        moment = Millis(self._now - _SPREAD_MS + _SPREAD_MS * at // count)
        file_id = Id(f"{moment:012x}7{at % 4096:03x}8{self._random.getrandbits(60):015x}")
        name = self._random.choice(_NAMES).format(at)
        space_id = self._spaces[tenant, number]
        fetched = self._random.randrange(10) < _FETCHED_OF_TEN
        file = File(
            file_id,
            tenant,
            space_id,
            name,
            fold(name),
            "application/octet-stream",
            FileState.LIVE,
            new_id(),
            1000 + at,
            "",
            None,
            None,
            1,
            self._people[0],
            moment,
            moment,
            moment,
        )
        delivery = Delivery(
            who,
            tenant,
            moment,
            file_id,
            space_id,
            fold(name),
            (DeliveryState.FETCHED if fetched else DeliveryState.AVAILABLE).value,
            "",
            moment if fetched else None,
            None,
        )
        return file, delivery


Batches = Iterable[tuple[Table, list[tuple[Any, ...]]]]


class _Sqlite:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def write(self, batches: Batches) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        for table, rows in batches:
            marks = ", ".join("?" * len(rows[0]))
            connection.execute("BEGIN IMMEDIATE")
            columns = ", ".join(f'"{column.name}"' for column in list(table.c)[: len(rows[0])])
            connection.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", rows)  # noqa: S608
            connection.execute("COMMIT")
        connection.close()

    async def finish(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


class _Postgres:
    def __init__(self, url: str) -> None:
        self._url = url

    async def write(self, batches: Batches) -> None:
        connection = await asyncpg.connect(self._url)
        for table, rows in batches:
            columns = [column.name for column in list(table.c)[: len(rows[0])]]
            await connection.copy_records_to_table(table.name, records=rows, columns=columns)
        await connection.close()

    async def finish(self) -> None:
        connection = await asyncpg.connect(self._url)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()

"""What a list costs: the rows of its subscriber or creator, and no others, however much is stored.

The statements are made for each call. A session that records them shows what a database is asked, and has
the database itself say how it would go about it.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, create_engine, pool, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.sql.elements import ClauseElement
from tests.support.postgres import PostgresServer

from kade.catalog.deliveries import DeliveryTable
from kade.catalog.files import FileTable
from kade.catalog.migrations import migrate_postgres
from kade.catalog.schema import deliveries, files, metadata, spaces, tenants
from kade.catalog.sqlite_session import DIALECT, SqliteSession, connect
from kade.catalog.statements import Compiled, Row, Session, SqlAlchemySession
from kade.core.clock import Millis
from kade.core.deliveries import Delivery, DeliveryState
from kade.core.files import FileState
from kade.core.ids import Id
from kade.core.query import (
    ALWAYS,
    AllOf,
    AnyOf,
    Compare,
    Field,
    Holds,
    Not,
    OneOf,
    Operator,
    Order,
    Part,
    Query,
    Term,
)

SUBSCRIBERS, EACH = 20, 300  # deliveries: of each subscriber in the first tenant, and as many in the second
ME, CREATOR = Id("a" * 31 + "0"), Id("c" * 31 + "0")
HERE, THERE = Id("e" * 31 + "0"), Id("e" * 31 + "1")
SPACES = [Id(f"{number:032x}") for number in range(3)]
AVAILABLE = OneOf(Field.STATE, (DeliveryState.AVAILABLE,))
NAME = Holds(Field.NAME, Part.START, "salary")

TERMS: dict[str, Term] = {
    "everything": ALWAYS,
    "the default list": AVAILABLE,
    "what was fetched": Compare(Field.STATE, Operator.EQ, DeliveryState.FETCHED),
    "by date": AllOf((Compare(Field.ARRIVED, Operator.GT, 10), AVAILABLE)),
    "by dates": AnyOf((Compare(Field.ARRIVED, Operator.LT, 10), Compare(Field.ARRIVED, Operator.NE, 20))),
    "by type": AllOf((OneOf(Field.SPACE, tuple(SPACES[:1])), AVAILABLE)),
    "by types": AllOf((Not(OneOf(Field.SPACE, tuple(SPACES[:2]))), AVAILABLE)),
    "by name": AllOf((NAME, AVAILABLE)),
    "by names": AnyOf((NAME, Holds(Field.NAME, Part.ANYWHERE, "x"), Compare(Field.NAME, Operator.EQ, "y"))),
    "by when it was fetched": Compare(Field.FETCHED, Operator.GE, 5),
}
ORDERS = [Order(field, down) for field in (Field.ARRIVED, Field.NAME, Field.STATE) for down in (True, False)]
SIZE = 3
CUTS = {"first page": 0, "page 90": 89 * SIZE, "beyond the end": 10**9}


class Recording:
    """Implements ``Session`` on another one, and keeps what was asked."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.asked: list[tuple[Executable, Mapping[str, Any]]] = []

    def all(self, statement: Executable, **params: Any) -> Sequence[Row]:
        self.asked.append((statement, params))
        return self._session.all(statement, **params)

    def one(self, statement: Executable, **params: Any) -> Row | None:
        self.asked.append((statement, params))
        return self._session.one(statement, **params)

    def run(self, statement: Executable, **params: Any) -> int:
        raise AssertionError("a list changes nothing")

    def run_many(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        raise AssertionError("a list changes nothing")


Asking = Callable[[Session], object]


def listing(where: Term, order: Order, skip: int) -> Asking:
    query = Query(HERE, SPACES, where, order, skip, SIZE)
    return lambda session: DeliveryTable(session).page(ME, query)


def creating(where: Term, order: Order, skip: int) -> Asking:
    query = Query(HERE, SPACES, where, order, skip, SIZE)
    return lambda session: FileTable(session).created(CREATOR, query)


def _lists() -> dict[str, Asking]:
    found = {
        f"{name}, {cut}": listing(term, Order(), skip)
        for name, term in TERMS.items()
        for cut, skip in CUTS.items()
    }
    for order in ORDERS:
        way = "down" if order.descending else "up"
        found[f"by {order.field} {way}"] = listing(AVAILABLE, order, SIZE)
    for field in (Field.NUMBER, Field.FETCHED):
        found[f"by {field}"] = listing(ALWAYS, Order(field), 0)
    return found


def _creations() -> dict[str, Asking]:
    terms = {name: term for name, term in TERMS.items() if name in ("everything", "by dates", "by names")}
    return {
        f"own files: {name}, {cut}": creating(term, order, skip)
        for name, term in terms.items()
        for cut, skip in CUTS.items()
        for order in (Order(), Order(Field.NAME, False))
    }


LISTS, CREATIONS = _lists(), _creations()


def fill(connection: Connection) -> None:
    """Two tenants, many subscribers and creators of equal parts."""
    connection.execute(tenants.insert(), [{"id": t, "name": t, "created_at": 1} for t in (HERE, THERE)])
    a_space = {"policy": "{}", "created_at": 1, "parent_id": None, "removed_at": None}
    connection.execute(
        spaces.insert(),
        [
            a_space | {"id": each, "tenant_id": HERE, "name": each, "name_folded": each, "number": 7000 + at}
            for at, each in enumerate(SPACES)
        ],
    )
    numbers = range(SUBSCRIBERS * EACH * 2)
    connection.execute(files.insert(), [_file(number) for number in numbers])
    connection.execute(deliveries.insert(), [_delivery(number)._asdict() for number in numbers])


def _file(number: int) -> dict[str, Any]:
    whose = number // 2 % SUBSCRIBERS
    return {
        "id": f"f{number:031x}",
        "tenant_id": HERE if number % 2 else THERE,
        "space_id": SPACES[number // 2 % 3],
        "name": f"file{number}",
        "name_folded": f"file{number}",
        "media_type": "text/plain",
        "state": FileState.LIVE.value,
        "annotations": "",
        "version": 1,
        "created_by": f"c{whose:031x}" if whose else CREATOR,
        "created_at": number,
        "changed_at": number,
        "arrived_at": number // 4,
    }


def _delivery(number: int) -> Delivery:
    whose = number // 2 % SUBSCRIBERS
    return Delivery(
        subscriber_id=Id(f"b{whose:031x}") if whose else ME,
        tenant_id=HERE if number % 2 else THERE,
        arrived_at=Millis(number // 4),
        file_id=Id(f"f{number:031x}"),
        space_id=SPACES[number // 2 % 3],
        name_folded=f"file{number}",
        state=(number // 40) % 4,
        fetched_spans="",
        fetched_at=Millis(5) if number % 3 else None,
        dismissed_at=None,
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path: Path = tmp_path_factory.mktemp("plans") / "catalog.sqlite"
    engine = create_engine(f"sqlite:///{path}", poolclass=pool.NullPool)
    with engine.begin() as connection:
        metadata.create_all(connection)
        fill(connection)
    opened = connect(path)
    yield opened
    opened.close()


def steps(database: sqlite3.Connection, ask: Asking) -> list[str]:
    """How SQLite would answer each statement of a list."""
    recording = Recording(SqliteSession(database))
    ask(recording)
    found: list[str] = []
    for statement, params in recording.asked:
        compiled = Compiled(statement, DIALECT)
        rows = database.execute(f"EXPLAIN QUERY PLAN {compiled.text}", compiled.arguments(params))
        found += [str(row[3]) for row in rows]
    return found


MINE = (
    "SEARCH deliveries USING PRIMARY KEY (subscriber_id=? AND tenant_id=?",
    "SEARCH files USING INDEX files_by_creator (created_by=? AND tenant_id=?",
    "SEARCH files USING INDEX sqlite_autoindex_files_1 (id=?)",
    "SEARCH spaces USING INDEX sqlite_autoindex_spaces_1 (id=?)",
)
# Rows that were made on the way, by this statement itself.
OWN = ("SCAN (subquery", "SCAN anon_", "SCAN CONSTANT")


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("name", [*LISTS, *CREATIONS])
def test_sqlite_looks_at_the_rows_of_one_in_one_tenant(
    database: sqlite3.Connection, name: str, analyzed: bool
) -> None:
    if analyzed:
        database.execute("ANALYZE")
    found = steps(database, (LISTS | CREATIONS)[name])
    if analyzed:
        database.execute("DROP TABLE IF EXISTS sqlite_stat1")
        database.execute("ANALYZE sqlite_schema")
    looked = [each for each in found if each.startswith(("SEARCH", "SCAN"))]
    assert looked and not [each for each in looked if not each.startswith((*MINE, *OWN))], found


@pytest.mark.parametrize(
    "name", [name for name in LISTS if name.startswith(("the default list", "by date,"))]
)
def test_what_is_available_is_found_among_what_is_available(database: sqlite3.Connection, name: str) -> None:
    """Nothing new costs nothing, however much was fetched before."""
    found = steps(database, LISTS[name])
    assert any("PRIMARY KEY (subscriber_id=? AND tenant_id=? AND state=?" in each for each in found)


def test_what_waits_is_found_among_what_waits(database: sqlite3.Connection) -> None:
    after = _delivery(4)
    for of, index in ((None, "deliveries_waiting ("), (ME, " (subscriber_id=?")):
        for reached in (None, after):
            found = steps(
                database,
                lambda session: DeliveryTable(session).waiting(of, Millis(99), 10, reached),  # noqa: B023
            )
            assert any(index in step and step.startswith("SEARCH") for step in found), found


def test_the_check_sees_a_list_of_everybody(database: sqlite3.Connection) -> None:
    found = steps(database, lambda session: session.all(deliveries.select()))
    assert found == ["SCAN deliveries"]


class Looked:
    """How many rows of each table PostgreSQL touched, and how, as EXPLAIN ANALYZE tells."""

    def __init__(self) -> None:
        self.rows: dict[str, float] = {}
        self.whole: list[str] = []

    def add(self, plan: Mapping[str, Any]) -> None:
        table = plan.get("Relation Name")
        if table:
            removed = sum(v for k, v in plan.items() if k.startswith("Rows Removed by"))
            touched = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
            self.rows[table] = self.rows.get(table, 0) + touched
            if plan["Node Type"] == "Seq Scan":
                self.whole.append(table)
        for each in plan.get("Plans", ()):
            self.add(each)


def _looked(connection: Connection, ask: Asking) -> Looked:
    recording = Recording(SqlAlchemySession(connection))
    ask(recording)
    looked = Looked()
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for statement, params in recording.asked:
        assert not params and isinstance(statement, ClauseElement)
        said = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        said = said.replace("%%", "%").replace(":", "\\:")
        (explained,) = connection.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {said}")).scalar_one()
        looked.add(explained["Plan"])
    return looked


async def _on_postgres(url: str) -> dict[str, Looked]:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(fill)
        await connection.execute(text("ANALYZE"))

    def look(connection: Connection) -> dict[str, Looked]:
        return {name: _looked(connection, ask) for name, ask in (LISTS | CREATIONS).items()}

    async with engine.connect() as connection:
        found = await connection.run_sync(look)
    await engine.dispose()
    return found


@pytest.mark.needs("postgres")
def test_postgres_looks_at_the_rows_of_one_in_one_tenant(postgres_server: PostgresServer) -> None:
    name = postgres_server.create()
    migrate_postgres(postgres_server.url(name))
    for asked, looked in asyncio.run(_on_postgres(postgres_server.url(name))).items():
        mine = EACH // 4 if asked.startswith("the default list") else EACH  # a quarter is available
        own = mine * (1 if "first" in asked else 2)  # where a page is empty, it is counted besides
        assert looked.rows.get("deliveries", 0) <= own, (asked, looked.rows)
        brought = own if "own files" in asked else 0
        assert looked.rows.get("files", 0) <= brought + SIZE, (asked, looked.rows)
        assert not {"deliveries", "files"} & set(looked.whole), asked
    postgres_server.drop(name)

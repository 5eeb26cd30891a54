"""Hot statements find their rows by an index: what they cost does not grow with what is stored."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Executable

from kade.catalog import (
    bindings,
    contents,
    deliveries,
    files,
    folders,
    grants,
    journal,
    principals,
    readings,
    spaces,
    uploads,
)
from kade.catalog.sqlite_session import DIALECT, connect
from kade.catalog.statements import Compiled

HOT: dict[str, Executable] = {
    f"{module.__name__.rpartition('.')[2]}.{name}": getattr(module, name)
    for module, names in {
        bindings: ("_OBJECT_OF", "_KEY_OF", "_KEYS_OF", "_INSTANCES_OF", "_REMOVE"),
        contents: (
            "_GET",
            "_LIVING",
            "_EXTENTS",
            "_WITHOUT_SHA256",
            "_WITHOUT_TYPE",
            "_CONDEMNED",
            "_IN_USE",
            "_GET_SEGMENT",
        ),
        files: ("_GET", "_GET_MANY", "_OF_CONTENT", "_DUE", "_FROM_ORIGIN"),
        deliveries: ("_GET", "_OF_FILE", "_LAPSE"),
        folders: ("_GET_MANY",),
        readings: ("_GET_MANY", "_TEXTS"),
        grants: ("_COVERING", "_OF_PRINCIPAL", "_HELD"),
        journal: ("_TAIL", "_LAST", "_LAST_POSITION"),
        principals: ("_PRESENTED", "_GET_CREDENTIAL", "_NAMED", "_PROVEN"),
        spaces: ("_GET", "_GET_MANY", "_NAMED_BELOW", "_RESERVE", "_SETTLE"),
        uploads: (
            "_GET",
            "_OF_FILE",
            "_OF_PRINCIPAL",
            "_TAKE_LEASE",
            "_ADVANCE",
            "_RELEASE",
            "_FINALS_OF",
            "_EXPIRED",
            "_EXPECTS",
        ),
    }.items()
    for name in names
}


@pytest.fixture(scope="module")
def database(sqlite_template: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(sqlite_template)
    yield connection
    connection.close()


def plan(database: sqlite3.Connection, statement: Executable) -> list[str]:
    compiled = Compiled(statement, DIALECT)
    rows = database.execute(f"EXPLAIN QUERY PLAN {compiled.text}", [None] * len(compiled.names))
    return [str(row[3]) for row in rows]


@pytest.mark.parametrize("name", HOT)
def test_no_table_is_read_from_end_to_end(database: sqlite3.Connection, name: str) -> None:
    steps = plan(database, HOT[name])
    # Rows of a recursion, and an index that holds nothing but what is asked for, are not a table.
    few = ("SCAN upwards", "SCAN CONSTANT", "SCAN json_each", "SCAN contents USING INDEX contents_without_")
    scans = [step for step in steps if step.startswith("SCAN") and not step.startswith(few)]
    assert not scans or name == "journal._LAST", steps  # its one row stands at the end of the index


def test_the_check_sees_a_scan(database: sqlite3.Connection) -> None:
    steps = [
        str(row[3]) for row in database.execute("EXPLAIN QUERY PLAN SELECT * FROM files WHERE name = 'x'")
    ]
    assert steps == ["SCAN files"]

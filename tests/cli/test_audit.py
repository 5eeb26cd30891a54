"""`kade audit`."""

from __future__ import annotations

import json
import sqlite3

from tests.cli.conftest import Local


def test_the_last_entries(local: Local) -> None:
    local.ok("user", "add", "haven")
    lines = local.ok("audit").splitlines()
    assert "tenant.created admin local cli" in lines[0]
    assert "principal.created" in lines[1]
    assert "kind=partner name=haven" in lines[1]
    assert local.ok("audit", "-n", "1").splitlines() == lines[-1:]
    assert local.ok("audit", "-n", "0") == ""
    (entry,) = local.lines("audit", "--kind", "principal")
    assert (entry["position"], entry["user"], entry["detail"]["name"]) == (2, "admin", "haven")


def test_since_a_time(local: Local) -> None:
    local.ok("user", "add", "haven")
    entries = local.lines("audit")
    assert local.lines("audit", "--since", "1h") == entries
    assert local.lines("audit", "--since", entries[1]["at"]) == entries[1:]
    assert local.lines("audit", "--since", "2999-01-01") == []
    assert local.lines("audit", "--since", "2h", "--kind", "space.") == entries[2:3]
    assert "--since is 'yesterday'" in local.refused("audit", "--since", "yesterday")


def test_verify(local: Local) -> None:
    local.ok("user", "add", "haven")
    assert "3 entries, no flaws" in local.ok("audit", "--verify")
    with sqlite3.connect(local.folder / "quay" / "catalog.sqlite") as connection:
        connection.execute("UPDATE journal SET subject = 'x' WHERE position = 2")
    connection.close()
    code, output, errors = local.run("audit", "--verify", "--json")
    assert code == 1
    flaws = [{"position": 2, "flaw": "what it says was changed"}]
    assert json.loads(output) == {"entries": 3, "flaws": flaws}
    assert errors == "kade: the journal is not whole\n"

"""Customers, groups, installations, the worker, search, the index and the trash, by their commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Local

from kade.app import build, sections, working
from kade.config import load
from kade.core.ports import Tx


def work_until(local: Local, done: Callable[[Tx], bool]) -> None:
    """Have a worker go on until that is so, and everything is read and found."""

    def rests(tx: Tx) -> bool:
        followed = tx.cursors.get("reading") == tx.journal.last_position()
        return followed and tx.readings.waiting() + tx.readings.untold() == 0 and done(tx)

    async def run() -> None:
        kade = build(load(local.folder / "quay" / "kade.toml", {}, sections()))
        async with working(kade), asyncio.timeout(60):
            while True:
                if await kade.catalog.read(rests):
                    break
                await asyncio.sleep(0.05)

    asyncio.run(run())


def states(tx: Tx) -> list[str]:
    """Of all files that were read."""
    files = tx.files.get_many([each.file_id for each in tx.readings.page(None, 99)])
    return sorted(file.state for file in files.values())


@pytest.fixture
def filed(local: Local) -> Local:
    """A customer with a group that is filled from a folder of two files."""
    folder = local.folder / "files" / "directory"
    folder.mkdir(parents=True)
    (folder / "invoice.txt").write_text("An invoice about seven containers, and nothing else.")
    (folder / "notes.txt").write_text("Aantekeningen over facturen.")
    local.ok("installation", "add", "GOF001")
    local.ok("installation", "service", "add", "GOF001", "folder", "GOFSERV001", str(folder.parent))
    local.ok("customer", "add", "acme", "--number", "2434", "--installation", "gof001")
    local.ok("group", "add", "2434", "Example group", "--installation", "GOF001", "--keep-deleted", "1d")
    local.ok("group", "folder", "add", "acme", "example GROUP", r"\\GOFSERV001\directory", "--show", "Papers")
    return local


def test_a_customer_is_added_changed_and_shown(local: Local) -> None:
    local.ok("installation", "add", "GOF001")
    made = local.json("customer", "add", "acme", "--page-size", "50")
    assert (made["number"], made["page_size"], made["installations"]) == (1001, 50, [])
    changed = local.json(
        "customer", "set", "1001", "--block", "--no-downloads", "--installation", "GOF001", "--page-size", "5"
    )
    assert changed["blocked"] and not changed["downloads"]
    assert changed["installations"] == ["GOF001"]
    assert "blocked" in local.ok("customer", "list")
    assert "blocked" in local.ok("customer", "show", "ACME")
    assert local.json("customer", "list") == [changed]
    assert local.json("customer", "set", "acme") == changed
    assert local.refused("customer", "show", "other") == "there is no customer 'other'"
    assert "page size" in local.refused("customer", "set", "acme", "--page-size", "251")
    assert local.refused("customer", "add", "second", "--number", "1001")


def test_keys_are_shown_once_and_revoked(local: Local) -> None:
    local.ok("customer", "add", "acme")
    key = local.ok("customer", "key", "add", "acme", "--label", "laptop", "--expires", "90d").strip()
    assert len(key) == 32 and key.isalnum()
    (listed,) = local.json("customer", "key", "list", "acme")
    assert listed["label"] == "laptop" and key not in str(listed)
    assert "laptop" in local.ok("customer", "key", "list", "acme")
    revoked = local.json("customer", "key", "revoke", "acme", listed["id"])
    assert revoked["revoked"]
    again = local.json("customer", "key", "add", "acme")
    assert local.ok("customer", "key", "revoke", "acme", again["id"]) == f"revoked {again['id']}\n"


def test_handshakes_are_listed_and_revoked(filed: Local) -> None:
    key = filed.json("customer", "key", "add", "acme")["secret_key"]

    async def begin() -> None:
        from kade.app import opened
        from kade.core.principals import Origin
        from kade.services import customers, groups, handshakes

        kade = build(load(filed.folder / "quay" / "kade.toml", {}, sections()))

        def initialize(tx: Any, some: bool) -> str:
            customer = customers.numbered(tx, 2434)
            spaces = tuple(each.space.id for each in groups.of_customer(tx, customer)) if some else None
            return handshakes.initialize(tx, b"x" * 32, customer, key, spaces, Origin("", "", "127.0.0.1"))

        async with opened(kade):
            for some in (True, False):
                await kade.catalog.write(initialize, some)

    asyncio.run(begin())
    chains = filed.json("customer", "handshake", "list", "acme")
    assert [each["groups"] for each in chains] == [["Example group"], None]
    assert chains[0]["address"] == "127.0.0.1" and chains[0]["uses"] == 0
    assert "all" in filed.ok("customer", "handshake", "list", "acme")
    filed.ok("customer", "handshake", "revoke", "acme", chains[0]["id"])
    assert filed.json("customer", "handshake", "revoke", "acme", chains[1]["id"]) == {"id": chains[1]["id"]}
    assert all(each["revoked"] for each in filed.json("customer", "handshake", "list", "acme"))


def test_what_is_filed_is_found_restored_and_indexed_anew(filed: Local) -> None:
    assert filed.json("index", "status") == {"to_read": 0, "to_index": 0}
    work_until(filed, lambda tx: states(tx) == ["live", "live"])
    found = filed.json("search", "containers", "invoices")
    assert found["count"] == 1
    assert found["files"][0]["path"] == "GOFSERV001/directory/invoice.txt"
    assert "facturen" in filed.ok("search", "factuur", "--space", "acme/Example group")
    assert filed.json("search", 'group:"acme/Example group" year:1999')["count"] == 0
    assert filed.refused("search", "?!")
    (run,) = filed.json("group", "folder", "runs", "acme", "Example group", "GOFSERV001/directory")
    assert (run["seen"], run["added"], run["error"]) == (2, 2, "")
    assert "2" in filed.ok("group", "folder", "runs", "acme", "Example group", "GOFSERV001/directory")
    (filed.folder / "files" / "directory" / "invoice.txt").unlink()
    filed.ok("group", "folder", "sync", "acme", "Example group", "GOFSERV001/directory")
    work_until(filed, lambda tx: states(tx) == ["live", "trashed"])
    assert filed.json("search", "containers")["count"] == 0
    (trashed,) = filed.json("restore", "acme/Example group")
    assert trashed["path"] == "GOFSERV001/directory/invoice.txt"
    assert "invoice.txt" in filed.ok("restore", "acme/Example group")
    said = filed.ok("restore", "acme/Example group", "GOFSERV001/directory/invoice.txt")
    assert said == "restored GOFSERV001/directory/invoice.txt\n"
    assert filed.refused("restore", "acme/Example group", trashed["id"])
    assert filed.ok("index", "rebuild") == "the index was built anew: 2 files\n"
    assert filed.json("index", "rebuild") == {"files": 2}
    assert "to be read" in filed.ok("index", "status")
    diagnosis = filed.json("doctor")
    assert diagnosis["sound"], diagnosis


def test_a_group_is_shown_changed_and_ended(filed: Local) -> None:
    shown = filed.json("group", "show", "acme", "Example group")
    assert (shown["space"], shown["installation"], shown["keep_deleted_seconds"]) == (
        "acme/Example group",
        "GOF001",
        86_400,
    )
    (folder,) = shown["folders"]
    assert (folder["path"], folder["method"], folder["shown"]) == (
        "GOFSERV001/directory",
        "automatic",
        "Papers",
    )
    changed = filed.json(
        "group",
        "set",
        "acme",
        "Example group",
        "--disable",
        "--no-copy",
        "--no-downloads",
        "--keep-deleted",
        "0",
    )
    assert not changed["active"] and not changed["copies"] and changed["keep_deleted_seconds"] == 0
    assert filed.json("group", "set", "acme", "Example group", "--installation", "")["installation"] is None
    assert "disabled" in filed.ok("group", "list", "acme")
    assert "GOFSERV001" in filed.ok("group", "show", "acme", "example group")
    place = ("acme", "Example group", "GOFSERV001/directory")
    told = filed.json(
        "group", "folder", "set", *place, "--method", "requested", "--interval", "2h", "--again"
    )
    assert (told["method"], told["interval_seconds"], told["next"]) == ("requested", 7200, None)
    assert "requested" in filed.ok("group", "folder", "set", *place, "--show", "x")
    assert filed.refused("group", "folder", "set", *place, "--interval", "5s")
    assert filed.refused("group", "folder", "add", *place)
    assert "not filled" in filed.refused("group", "folder", "sync", "acme", "Example group", "GOFSERV001/x")
    filed.ok("group", "folder", "remove", *place)
    assert filed.ok("group", "remove", "acme", "Example group") == "removed Example group\n"
    assert filed.refused("group", "show", "acme", "Example group") == "there is no file group 'Example group'"
    filed.ok("space", "add", "box")
    again = filed.json("group", "add", "acme", "Box", "--space", "box")
    assert again["space"] == "box" and filed.json("space", "show", "box")["index"]
    assert filed.json("group", "remove", "acme", "Box")["name"] == "Box"


def test_services_are_judged_changed_and_removed(filed: Local) -> None:
    secret = filed.folder / "secret"
    secret.write_text("the password\n")
    service = ("installation", "service")
    mail = ("GOF001", "mailbox", "info@example.org", "imaps://info@imap.example.org")
    made = filed.json(*service, "add", *mail, "--password-file", str(secret))
    assert made["password"] and "the password" not in str(made)
    assert filed.refused(*service, "add", "GOF001", "website", "site", "ftp://example.org")
    assert filed.refused(*service, "add", "GOF001", "folder", "f", "/srv", "--settings", "{")
    assert filed.refused(*service, "add", "GOF001", "mailbox", "m", "imaps://a@b", "--password-file", "/none")
    changed = filed.json(*service, "set", "info@example.org", "--settings", '{"timeout_ms": 1000}')
    assert changed["settings"] == '{"timeout_ms": 1000}' and changed["password"]
    moved = filed.json(*service, "set", "gofserv001", "--location", str(filed.folder))
    assert moved["location"] == str(filed.folder)
    assert filed.ok(*service, "set", "gofserv001", "--password-file", str(secret))
    listed = filed.json("installation", "list")
    assert [each["name"] for each in listed[0]["services"]] == ["GOFSERV001", "info@example.org"]
    assert "mailbox" in filed.ok("installation", "list")
    assert filed.json("installation", "set", "GOF001", "--no-requests")["requests"] is False
    assert "not taken" in filed.ok("installation", "set", "gof001", "--no-requests")
    assert filed.refused("installation", "remove", "GOF001")
    assert filed.refused(*service, "remove", "GOFSERV001")
    assert filed.json(*service, "remove", "info@example.org")["name"] == "info@example.org"
    filed.ok("group", "folder", "remove", "acme", "Example group", "GOFSERV001/directory")
    assert filed.refused(*service, "remove", "GOFSERV001")
    work_until(filed, lambda tx: tx.sources.next_due() is None)
    assert filed.ok(*service, "remove", "GOFSERV001") == "removed GOFSERV001\n"
    assert filed.ok("installation", "remove", "GOF001") == "removed GOF001\n"
    assert filed.refused("installation", "remove", "GOF001")


def test_any_space_can_be_searched(local: Local, tmp_path: Path) -> None:
    local.ok("user", "add", "quayside")
    assert local.json("space", "set", "quayside", "--index", "yes")["index"] is True
    assert "searched" in local.ok("space", "show", "quayside")
    assert local.json("space", "set", "quayside", "--index", "no")["index"] is False
    assert "must be yes or no" in local.refused("space", "set", "quayside", "--index", "maybe")

"""`kade doctor` and `kade migrate`."""

from __future__ import annotations

import os
import sqlite3

from tests.cli.conftest import Local

from kade.auth.authority import issue_server, load_issued


def test_all_is_well(local: Local) -> None:
    said = local.json("doctor", "--digests")
    assert (said["sound"], said["findings"]) == (True, [])
    assert said["examined"]["journal"] == 1
    assert "all is well: 0 errors, 0 warnings, 0 mended" in local.ok("doctor")


def test_what_is_wrong_is_said_and_mended(local: Local) -> None:
    local.ok("user", "add", "haven")
    with sqlite3.connect(local.folder / "quay" / "catalog.sqlite") as connection:
        connection.execute("UPDATE quotas SET used = 7 WHERE subject_id = (SELECT id FROM tenants)")
    connection.close()
    code, output, _ = local.run("doctor")
    assert code == 1
    assert "error    quota.wrong" in output
    assert "something is wrong: 1 errors" in output
    assert "mended   quota.wrong" in local.ok("doctor", "--repair")
    assert local.json("doctor")["findings"] == []


def test_an_orphan_is_a_warning(local: Local) -> None:
    orphan = local.folder / "quay" / "segments" / "aa" / ("0" * 30 + "aa")
    orphan.write_bytes(b"from a crash")
    os.utime(orphan, (0, 0))
    (finding,) = local.json("doctor")["findings"]
    assert (finding["code"], finding["severity"], finding["mended"]) == ("segment.orphan", "warning", False)
    (finding,) = local.json("doctor", "--repair")["findings"]
    assert finding["mended"]
    assert not orphan.exists()


def test_keys_and_certificates_of_listeners(local: Local) -> None:
    pki = local.folder / "quay" / "pki"
    authority = load_issued(pki / "ca.crt", pki / "ca.key")
    issue_server(authority, ["localhost"], days=10).save(pki / "server.crt", pki / "server.key")
    (pki / "ca.key").chmod(0o640)
    findings = local.json("doctor")["findings"]
    assert [each["code"] for each in findings] == ["listener.expiring", "key.readable"]
    assert "0640" in findings[1]["detail"]
    issue_server(authority, ["localhost"], days=0).save(pki / "server.crt", pki / "server.key")
    code, output, _ = local.run("doctor")
    assert code == 1
    assert "listener.expired" in output
    (pki / "server.key").unlink()
    assert "listener.files" in local.run("doctor")[1]


def test_migrate_says_where_the_catalog_is(local: Local) -> None:
    said = local.json("migrate")
    assert said["before"] == said["after"]
    assert local.ok("migrate") == f"the catalog is at {said['after']} already\n"
    (local.folder / "quay" / "catalog.sqlite").unlink()
    assert local.ok("migrate") == f"the catalog went from nothing to {said['after']}\n"

"""Administration, audit and doctor on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Local

from kade.cli import main


def test_from_nothing_to_all_is_well(
    tmp_path: Path,
    postgres_url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KADE_CATALOG_URL", postgres_url.replace("+asyncpg", ""))
    monkeypatch.chdir(tmp_path)
    assert main(["init", str(tmp_path / "early")]) == 1
    assert "run 'kade migrate'" in capsys.readouterr().err
    assert main(["migrate"]) == 0
    assert "went from nothing to" in capsys.readouterr().out
    assert main(["init", str(tmp_path / "quay")]) == 0
    capsys.readouterr()
    local = Local(tmp_path, capsys)
    user = local.json("user", "add", "haven", "--quota", "1GB")
    issued = local.json("cert", "issue", "haven", "--out", str(tmp_path / "certificates"), "--for", "haven")
    local.ok("cert", "revoke", issued["certificate"]["fingerprint"])
    assert local.json("user", "show", "haven")["certificates"][0]["revoked"] is not None
    assert [each["id"] for each in local.json("space", "list")] == [user["spaces"][0]["id"]]
    diagnosis = local.json("doctor", "--digests")
    assert diagnosis["findings"] == []
    assert diagnosis["examined"]["names of principals"] == 1
    assert "no flaws" in local.ok("audit", "--verify")
    local.ok("user", "remove", "haven")
    assert local.json("doctor", "--repair")["findings"] == []

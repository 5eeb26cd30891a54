"""`kade user`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.cli.conftest import Local

from kade.cli import main

OIN = "00000001234567890000"


def test_a_partner_has_a_box_and_a_number(local: Local) -> None:
    user = local.json("user", "add", "haven", "--quota", "1GB", "--oin", OIN)
    (box,) = user["spaces"]
    assert box["path"] == "haven"
    assert box["own"]
    assert (box["used"], box["reserved"], box["quota"]) == (0, 0, 1_000_000_000)
    assert box["verbs"] == ["list", "read", "write", "remove"]
    assert user["oins"] == [OIN]
    assert list(user["names"].values()) == ["0"]
    assert local.json("user", "show", "haven") == user == local.json("user", "show", user["id"])
    shown = local.ok("user", "show", "haven")
    assert "own space" in shown
    assert "quota 1.0 GB" in shown
    assert OIN in shown


def test_certificates_come_with_the_user(local: Local) -> None:
    issued = local.json("cert", "issue", "haven", "--out", str(local.folder))
    user = local.json("user", "add", "haven", "--certificate", issued["crt"])
    (certificate,) = user["certificates"]
    assert certificate["subject"] == "CN=haven"
    assert certificate["revoked"] is None
    assert "in force, until" in local.ok("user", "show", "haven")
    refused = local.refused("user", "add", "veem", "--certificate", issued["crt"])
    assert refused == "'CN=haven' is registered already, for this user or another"
    assert [each["name"] for each in local.json("user", "list")] == ["admin", "haven"]  # nothing half done


@pytest.mark.parametrize(
    ("kind", "verbs"),
    [
        ("application", ["list", "read", "write", "remove"]),
        ("operator", ["list", "read", "write", "remove", "manage"]),
    ],
)
def test_others_work_everywhere(local: Local, kind: str, verbs: list[str]) -> None:
    user = local.json("user", "add", "desk", "--kind", kind)
    (space,) = user["spaces"]
    assert (space["path"], space["own"], space["verbs"]) == ("/", False, verbs)
    assert user["names"] == {}


def test_list_is_a_table(local: Local) -> None:
    local.ok("user", "add", "haven")
    lines = local.ok("user", "list").splitlines()
    assert lines[0].split() == ["NAME", "KIND", "NUMBER", "CERTIFICATES", "USED", "SINCE"]
    assert lines[2].split()[:4] == ["haven", "partner", "0", "0"]


def test_a_password_is_read_and_survives_another_name(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("geheim\n"))
    assert local.json("user", "add", "desk", "--kind", "application", "--password")["password"]
    monkeypatch.setattr("sys.stdin", io.StringIO("nieuw\n"))
    assert local.json("user", "password", "desk") == {"user": "desk"}
    assert local.json("user", "rename", "desk", "balie")["password"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert local.refused("user", "password", "balie") == "the password is empty"


def test_a_new_name_is_the_box_s_as_well(local: Local) -> None:
    local.ok("user", "add", "haven")
    local.ok("user", "add", "veem")
    renamed = local.json("user", "rename", "haven", "kade7")
    assert renamed["name"] == renamed["spaces"][0]["path"] == "kade7"
    assert local.refused("user", "rename", "kade7", "veem") == "there is a user 'veem' already"
    assert local.refused("user", "show", "haven") == "there is no user 'haven'"


def test_remove(local: Local) -> None:
    local.ok("user", "add", "haven")
    assert local.json("user", "remove", "haven")["name"] == "haven"
    assert local.refused("user", "remove", "haven") == "there is no user 'haven'"
    assert local.json("space", "list") == []
    assert "is the operator that this command acts as" in local.refused("user", "remove", "admin")
    assert local.json("doctor")["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["haven", "--oin", "12"], "--oin is '12', but an organisation number has twenty digits"),
        (["haven", "--quota", "much"], "--quota is 'much', but must be a size such as 10GB, or none"),
        (["a/b"], "'a/b' cannot be the name of a user"),
        (["admin"], "there is a user 'admin' already"),
        (["haven", "--certificate", "{config}"], "{config}: neither DER nor PEM nor base64 of one of them"),
    ],
)
def test_what_cannot_be_added(local: Local, arguments: list[str], sentence: str) -> None:
    config = str(local.folder / "quay" / "kade.toml")
    given = [argument.format(config=config) for argument in arguments]
    assert local.refused("user", "add", *given) == sentence.format(config=config)


def test_a_folder_without_a_kade_stays_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "kade.toml"
    config.write_text("")
    assert main(["--config", str(config), "user", "list"]) == 1
    assert "there is no Kade in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [config]

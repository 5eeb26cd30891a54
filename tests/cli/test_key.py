"""`kade key`."""

from __future__ import annotations

from tests.cli.conftest import Local

from kade.auth import bearer


def test_a_key_is_shown_once(local: Local) -> None:
    local.ok("user", "add", "desk", "--kind", "application")
    made = local.json("key", "add", "desk", "--label", "night job", "--expires", "90d")
    assert made["key"].startswith(bearer.PREFIX)
    (listed,) = local.json("key", "list", "desk")
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert listed["label"] == "night job"
    assert listed["until"] > listed["created"]
    assert made["key"] not in local.ok("key", "list")


def test_without_a_user_it_is_the_operator_s(local: Local) -> None:
    code, output, errors = local.run("key", "add")
    assert code == 0
    assert output.startswith(bearer.PREFIX)
    assert "This key of admin is shown only now" in errors
    assert len(local.json("key", "list", "admin")) == 2


def test_revoke(local: Local) -> None:
    made = local.json("key", "add")
    assert local.json("key", "revoke", made["id"][-8:])["revoked"] is not None
    states = {line.split()[0]: line for line in local.ok("key", "list").splitlines()[1:]}
    assert "revoked" in states[made["id"]]
    assert "is revoked already" in local.refused("key", "revoke", made["id"])
    assert local.refused("key", "revoke", "f" * 32).endswith("names no keys; see `kade key list`")
    assert "must be a time such as" in local.refused("key", "add", "--expires", "soon")


def test_a_key_for_some_scopes(local: Local) -> None:
    made = local.json(
        "key", "add", "--scope", "files.read", "--scope", "files.write", "--scope", "files.read"
    )
    assert made["scopes"] == ["files.read", "files.write"]
    assert "files.read files.write" in local.ok("key", "list")
    assert "must be a word" in local.refused("key", "add", "--scope", "two words")

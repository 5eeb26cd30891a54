"""`kade signing-key`, and what `kade doctor` says of sealed keys."""

from __future__ import annotations

from tests.cli.conftest import Local


def test_keys_are_made_one_after_the_other(local: Local) -> None:
    assert local.json("signing-key", "list") == []
    first = local.json("signing-key", "rotate")
    assert (first["algorithm"], first["state"], first["revoked"]) == ("ES256", "signs", None)
    assert local.ok("signing-key", "rotate").startswith("tokens are signed by ")
    second, retired = local.json("signing-key", "list")
    assert (second["state"], retired["state"], retired["id"]) == ("signs", "retired", first["id"])
    assert retired["retires"] <= second["created"] < second["retires"]
    listed = local.ok("signing-key", "list").splitlines()
    assert listed[0].split() == ["ID", "ALGORITHM", "STATE", "SINCE", "SIGNS", "UNTIL"]
    assert [line.split()[0] for line in listed[1:]] == [second["id"], first["id"]]


def test_revoke(local: Local) -> None:
    made = local.json("signing-key", "rotate")
    assert local.json("signing-key", "revoke", made["id"][-8:])["state"] == "revoked"
    (listed,) = local.json("signing-key", "list")
    assert listed["state"] == "revoked" and listed["revoked"] is not None
    assert "is revoked already" in local.refused("signing-key", "revoke", made["id"])
    assert local.refused("signing-key", "revoke", "f" * 32).endswith("see `kade signing-key list`")
    assert "names no keys" in local.refused("signing-key", "revoke", made["id"][:3])
    again = local.json("signing-key", "rotate")
    assert local.ok("signing-key", "revoke", again["id"]).startswith(f"revoked {again['id']}")
    kinds = [each["kind"] for each in local.lines("audit", "--kind", "signing_key.")]
    assert kinds == ["signing_key.created", "signing_key.revoked"] * 2


def test_the_master_key_is_guarded(local: Local) -> None:
    master = local.folder / "quay" / "master.key"
    assert not master.exists()
    made = local.json("signing-key", "rotate")
    assert local.json("doctor")["findings"] == []
    master.chmod(0o644)
    (finding,) = local.json("doctor")["findings"]
    assert (finding["code"], finding["severity"]) == ("key.readable", "warning")
    assert finding["subject"].endswith("master.key")
    master.chmod(0o600)
    master.rename(master.with_name("elsewhere"))
    code, output, _ = local.run("doctor")
    assert code == 1
    assert f"signing_key.sealed     {made['id']}: " in output
    assert "is missing: restore it from a backup" in output
    # Whoever has lost it begins anew.
    local.ok("signing-key", "revoke", made["id"])
    local.ok("signing-key", "rotate")
    assert local.json("doctor")["sound"]
    master.write_bytes(b"no key")
    assert "has 6 bytes, not 32" in local.refused("signing-key", "rotate")


def test_the_master_key_may_lie_elsewhere(local: Local) -> None:
    (local.folder / "vault").mkdir()
    settings = local.folder / "quay" / "kade.toml"
    text = settings.read_text().replace("[data]\n", '[data]\nmaster_key = "../vault/kade.key"\n')
    settings.write_text(text)
    local.ok("signing-key", "rotate")
    assert (local.folder / "vault" / "kade.key").stat().st_mode & 0o777 == 0o600
    assert not (local.folder / "quay" / "master.key").exists()

"""`kade cert`."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from tests.cli.conftest import Local

from kade.auth.authority import describe, first_certificate

OIN = "00000001234567890000"


@pytest.fixture
def haven(local: Local) -> Local:
    local.ok("user", "add", "haven")
    return local


def test_issue_writes_three_files(haven: Local) -> None:
    out = haven.folder / "new" / "folder"
    made = haven.json("cert", "issue", "haven", "--out", str(out), "--days", "20", "--oin", OIN)
    assert made["certificate"] is None
    certificate, key, bundle = (Path(made[suffix]) for suffix in ("crt", "key", "p12"))
    assert {path.name for path in out.iterdir()} == {"haven.crt", "haven.key", "haven.p12"}
    assert (key.stat().st_mode & 0o777, bundle.stat().st_mode & 0o777) == (0o600, 0o600)
    what = describe(first_certificate(certificate.read_bytes()))
    assert (what.oin, what.issuer) == (OIN, "CN=Kade development CA")
    assert what.not_after - what.not_before == 20 * 86_400_000
    loaded = pkcs12.load_pkcs12(bundle.read_bytes(), made["p12_password"].encode())
    assert loaded.cert is not None and loaded.cert.certificate.public_bytes is not None
    ssl.create_default_context().load_cert_chain(certificate, key)
    assert haven.refused("cert", "issue", "haven", "--out", str(out)) == f"{certificate} is there already"


def test_issue_registers_at_once(haven: Local) -> None:
    made = haven.json("cert", "issue", "haven", "--out", str(haven.folder), "--for", "haven")
    assert haven.json("cert", "list", "haven") == [made["certificate"]]
    refused = haven.refused("cert", "issue", "other", "--out", str(haven.folder), "--for", "nobody")
    assert refused == "there is no user 'nobody'"
    assert not (haven.folder / "other.crt").exists()


def test_several_are_in_force_until_one_is_revoked(haven: Local) -> None:
    files = [haven.json("cert", "issue", name, "--out", str(haven.folder))["crt"] for name in ("one", "two")]
    first, second = (haven.json("cert", "add", "haven", file) for file in files)
    assert {each["id"] for each in haven.json("cert", "list")} == {first["id"], second["id"]}
    colons = ":".join(first["fingerprint"][at : at + 2] for at in range(0, 64, 2)).upper()
    assert haven.json("cert", "show", colons)["subject"] == "CN=one"
    revoked = haven.json("cert", "revoke", first["fingerprint"][:12])
    assert revoked["id"] == first["id"]
    assert revoked["revoked"] is not None
    lines = haven.ok("cert", "list").splitlines()
    assert sorted(line.split()[4] for line in lines[1:]) == ["in", "revoked"]
    again = haven.refused("cert", "revoke", first["id"])
    assert again.startswith("there is no such proof, or it is revoked already")
    assert haven.json("cert", "add", "haven", files[0])["revoked"] is None


def test_a_prefix_must_name_one(haven: Local) -> None:
    assert "six digits at least" in haven.refused("cert", "show", "ab")
    assert haven.refused("cert", "revoke", "abcdef") == "'abcdef' names no certificates; see `kade cert list`"


def test_expiring_ones(haven: Local) -> None:
    for name, days in (("soon", "10"), ("later", "100")):
        arguments = ("--days", days, "--out", str(haven.folder), "--for", "haven")
        haven.ok("cert", "issue", name, *arguments)
    assert [each["subject"] for each in haven.json("cert", "list", "--expiring", "30d")] == ["CN=soon"]
    assert len(haven.json("cert", "list", "--expiring", "200d")) == 2
    assert [each["code"] for each in haven.json("doctor")["findings"]] == ["certificate.expiring"]


def test_without_the_authority(haven: Local) -> None:
    (haven.folder / "quay" / "pki" / "ca.key").unlink()
    assert "there is no development authority here" in haven.refused("cert", "issue", "x")


@pytest.mark.parametrize("name", ["../x", ".x"])
def test_a_name_is_a_file_s_name(haven: Local, name: str) -> None:
    assert haven.refused("cert", "issue", name) == f"{name!r} cannot be the name of a file"

"""`kade application`, with its secrets."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Local

from kade.auth import client_secret


@pytest.fixture
def acme(local: Local) -> Local:
    """A house with a tenant and a business type."""
    local.ok("tenant", "add", "acme")
    local.ok("business-type", "add", "8000", "--name", "Payroll")
    return local


def test_a_new_application_is_in_the_sandbox_with_three_files_waiting(local: Local) -> None:
    code, output, errors = local.run("application", "add", "payroll")
    assert code == 0
    said = dict(line.rsplit(maxsplit=1) for line in output.splitlines())
    assert said["client secret"].startswith(client_secret.PREFIX)
    assert errors == "The secret is shown only now.\n"
    shown = local.json("application", "show", "payroll")
    assert shown["client_id"] == said["client id"]
    rights = [(each["role"], each["tenant"], each["business_type"]) for each in shown["rights"]]
    assert rights == [("publisher", "sandbox", 7100), ("subscriber", "sandbox", 7101)]
    waiting = local.json("delivery", "list", "--application", "payroll")
    assert sorted(each["size"] for each in waiting) == [33, 76, 107]
    assert local.json("application", "show", said["client id"]) == shown
    assert said["client secret"] not in local.ok("application", "show", "payroll")


def test_without_the_sandbox_it_has_no_rights(local: Local) -> None:
    made = local.json("application", "add", "payroll", "--no-sandbox")
    assert (made["rights"], made["secrets"], made["networks"]) == ([], 1, [])
    assert [each["name"] for each in local.json("tenant", "list")] == ["main"]
    assert "payroll" in local.ok("application", "list")


def test_rights_are_given_and_taken_away(acme: Local) -> None:
    acme.ok("application", "add", "payroll", "--no-sandbox")
    right = ("--type", "8000", "--as", "subscriber", "--tenant", "acme")
    given = acme.json("application", "grant", "payroll", *right)
    assert acme.json("application", "grant", "payroll", *right) == given
    (listed,) = given["rights"]
    assert (listed["role"], listed["tenant"], listed["business_type"]) == ("subscriber", "acme", 8000)
    assert [each["path"] for each in acme.json("--tenant", "acme", "space", "list")] == ["8000"]
    wrong = ("--type", "8000", "--as", "publisher", "--tenant", "acme")
    assert acme.refused("application", "withdraw", "payroll", *wrong) == "there is no such right"
    assert "no subscriber of type 8000" in acme.ok("application", "withdraw", "payroll", *right)
    assert acme.refused("application", "withdraw", "payroll", *right) == "there is no such right"


def test_a_right_ends_with_its_space(acme: Local) -> None:
    acme.ok("application", "add", "payroll", "--no-sandbox")
    acme.ok("application", "grant", "payroll", "--type", "8000", "--as", "subscriber")
    acme.ok("space", "remove", "8000")
    assert acme.json("application", "show", "payroll")["rights"] == []


def test_an_application_of_the_file_server_has_its_rights_everywhere(acme: Local) -> None:
    acme.ok("user", "add", "desk", "--kind", "application")
    rights = acme.json("application", "show", "desk")["rights"]
    assert {(each["tenant"], each["business_type"], each["space"]) for each in rights} == {
        ("main", None, "/")
    }
    assert " main /  since" in acme.ok("application", "show", "desk")
    acme.ok("user", "add", "haven")
    assert acme.refused("application", "show", "haven") == "there is no application 'haven'"


def test_new_spaces_have_the_quota_that_is_configured(acme: Local) -> None:
    acme.run("business-type", "add", "9000")
    with (acme.folder / "quay" / "kade.toml").open("a") as config:
        config.write('\n[uploads]\nquota = "5MB"\n')
    acme.ok("application", "add", "payroll")
    acme.ok("application", "grant", "payroll", "--type", "8000", "--as", "publisher")
    acme.ok("space", "add", "haven")
    acme.ok("space", "rule", "add", "haven", "publish", "--type", "9000", "--tenant", "acme")
    for tenant, space in (("main", "8000"), ("acme", "9000"), ("sandbox", "7100")):
        assert acme.json("--tenant", tenant, "space", "show", space)["quota"] == 5_000_000


def test_what_cannot_be_granted(acme: Local) -> None:
    acme.ok("application", "add", "payroll", "--no-sandbox")
    acme.ok("business-type", "add", "9000", "--direction", "publish")
    refused = {
        ("payroll", "--type", "1", "--as", "publisher"): "there is no business type 1",
        ("payroll", "--type", "9000", "--as", "subscriber"): "files of type 9000 do not go that way",
        ("payroll", "--type", "8000", "--as", "publisher", "--tenant", "x"): "there is no tenant 'x'",
        ("nobody", "--type", "8000", "--as", "publisher"): "there is no application 'nobody'",
        ("admin", "--type", "8000", "--as", "publisher"): "there is no application 'admin'",
    }
    for arguments, sentence in refused.items():
        assert acme.refused("application", "grant", *arguments) == sentence
    code, _, errors = acme.run("application", "grant", "payroll", "--type", "8000", "--as", "owner")
    assert (code, "owner" in errors) == (2, True)


def test_networks(local: Local) -> None:
    local.ok("application", "add", "payroll", "--no-sandbox")
    allowed = local.json("application", "allow", "payroll", "192.0.2.7/24", "2001:db8::/32")
    assert allowed["networks"] == ["192.0.2.0/24", "2001:db8::/32"]
    assert local.json("application", "show", "payroll")["networks"] == allowed["networks"]
    assert "anywhere" in local.ok("application", "allow", "payroll")
    assert "network" in local.refused("application", "allow", "payroll", "somewhere")


def test_secrets_overlap_and_end(local: Local) -> None:
    local.ok("application", "add", "payroll", "--no-sandbox")
    made = local.json("application", "secret", "add", "payroll", "--label", "next", "--expires", "90d")
    assert made["until"] > made["created"]
    newest, first = local.json("application", "secret", "list", "payroll")
    assert newest == {name: value for name, value in made.items() if name != "client_secret"}
    assert first["label"] == "first secret"
    assert made["client_secret"] not in local.ok("application", "secret", "list", "payroll")
    revoked = local.json("application", "secret", "revoke", "payroll", first["id"][-8:])
    assert revoked["revoked"] is not None
    assert local.json("application", "show", "payroll")["secrets"] == 1
    assert "names no secrets" in local.refused("application", "secret", "revoke", "payroll", "f" * 8)
    nothing = local.refused("application", "secret", "revoke", "payroll", "")  # a variable that is not set
    assert nothing == "'' names no secrets; see `kade application secret list payroll`"
    assert local.json("application", "show", "payroll")["secrets"] == 1
    _, printed, errors = local.run("application", "secret", "add", "payroll")
    assert printed.startswith(client_secret.PREFIX) and "shown only now" in errors


def test_an_application_is_removed_with_its_rights(acme: Local) -> None:
    acme.ok("application", "add", "payroll")
    acme.ok("user", "add", "desk", "--kind", "application")
    assert acme.ok("application", "remove", "payroll") == "removed payroll\n"
    assert acme.refused("application", "show", "payroll") == "there is no application 'payroll'"
    assert [each["name"] for each in acme.json("application", "list")] == ["desk"]
    assert acme.json("doctor")["findings"] == []


def test_a_new_space_has_the_quota_that_is_configured(acme: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KADE_UPLOADS_QUOTA", "5GB")
    acme.ok("application", "add", "payroll", "--no-sandbox")
    acme.ok("application", "grant", "payroll", "--type", "8000", "--as", "publisher", "--tenant", "acme")
    assert acme.json("--tenant", "acme", "space", "show", "8000")["quota"] == 5_000_000_000

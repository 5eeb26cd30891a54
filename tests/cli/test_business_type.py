"""`kade business-type`, `kade tenant`, `kade delivery` and the rules of spaces."""

from __future__ import annotations

from tests.cli.conftest import Local


def test_a_business_type_has_rules_of_its_own(local: Local) -> None:
    made = local.json(
        "business-type",
        "add",
        "114000",
        "--name",
        "Payments",
        "--direction",
        "both",
        "--names",
        "*_SEPA.csv, *.xml",
        "--max-size",
        "1GB",
        "--keep-content",
        "31d",
        "--keep-record",
        "184d",
    )
    assert (made["number"], made["name"], made["direction"]) == (114000, "Payments", "both")
    assert made["file_names"] == ["*_SEPA.csv", "*.xml"]
    assert (made["keep_content_seconds"], made["keep_record_seconds"]) == (31 * 86_400, 184 * 86_400)
    assert "exe" in made["refused_extensions"]
    assert local.json("business-type", "show", "114000") == made
    assert "Payments" in local.ok("business-type", "list")
    said = local.ok("business-type", "show", "114000")
    assert "31 days" in said and "*_SEPA.csv *.xml" in said
    assert local.refused("business-type", "add", "114000") == "there is a business type 114000 already"
    assert "programs" in said and "action apk" not in said
    assert "say what to change" in local.refused("business-type", "set", "114000")
    for number in ("1000000000", "9" * 30):
        assert local.refused("business-type", "add", number) == "the value of number is not allowed"
        assert local.refused("business-type", "show", number) == f"there is no business type {number}"
    wrong = local.refused("business-type", "add", "1", "--keep-record", "1d")
    assert wrong == "--keep-record must be at least as long as --keep-content, which it needs"


def test_what_changes_holds_in_every_tenant(local: Local) -> None:
    local.ok("business-type", "add", "8000")
    local.ok("tenant", "add", "acme")
    for tenant in ("main", "acme"):
        local.ok("--tenant", tenant, "business-type", "offer", "8000")
    changed = local.json(
        "business-type", "set", "8000", "--name", "Payroll", "--direction", "publish", "--names", "*.zip"
    )
    assert (changed["name"], changed["direction"], changed["tenants"]) == (
        "Payroll",
        "publish",
        ["acme", "main"],
    )
    for tenant in ("main", "acme"):
        assert local.json("--tenant", tenant, "space", "show", "8000")["file_names"] == ["*.zip"]
    refused = local.refused("business-type", "remove", "8000")
    assert refused == "a tenant has a space for type 8000; remove that first"
    local.ok("space", "remove", "8000")
    local.ok("--tenant", "acme", "space", "remove", "8000")
    assert local.ok("business-type", "remove", "8000") == "removed 8000\n"
    assert local.refused("business-type", "show", "8000") == "there is no business type 8000"


def test_a_partner_s_box_may_be_the_space_for_a_type(local: Local) -> None:
    local.ok("user", "add", "haven")
    local.ok("business-type", "add", "8000", "--refuse", "exe,.bat")
    offered = local.json("business-type", "offer", "8000", "--space", "haven")
    assert offered["path"] == "haven"
    shown = local.json("space", "show", "haven")
    assert (shown["business_type"], shown["refused_extensions"]) == (8000, ["exe", "bat"])
    assert sorted(shown["names"].values()) == ["0", "8000"]
    assert local.json("business-type", "offer", "8000") == offered
    local.ok("business-type", "add", "8001")
    taken = local.refused("business-type", "offer", "8001", "--space", "haven")
    assert "is taken" in taken


def test_tenants(local: Local) -> None:
    added = local.json("tenant", "add", "acme")
    assert (added["name"], added["spaces"], added["used"]) == ("acme", 0, 0)
    assert local.refused("tenant", "add", "acme") == "there is a tenant 'acme' already"
    assert local.refused("tenant", "add", "Acme") == "there is a tenant 'Acme' already"
    assert local.refused("tenant", "add", "a/b") == "'a/b' cannot be the name of a tenant"
    assert [each["name"] for each in local.json("tenant", "list")] == ["acme", "main"]
    local.ok("--tenant", "acme", "user", "add", "haven", "--quota", "1GB")
    assert [each["path"] for each in local.json("--tenant", "acme", "space", "list")] == ["haven"]
    assert local.json("space", "list") == []
    assert local.refused("--tenant", "nowhere", "space", "list") == "there is no tenant 'nowhere'"
    assert local.json("doctor")["findings"] == []


def test_rules_of_a_space(local: Local) -> None:
    local.ok("tenant", "add", "acme")
    local.ok("user", "add", "haven")
    local.ok("space", "add", "archive")
    local.ok("space", "add", "archive/2026")
    local.ok("business-type", "add", "8000")
    to_type = ("space", "rule", "add", "haven", "publish", "--type", "8000", "--tenant", "acme")
    made = local.json(*to_type)
    assert (made["space"], made["action"], made["tenant"], made["target"]) == (
        "haven",
        "publish",
        "acme",
        "8000",
    )
    assert local.refused(*to_type) == "there is such a rule already"
    said = local.ok("space", "rule", "add", "haven", "publish", "--into", "archive/2026")
    assert said.startswith("what arrives in haven is published in archive/2026 of main")
    targets = [each["target"] for each in local.json("space", "rule", "list", "haven")]
    assert targets == ["8000", "archive/2026"]
    assert "archive/2026" in local.ok("space", "rule", "list", "haven")
    itself = local.refused("space", "rule", "add", "haven", "publish", "--into", "haven")
    assert itself == "a rule cannot lead from a space into itself"
    nowhere = local.refused("space", "rule", "add", "haven", "publish")
    assert nowhere == "say where to: --type NUMBER or --into SPACE"
    local.ok("space", "rule", "remove", "haven", made["id"][-8:])
    assert "names no rules" in local.refused("space", "rule", "remove", "haven", "")
    assert "names no rules" in local.refused("space", "rule", "remove", "haven", made["id"])
    assert len(local.json("space", "rule", "list", "haven")) == 1


def test_rules_of_keeping_and_naming_belong_to_every_space(local: Local) -> None:
    options = ("--keep-content", "1d", "--keep-record", "36h", "--names", "*.pdf", "--refuse", "exe")
    made = local.json("space", "add", "archive", *options)
    assert (made["keep_content_seconds"], made["keep_record_seconds"]) == (86_400, 129_600)
    assert (made["file_names"], made["refused_extensions"]) == (["*.pdf"], ["exe"])
    changed = local.json(
        "space",
        "set",
        "archive",
        "--names",
        "any",
        "--refuse",
        "none",
        "--keep-record",
        "0",
        "--keep-content",
        "0",
    )
    assert (changed["file_names"], changed["refused_extensions"]) == ([], [])
    assert (changed["keep_content_seconds"], changed["keep_record_seconds"]) == (None, None)
    wrong = local.refused("space", "set", "archive", "--keep-record", "1d")
    assert wrong == "--keep-record must be at least as long as --keep-content, which it needs"


def test_deliveries_by_age_and_by_file(local: Local) -> None:
    local.ok("application", "add", "ledger")
    waiting = local.json("delivery", "list")
    assert {(each["application"], each["tenant"], each["business_type"]) for each in waiting} == {
        ("ledger", "sandbox", 7101)
    }
    assert [each["arrived"] for each in waiting] == sorted(each["arrived"] for each in waiting)
    assert local.json("delivery", "list", "--older-than", "1h") == []
    assert len(local.json("delivery", "list", "--limit", "2")) == 2
    (shown,) = local.json("delivery", "show", waiting[0]["file"])
    assert (shown["state"], shown["fetched"], shown["dismissed"]) == ("available", None, None)
    assert "available" in local.ok("delivery", "show", waiting[0]["file"])
    assert "ledger" in local.ok("delivery", "list")
    assert local.refused("delivery", "show", "f" * 32) == "there is no file " + "f" * 32
    assert local.refused("delivery", "list", "--application", "nobody") == (
        "there is no application 'nobody'"
    )

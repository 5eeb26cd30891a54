"""`kade space`."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Local


def test_spaces_lie_below_each_other(local: Local) -> None:
    local.ok("space", "add", "archive", "--quota", "5GB")
    made = local.json(
        "space", "add", "archive/2026", "--trash", "30d", "--max-size", "1GiB", "--digests", "md5"
    )
    assert (made["trash_seconds"], made["max_size"]) == (2_592_000, 1 << 30)
    assert made["digests"] == ["sha256", "md5"]
    assert made["quota"] is None
    assert local.json("space", "show", "archive/2026") == made
    assert [each["path"] for each in local.json("space", "list")] == ["archive", "archive/2026"]
    lines = local.ok("space", "list").splitlines()
    assert lines[1].split() == ["archive", "0", "B", "0", "B", "5.0", "GB"]


def test_set_changes_what_is_named_and_nothing_else(local: Local) -> None:
    before = local.json("space", "add", "archive", "--quota", "5GB", "--digests", "md5", "--trash", "1d")
    after = local.json("space", "set", "archive", "--quota", "none", "--max-size", "2GB")
    assert after == before | {"quota": None, "max_size": 2_000_000_000}
    last = local.json("space", "set", "archive", "--digests", "none", "--max-size", "none", "--trash", "0")
    assert (last["digests"], last["max_size"], last["trash_seconds"]) == (["sha256"], None, 0)
    assert "no limit" in local.ok("space", "show", "archive")


def test_remove(local: Local) -> None:
    local.ok("space", "add", "archive")
    assert local.json("space", "remove", "archive")["path"] == "archive"
    assert local.refused("space", "show", "archive") == "there is no space 'archive'"


def test_the_box_of_a_user_is_not_removed_alone(local: Local) -> None:
    local.ok("user", "add", "haven")
    said = "haven is the box of haven: `kade user remove haven` ends both"
    assert local.refused("space", "remove", "haven") == said
    local.ok("user", "remove", "haven")
    assert local.json("space", "list") == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["set", "archive"], "say what to change: see `kade space set --help`"),
        (["set", "archive", "--digests", "crc"], "--digests names 'crc'; md5 and none are known"),
        (["set", "archive", "--trash", "x"], "--trash is 'x', but must be a time such as 12h or 90d"),
        (
            ["set", "archive", "--max-size", "x"],
            "--max-size is 'x', but must be a size such as 10GB, or none",
        ),
        (["add", "archive"], "there is a space 'archive' already"),
        (["add", "nowhere/below"], "there is no space 'nowhere'"),
        (["add", "archive/.."], "'..' cannot be the name of a space"),
    ],
)
def test_what_is_refused(local: Local, arguments: list[str], sentence: str) -> None:
    local.ok("space", "add", "archive")
    assert local.refused("space", *arguments) == sentence

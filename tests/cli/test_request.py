"""`kade request`."""

from __future__ import annotations

from tests.cli.conftest import Local


def test_a_request_is_made_listed_shown_and_closed(local: Local) -> None:
    local.ok("space", "add", "desk")
    made = local.json(
        "request",
        "new",
        "Contract renewal",
        "--file",
        "Signed contract",
        "--optional",
        "Logo",
        "--into",
        "desk",
        "--max-size",
        "10MB",
        "--accept",
        "application/pdf",
        "--expires",
        "14d",
        "--language",
        "nl",
    )
    assert made["state"] == "open" and made["ready"] == "0/2" and made["expires"] > made["created"]
    assert [(each["name"], each["required"]) for each in made["files"]] == [
        ("Signed contract", True),
        ("Logo", False),
    ]
    assert made["link"].startswith("http://127.0.0.1:")
    assert local.json("request", "show", made["id"][-8:]) == made
    shown = local.ok("request", "show", made["id"])
    assert made["link"] in shown and "Signed contract  yes" in shown
    assert "Contract renewal" in local.ok("request", "list")
    assert local.json("request", "list") == [made]
    assert local.ok("request", "close", made["id"]) == "closed Contract renewal\n"
    assert local.json("request", "list") == []
    assert [each["state"] for each in local.json("request", "list", "--all")] == ["closed"]
    assert "there is no request" in local.refused("request", "close", made["id"])


def test_the_link_alone_is_printed(local: Local) -> None:
    printed = local.ok("request", "new", "Papers", "--file", "Paper")
    assert printed.strip().rpartition("/r/")[2].isalnum()


def test_what_cannot_be_asked(local: Local) -> None:
    assert "say which files" in local.refused("request", "new", "Papers")
    assert "up to ten files" in local.refused("request", "new", "Papers", *["--file", "Paper"] * 11)
    assert "no media type" in local.refused("request", "new", "P", "--file", "P", "--accept", "pdf")
    assert "must be nl or en" in local.refused("request", "new", "P", "--file", "P", "--language", "fr")
    assert "there is no space" in local.refused("request", "new", "P", "--file", "P", "--into", "x")
    assert "name of neither" in local.refused("request", "new", "", "--file", "P")
    assert "names no requests" in local.refused("request", "show", "ffffffffff")

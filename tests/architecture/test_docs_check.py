"""The check of the documentation finds what it is there to find."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from tools import docs_check

ADR = "# 0001. Words\n\nStatus: accepted, 2026-01-01\n\n## Decision\n\nYes.\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project that the checks look at instead of ours."""
    monkeypatch.setattr(docs_check, "ROOT", tmp_path)
    monkeypatch.setattr(
        docs_check, "tracked", lambda: [path for path in tmp_path.rglob("*") if path.is_file()]
    )
    yield tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_our_own_documentation_is_whole() -> None:
    assert [finding for check in docs_check.CHECKS for finding in check()] == []


def test_a_term_must_stand_as_a_whole(folder: Path) -> None:
    write(folder / "docs/errors.md", "`too_large` and `max_size_total`, web.port")
    found = list(docs_check.unnamed(folder / "docs/errors.md", ["too_large", "max_size", "port"], "error"))
    assert found == [
        "docs/errors.md: error max_size is undocumented",
        "docs/errors.md: error port is undocumented",
    ]


def test_commands_are_found_with_their_options() -> None:
    app, user = typer.Typer(), typer.Typer()
    app.add_typer(user, name="user")

    @user.command()
    def add(name: str, admin: bool = typer.Option(False, "--admin")) -> None:
        """Add a user."""

    @user.command("list")
    def list_users(as_json: bool = typer.Option(False, "--json")) -> None:
        """List users."""

    leaves = dict(docs_check._leaves("kade", typer.main.get_command(app)))
    assert leaves == {"kade user add": ["--admin"], "kade user list": ["--json"]}


def test_endpoints_are_those_of_the_contract(folder: Path) -> None:
    write(
        folder / "src/kade/dialects/lending/openapi.yaml",
        "paths:\n  /loans/{id}:\n    get: {summary: One loan}\n    delete: {responses: {}}\n"
        "  /loans:\n    post: {summary: x}\n",
    )
    write(folder / "docs/dialects/lending.md", "`/lending/v1/loans/{id}`")
    assert list(docs_check.endpoints()) == [
        "docs/dialects/lending.md: endpoint /loans is undocumented",
        "src/kade/dialects/lending/openapi.yaml: DELETE /loans/{id} has no summary",
    ]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("0001-words.md", ADR, None),
        ("0002-words.md", ADR, "not named 0001-"),
        ("0001-words.md", ADR.replace("# 0001. ", "# "), "first line"),
        ("0001-words.md", ADR.replace("accepted", "maybe"), "Status"),
        ("0001-words.md", ADR.replace("Decision", "Thoughts"), "## Decision"),
    ],
)
def test_decisions_have_their_parts(folder: Path, name: str, text: str, sentence: str | None) -> None:
    write(folder / "docs/adr" / name, text)
    found = list(docs_check.decisions())
    assert len(found) == (0 if sentence is None else 1)
    assert sentence is None or sentence in found[0]


def test_links_lead_somewhere(folder: Path) -> None:
    write(
        folder / "README.md",
        "[a](docs/a.md) [b](docs/b.md) [c](docs/a.md#two-words) [d](docs/a.md#three) [e](http://x)",
    )
    write(folder / "docs/a.md", "# A\n\n## Two words\n")
    assert list(docs_check.links()) == [
        "README.md: the link to docs/b.md leads nowhere",
        "README.md: the link to docs/a.md#three leads nowhere",
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("https://" + "py" + "pi.org/simple", True),
        ("see /" + "home/somebody/notes", True),
        ("GET /files/download/home/x", False),
        ("`/service/rest/v1`", False),
    ],
)
def test_files_name_no_registry_and_no_machine(folder: Path, line: str, found: bool) -> None:
    write(folder / "notes.txt", line)
    assert bool(list(docs_check.unwanted())) == found

"""Settings that are lists of tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from kade.config import ConfigError, Duration, Secret, load
from kade.config.reference import markdown


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way."""

    hosts: Annotated[tuple[str, ...], Meta(min_length=1, description="Where to.")]
    key: Annotated[Path | None, Meta(description="A key file.")] = None
    password: Annotated[str, Secret.WHOLE, Meta(description="Its password.")] = ""
    proxy: Annotated[str, Secret.URL, Meta(description="By which proxy.")] = ""
    patience: Annotated[Duration, Meta(description="How long.")] = Duration("5s")


class Traveller(msgspec.Struct, frozen=True, kw_only=True):
    """Goes somewhere."""

    ways: Annotated[tuple[Way, ...], Meta(description="How to get there.")] = ()


class Undocumented(msgspec.Struct, frozen=True, kw_only=True):
    hosts: tuple[str, ...] = ()


class Careless(msgspec.Struct, frozen=True, kw_only=True):
    """Forgot something."""

    ways: Annotated[tuple[Undocumented, ...], Meta(description="How to get there.")] = ()


SECTIONS = {"dialects.toy": Traveller}
VARIABLE = "KADE_DIALECTS_TOY_WAYS"
TABLES = """
[[dialects.toy.ways]]
hosts = ["a.example"]
key = "a.key"
password = "hush"
patience = "8s"

[[dialects.toy.ways]]
hosts = ["*"]
proxy = "http://me:hush@proxy:3128"
"""


def test_tables_are_read_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "kade.toml").write_text(TABLES)
    config = load(tmp_path / "kade.toml", {}, SECTIONS)
    first, second = config.section("dialects.toy", Traveller).ways
    assert (first.hosts, first.password, first.patience) == (("a.example",), "hush", 8.0)
    assert first.key == tmp_path / "a.key"
    assert (second.hosts, second.key) == (("*",), None)


def test_a_variable_holds_them_as_json() -> None:
    written = json.dumps([{"hosts": ["a"], "patience": "1m"}])
    (way,) = load(None, {VARIABLE: written}, SECTIONS).section("dialects.toy", Traveller).ways
    assert way == Way(hosts=("a",), patience=Duration(60))


def test_what_is_secret_in_them_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "kade.toml").write_text(TABLES)
    entries = load(tmp_path / "kade.toml", {}, SECTIONS).entries()
    (shown,) = (entry.value for entry in entries if entry.key == "dialects.toy.ways")
    assert "hush" not in json.dumps(shown)
    assert shown[0]["password"] == "***"  # noqa: S105
    assert shown[1]["proxy"] == "http://me:***@proxy:3128"
    assert shown[0]["patience"] == "8s"


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('hosts = ["a"]\npasword = "hush"', "pasword"),
        ('password = "hush"', "hosts"),
        ('hosts = []\npassword = "hush"', "length"),
        ('hosts = ["a"]\npatience = "soon"', "$[0].patience"),
    ],
)
def test_a_bad_table_is_refused_without_its_secrets(tmp_path: Path, table: str, why: str) -> None:
    (tmp_path / "kade.toml").write_text(f"[[dialects.toy.ways]]\n{table}\n")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "kade.toml", {}, SECTIONS)
    said = str(refused.value)
    assert why in said and "dialects.toy.ways" in said
    assert "hush" not in said


def test_the_reference_has_every_column() -> None:
    page = markdown(SECTIONS)
    for column in ("hosts", "key", "password", "proxy", "patience"):
        assert f"| `dialects.toy.ways[].{column}` |" in page


def test_a_column_without_documentation_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="has no documentation"):
        load(None, {}, {"dialects.toy": Careless})

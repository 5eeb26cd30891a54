"""The table of requirements names every one of them once, and tests that are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/dialects/grote-berichten.md").read_text(encoding="utf-8")
IDS = [f"GB{number:03}" for number in range(21)] + [f"MD{number:03}" for number in range(11)]
ROWS = {match[1]: match[0] for match in re.finditer(r"^\| ((?:GB|MD)\d{3}) \|.*$", PAGE, re.MULTILINE)}
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_requirement_has_its_row() -> None:
    assert sorted(ROWS) == sorted(IDS)
    assert len(re.findall(r"^\| (?:GB|MD)\d{3} \|", PAGE, re.MULTILINE)) == len(IDS)


def test_every_row_names_a_test_or_whose_it_is() -> None:
    for each, row in ROWS.items():
        assert NAMED.search(row) or "the operator's: " in row, each


def test_every_test_that_is_named_is_there() -> None:
    found = NAMED.findall(PAGE)
    assert len(found) > len(IDS)
    for path, name in found:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = ast.FunctionDef | ast.AsyncFunctionDef
        defined = {each.name for each in tree.body if isinstance(each, functions)}
        assert not name or name in defined, f"{path}::{name}"


def test_every_setting_that_is_named_is_there() -> None:
    reference = (ROOT / "docs/operate/configuration.md").read_text(encoding="utf-8")
    for row in ROWS.values():
        for key in re.findall(r"`((?:exchange\.)?[a-z]+(?:_[a-z]+)*)`", row.rpartition("|")[0]):
            if key.startswith("exchange.") or "_" in key:
                assert f".{key.removeprefix('exchange.')}`" in reference, key

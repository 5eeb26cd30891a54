"""A dialect is one folder: its name appears nowhere else in the product.

Discovery finds dialects by listing folders, so not even that has to name one. A name that is also an
ordinary word may stand in prose, that is in comments and docstrings, but not in code.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PRODUCT = Path(__file__).resolve().parents[2] / "src" / "kade"
ORDINARY_WORDS = {"native"}
TEXT_FILES = {".py", ".toml", ".yaml", ".yml", ".html", ".css", ".js", ".xml", ".xsd", ".sql", ".txt", ".md"}


def dialect_names(product: Path) -> list[str]:
    """The folders below dialects."""
    return sorted(path.parent.name for path in (product / "dialects").glob("*/__init__.py"))


def docstring_lines(source: str) -> set[int]:
    """Lines that a docstring covers."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                lines.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return lines


def code_only(source: str) -> str:
    """A Python source without comments and docstrings, line by line."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    prose = docstring_lines(source)
    return "\n".join("" if number in prose else line for number, line in enumerate(lines, start=1))


def mentions(product: Path, name: str) -> Iterator[str]:
    """Every line outside a dialect's own folder that has its name, also as a part of a longer one."""
    word = re.compile(rf"(?<![a-z]){name}(?![a-z])", re.IGNORECASE)
    for path in sorted(product.rglob("*")):
        if path.suffix not in TEXT_FILES or product / "dialects" / name in path.parents:
            continue
        text = path.read_text(encoding="utf-8")
        if name in ORDINARY_WORDS and path.suffix == ".py":
            text = code_only(text)
        for number, line in enumerate(text.splitlines(), start=1):
            if word.search(line):
                yield f"{path.relative_to(product)}:{number}: {line.strip()}"


def test_no_dialect_is_named_outside_its_folder() -> None:
    assert [found for name in dialect_names(PRODUCT) for found in mentions(PRODUCT, name)] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from kade.dialects import lending\n", True),
        ("lending_url = 1\n", True),
        ("KIND = 'Lending'\n", True),
        ("# as lending does\n", True),
        ("blending = 1\n", False),
    ],
)
def test_a_name_is_found_where_it_does_not_belong(tmp_path: Path, source: str, found: bool) -> None:
    for name, text in {"dialects/lending/__init__.py": "lending = 1\n", "web/mounts.py": source}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    assert dialect_names(tmp_path) == ["lending"]
    assert bool(list(mentions(tmp_path, "lending"))) == found


def test_an_ordinary_word_may_stand_in_prose(tmp_path: Path) -> None:
    source = '"""Native speed."""\nSPEED = 1  # native code\n\n\ndef run() -> str:\n    return "{}"\n'
    (tmp_path / "ranges.py").write_text(source)
    assert list(mentions(tmp_path, "native")) == []
    (tmp_path / "ranges.py").write_text(source.replace("{}", "native"))
    assert list(mentions(tmp_path, "native")) == ['ranges.py:6: return "native"']

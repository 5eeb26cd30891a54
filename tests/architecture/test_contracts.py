"""The house stands as its plan says: imports go one way, and nothing grows beyond its shape."""

import subprocess
import sys
from pathlib import Path

from tools import shape_budget

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(LINT_IMPORTS), "--no-cache", "--config", str(ROOT / ".importlinter")]
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_imports_keep_every_contract() -> None:
    done = lint_imports(ROOT / "src")
    assert done.returncode == 0, done.stdout


def test_a_broken_contract_is_found(tmp_path: Path) -> None:
    """A tree that breaks each contract once; else a contract that matches nothing would look kept."""
    sources = {
        "__init__.py": "",
        "core/__init__.py": "import sqlite3\n",
        "services/__init__.py": "import starlette\n",
        "storage/__init__.py": "",
        "storage/local.py": "",
        "web/__init__.py": "from kade.storage import local\n",
        "app.py": "from kade.storage import local\n",
        "config.py": "import kade.services\n",
        "dialects/__init__.py": "",
        "dialects/one/__init__.py": "import kade.dialects.two\n",
        "dialects/two/__init__.py": "",
        "attic.py": "",
    }
    for name, source in sources.items():
        path = tmp_path / "kade" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    for sentence in (
        "kade.attic",
        "kade.config -> kade.services",
        "kade.core -> sqlite3",
        "kade.services -> starlette",
        "kade.web -> kade.storage.local",
        "kade.dialects.one -> kade.dialects.two",
    ):
        assert sentence in done.stdout
    assert "kade.app -> kade.storage.local" not in done.stdout


def test_the_shape_budget_holds() -> None:
    assert shape_budget.report(ROOT) == []


def test_the_shape_budget_finds_what_is_over(tmp_path: Path) -> None:
    source = tmp_path / "src" / "large.py"
    source.parent.mkdir()
    branches = "".join(f"    if value == {n}:\n        return {n}\n" for n in range(40))
    source.write_text(f"def classify(value):\n{branches}    return None\n" + "FILL = 0\n" * 450)
    over = shape_budget.report(tmp_path)
    assert over == [
        "src/large.py: 532 file lines, at most 500",
        "nine of ten have 532 file lines, at most 350",
        "src/large.py:1 classify: 82 function lines, at most 60",
        "nine of ten have 82 function lines, at most 32",
        "src/large.py:1 classify: 41 complexity, at most 12",
    ]

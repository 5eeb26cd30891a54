"""Keeps files and functions small enough to read in one go, and prints how large ours are.

Sizes count every line, docstrings and comments included; complexity is McCabe's, as ruff counts it.
The product (src) must keep the whole budget; tests, tools and benchmarks the maxima of files and functions.
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WHOLE_BUDGET = ("src",)
MAXIMA_ONLY = ("tests", "tools", "bench")
TOO_COMPLEX = re.compile(r"`(?P<name>.+)` is too complex \((?P<value>\d+) > 0\)")


@dataclass(frozen=True)
class Budget:
    """At most `maximum`, and nine of ten at most `ninetieth`."""

    maximum: int
    ninetieth: int | None = None


BUDGETS = {"file lines": Budget(500, 350), "function lines": Budget(60, 32), "complexity": Budget(12)}


@dataclass(frozen=True, order=True)
class Measure:
    """One file or function, and its size."""

    value: int
    where: str


def python_files(folder: Path) -> list[Path]:
    """The Python files below a folder, installed npm packages left out."""
    return sorted(path for path in folder.rglob("*.py") if "node_modules" not in path.parts)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name with line, and number of lines, of every function of a file, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def complexities(folder: Path, root: Path) -> list[Measure]:
    """McCabe complexity of every function below a folder, from ruff, so that the two never disagree."""
    ruff = [str(Path(sys.executable).parent / "ruff"), "check", "--isolated", "--no-cache", "--exit-zero"]
    rule = ["--select", "C901", "--config", "lint.mccabe.max-complexity=0", "--ignore-noqa"]
    done = subprocess.run(
        [*ruff, *rule, "--output-format", "json", str(folder)], capture_output=True, text=True, check=True
    )
    found = []
    for finding in json.loads(done.stdout):
        match = TOO_COMPLEX.search(finding["message"])
        if match:
            where = (
                f"{Path(finding['filename']).relative_to(root)}:{finding['location']['row']} {match['name']}"
            )
            found.append(Measure(int(match["value"]), where))
    return found


def measure(folder: Path, root: Path) -> dict[str, list[Measure]]:
    """Every measure of the budget for one folder, smallest first."""
    lines, bodies = [], []
    for path in python_files(folder):
        file = str(path.relative_to(root))
        lines.append(Measure(len(path.read_text(encoding="utf-8").splitlines()), file))
        bodies += [Measure(size, f"{file}:{where}") for where, size in functions(path)]
    return {
        "file lines": sorted(lines),
        "function lines": sorted(bodies),
        "complexity": sorted(complexities(folder, root)),
    }


def ninetieth(measures: list[Measure]) -> int:
    """The value that nine of ten do not exceed (nearest rank)."""
    return measures[-(-len(measures) * 9 // 10) - 1].value


def excesses(kind: str, measures: list[Measure], *, whole: bool) -> list[str]:
    """A sentence for everything over the budget."""
    budget = BUDGETS[kind]
    found = [
        f"{measure.where}: {measure.value} {kind}, at most {budget.maximum}"
        for measure in measures
        if measure.value > budget.maximum
    ]
    if whole and measures and budget.ninetieth is not None and ninetieth(measures) > budget.ninetieth:
        found.append(f"nine of ten have {ninetieth(measures)} {kind}, at most {budget.ninetieth}")
    return found


def report(root: Path) -> list[str]:
    """Print the table of sizes and return what is over the budget."""
    print(f"{'':8}{'measure':<16}{'count':>6}{'p90':>6}{'max':>6}  largest")
    over: list[str] = []
    for name in (*WHOLE_BUDGET, *MAXIMA_ONLY):
        if not (root / name).is_dir():
            continue
        for kind, measures in measure(root / name, root).items():
            if not measures:
                continue
            largest = measures[-1]
            figures = f"{len(measures):>6}{ninetieth(measures):>6}{largest.value:>6}"
            print(f"{name:<8}{kind:<16}{figures}  {largest.where}")
            over += excesses(kind, measures, whole=name in WHOLE_BUDGET)
    return over


def main() -> int:
    """Print ours; 1 when something is over the budget."""
    over = report(ROOT)
    for sentence in over:
        print(f"over budget: {sentence}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())

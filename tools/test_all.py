"""`make test`: every test, in a few runs of which three go beside each other: much of the time is waiting.

The suites that hold the business to full coverage are one run, those that drive other programs another.
What a run says is printed when it is through; the last line counts all of them.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = 3
COVERED = (
    "--cov=kade.core",
    "--cov=kade.services",
    "--cov-branch",
    "--cov-fail-under=100",
    "--cov-report=term-missing:skip-covered",
)
# The longest first; whatever folder stands in none of them is in the last.
RUNS: dict[str, tuple[str, ...]] = {
    "business": ("catalog", "conformance", "core", "services"),
    "programs": ("bench_tests", "crash", "e2e", "interop"),
    "file server": ("dialects/fileclient", "dialects/fileserver"),
    "dialects": ("dialects/fileapi", "dialects/filer", "dialects/filerequests"),
    "search": ("relevance", "search", "sources"),
    "commands": ("cli", "client"),
    "others": (),
}
_COUNTS = re.compile(r"^kade tests: (\d+) passed, (\d+) failed, (\d+) skipped", re.MULTILINE)


def main() -> int:
    """Run everything; 0 when everything passed."""
    (ROOT / "build").mkdir(exist_ok=True)
    with ThreadPoolExecutor(AT_ONCE) as workers:
        ended = list(workers.map(_run, RUNS))
    counted = [found.groups() for said, _ in ended for found in _COUNTS.finditer(said)]
    passed, failed, skipped = (sum(map(int, column)) for column in zip(*counted, strict=True))
    print(f"\nkade tests: {passed} passed, {failed} failed, {skipped} skipped in {len(RUNS)} runs")
    return max(status for _, status in ended)


def _run(name: str) -> tuple[str, int]:
    """What a run said, and its exit status."""
    file = name.replace(" ", "-")
    arguments = [f"--junit-xml=build/junit-{file}.xml", "-o", f"cache_dir=.pytest_cache/{file}"]
    if name == "business":
        arguments += COVERED
    command = [sys.executable, "-m", "pytest", *arguments, *_folders(name)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(f"\n{name}:\n{done.stdout}", end="", flush=True)
    return done.stdout, done.returncode


def _folders(name: str) -> list[str]:
    if RUNS[name]:
        return [f"tests/{each}" for each in RUNS[name]]
    return [f"--ignore=tests/{each}" for folders in RUNS.values() for each in folders]


if __name__ == "__main__":
    sys.exit(main())

"""`make test`: every test, in two runs beside each other, for most of the time goes by in waiting.

The suites that drive programs of their own run beside those that hold the business to full coverage. What
they say is printed when they are through.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ("bench_tests", "crash", "e2e", "interop")
COVERED = (
    "--cov=kade.core",
    "--cov=kade.services",
    "--cov-branch",
    "--cov-fail-under=100",
    "--cov-report=term-missing:skip-covered",
)


def main() -> int:
    """Run both; 0 when both passed."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with (build / "beside.log").open("w+") as log:
        folders = [f"tests/{name}" for name in BESIDE]
        beside = subprocess.Popen(
            [*_pytest("junit-beside.xml"), "-p", "no:cacheprovider", *folders],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        others = [f"--ignore=tests/{name}" for name in BESIDE]
        first = subprocess.run([*_pytest("junit.xml"), *COVERED, *others], cwd=ROOT).returncode
        second = beside.wait()
        log.seek(0)
        print(f"\n{', '.join(BESIDE)}:\n{log.read()}", end="")
    return first or second


def _pytest(report: str) -> list[str]:
    return [sys.executable, "-m", "pytest", f"--junit-xml=build/{report}"]


if __name__ == "__main__":
    sys.exit(main())

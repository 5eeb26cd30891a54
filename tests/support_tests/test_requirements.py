"""A missing need skips by name, fails where nothing may be missing, and the last line counts it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.requirements import ROOT

SUITE = """
import pytest

@pytest.mark.needs("absent")
def test_with_a_missing_program():
    raise AssertionError("it ran without what it needs")

def test_without_needs():
    pass

@pytest.mark.long
def test_of_every_size():
    pass
"""
CONFTEST = """
from tests.support import requirements

requirements.PROBES["absent"] = lambda: "not on this machine"

def pytest_configure(config):
    requirements.STRICT = {strict}
    requirements.pytest_configure(config)
"""


def run_suite(
    folder: Path, *, strict: bool, suite: str = SUITE, sizes: str = "small"
) -> tuple[int, list[str]]:
    """Run a suite of its own in a process of its own: the exit code and the lines it wrote."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(CONFTEST.format(strict=strict))
    inner = folder / "interop"
    inner.mkdir()
    (inner / "test_suite.py").write_text(suite)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rfs", str(folder)]
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "KADE_TEST_SIZES": sizes,
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


def test_a_missing_need_skips_by_name(tmp_path: Path) -> None:
    code, lines = run_suite(tmp_path, strict=False)
    assert code == 0
    assert lines[-1] == "kade tests: 1 passed, 0 failed, 1 skipped (missing: absent)"
    assert re.search(r"1 passed, 1 skipped, 1 deselected in ", lines[-2])
    assert any("needs absent: not on this machine" in line for line in lines)


def test_a_missing_need_fails_where_nothing_may_be_missing(tmp_path: Path) -> None:
    code, lines = run_suite(tmp_path, strict=True)
    assert code == 1
    assert lines[-1] == "kade tests: 1 passed, 1 failed, 0 skipped (missing: absent)"
    assert any("needs absent: not on this machine" in line for line in lines)


@pytest.mark.parametrize(
    "suite",
    [
        "import pytest\n\ndef test_it():\n    pytest.skip('no time')\n",
        "import pytest\n\npytest.skip('no time', allow_module_level=True)\n",
        "import pytest\n\npytest.importorskip('no_such_module', reason='no time')\n",
        "import pytest\n\n@pytest.mark.skip(reason='no time')\ndef test_it():\n    pass\n",
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_a_guarded_folder_hides_no_skip(tmp_path: Path, suite: str, strict: bool) -> None:
    code, lines = run_suite(tmp_path, strict=strict, suite=suite)
    assert lines[-1] == f"kade tests: 0 passed, {strict:d} failed, {not strict:d} skipped"
    assert (code in (1, 2)) == strict
    assert any("no time" in line for line in lines)


def test_long_tests_run_with_full_sizes(tmp_path: Path) -> None:
    _, lines = run_suite(tmp_path, strict=False, sizes="full")
    assert lines[-1] == "kade tests: 2 passed, 0 failed, 1 skipped (missing: absent)"


def test_a_need_that_nobody_declared_stops_the_run(tmp_path: Path) -> None:
    code, lines = run_suite(tmp_path, strict=False, suite=SUITE.replace("absent", "unheard-of"))
    assert code == 4
    assert not any(" passed in " in line for line in lines)

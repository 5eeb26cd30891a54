"""Forked commands behave like started ones: streams, environment, exit status, signals, SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import psutil
import pytest
from tests.support.fork_server import ForkedProcess, run_forked
from tests.support.kade_server import PROGRAM, KadeServer


def started(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["config", "--reference"], 0),
        (["config"], 0),
        (["no-such-command"], 2),
        (["--config", "/nowhere/kade.toml", "config"], 2),
    ],
)
def test_a_command_prints_and_ends_as_the_program_does(arguments: list[str], code: int) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "KADE_LIMITS_SHUTDOWN": "7s"}
    real, forked = started(arguments, environment), run_forked(arguments, environment, timeout=60)
    assert (forked.returncode, forked.stdout, forked.stderr) == (code, real.stdout, real.stderr)
    assert real.returncode == code


def test_the_program_itself_serves(tmp_path: Path) -> None:
    """What forks leave out: the start of the interpreter, and the program's file."""
    with KadeServer(tmp_path / "data", command=PROGRAM) as server:
        assert Path(psutil.Process(server.pid).cmdline()[1]) == Path(PROGRAM[0])
        assert server.service("GET", "/files")[0] == 200
        assert server.stop() == 0


def test_a_forked_server_is_a_process_of_its_own(tmp_path: Path) -> None:
    with KadeServer(tmp_path / "data") as server:
        process = psutil.Process(server.pid)
        assert process.pid not in (os.getpid(), process.ppid())
        open_files = {entry.path for entry in process.open_files()}
        assert str(server.log_file) in open_files
        assert not any("kade-fork" in (str(entry.laddr)) for entry in process.net_connections("unix"))
        assert dispositions(server.pid, "SigIgn") & bit(signal.SIGTERM) == 0
        first = server.pid
        server.kill()
        assert not psutil.pid_exists(first)
        server.start()
        assert server.pid != first
        assert server.stop() == 0


def dispositions(pid: int, field: str) -> int:
    """A mask of signals in /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (mask,) = [line.split()[1] for line in lines if line.startswith(field)]
    return int(mask, 16)


def bit(number: int) -> int:
    return 1 << (number - 1)


def test_how_it_ended_is_told_once_it_ended(tmp_path: Path) -> None:
    server = KadeServer(tmp_path / "data")
    server.initialise()
    with tempfile.TemporaryFile() as output:
        environment = {**os.environ, "KADE_WEB_PORT": "0", "KADE_EXCHANGE_PORT": "0"}
        process = ForkedProcess(["--config", str(server.config), "serve"], environment, output, output)
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
        assert process.poll() == -signal.SIGKILL


def test_each_has_its_own_chance(tmp_path: Path) -> None:
    """Random state is not copied with the rest: two stores get different keys."""
    made = [KadeServer(tmp_path / name) for name in "ab"]
    for server in made:
        server.initialise()
    assert made[0].admin_key != made[1].admin_key

"""Every peer must start, answer over both kinds of connection, be measured and end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from bench.jobs import SmallRequests
from bench.load import run_job
from bench.peers import PeerMissing, Security
from bench.peers.kade import KadePeer
from tests.support.processes import cpu_seconds

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.needs("nginx", "node")
@pytest.mark.parametrize("security", ["plain", "mtls"])
def test_the_command_measures_the_peers(tmp_path: Path, security: str) -> None:
    options = ["--size", "smoke", "--security", security, "--peers", "nginx,tus-node", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "bench", "heads", "downloads", "upload_one", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answered = {"heads": 2, "download_whole": 2, "download_ranges": 1, "upload_one": 2}
    for question, peers in answered.items():
        report = json.loads((tmp_path / f"{question}.json").read_text())
        assert len(report["measurements"]) == peers
        assert all(run["rate"] > 0 and run["peak_rss"] > 1_000_000 for run in report["measurements"])
        assert {run["security"] for run in report["measurements"]} == {security}
    assert done.stdout.count("tus-node") == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.json" for name in answered)


def test_unknown_names_are_refused() -> None:
    for arguments in (["nothing"], ["--peers", "apache"]):
        command = [sys.executable, "-m", "bench", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "unknown: " in done.stderr


@pytest.mark.parametrize("security", list(Security))
def test_kade_is_run_as_its_users_run_it(tmp_path: Path, security: Security) -> None:
    # `env` hands the stand-in its module path, which the peer knows nothing of.
    stand_in = [sys.executable, "-m", "tests.support_tests.stand_in"]
    peer = KadePeer(command=["env", f"PYTHONPATH={ROOT}", *stand_in])
    target = peer.start(security, tmp_path / "data")
    try:
        assert run_job(SmallRequests(target, "create", 2, 10)).requests == 10
        assert (target.authority is None) == (security is Security.PLAIN)
        assert ("X-Client-Cert" in target.headers) == (security is Security.PLAIN)
        pid = peer.pid
        assert cpu_seconds(pid) > 0
    finally:
        peer.stop()
    assert not psutil.pid_exists(pid)
    peer.stop()


def test_a_missing_program_is_named() -> None:
    with pytest.raises(PeerMissing, match="the kade command"):
        KadePeer(command=["kade-that-is-nowhere"]).version()

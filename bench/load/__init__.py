"""The load generator: raw sockets, in a process of its own so that its work is not taken for the server's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from bench.jobs import Job, Outcome

_ROOT = Path(__file__).parent.parent.parent


class LoadFailed(Exception):
    """The load generator got an answer it did not expect; the message holds it."""


def run_job(job: Job, timeout: float = 600.0) -> Outcome:
    """Run a job in a fresh process; raises `LoadFailed` when any request failed: its figures are void."""
    result = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=msgspec.json.encode(job),
        capture_output=True,
        check=False,
        cwd=_ROOT,
        timeout=timeout,
    )
    if result.returncode != 0:
        raise LoadFailed(result.stderr.decode("utf-8", "replace").strip().splitlines()[-1])
    return msgspec.json.decode(result.stdout, type=Outcome)

"""Reads a job from standard input, runs it and writes the outcome to standard output."""

from __future__ import annotations

import sys

import msgspec

from bench.jobs import Downloads, Job, SmallRequests
from bench.load.small import run_small_requests
from bench.load.streams import run_downloads, run_uploads


def main() -> None:
    """Run one job."""
    job: Job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    if isinstance(job, SmallRequests):
        outcome = run_small_requests(job)
    elif isinstance(job, Downloads):
        outcome = run_downloads(job)
    else:
        outcome = run_uploads(job)
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()

"""A question is one thing that is measured on every peer that can do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.jobs import Job, StreamUploads, Target
from bench.load import run_job
from bench.peers import Capability

MIB = 1024 * 1024


@dataclass(frozen=True)
class Scale:
    """How much is done; every question takes its numbers from here."""

    name: str
    single_upload: int
    parallel_upload: int
    download: int
    download_rounds: int
    ranges: int
    creations: int
    small_uploads: int
    heads: int


WARM_UP = Scale(
    name="smoke",
    single_upload=8 * MIB,
    parallel_upload=2 * MIB,
    download=8 * MIB,
    download_rounds=1,
    ranges=8,
    creations=200,
    small_uploads=200,
    heads=500,
)
"""Done and forgotten before each measurement, for compilers, caches and pools; by itself a smoke test."""

SCALES = {
    "smoke": WARM_UP,
    "small": Scale(
        name="small",
        single_upload=256 * MIB,
        parallel_upload=32 * MIB,
        download=64 * MIB,
        download_rounds=4,
        ranges=400,
        creations=3_000,
        small_uploads=3_000,
        heads=8_000,
    ),
    "full": Scale(
        name="full",
        single_upload=1024 * MIB,
        parallel_upload=128 * MIB,
        download=256 * MIB,
        download_rounds=8,
        ranges=4_000,
        creations=20_000,
        small_uploads=20_000,
        heads=50_000,
    ),
}


@dataclass(frozen=True)
class Question:
    """What is asked, of whom, and how its answer is counted.

    `job` gives what is measured; what it needs beforehand (files to fetch) it makes itself, outside the
    measured time.
    """

    name: str
    title: Callable[[Scale], str]
    needs: Capability
    counts: Literal["bytes", "requests"]
    job: Callable[[Target, Scale], Job]


def store_files(target: Target, count: int, size: int) -> list[str]:
    """Upload files for a question to work on, and give the paths they were uploaded at."""
    return run_job(StreamUploads(target, count, size)).paths

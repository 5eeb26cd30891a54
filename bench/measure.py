"""Asks one peer one question and measures what it costs the server."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import msgspec
from tests.support.processes import cpu_seconds, peak_resident_bytes, reset_peak

from bench.jobs import Job
from bench.load import run_job
from bench.peers import Peer, Security
from bench.question import MIB, WARM_UP, Question, Scale


class Measurement(msgspec.Struct, frozen=True):
    """One run. CPU and memory are those of the server's processes; `settle_seconds` is how long the system
    then took to bring everything written to the disk, which a durable server has done already."""

    question: str
    security: str
    peer: str
    durable: bool
    seconds: float
    settle_seconds: float
    rate: float
    """MB/s (10^6 bytes) or requests/s."""
    cpu_seconds: float
    cpu_per_unit: float
    """Server CPU seconds for a GiB or for 1,000 requests."""
    client_cpu_seconds: float
    peak_rss: int
    p50_ms: float
    p99_ms: float


def ask(
    peer: Peer, question: Question, security: Security, scale: Scale, repeat: int, work: Path
) -> Measurement:
    """Start the peer in a fresh folder, warm it up, measure `repeat` times and give the median run."""
    folder = work / f"{question.name}-{security.value}-{peer.name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        target = peer.start(security, folder)
        run_job(question.job(target, WARM_UP))
        runs = [_measure(peer, question, security, question.job(target, scale)) for _ in range(repeat)]
    finally:
        peer.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def _measure(peer: Peer, question: Question, security: Security, job: Job) -> Measurement:
    # What earlier runs left to be written must not slow this one down.
    os.sync()
    reset_peak(peer.pid)
    before = cpu_seconds(peer.pid)
    outcome = run_job(job)
    used = cpu_seconds(peer.pid) - before
    peak = peak_resident_bytes(peer.pid)
    finished = time.perf_counter()
    os.sync()
    settle = time.perf_counter() - finished
    in_bytes = question.counts == "bytes"
    return Measurement(
        question=question.name,
        security=security.value,
        peer=peer.name,
        durable=peer.durable,
        seconds=outcome.seconds,
        settle_seconds=settle,
        rate=(outcome.bytes / 1e6 if in_bytes else outcome.requests) / outcome.seconds,
        cpu_seconds=used,
        cpu_per_unit=used / (outcome.bytes / (1024 * MIB) if in_bytes else outcome.requests / 1000),
        client_cpu_seconds=outcome.client_cpu_seconds,
        peak_rss=peak,
        p50_ms=outcome.p50_ms,
        p99_ms=outcome.p99_ms,
    )

"""Writes the measurements as JSON and prints them as a table with ratios."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench.machine import describe
from bench.measure import Measurement
from bench.question import Question, Scale

_OURS = "kade"


class Report(msgspec.Struct, frozen=True):
    """What one question's JSON file holds."""

    question: str
    title: str
    counts: str
    scale: str
    taken_at: str
    machine: dict[str, str]
    peers: dict[str, str]
    measurements: list[Measurement]


def write_reports(
    folder: Path,
    questions: Sequence[Question],
    scale: Scale,
    versions: Mapping[str, str],
    measurements: Sequence[Measurement],
) -> None:
    """Write one JSON file for each question that was answered."""
    folder.mkdir(parents=True, exist_ok=True)
    for question in questions:
        report = Report(
            question=question.name,
            title=question.title(scale),
            counts=question.counts,
            scale=scale.name,
            taken_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            machine=describe(),
            peers=dict(versions),
            measurements=[run for run in measurements if run.question == question.name],
        )
        data = msgspec.json.format(msgspec.json.encode(report), indent=2)
        (folder / f"{question.name}.json").write_bytes(data + b"\n")


def print_table(
    questions: Sequence[Question],
    scale: Scale,
    versions: Mapping[str, str],
    measurements: Sequence[Measurement],
) -> None:
    """Print every measurement; the last columns say how Kade compares with the peer in that row."""
    print(f"Scale {scale.name}, {os.cpu_count()} cores; {'; '.join(versions.values())}.\n{_LEGEND}")
    print("".join(f"{name:>{width}}" for name, width in _COLUMNS))
    for question in questions:
        answered = [run for run in measurements if run.question == question.name]
        if not answered:
            continue
        unit = "MB/s, CPU s/GiB" if question.counts == "bytes" else "requests/s, CPU s/1,000 requests"
        print(f"-- {question.title(scale)} ({unit})")
        for run in answered:
            cells = _cells(run, _kade_beside(run, answered))
            print("".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, _COLUMNS, strict=True)))


_LEGEND = (
    "CPU and memory are the server's (load CPU: the client's). "
    "*: acknowledged without a sync; settle is the time the system then took to write everything out."
)

_COLUMNS = (
    ("", 6),
    ("peer", 13),
    ("wall s", 9),
    ("settle s", 10),
    ("rate", 9),
    ("CPU s", 8),
    ("CPU/unit", 10),
    ("load CPU", 10),
    ("peak MB", 9),
    ("p50 ms", 9),
    ("p99 ms", 9),
    ("Kade/peer rate", 16),
    ("CPU", 7),
)


def _cells(run: Measurement, kade: Measurement | None) -> list[str]:
    return [
        run.security,
        run.peer,
        f"{run.seconds:.2f}",
        f"{run.settle_seconds:.2f}{'' if run.durable else '*'}",
        f"{run.rate:,.0f}",
        f"{run.cpu_seconds:.2f}",
        f"{run.cpu_per_unit:.2f}",
        f"{run.client_cpu_seconds:.2f}",
        f"{run.peak_rss / 1e6:.0f}",
        f"{run.p50_ms:.1f}",
        f"{run.p99_ms:.1f}",
        f"{kade.rate / run.rate:.2f}" if kade else "",
        f"{kade.cpu_per_unit / run.cpu_per_unit:.2f}" if kade and run.cpu_per_unit else "",
    ]


def _kade_beside(run: Measurement, answered: Sequence[Measurement]) -> Measurement | None:
    if run.peer == _OURS:
        return None
    return next((other for other in answered if (other.peer, other.security) == (_OURS, run.security)), None)

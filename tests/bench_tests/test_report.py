"""The report must hold every measurement, and compare Kade only with what ran beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.heads import QUESTIONS
from bench.measure import Measurement
from bench.question import SCALES
from bench.report import print_table, write_reports


def _measurement(peer: str, security: str, rate: float, cpu_per_unit: float) -> Measurement:
    return Measurement(
        question="heads",
        security=security,
        peer=peer,
        durable=peer == "kade",
        seconds=2.0,
        settle_seconds=0.5,
        rate=rate,
        cpu_seconds=1.0,
        cpu_per_unit=cpu_per_unit,
        client_cpu_seconds=0.25,
        peak_rss=12_000_000,
        p50_ms=1.5,
        p99_ms=3.0,
    )


RUNS = [
    _measurement("kade", "plain", 3000.0, 0.5),
    _measurement("nginx", "plain", 6000.0, 0.25),
    _measurement("nginx", "mtls", 4000.0, 0.0),
]


def test_json_holds_every_measurement(tmp_path: Path) -> None:
    write_reports(tmp_path / "out", QUESTIONS, SCALES["small"], {"nginx": "nginx/1"}, RUNS)
    report = json.loads((tmp_path / "out" / "heads.json").read_text())
    assert [(run["peer"], run["security"], run["rate"]) for run in report["measurements"]] == [
        ("kade", "plain", 3000.0),
        ("nginx", "plain", 6000.0),
        ("nginx", "mtls", 4000.0),
    ]
    assert report["scale"] == "small"
    assert report["peers"] == {"nginx": "nginx/1"}
    assert int(report["machine"]["cores"]) >= 1


def test_ratios_stand_beside_the_peer(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(QUESTIONS, SCALES["small"], {"nginx": "nginx/1"}, RUNS)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[-3:]]
    assert rows[0][:2] == ["plain", "kade"] and rows[0][-1] == "3.0"
    assert rows[1][:2] == ["plain", "nginx"] and rows[1][-2:] == ["0.50", "2.00"]
    assert rows[1][3] == "0.50*"
    assert rows[2][:2] == ["mtls", "nginx"] and rows[2][-1] == "3.0"

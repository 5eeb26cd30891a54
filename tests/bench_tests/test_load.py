"""The load generator must move what it says it moves, and refuse to count wrong answers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.jobs import Downloads, SmallRequests, StreamUploads, Target
from bench.load import LoadFailed, run_job
from tests.support.kade_server import KadeServer

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module", params=["plain", "mtls"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KadeServer]:
    folder = tmp_path_factory.mktemp("load")
    environment = {"PYTHONPATH": str(ROOT)}
    if request.param == "plain":
        environment["KADE_EXCHANGE_TLS"] = "false"
    command = [sys.executable, "-m", "tests.support_tests.stand_in"]
    with KadeServer(folder, command=command, environment=environment) as server:
        yield server


@pytest.fixture
def target(server: KadeServer, tmp_path: Path) -> Target:
    plain = "KADE_EXCHANGE_TLS" in server.environment
    files = server.authority.issue_client("bench").write(tmp_path, "client")
    return Target(
        port=server.exchange_port,
        protocol="tus",
        uploads="/files/upload",
        downloads="/files/download",
        headers={"X-Bench": "1"},
        authority=None if plain else str(server.folder / "pki" / "ca.crt"),
        certificate=str(files.certificate),
        key=str(files.key),
    )


def _stored(server: KadeServer, path: str) -> bytes:
    return (server.folder / path.rsplit("/", 1)[1]).read_bytes()


def test_uploads_store_every_byte(server: KadeServer, target: Target) -> None:
    size = 9 * 1024 * 1024 + 17
    outcome = run_job(StreamUploads(target, 2, size))
    assert (outcome.requests, outcome.bytes, len(set(outcome.paths))) == (2, 2 * size, 2)
    for path in outcome.paths:
        data = _stored(server, path)
        assert len(data) == size
        assert data[:17] == data[8 * 1024 * 1024 :][:17] != bytes(17)


def test_downloads_count_what_is_asked_for(server: KadeServer, target: Target) -> None:
    paths = [target.download_path(path) for path in run_job(StreamUploads(target, 2, 100_000)).paths]
    whole = run_job(Downloads(target, paths, 100_000, 3))
    assert (whole.requests, whole.bytes) == (6, 600_000)
    ranged = run_job(Downloads(target, paths, 100_000, 4, 1_000))
    assert (ranged.requests, ranged.bytes) == (8, 8_000)
    assert 0 < ranged.p50_ms <= ranged.p99_ms
    log = "\n".join(event["event"] for event in server.log_events())
    assert len(re.findall(r'"GET /files/download/\w+ HTTP/1.1" 200', log)) == 6
    assert len(re.findall(r'"GET /files/download/\w+ HTTP/1.1" 206', log)) == 8


def test_small_requests_are_all_sent(server: KadeServer, target: Target) -> None:
    before = len(server.log_lines())
    created = run_job(SmallRequests(target, "create", 3, 20))
    assert created.requests == 20
    paths = run_job(StreamUploads(target, 2, 10)).paths
    asked = run_job(SmallRequests(target, "head", 3, 11, paths=paths))
    assert asked.requests == 11
    log = [event["event"] for event in server.log_events()[before:]]
    assert sum("POST /files/upload HTTP" in line for line in log) == 22
    assert [sum(f"HEAD {path} HTTP" in line for line in log) for path in paths] == [6, 5]


def test_more_connections_than_requests(target: Target) -> None:
    assert run_job(SmallRequests(target, "create", 5, 2)).requests == 2


def test_wrong_answers_are_not_counted(target: Target) -> None:
    unknown = [f"/files/upload/{'0' * 16}"]
    with pytest.raises(LoadFailed, match="404"):
        run_job(SmallRequests(target, "head", 1, 1, paths=unknown))
    with pytest.raises(LoadFailed, match="404"):
        run_job(Downloads(target, unknown, 10, 1))
    # The stand-in ignores the body of a creation: acknowledged, but not stored.
    with pytest.raises(LoadFailed, match="not stored"):
        run_job(SmallRequests(target, "upload", 1, 1, 1024))
    path = target.download_path(run_job(StreamUploads(target, 1, 10)).paths[0])
    with pytest.raises(LoadFailed, match="10 bytes announced, 11 expected"):
        run_job(Downloads(target, [path], 11, 1))

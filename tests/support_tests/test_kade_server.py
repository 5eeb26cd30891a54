"""The server harness must start, watch, kill and restart a real process, and say why one failed."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from tests.support import kade_server, raw_tus
from tests.support.kade_server import KadeServer, ServerFailed
from tests.support_tests.conftest import ENVIRONMENT, STAND_IN


def test_users_are_registered_and_let_in(stand_in: KadeServer, tmp_path: Path) -> None:
    first = stand_in.register_user("first")
    files = stand_in.issue_certificate("second", tmp_path)
    second = stand_in.register_user("second")
    assert second.id == first.id + 1
    assert files.certificate.exists() and files.key.exists()
    with stand_in.connect(first.identity) as connection:
        assert raw_tus.create(connection, "/files/upload", 3).status == 201


def test_a_wrong_key_is_reported(stand_in: KadeServer) -> None:
    stranger = KadeServer(stand_in.folder, command=STAND_IN, environment=ENVIRONMENT)
    stranger.web_port, stranger.admin_key = stand_in.web_port, "wrong"
    with pytest.raises(ServerFailed, match="401"):
        stranger.register_user("partner")


def test_data_outlives_a_kill(tmp_path: Path) -> None:
    with KadeServer(tmp_path, command=STAND_IN, environment=ENVIRONMENT) as server:
        partner = server.register_user("partner").identity
        with server.connect(partner) as connection:
            target = raw_tus.target_of(raw_tus.create(connection, "/files/upload", 6))
            assert raw_tus.offset_of(raw_tus.patch(connection, target, 0, b"abc")) == 3
            killed = server.pid
            server.kill()
            assert not psutil.pid_exists(killed)
            assert connection.is_closed_by_peer(2)
        server.start()
        with server.connect(partner) as connection:
            assert raw_tus.offset_of(raw_tus.head(connection, target)) == 3
        assert server.stop() == 0
        with pytest.raises(ServerFailed, match="does not run"):
            server.stop()
        assert any("HEAD" in event["event"] for event in server.log_events())


def test_a_wrapper_is_told_from_the_server(tmp_path: Path) -> None:
    wrapper = ["sh", "-c", '"$@"; exit $?', "sh"]
    with KadeServer(tmp_path, command=STAND_IN, environment=ENVIRONMENT, wrapper=wrapper) as server:
        assert "stand_in" in " ".join(psutil.Process(server.pid).cmdline())
        assert psutil.Process(server.pid).name() != "sh"
        assert server.stop() == 0


def test_memory_and_cpu_are_those_of_the_server(stand_in: KadeServer) -> None:
    partner = stand_in.register_user("partner").identity
    before = stand_in.cpu_seconds
    with stand_in.sample_memory() as memory, stand_in.connect(partner) as connection:
        target = raw_tus.target_of(raw_tus.create(connection, "/files/upload", 50_000_000))
        raw_tus.patch(connection, target, 0, bytes(50_000_000))
        time.sleep(0.3)
    assert stand_in.cpu_seconds > before
    assert len(memory.samples) >= 3
    # The stand-in holds a body in memory, Kade must not: the sampler has to see the difference.
    assert memory.peak > memory.samples[0].rss + 40_000_000
    assert memory.peak == max(memory.peak_of_half(1), memory.peak_of_half(2))


def test_a_server_that_ends_at_once_is_reported(tmp_path: Path) -> None:
    server = KadeServer(tmp_path, command=STAND_IN, environment=ENVIRONMENT)
    server.initialise()
    server.environment["KADE_WEB_PORT"] = "not a port"
    with pytest.raises(ServerFailed, match="invalid literal"):
        server.start()
    server.close()


def test_a_failed_command_is_reported(stand_in: KadeServer) -> None:
    with pytest.raises(ServerFailed, match="unknown command"):
        stand_in.run("nothing")


def test_a_server_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    environment = {**ENVIRONMENT, "STAND_IN_IGNORES_TERM": "1"}
    with KadeServer(tmp_path, command=STAND_IN, environment=environment, stop_timeout=0.3) as server:
        pid = server.pid
        with pytest.raises(ServerFailed, match="did not end"):
            server.stop()
        assert not psutil.pid_exists(pid)


def test_free_ports_differ() -> None:
    ports = kade_server.free_ports(20)
    assert len(set(ports)) == 20

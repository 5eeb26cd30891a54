"""The worker beside the server: it comes when there is something to do, and goes with the server."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
from tests.support.kade_server import KadeServer


def workers(folder: Path) -> list[psutil.Process]:
    """Worker processes of that data folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "worker" in line and str(folder / "kade.toml") in line:
            found.append(process)
    return found


def until(count: int, folder: Path) -> list[psutil.Process]:
    """Wait for so many of them."""
    deadline = time.monotonic() + 30
    while len(found := workers(folder)) != count:
        assert time.monotonic() < deadline, f"{len(found)} workers, not {count}"
        time.sleep(0.1)
    return found


def test_a_worker_comes_when_needed_is_replaced_and_goes_with_the_server(tmp_path: Path) -> None:
    with KadeServer(tmp_path / "quay") as server:
        time.sleep(3)  # time enough for one to come, were it to come unasked
        assert workers(server.folder) == []
        server.register_user("partner")
        server.run("space", "set", "partner", "--index", "yes")
        (first,) = until(1, server.folder)
        first.kill()
        deadline = time.monotonic() + 30
        while [each.pid for each in workers(server.folder)] in ([], [first.pid]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        os.kill(server.pid, signal.SIGKILL)  # and nothing but the server
        until(0, server.folder)
        server.kill()
        server.start()
        until(1, server.folder)
        assert server.stop() == 0
        until(0, server.folder)

"""SIGKILL between a publication and what rules make of it: each file is published on, once."""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
import time
from collections import Counter
from pathlib import Path

from tests.support.file_api import FileApiClient
from tests.support.kade_server import KadeServer
from tests.support.sizes import sizes

ROUNDS = 15 if sizes.full else 4
TENANT = "acme"
SOURCE, TARGET = 8000, 8001
_CAUGHT_UP_S = 30.0


def test_a_rule_follows_each_publication_once_whenever_the_server_is_killed(tmp_path: Path) -> None:
    chance = random.Random(3)
    with KadeServer(tmp_path / "data") as server:
        server.run("tenant", "add", TENANT)
        for number in (SOURCE, TARGET):
            server.run("business-type", "add", str(number))
            server.run("--tenant", TENANT, "business-type", "offer", str(number))
        server.run("--tenant", TENANT, "space", "rule", "add", str(SOURCE), "publish", "--type", str(TARGET))
        publisher = FileApiClient(server, "publisher", TENANT, ("publisher", SOURCE))
        subscriber = FileApiClient(server, "subscriber", TENANT, ("subscriber", TARGET))
        acknowledged: list[str] = []
        for turn in range(ROUNDS):
            publisher.get_token()
            publishing = threading.Thread(target=_publish, args=(publisher, turn, acknowledged))
            publishing.start()
            publishing.join(chance.uniform(0.05, 0.4))
            server.kill()
            publishing.join()
            server.start()
        subscriber.get_token()
        assert len(acknowledged) > ROUNDS
        _wait_for(subscriber, acknowledged)
        names = Counter(entry["fileName"] for entry in subscriber.listed())
        assert set(names.values()) == {1}
        # What was being sent when the server died is there or not; nothing else is.
        assert len(names) - len(acknowledged) <= ROUNDS
        assert "all is well" in server.run("doctor", "--digests")


def _publish(publisher: FileApiClient, turn: int, acknowledged: list[str]) -> None:
    """One file after another, until the server is gone."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        for number in range(1000):
            name = f"{turn}-{number}.txt"
            publisher.publish(name, SOURCE, b"x" * (number * 4000 + 1))
            acknowledged.append(name)


def _wait_for(subscriber: FileApiClient, names: list[str]) -> None:
    deadline = time.monotonic() + _CAUGHT_UP_S
    while missing := set(names) - {entry["fileName"] for entry in subscriber.listed()}:
        assert time.monotonic() < deadline, f"{len(missing)} of {len(names)} never came"
        time.sleep(0.1)

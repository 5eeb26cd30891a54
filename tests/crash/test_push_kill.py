"""SIGKILL while a partner pushes: the place has the old file or the new one, whole, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import ssl
import threading
from pathlib import Path

from tests.support.kade_server import KadeServer
from tests.support.quay import Partner, new_partner
from tests.support.raw_http import ConnectionEnded, ProtocolViolation
from tests.support.sizes import MIB, sizes

ROUNDS = 20 if sizes.full else 4
_GONE = (ConnectionEnded, ProtocolViolation, OSError, ssl.SSLError)


def test_a_place_has_one_whole_file_whenever_the_server_is_killed(tmp_path: Path) -> None:
    chance = random.Random(7)
    with KadeServer(tmp_path / "data") as server:
        partner = new_partner(server)
        target = f"/files/gb/{partner.user.id}/report.bin"
        pushed = [chance.randbytes(2 * MIB)]
        _push(partner, target, pushed[0], [])
        for _ in range(ROUNDS):
            _round(server, partner, target, pushed, chance)
        server.run("doctor", "--digests")


def _round(
    server: KadeServer, partner: Partner, target: str, pushed: list[bytes], chance: random.Random
) -> None:
    """Push, kill somewhere on the way, look: what was acknowledged is there, or what came after it."""
    acknowledged: list[int] = []
    data = chance.randbytes(chance.choice((100, 2 * MIB, 12 * MIB)))
    pushing = threading.Thread(target=_push, args=(partner, target, data, acknowledged))
    pushing.start()
    pushing.join(chance.uniform(0.0, 0.15))
    server.kill()
    pushing.join()
    server.start()
    there = _digest_there(server)
    digests = [hashlib.sha256(each).hexdigest() for each in (pushed[-1], data)]
    assert there in digests
    if acknowledged:
        assert there == digests[1]
    pushed.append(pushed[-1] if there == digests[0] else data)


def _push(partner: Partner, target: str, data: bytes, acknowledged: list[int]) -> None:
    with contextlib.suppress(*_GONE), partner.connect() as connection:
        fields = [("Content-Length", str(len(data)))]
        answer = connection.request("PUT", target, fields, data)
        assert answer.status in (201, 204)
        acknowledged.append(answer.status)


def _digest_there(server: KadeServer) -> str:
    """SHA-256 of the one complete file that there is."""
    paths = json.loads(server.service("GET", "/files")[1])
    infos = [server.service("GET", f"/files/{path}/info") for path in paths]
    complete = [json.loads(body) for status, body in infos if status == 200]
    (info,) = complete
    return str(info["sha256Checksum"]).lower()

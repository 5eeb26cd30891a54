"""SIGKILL at random moments: what was acknowledged is there afterwards, and `kade doctor` finds nothing.

Each round prints its seed; `KADE_CRASH_SEED=<seed> pytest tests/crash/test_kill.py` plays it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import DOWNLOAD, UPLOAD, Partner, new_partner
from tests.support.raw_http import ConnectionEnded, ProtocolViolation, RawConnection
from tests.support.sizes import sizes

_GONE = (ConnectionEnded, ProtocolViolation, OSError, ssl.SSLError)
_DOCTOR_EVERY = 10
_STORES = 3


@dataclass
class Sent:
    """One upload: what we know that the server promised."""

    target: str
    data: bytes
    acknowledged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def finished(self) -> bool:
        return self.acknowledged == len(self.data)


class Uploader(threading.Thread):
    """A partner who goes on uploading until the server is gone."""

    def __init__(self, partner: Partner, seed: int, sent: list[Sent]) -> None:
        super().__init__()
        self._partner = partner
        self._random = random.Random(seed)
        self._sent = sent
        self.violation: str | None = None

    def run(self) -> None:
        with contextlib.suppress(*_GONE), self._partner.connect() as connection:
            while True:
                unfinished = [sent for sent in self._sent if not sent.finished]
                if unfinished and self._random.random() < 0.7:
                    self._append(connection, self._random.choice(unfinished))
                else:
                    self._create(connection)

    def _create(self, connection: RawConnection) -> None:
        data = self._random.randbytes(self._random.choice((10, 3_000, 16_384, 100_000, 2_000_000)))
        body = data if self._random.random() < 0.3 else b""
        response = raw_tus.create(connection, UPLOAD, len(data), body=body)
        if response.status != 201:
            raise ConnectionEnded(f"creation: {response.status}")
        sent = Sent(raw_tus.target_of(response), data)
        if body:
            sent.acknowledged = raw_tus.offset_of(response)
        self._sent.append(sent)

    def _append(self, connection: RawConnection, sent: Sent) -> None:
        with sent.lock:
            offset = sent.acknowledged
            size = self._random.randrange(1, 600_000)
            response = raw_tus.patch(connection, sent.target, offset, sent.data[offset : offset + size])
            if response.status == 204:
                sent.acknowledged = raw_tus.offset_of(response)
            elif response.status == 409:
                # Bytes of a request whose answer the crash took: more than was acknowledged, never less.
                if raw_tus.offset_of(response) < offset:
                    self.violation = f"{sent.target}: offset went back from {offset}"
                sent.acknowledged = raw_tus.offset_of(response)


def check(partner: Partner, sent: list[Sent]) -> None:
    """Every acknowledged offset and file is there."""
    with partner.connect() as connection:
        for each in sent:
            offset = raw_tus.offset_of(raw_tus.head(connection, each.target))
            assert offset >= each.acknowledged, f"{each.target}: {offset} < {each.acknowledged}"
            each.acknowledged = offset
        for each in (each for each in sent if each.finished):
            path = each.target.replace(UPLOAD, DOWNLOAD)
            response = connection.request("GET", path)
            assert response.status == 200
            assert hashlib.sha256(response.body).digest() == hashlib.sha256(each.data).digest()
            digest = connection.request("GET", f"{path}.sha256")
            assert digest.body.decode().lower() == hashlib.sha256(each.data).hexdigest()


def kill_again_and_again(folder: Path, seeds: Iterator[int], deadline: float) -> tuple[int, int]:
    """Rounds on one store until seeds or time run out; how many there were, and files that were checked."""
    finished = rounds = 0
    with KadeServer(folder) as server:
        partner = new_partner(server)
        sent: list[Sent] = []
        while time.monotonic() < deadline and (seed := next(seeds, None)) is not None:
            print(f"{folder.name}, round {rounds + 1}: seed {seed}")
            uploaders = [Uploader(partner, seed * 10 + number, sent) for number in range(3)]
            for uploader in uploaders:
                uploader.start()
            time.sleep(random.Random(seed).uniform(0.02, 0.8))
            server.kill()
            for uploader in uploaders:
                uploader.join()
                assert uploader.violation is None, uploader.violation
            server.start()
            check(partner, sent)
            finished += sum(each.finished for each in sent)
            sent = [each for each in sent if not each.finished][-5:]
            rounds += 1
            if rounds % _DOCTOR_EVERY == 0:
                server.run("doctor", "--digests")
        server.run("doctor", "--digests")
    return rounds, finished


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    """On several stores at once: most of a round is waiting for the leases of the one that was killed."""
    base = int(os.environ.get("KADE_CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    deadline = time.monotonic() + sizes.crash_seconds
    lanes = min(_STORES, sizes.crash_rounds)
    with ThreadPoolExecutor(lanes) as pool:
        running = [
            pool.submit(
                kill_again_and_again,
                tmp_path / f"data{lane}",
                iter(range(base + lane, base + sizes.crash_rounds, lanes)),
                deadline,
            )
            for lane in range(lanes)
        ]
        done = [each.result() for each in running]
    rounds, finished = (sum(each) for each in zip(*done, strict=True))
    print(f"{rounds} rounds, {finished} files checked after a kill")
    assert rounds >= min(sizes.crash_rounds, 50), "too few rounds in the time"
    assert finished > 0


def test_a_killed_server_frees_its_uploads_within_seconds(tmp_path: Path) -> None:
    data = os.urandom(5_000_000)
    with KadeServer(tmp_path / "data") as server:
        partner = new_partner(server)
        with partner.connect() as connection:
            target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(data)))
            connection.send(raw_tus.patch_head(target, 0, len(data)) + data[:3_000_000])
            time.sleep(2)  # at least one commit in the middle of the body
            server.kill()
        server.start()
        began = time.monotonic()
        offset = partner.offset(target)
        assert time.monotonic() - began < 5
        assert offset == 3_000_000
        with partner.connect() as connection:
            assert raw_tus.patch(connection, target, offset, data[offset:]).status == 204
        assert partner.download(target).body == data

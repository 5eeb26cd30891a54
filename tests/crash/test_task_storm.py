"""Many tasks against a server that fails at random, while the File Client is killed again and again."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
from pathlib import Path
from typing import Any

import aiohttp
from tests.dialects.fileserver.forms import Part, body_of, content_type, file_part
from tests.support.kade_server import ClientDaemon
from tests.support.sizes import sizes
from tests.support.storm import StormServer, content, storm

KILLS = 5
RATE = 0.3  # of the requests that fail
SEED = 20261122
DEAD = ("gone-", "never-", "spoilt-")  # names of what cannot succeed
SETTINGS = {
    "networks": "127.0.0.0/8",
    "plain_http": "true",
    "first_pause": "100ms",
    "longest_pause": "400ms",
    "quick_attempts": "1",
    "max_attempts": "16",
    "destinations": json.dumps([{"hosts": ["*"], "stall_timeout": "1s"}]),
}
ENVIRONMENT = {
    "KADE_LOG_LEVEL": "warning",
    "KADE_TASKS_AT_ONCE": "16",
    "KADE_TASKS_PER_LANE": "16",
    **{f"KADE_DIALECTS_FILECLIENT_{name.upper()}": value for name, value in SETTINGS.items()},
}

Row = dict[str, Any]


class Order:
    """One task: what it moves and whether it can succeed."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.kind = chance.choice(("download", "download", "upload", "push"))
        self.size = chance.choice((0, 1, 5000, 40_000, 1_000_000))
        prefix = chance.choice(DEAD) if self.kind == "download" and chance.random() < 0.05 else "file-"
        self.name = f"{prefix}{number}"
        self.file_id = -1

    @property
    def can_succeed(self) -> bool:
        return self.name.startswith("file-")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(content(self.name, self.size)).hexdigest()


async def _ask(session: aiohttp.ClientSession, order: Order, server: StormServer, rest: str) -> None:
    """Returns once the task was acknowledged."""
    if order.kind == "download":
        path, parts = "/download", [Part("url", server.download_url(order.name, order.size).encode())]
    else:
        url = server.put_url(order.name) if order.kind == "push" else server.upload_url
        path = "/upload"
        parts = [Part("creationUrl", url.encode()), file_part(content(order.name, order.size), order.name)]
        if order.kind == "push":
            parts.append(Part("profile", b"push"))
    async with session.post(rest + path, data=io.BytesIO(body_of(parts)), headers=content_type()) as answer:
        assert answer.status == 200, await answer.text()
        order.file_id = (await answer.json())["fileId"]


async def _rows(daemon: ClientDaemon) -> dict[int, Row]:
    """Every task by its number."""
    found: dict[int, Row] = {}
    for kind in ("download", "upload"):
        status, body = await asyncio.to_thread(daemon.service, "GET", f"/{kind}")
        assert status == 200
        found |= {row["fileId"]: row for row in json.loads(body)}
    return found


async def test_whatever_can_succeed_does_and_nothing_runs_twice(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    orders = [Order(number, chance) for number in range(sizes.tasks)]
    with storm(SEED, RATE) as server, ClientDaemon(tmp_path / "client", environment=ENVIRONMENT) as daemon:
        await _ask_all(orders, server, daemon)
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.3, 1.2))
            await asyncio.to_thread(daemon.kill)
            await asyncio.to_thread(daemon.start)
        rows = await _all_over(daemon)
        report = await asyncio.to_thread(server.report)
        await _judge(orders, rows, daemon, server)
        print(
            f"{len(orders)} tasks over {KILLS} kills: {report.requests} requests, {report.faults} faults, "
            f"{report.most} at once, {sum(row['retries'] for row in rows.values())} attempts failed"
        )
        assert report.twice == []
        assert report.most > 1
        assert set(report.faults) == {"cut", "500", "503", "digest", "stall"}
        assert json.loads(daemon.run("doctor", "--digests", "--json"))["sound"]


async def _ask_all(orders: list[Order], server: StormServer, daemon: ClientDaemon) -> None:
    headers = {"Authorization": f"Bearer {daemon.admin_key}"}
    rest = f"{daemon.web_url}/service/rest/v1"
    permits = asyncio.Semaphore(8)

    async def ask(order: Order) -> None:
        async with permits:
            await _ask(session, order, server, rest)

    async with aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(*(ask(order) for order in orders))


async def _all_over(daemon: ClientDaemon) -> dict[int, Row]:
    deadline = asyncio.get_running_loop().time() + 120 + sizes.tasks / 2
    while True:
        rows = await _rows(daemon)
        waiting = [row for row in rows.values() if row["status"] == "CREATED"]
        if not waiting:
            return rows
        assert asyncio.get_running_loop().time() < deadline, waiting[:5]
        await asyncio.sleep(0.25)


async def _judge(
    orders: list[Order], rows: dict[int, Row], daemon: ClientDaemon, server: StormServer
) -> None:
    """None was lost, and each ended as it had to, with the right bytes at the right place."""
    uploaded = (await asyncio.to_thread(server.report)).uploaded
    assert set(rows) == {order.file_id for order in orders}
    for order in orders:
        row = rows[order.file_id]
        wanted = "SUCCEEDED" if order.can_succeed else "FAILED"
        assert row["status"] == wanted, (order.name, order.kind, order.size, row)
        if not order.can_succeed:
            continue
        if order.kind == "download":
            _, body = await asyncio.to_thread(daemon.service, "GET", f"/files/{order.file_id}/info")
            assert json.loads(body)["sha256Checksum"].lower() == order.sha256
        else:
            assert order.sha256 in uploaded[order.name]

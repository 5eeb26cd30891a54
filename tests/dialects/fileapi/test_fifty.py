"""Fifty applications poll, list and fetch at once while publishers publish, on each database.

Nothing is new to one application twice, nothing is skipped, and the receipts add up.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Application, House, rights, running_house
from tests.support.sizes import sizes

from kade.catalog.migrations import migrate_postgres
from kade.core.deliveries import DeliveryState
from kade.core.ids import Id
from kade.core.ports import Tx

APPLICATIONS, PUBLISHERS, TYPES = 50, 5, 25
ROUND = 20  # files between two polls
NUMBERS = tuple(range(8000, 8000 + TYPES))
TIMEOUT_S = 240
SETTINGS = {"KADE_DIALECTS_FILEAPI_CALLS_PER_MINUTE": "0"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
async def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """A house on each database."""
    settings = dict(SETTINGS)
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
        await asyncio.to_thread(migrate_postgres, url)
        settings["KADE_CATALOG_URL"] = url.replace("+asyncpg", "")
    async with running_house(tmp_path, settings) as house:
        yield house


class Progress:
    """What was published, by business type; whoever polls waits here for more."""

    def __init__(self) -> None:
        self.published: dict[str, int] = {}
        self.over = False
        self._more = asyncio.Condition()

    async def tell(self, file_id: str, number: int) -> None:
        async with self._more:
            self.published[file_id] = number
            self._more.notify_all()

    async def end(self) -> None:
        async with self._more:
            self.over = True
            self._more.notify_all()

    async def more(self, known: int) -> int:
        """How many there are, once there are some more than *known* or there will be none."""
        async with self._more:
            await self._more.wait_for(lambda: self.over or len(self.published) >= known + ROUND)
            return len(self.published)


def content(name: str) -> bytes:
    """Of the file of that name: small and large enough for a segment in turn."""
    return hashlib.sha256(name.encode()).digest() * (1 if name.endswith("0.bin") else 700)


async def publish(publisher: Application, names: list[str], progress: Progress) -> None:
    for place, name in enumerate(names):
        number, data = NUMBERS[(place * 7) % TYPES], content(name)
        if place % 3:
            file_id = await publisher.published(name, number, data)
        else:
            token = await publisher.begin(name, number, data[:10])
            closed = await publisher.add(token, 1, data[10:], close=True)
            assert closed.status == 201, closed
            file_id = closed.json["id"]
        await progress.tell(file_id, number)


async def subscribe(subscriber: Application, progress: Progress, seed: int) -> list[str]:
    """The ids in the order in which they were new, until nothing is new and nothing will be."""
    chance = random.Random(seed)
    fetched: list[str] = []
    known = 0
    while True:
        over = progress.over
        page = (await subscriber.listed(pageSize=chance.choice((5, 20, 1000)), orderBy="uploadDate asc")).json
        assert len(page["data"]) == min(page["count"], page["pageSize"])
        for item in page["data"]:
            await fetch(subscriber, item, in_ranges=chance.random() < 0.3)
            fetched.append(item["fileId"])
        if not page["data"]:
            if over:
                return fetched
            known = await progress.more(known)


async def fetch(subscriber: Application, item: dict[str, object], *, in_ranges: bool) -> None:
    file_id, size = str(item["fileId"]), int(str(item["fileSize"]))
    if in_ranges:
        half = size // 2
        ranges = (f"bytes=0-{half}", f"bytes={half + 1}-")
        answers = await asyncio.gather(*(subscriber.get(file_id, headers={"Range": each}) for each in ranges))
        assert [each.status for each in answers] == [206, 206]
    else:
        answers = [await subscriber.get(file_id)]
        assert answers[0].status == 200
    assert b"".join(each.body for each in answers) == content(str(item["fileName"]))


async def test_nothing_is_new_twice_and_nothing_is_skipped(crowded: House) -> None:
    publishers = [
        await crowded.application(f"publisher {each}", rights("acme", NUMBERS, PUBLISH))
        for each in range(PUBLISHERS)
    ]
    wanted = [(NUMBERS[each % TYPES], NUMBERS[(each * 3 + 1) % TYPES]) for each in range(APPLICATIONS)]
    subscribers = [
        await crowded.application(f"subscriber {place}", rights("acme", sorted(set(each)), SUBSCRIBE))
        for place, each in enumerate(wanted)
    ]
    progress = Progress()
    share = sizes.published // PUBLISHERS
    async with asyncio.timeout(TIMEOUT_S):
        polling = [
            asyncio.create_task(subscribe(each, progress, seed)) for seed, each in enumerate(subscribers)
        ]
        await asyncio.gather(
            *(
                publish(each, [f"{place}-{file}.bin" for file in range(share)], progress)
                for place, each in enumerate(publishers)
            )
        )
        await progress.end()
        fetched = await asyncio.gather(*polling)
    for place, ids in enumerate(fetched):
        expected = {file_id for file_id, number in progress.published.items() if number in wanted[place]}
        assert Counter(ids) == Counter(expected), place
    await receipts_add_up(crowded, progress, dict(zip(subscribers, fetched, strict=True)))


async def receipts_add_up(house: House, progress: Progress, fetched: dict[Application, list[str]]) -> None:
    """One in the journal for each delivery, each delivery fetched, as many as were announced."""
    expected = Counter(
        (one.principal.id, file_id.replace("-", "")) for one, ids in fetched.items() for file_id in ids
    )
    receipts = await house.journal("delivery.")
    assert {each.kind for each in receipts} == {"delivery.fetched"}
    assert Counter((each.principal_id, each.subject) for each in receipts) == expected
    created = await house.journal("file.created")
    assert len(created) == len(progress.published)
    assert sum(json.loads(each.detail or "{}")["deliveries"] for each in created) == expected.total()

    def states(tx: Tx) -> Counter[int]:
        ids = (Id(each.replace("-", "")) for each in progress.published)
        return Counter(delivery.state for file_id in ids for delivery in tx.deliveries.of_file(file_id))

    assert await house.kade.catalog.read(states) == {DeliveryState.FETCHED: expected.total()}

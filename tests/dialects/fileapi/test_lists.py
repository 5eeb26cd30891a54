"""Lists: their parameters, pages, order and states, for subscribers and publishers (spec 1(c) 1 to 10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

import pytest
from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Application, Build, House, Right

from kade.core.clock import Millis, from_datetime, now, to_iso

NUMBER, OTHER, FOREIGN = 8000, 8001, 8002
FILE_API = ["correlationId", "message", "errorCode", "exception"]
BASE = Millis(1_700_000_000_123)


@dataclass
class Scene:
    house: House
    publisher: Application
    one: Application
    other: Application

    async def publish(self, *names: str, at: int = BASE, step: int = 1000) -> list[str]:
        """The ids of files that arrived one second after another."""
        made = []
        for place, name in enumerate(names):
            number = OTHER if name.startswith("other") else NUMBER
            made.append(await self.publisher.published(name, number))
            await self.house.age(made[-1], at + place * step)
        return made


@pytest.fixture
async def scene(house: House) -> AsyncIterator[Scene]:
    publisher = await house.application(
        "publisher", [Right("acme", each, PUBLISH) for each in (NUMBER, OTHER)]
    )
    one = await house.application("one", [Right("acme", each, SUBSCRIBE) for each in (NUMBER, OTHER)])
    other = await house.application("other", [Right("acme", NUMBER, SUBSCRIBE)])
    await house.business_type(FOREIGN)
    yield Scene(house, publisher, one, other)


WRONG = [
    *("", "role=", "role=owner", "role=subscriber%20", "role=subscriber,publisher"),
    *(
        f"role=subscriber&pageSize={each}"
        for each in ("0", "1001", "-1", "abc", "1.5", "", "+5", "1e2", "%D9%A3")
    ),
    *(f"role=subscriber&pageIndex={each}" for each in ("-1", "abc", "1.5", "", "99999999999")),
    *(
        f"role=subscriber&$filter={quote(each)}"
        for each in (
            "colour eq 'red'",
            "fileName",
            "fileName eq",
            "fileName eq payroll",
            "fileName like 'a'",
            "(fileName eq 'a'",
            "fileName eq 'a')",
            "fileName eq 'a",
            "businessType eq 'x'",
            "businessType eq 1.5",
            "status eq 'new'",
            "status gt 'all'",
            "uploadDate eq yesterday",
            "startsWith(status, 'a')",
            "startsWith(fileName)",
            "fileName eq 'a' fileName eq 'b'",
            "and",
            "not",
            "fileName eq 'a\0'",
            "(" * 200 + "fileName eq 'a'" + ")" * 200,
            " or ".join(["fileName eq 'a'"] * 60),
            "fileName eq '" + "a" * 5000 + "'",
            "1 eq 1",
            "fileName eq 'a'; drop table files",
        )
    ),
    *(
        f"role=subscriber&$orderBy={quote(each)}"
        for each in ("colour", "fileName up", "fileName asc desc", "fileName,status x", "fileSize asc", "asc")
    ),
    "role=publisher&$filter=status%20eq%20'all'",
    "role=publisher&$filter=deleteDate%20gt%202020-01-01",
    "role=publisher&$orderBy=status",
]


async def test_what_is_wrong_is_told_in_the_shape_of_the_api(scene: Scene) -> None:
    both = await scene.house.application(
        "both", [Right("acme", NUMBER, PUBLISH), Right("acme", NUMBER, SUBSCRIBE)]
    )
    for query in WRONG:
        answer = await both.call("GET", f"/files?{query}")
        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/json"), query
        assert list(answer.json) == FILE_API, query
        assert (answer.json["errorCode"], answer.json["exception"]) == ("400", None)
        assert answer.json["correlationId"].startswith("rrt-") and answer.json["message"]


async def test_names_of_parameters_in_any_case_and_unknown_ones(scene: Scene) -> None:
    await scene.publish("b.txt", "a.txt")
    for query in (
        "ROLE=Subscriber&PAGESIZE=1&pageindex=1&$ORDERBY=FILENAME%20ASC",
        "role=subscriber&pageSize=1&pageIndex=1&%24orderby=filename+asc&colour=red&$top=1",
        "role=SUBSCRIBER&pageSize=1&pageIndex=1&$orderBy=fileName&$filter=",
        "role=subscriber&pageSize=1&pageIndex=1&$orderBy=fileName&$filter=%20&role=publisher",
    ):
        page = (await scene.one.call("GET", f"/files?{query}")).json
        assert [each["fileName"] for each in page["data"]] == ["b.txt"], query
        assert (page["pageIndex"], page["pageSize"], page["count"]) == (1, 1, 2)


async def test_pages_and_their_count(scene: Scene) -> None:
    names = [f"{each:02}.txt" for each in range(7)]
    await scene.publish(*names)
    pages = [(await scene.one.listed(pageSize=3, pageIndex=each)).json for each in range(4)]
    assert [each["count"] for each in pages] == [7] * 4
    listed = [item["fileName"] for page in pages for item in page["data"]]
    assert listed == names[::-1]
    assert [len(each["data"]) for each in pages] == [3, 3, 1, 0]
    beyond = (await scene.one.listed(pageSize=1000, pageIndex=999_999_999)).json
    assert (beyond["data"], beyond["count"], beyond["pageIndex"]) == ([], 7, 999_999_999)
    assert (await scene.one.listed(pageSize=21)).json["pageSize"] == 21


async def test_ties_have_an_order_of_their_own(scene: Scene) -> None:
    """Nothing comes twice and nothing is left out, whichever key has equal values, up and down."""
    made = await scene.publish(*(["same.txt"] * 5 + ["other.txt"] * 4), step=0)
    for key in ("uploadDate", "fileName", "businessType", "status"):
        orders = []
        for direction in ("asc", "desc"):
            listed = []
            for page in range(5):
                found = await scene.one.listed(pageSize=2, pageIndex=page, orderBy=f"{key} {direction}")
                listed += [each["fileId"] for each in found.json["data"]]
            assert sorted(listed) == sorted(made), (key, direction)
            orders.append(listed)
        assert orders[0] == orders[1][::-1], key


async def test_states_are_each_application_s_own(scene: Scene) -> None:
    a, b, _ = await scene.publish("a.txt", "b.txt", "c.txt")
    await scene.one.get(a)
    await scene.one.call("DELETE", f"/files/{b}?role=subscriber")
    expected = {
        "": (["c.txt"], ["c.txt", "b.txt", "a.txt"]),
        "status eq 'available'": (["c.txt"], ["c.txt", "b.txt", "a.txt"]),
        "status ne 'available'": (["a.txt"], []),
        "status eq 'downloaded'": (["a.txt"], []),
        "status ne 'downloaded'": (["c.txt"], ["c.txt", "b.txt", "a.txt"]),
        "status eq 'all'": (["c.txt", "a.txt"], ["c.txt", "b.txt", "a.txt"]),
        "status ne 'all'": ([], []),
        "status eq 'deleted'": (["b.txt"], []),
        "fileName eq 'a.txt'": ([], ["a.txt"]),
        "fileName eq 'A.TXT' and status eq 'All'": (["a.txt"], ["a.txt"]),
        "fileName eq 'a.txt' or status eq 'available'": (["c.txt", "a.txt"], ["c.txt", "b.txt", "a.txt"]),
        "not (status eq 'available')": (["a.txt"], []),
        "startsWith(fileName, 'a') eq false": (["c.txt"], ["c.txt", "b.txt"]),
    }
    for text, (mine, others) in expected.items():
        assert await scene.one.names(filter=text) == mine, text
        assert await scene.other.names(filter=text) == others, text
        assert (await scene.one.listed(filter=text)).json["count"] == len(mine), text
    (item,) = (await scene.one.listed(filter="status eq 'deleted'")).json["data"]
    assert item["deleted"] is True and abs(moment(item["deletedDate"]) - now()) < 60_000
    assert list(item)[-2:] == ["deleted", "deletedDate"]
    everything = (await scene.one.listed(filter="status eq 'all'")).json["data"]
    assert [(each["downloaded"], "deleted" in each) for each in everything] == [(False, False), (True, False)]
    fetched = await scene.one.names(filter=f"lastDownloadDate gt {to_iso(BASE)} and status eq 'all'")
    assert fetched == ["a.txt"]


def moment(text: str) -> Millis:
    return from_datetime(datetime.fromisoformat(text))


async def test_the_date_of_the_list_finds_its_file(scene: Scene) -> None:
    await scene.publish("a.txt", "b.txt", step=1)
    published = await scene.publisher.published("fresh.txt", NUMBER)
    for item in (await scene.one.listed()).json["data"]:
        date = item["uploadDate"]
        assert date == to_iso(moment(date)) and len(date) == 24
        for form in (date, date.replace("Z", "%2B00:00"), date.replace("Z", ""), date.replace("Z", "0000Z")):
            answer = await scene.one.call("GET", f"/files?role=subscriber&$filter=uploadDate%20eq%20{form}")
            assert [each["fileId"] for each in answer.json["data"]] == [item["fileId"]], form
        assert item["fileName"] not in await scene.one.names(filter=f"uploadDate ne {date}")
    assert published in {each["fileId"] for each in (await scene.one.listed()).json["data"]}


async def test_names_with_signs_in_a_query(scene: Scene) -> None:
    names = ["a+b.txt", "it's.txt", "a b.txt", "100% no.txt".replace("%", "$"), "a(1),b.txt"]
    await scene.publish(*names)
    for name in names:
        quoted = name.replace("'", "''")
        assert await scene.one.names(filter=f"fileName eq '{quoted}'") == [name]
        assert await scene.one.names(filter=f"contains( fileName ,'{quoted[1:]}' )") == [name]
    plus = await scene.one.call("GET", "/files?role=subscriber&$filter=fileName+eq+'a+b.txt'")
    assert [each["fileName"] for each in plus.json["data"]] == ["a b.txt"]


async def test_types_that_are_not_granted(scene: Scene) -> None:
    for text in (
        f"businessType eq {FOREIGN}",
        f"businessType ne {FOREIGN}",
        f"businessType eq {NUMBER} or businessType eq {FOREIGN}",
        f"not (businessType eq {FOREIGN})",
        "businessType eq 999999999999",
        "businessType eq -1",
    ):
        answer = await scene.one.listed(filter=text)
        assert (answer.status, list(answer.json)) == (403, FILE_API), text
    await scene.publish("a.txt", "other.txt")
    assert await scene.other.names() == ["a.txt"]
    assert (await scene.other.listed(filter=f"businessType eq {OTHER}")).status == 403
    assert await scene.one.names(filter=f"businessType gt {NUMBER}") == ["other.txt"]
    assert await scene.one.names(filter="businessType ge 0", orderBy="businessType desc") == [
        "other.txt",
        "a.txt",
    ]
    await scene.house.withdraw(scene.one, Right("acme", OTHER, SUBSCRIBE))
    assert await scene.one.names(filter="status eq 'all'") == ["a.txt"]


async def test_a_publisher_s_list(scene: Scene) -> None:
    rival = await scene.house.application("rival", [Right("acme", NUMBER, PUBLISH)])
    await rival.published("rival.txt", NUMBER)
    (file_id, _) = await scene.publish("a.txt", "b.txt")
    await scene.one.get(file_id)
    page = (await scene.publisher.listed("publisher", orderBy="uploadDate asc")).json
    assert page["count"] == 2
    first = page["data"][0]
    assert list(first) == [
        *("fileId", "fileName", "fileSize", "tenantId", "businessType", "publisherId", "uploadDate")
    ]
    assert (first["fileId"], first["publisherId"]) == (file_id, scene.publisher.client_id)
    assert first["uploadDate"] == to_iso(BASE).removesuffix("Z")
    assert await scene.publisher.names("publisher", filter=f"uploadDate eq {first['uploadDate']}") == [
        "a.txt"
    ]
    assert await scene.publisher.names("publisher", filter="startsWith(fileName,'B')") == ["b.txt"]
    assert (await scene.publisher.listed("publisher", filter=f"businessType eq {FOREIGN}")).status == 403
    assert await rival.names("publisher") == ["rival.txt"]
    assert await scene.publisher.names("subscriber") == []
    assert await scene.one.names("publisher") == []


async def test_settings_of_lists(build: Build) -> None:
    prefix = "KADE_DIALECTS_FILEAPI"
    settings = {
        f"{prefix}_PUBLISHER_ZONE": "true",
        f"{prefix}_TYPE_NAMES": "true",
        f"{prefix}_PATHS": "/v1.0,/mft/v1.0",
    }
    async with build(settings) as house:
        house.api = f"{house.base}/v1.0"
        both = [Right("acme", NUMBER, PUBLISH), Right("acme", NUMBER, SUBSCRIBE)]
        one = await house.application("one", [*both, *(replace(each, tenant="beta") for each in both)])
        await one.published("a.txt", NUMBER)
        (item,) = (await one.listed("publisher")).json["data"]
        assert item["uploadDate"].endswith("Z")
        assert item["businessType"] == {"id": NUMBER, "name": f"type {NUMBER}"}
        assert await one.of_tenant("beta").names() == []
        house.api = f"{house.base}/mft/v1.0"
        assert await one.names() == ["a.txt"]
        assert (await house.call("GET", f"{house.base}/fileapi/v1.0/files?role=subscriber")).status == 404


async def test_one_page_is_one_moment(scene: Scene) -> None:
    """A file that comes while somebody reads is on the page and in the count, or in neither."""

    async def read() -> None:
        for _ in range(15):
            page = (await scene.one.listed(pageSize=1000)).json
            assert len(page["data"]) == page["count"]

    async def write() -> None:
        for each in range(15):
            await scene.publisher.published(f"{each}.txt", NUMBER)

    await asyncio.gather(write(), read(), read())

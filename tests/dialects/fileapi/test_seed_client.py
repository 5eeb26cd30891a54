"""A client that knows nothing but the requests of the documentation (seed 001) and sends them as they stand.

The query is encoded; the slips that spec 1(d) lists are mended. One connection carries the whole story.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Application, House, Right
from tests.support.raw_http import RawConnection, Response

from kade.core.clock import from_datetime

BYTES = ("Accept", "application/octet-stream")
MOMENT, LATER = "2020-05-19T08:42:47.400Z", "2020-05-19T16:42:47.400Z"

# Name, business type and moment of each file; those in FETCHED are downloaded before anything is asked.
FILES = {
    "payroll_7100.csv": (7100, "2020-05-19T08:42:47.400Z"),
    "payroll_7101.csv": (7101, "2020-05-19T08:42:47.401Z"),
    "a_test_file.txt": (7101, "2020-05-19T12:00:00.000Z"),
    "my_holidays": (8000, "2020-05-19T16:42:47.400Z"),
    "old_7100.xml": (7100, "2020-05-19T08:42:47.399Z"),
}
FETCHED = ("old_7100.xml", "a_test_file.txt")

# Every row of the table of filters: the query, and who answers it.
FILTERS: list[tuple[str, set[str]]] = [
    (f"uploadDate gt {MOMENT}", {"payroll_7101.csv", "my_holidays"}),
    (f"uploadDate gt {MOMENT} and uploadDate lt {LATER}", {"payroll_7101.csv"}),
    ("status eq 'all'", set(FILES)),
    ("status eq 'downloaded'", set(FETCHED)),
    ("status eq 'available'", set(FILES) - set(FETCHED)),
    ("businessType eq 7101", {"payroll_7101.csv"}),
    ("businessType eq 7100 or businessType eq 7101", {"payroll_7100.csv", "payroll_7101.csv"}),
    ("status eq 'downloaded' and (businessType eq 7100 or businessType eq 7101)", set(FETCHED)),
    (
        f"uploadDate gt {MOMENT} and businessType eq 7101 and status eq 'all'",
        {"payroll_7101.csv", "a_test_file.txt"},
    ),
    ("startsWith(FileName, 'payroll')", {"payroll_7100.csv", "payroll_7101.csv"}),
    ("endsWith(FileName, 'holidays')", {"my_holidays"}),
    ("contains(fileName, 'test')", set()),
    ("startsWith(FileName, 'payroll') and businessType eq 7101", {"payroll_7101.csv"}),
    ("businessType eq 8000", {"my_holidays"}),
    ("", set(FILES) - set(FETCHED)),
]


@dataclass
class SeedClient:
    """The documentation's requests, on one connection."""

    connection: RawConnection
    tenant: str
    token: str

    def send(self, method: str, path: str, *fields: tuple[str, str]) -> Response:
        own = [
            ("Host", "api.youserve.nl"),
            ("x-raet-tenant-id", self.tenant),
            ("Authorization", f"Bearer {self.token}"),
        ]
        return self.connection.request(method, f"/fileapi/v1.0{path}", [*own, *fields])

    def page(self, **options: str) -> dict[str, Any]:
        names = {"filter": "$filter", "orderBy": "$orderBy", "orderby": "$OrderBy"}
        more = "".join(f"&{names.get(key, key)}={quote(value)}" for key, value in options.items())
        answer = self.send("GET", f"/files?role=subscriber{more}")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json"), answer
        page: dict[str, Any] = json.loads(answer.body)
        return page

    def names(self, **options: str) -> list[str]:
        return [each["fileName"] for each in self.page(**options)["data"]]

    def download(self, file_id: str, *fields: tuple[str, str]) -> Response:
        return self.send("GET", f"/files/{file_id}?role=subscriber", BYTES, *fields)

    def head(self, file_id: str) -> Response:
        return self.send("HEAD", f"/files/{file_id}?role=subscriber")

    def delete(self, file_id: str) -> Response:
        return self.send("DELETE", f"/files/{file_id}?role=subscriber")


async def test_the_story_of_the_sandbox(house: House) -> None:
    application = await house.application("subscriber", in_sandbox=True)
    await asyncio.to_thread(with_client, house, application, the_sandbox)


async def test_every_filter_and_order_of_the_documentation(house: House) -> None:
    types = sorted({number for number, _ in FILES.values()})
    publisher = await house.application("publisher", [Right("acme", each, PUBLISH) for each in types])
    application = await house.application("subscriber", [Right("acme", each, SUBSCRIBE) for each in types])
    for name, (number, moment) in FILES.items():
        file_id = await publisher.published(name, number)
        await house.age(file_id, from_datetime(datetime.fromisoformat(moment)))
        if name in FETCHED:
            assert (await application.get(file_id)).status == 200
    await asyncio.to_thread(with_client, house, application, the_queries)


def with_client(house: House, application: Application, story: Any) -> None:
    address = urlsplit(house.base)
    assert address.hostname and address.port and application.tenant
    with RawConnection.open(address.hostname, address.port) as connection:
        story(SeedClient(connection, application.tenant, application.token))


def the_sandbox(client: SeedClient) -> None:
    page = client.page(pageSize="20", filter="businessType eq 7101", orderBy="uploadDate desc")
    assert (page["pageIndex"], page["pageSize"], page["count"]) == (0, 20, 3)
    item = next(each for each in page["data"] if each["fileSize"] == 107)
    file_id, name = item["fileId"], item["fileName"]

    head = client.head(file_id)
    assert (head.status, head.headers["Content-Length"], head.headers["Accept-Ranges"]) == (
        200,
        "107",
        "bytes",
    )
    assert client.page()["count"] == 3

    first = client.download(file_id, ("Range", "bytes=0-49"))
    assert (first.status, len(first.body), first.headers["Content-Length"]) == (206, 50, "50")
    assert first.headers["Content-Range"] == "bytes 0-49/107"
    assert first.headers["Content-Disposition"] == f"attachment; filename={name}"
    assert client.page()["count"] == 3

    beyond = client.download(file_id, ("Range", "bytes=107-110"))
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */107")
    error = json.loads(beyond.body)
    assert list(error) == ["correlationId", "message", "errorCode", "exception"]
    assert (error["message"], error["errorCode"]) == ("Range not satisfiable.", "416")

    rest = client.download(file_id, ("Range", "bytes=50-149"))
    assert (rest.status, rest.headers["Content-Range"]) == (206, "bytes 50-106/107")
    whole = client.download(file_id)
    assert (whole.status, whole.body) == (200, first.body + rest.body)
    assert client.page()["count"] == 2
    assert client.names(filter="status eq 'downloaded'") == [name]

    gone = client.delete(file_id)
    assert (gone.status, gone.body) == (204, b"")
    assert client.download(file_id).status == client.head(file_id).status == 404
    assert client.page(filter="status eq 'all'")["count"] == 2


def the_queries(client: SeedClient) -> None:
    for text, expected in FILTERS:
        page = client.page(filter=text)
        assert {each["fileName"] for each in page["data"]} == expected, text
        assert page["count"] == len(expected), text
    asked = "status eq 'all'"
    by_date = sorted(FILES, key=lambda name: FILES[name][1])
    assert client.names(filter=asked, orderBy="uploadDate asc") == by_date
    assert (
        client.names(filter=asked) == client.names(filter=asked, orderBy="uploadDate desc") == by_date[::-1]
    )
    assert client.names(filter=asked, orderby="fileName asc") == sorted(FILES)
    assert client.names(filter=asked, orderBy="fileName desc") == sorted(FILES, reverse=True)
    numbers = [
        each["businessType"]["id"] for each in client.page(filter=asked, orderBy="businessType asc")["data"]
    ]
    assert numbers == sorted(numbers)
    states = [each["downloaded"] for each in client.page(filter=asked, orderBy="status desc")["data"]]
    assert states == [True, True, False, False, False]
    new = client.names(filter="businessType eq 7101", orderBy="uploadDate asc")
    assert new == ["payroll_7101.csv"]

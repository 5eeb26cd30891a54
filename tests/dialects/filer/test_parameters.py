"""Parameters from everywhere and in every spelling, honest and hostile (spec 2(c) 5 to 8 and 27)."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from tests.dialects.filer.house import House, make_example, running_house
from tests.support.filer_client import Answer, FilerClient, pairs
from tests.support.postgres import PostgresServer
from yarl import URL

from kade.catalog.migrations import migrate_postgres

pytestmark = pytest.mark.asyncio(loop_scope="module")
GROUP = "Example group"
FILE = "GOFSERV001/directory/example.txt"
# Every request, and the number it answers; one that succeeds proves that all of its parameters came in.
REQUESTS: list[tuple[str, str, dict[str, Any], int | None]] = [
    ("GET", "/Search/", {"Search": "example", "FileGroups": [GROUP], "ReturnFields": ["Name"]}, None),
    ("GET", "/File/Download/", {"FilePath": FILE, "FileGroup": GROUP}, None),
    ("GET", "/File/Download/Attachments/", {"FilePath": FILE, "FileGroup": GROUP, "AttachmentNames": "a"},
     148),
    ("GET", "/File/Content/", {"FilePath": FILE, "FileGroup": GROUP}, None),
    ("POST", "/File/Add/", {"FilePath": "GOFSERV009/nowhere/a", "FileGroup": GROUP}, 204),
    ("PUT", "/File/Change/", {"FilePath": FILE, "FileGroup": GROUP, "Tags": ["one", "two"]}, None),
    ("PUT", "/File/Rename/", {"FilePath": FILE, "FilePathNew": FILE, "FileGroup": GROUP}, 127),
    ("DELETE", "/File/Delete/", {"FilePath": FILE, "Forced": "perhaps"}, 0),
    ("GET", "/File/Information/", {"FilePath": FILE, "FileGroups": [GROUP]}, None),
    ("GET", "/File/List/Changes/", {"MinuteWindow": 5, "FileGroups": [GROUP]}, None),
    ("GET", "/Directory/Information/", {"Directory": "GOFSERV001/directory", "FileGroups": [GROUP]}, None),
    ("PUT", "/Directory/Synchronize/", {"Directory": "GOFSERV001/directory", "FileGroups": [GROUP]}, None),
    ("GET", "/Directory/List/", {"Directory": "GOFSERV001/directory", "FileGroups": [GROUP]}, None),
    ("POST", "/FileGroup/Add/", {"FileGroup": "Other"}, 116),
    ("DELETE", "/FileGroup/Delete/", {"FileGroup": "Other"}, None),
]  # fmt: skip
CARRIERS = ("query", "urlencoded", "multipart", "mixed")
PARTS = aiohttp.FormData


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with running_house(tmp_path_factory.mktemp("parameters")) as made:
        await make_example(made)
        yield made


def _migrated(server: PostgresServer) -> str:
    def build(url: str) -> None:
        migrate_postgres(url)

    return server.template("filer", build)


BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))]


@pytest.fixture(scope="module", params=BOTH)
def catalog_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """Either database: what one keeps, the other may refuse, such as a NUL."""
    if request.param == "sqlite":
        return {}
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return {"KADE_CATALOG_URL": server.url(_migrated(server), "postgresql")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def either(
    tmp_path_factory: pytest.TempPathFactory, catalog_settings: dict[str, str]
) -> AsyncIterator[House]:
    async with running_house(tmp_path_factory.mktemp("either"), catalog_settings) as made:
        await make_example(made)
        yield made


async def carried(client: FilerClient, carrier: str, method: str, path: str, said: dict[str, Any]) -> Answer:
    """A request whose parameters come in one way, or half in each."""
    given = pairs(client.signed(said))
    if carrier == "query":
        return await client.send(method, path, query=given)
    half = len(given) // 2 if carrier == "mixed" else 0
    form = PARTS(given[half:], default_to_multipart=carrier == "multipart")
    return await client.send(method, path, query=given[:half], data=form)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(("method", "path", "said", "code"), REQUESTS, ids=lambda each: str(each)[:28])
async def test_every_request_from_everywhere(
    house: House, carrier: str, method: str, path: str, said: dict[str, Any], code: int | None
) -> None:
    client = await house.client().begin()
    for spelled in (path, path.rstrip("/")):
        answer = await carried(client, carrier, method, spelled, said)
        assert (answer.status, answer.code) == (200, code), answer
        client.handshake = answer.json.get("Handshake", client.handshake)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_first_handshake_from_everywhere(house: House, carrier: str) -> None:
    client = house.client()
    said = {"Handshake": None, "SecretKey": client.key, "FileGroups": [GROUP]}
    answer = await carried(client, carrier, "POST", "/Handshake/Initialize/", said)
    assert answer.code is None and len(answer.json["Handshake"]) == 100


@pytest.mark.parametrize(
    "spelled",
    [
        [("{}[]", "Name"), ("{}[]", "Author")],
        [("{}[0]", "Name"), ("{}[1]", "Author")],
        [("{}[1]", "Author"), ("{}[0]", "Name")],
        [("{}", "Name"), ("{}", "Author")],
        [("{}[]", "Name"), ("{}", "Author")],
        [("{}[]", "Name"), ("{}[]", "Name"), ("{}[]", "Author")],
    ],
)
async def test_lists(house: House, spelled: Sequence[tuple[str, str]]) -> None:
    """One answer to all spellings; those of names for a single value as well."""
    given = [(key.format("ReturnFields"), value) for key, value in spelled]
    for extra in ([("FileGroups", GROUP)], [("FileGroups[]", GROUP)], [("FileGroups[0]", GROUP)]):
        client = await house.client().begin()
        query = [*pairs(client.signed({"Search": "example"})), *given, *extra]
        for options in ({"query": query}, {"data": PARTS(query)}):
            answer = await client.send("GET", "/Search/", **options)
            assert [list(each) for each in answer.json["Results"]["Files"]] == [["Name", "Author"]]


async def test_the_body_counts_before_the_query_and_the_last_before_the_first(house: House) -> None:
    client = await house.client().begin()
    signed = pairs(client.signed({}))
    sent = await client.send("GET", "/Search/", query=[*signed, ("Search", "nothing")],
                             data=[("Search", "nothing"), ("Search", "example")])  # fmt: skip
    assert sent.json["Results"]["Count"] == 1


@pytest.mark.parametrize(
    "path",
    [
        "\\\\GOFSERV001\\directory\\example.txt",
        "\\GOFSERV001\\directory\\example.txt",
        "GOFSERV001\\directory\\example.txt",
        "//GOFSERV001/directory/example.txt",
        "/gofserv001/DIRECTORY/Example.TXT",
        "GOFSERV001\\directory/example.txt",
    ],
)
async def test_spellings_of_one_path(house: House, path: str) -> None:
    client = await house.client().begin()
    told = await client.done("GET", "/File/Content/", FilePath=path, FileGroup=GROUP)
    assert told["Content"].startswith("example.txt is a file")
    for folder in (path.rpartition("/" if "/" in path else "\\")[0], path[:-12].rstrip("\\/") + "\\"):
        listed = await client.done("GET", "/Directory/List/", Directory=folder)
        assert listed["Files"] == {GROUP: ["example.txt"]}


TRAVERSALS = ["..", "GOFSERV001/../directory/example.txt", "GOFSERV001//directory/example.txt",
              "GOFSERV001/directory/..;/example.txt/..", "GOFSERV001/./example.txt",
              "\\\\GOFSERV001\\directory\\..\\..\\etc\\passwd", "GOFSERV001/a\0.txt",
              "GOFSERV001/directory/a\r\nX: y"]  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_a_path_never_leaves_its_folder(house: House, path: str) -> None:
    """Path traversal: what is no path is refused as such, by every request that takes one."""
    client = await house.client().begin()
    for method, where, said, _ in REQUESTS:
        for name, code in (("FilePath", 104), ("FilePathNew", 104), ("Directory", 132)):
            if name in said:
                answer = await client.call(method, where, **{**said, "Forced": None, name: path})
                assert answer.code == code, (method, where, name, answer)


# Of a query as it stands in the address, without another client's repairs.
RAW = [
    "Search=%00&FileGroup=%00&FilePath=%00&Directory=%00",
    "Search=%c0%ae%c0%ae%2f&FilePath=%c0%ae%c0%ae%2fa&Directory=%c0%ae",
    "Search=%ed%a0%80&FileGroup=%ff&FilePath=a%2f%ff&Directory=%ff",
    "Search=%2e%2e%2f&FilePath=%2e%2e%2f%2e%2e%2fa&Directory=%2e%2e%2f",
    "Search[[]]=a&[]=b&=c&%5b%5d=d&Search[9999999]=e&Search[-1]=f",
    "&&&&;;==&%&%zz&Search=%",
    "FileGroup=a%00b&FileGroups[]=a%00b&FilePath=GOFSERV001/directory/example.txt&Search=a&Directory=a/b"
    "&ExtraContent=a%00b&Tags[]=a%00b&Meta=%7B%22a%22%3A%22%5Cu0000%22%7D&MinuteWindow=5",
    "FileGroup=Example+group&FilePath=GOFSERV001/directory/example.txt&Search=a%00b&ExtraContent=a%00b"
    "&Tags[]=%00&CustomID=%00&FilePathNew=GOFSERV001/directory/%ed%a0%80&Directory=a&MinuteWindow=%d9%a1",
    "FilePath=GOFSERV001/directory/example.txt&FileGroup=Example+group&ExtraContent=a%00b&Search=a",
    "FilePath=GOFSERV001/directory/example.txt&FileGroup=Example+group&Tags[]=a%00b&Search=a%00b",
    "FilePath=GOFSERV001/directory/example.txt&FileGroup=Example+group&Meta=%7B%22a%22%3A%22%5Cu0000%22%7D",
    "FileGroup=Example+group&FilePath=GOFSERV001/directory/example.txt&Meta=%7B%22a%22%3A%22%00%22%7D&Search=%22",
]


def answered(answer: Answer) -> None:
    """In the envelope, by a number that says what is wrong or by a success; never as a failure of ours."""
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/json")
    told = answer.json
    assert told["Status"] in ("Success", "Error") and answer.code != 114, told
    assert "server could not" not in str(told.get("Error")), told


@pytest.mark.parametrize("raw", RAW)
async def test_hostile_queries(either: House, raw: str) -> None:
    house = either
    client = await house.client().begin()
    for method, path, _, _ in [*REQUESTS, ("POST", "/Handshake/Initialize/", {}, None)]:
        if method == "DELETE" and "Example+group" in raw:
            continue  # that is no mistake, and would be done
        for form in (False, True):
            said = f"CustomerID={client.number}&Handshake={client.handshake}&SecretKey=%00&{raw}"
            url = URL(f"{house.base}{path}" + ("" if form else "?" + said), encoded=True)
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            async with house.session.request(
                method, url, data=said.encode() if form else None, headers=headers
            ) as got:
                answer = Answer(got.status, got.headers, await got.read())
            answered(answer)
            client.handshake = answer.json.get("Handshake", client.handshake)
    failures = [each.outcome for each in await house.journal("request.refused")]
    assert "failed" not in map(str, failures)


async def test_ten_thousand_names_and_a_huge_value(house: House) -> None:
    client = await house.client().begin()
    signed = pairs(client.signed({"Search": "example"}))
    many = [(f"key{number}", "x") for number in range(10_000)]
    answer = await client.send("GET", "/Search/", data=PARTS([*signed, *many]))
    assert answer.json["Results"]["Count"] == 1
    client.handshake = answer.json["Handshake"]
    as_form = {"Content-Type": "application/x-www-form-urlencoded"}
    for more, value in ((2 * many, ""), ([], (9 << 20) * "x")):
        body = io.BytesIO(urlencode([*signed, *more, ("Meta", value)]).encode())
        refused = await client.send("GET", "/Search/", data=body, headers=as_form)
        assert (refused.status, refused.code) == (200, 0) and refused.json["Error"]
    assert (await client.call("GET", "/Search/", Search="a " * 20)).code is None


NEARLY = ("/Search//", "/file/search", "/File/../Search/", "/Search/%00", "/Search%2f/a", "/Search/..%2f",
          "/Search/%c0%ae%c0%ae/")  # fmt: skip


@pytest.mark.parametrize("path", NEARLY)
async def test_paths_that_are_nearly_known(house: House, path: str) -> None:
    """No request hides behind another spelling of its address, and none is redirected."""
    client = await house.client().begin()
    query = "&".join(f"{key}={value}" for key, value in client.signed({"Search": "a"}).items())
    url = URL(f"{house.base}{path}?{query}", encoded=True)
    async with house.session.get(url, allow_redirects=False) as got:
        body = await got.read()
    if got.status == 200:
        assert Answer(200, got.headers, body).code == 138
    else:
        assert got.status == 404 and b"Handshake" not in body
    assert (await client.call("GET", "/Search/", Search="a")).code is None, "consumed"

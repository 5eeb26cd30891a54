"""Every number of the documentation, by a request that brings it (spec 2(f))."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from tests.dialects.filer import world
from tests.dialects.filer.house import House, running_house, unc
from tests.dialects.filer.world import automatic, requested
from tests.support.filer_client import FilerClient

pytestmark = pytest.mark.asyncio(loop_scope="module")
Request = tuple[str, str, dict[str, Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with running_house(tmp_path_factory.mktemp("codes")) as made:
        await world.fill(made)
        yield made


@dataclass(frozen=True)
class Case:
    """A number, and the requests of which the last brings it; those before must succeed."""

    number: int
    requests: tuple[Request, ...]
    groups: tuple[str, ...] = ()
    customer: int = world.ONE
    form: bool = False
    more: tuple[int, ...] = field(default=())

    def __str__(self) -> str:
        method, path, said = self.requests[-1]
        return f"{self.number}-{method}{path}{','.join(said)}"


def case(number: int, method: str, path: str, **said: Any) -> Case:
    return Case(number, ((method, path, said),))


def after(number: int, *requests: Request, more: tuple[int, ...] = ()) -> Case:
    return Case(number, requests, more=more)


def add(path: str, **said: Any) -> Request:
    return ("POST", "/File/Add/", {"FilePath": path, **said})


def group(**said: Any) -> Request:
    """A group that is made by its customer; None leaves a parameter out."""
    whole = {
        "FileGroup": "Managed",
        "Directories": [unc("GOFSERV001", "managed")],
        "CopyFiles": 1,
        "KeepDeleted": 0,
        "Resynchronize": 0,
        "Installation": "GOF001",
    }
    return ("POST", "/FileGroup/Add/", {**whole, **said})


A = automatic("a.txt")
MANY_TAGS = [f"{number:030}" for number in range(3334)]
FOLDERS = [unc("GOFSERV001", "managed"), unc("GOFSERV001", "more")]
E, S = {"FileGroup": world.EXAMPLE}, {"FileGroup": world.SECOND}

WARNED = [
    case(0, "GET", "/File/Information/", FilePath=automatic(world.BROKEN)),
    case(0, "GET", "/File/Content/", FilePath=automatic(world.BROKEN), **E),
    after(1, add(requested("one.txt"), CustomID="w1", **E), ("DELETE", "/File/Delete/", {"CustomID": "w1"})),
    case(2, "PUT", "/File/Change/", FilePath=automatic("none.txt"), **E),
    case(2, "DELETE", "/File/Delete/", FilePath=automatic("none.txt"), **E),
    case(3, "PUT", "/File/Change/", FilePath=automatic("none.txt")),
    case(3, "DELETE", "/File/Delete/", FilePath=automatic("none.txt")),
    case(4, "GET", "/Search/", Search="Filer", FileGroups=[world.EXAMPLE, "Nothing"]),
    case(4, "GET", "/File/Information/", FilePath=A, FileGroups=[world.EXAMPLE, "Nothing"]),
    case(4, "GET", "/File/List/Changes/", MinuteWindow=1, FileGroups=[world.EXAMPLE, "Nothing"]),
    case(4, "GET", "/Directory/List/", Directory=automatic(), FileGroups=[world.EXAMPLE, "Nothing"]),
    case(4, "GET", "/Directory/Information/", Directory=automatic(), FileGroups=[world.EXAMPLE, "Nothing"]),
    case(4, "PUT", "/Directory/Synchronize/", Directory=automatic(), FileGroups=[world.EXAMPLE, "Nothing"]),
    after(6, add(requested("w6.txt"), CustomID="w6", **E), add(requested("w6.txt"), CustomID="w6", **E)),
    after(9, add(requested("w9.txt"), **E), add(requested("w9.txt"), **E)),
    after(9, add(requested("w9b.txt"), **E), ("PUT", "/File/Change/", {"FilePath": requested("w9b.txt")})),
    case(10, "POST", "/File/Add/", FilePath=unc("GOFSERV002", "other", "a.txt")),
    case(10, "POST", "/File/Add/", FilePath=unc("GOFSERV002", "other", "a.txt"), FileGroup=world.SLOW),
    after(11, group(), group()),
    case(12, "DELETE", "/FileGroup/Delete/", FileGroup="Nothing"),
    case(13, "PUT", "/File/Rename/", FilePath=automatic("no.txt"), FilePathNew=automatic("x.txt"), **E),
    case(14, "PUT", "/File/Rename/", FilePath=automatic("no.txt"), FilePathNew=automatic("x.txt")),
    case(15, "GET", "/Search/", Search="Filer", SortBy="Colour"),
    case(16, "GET", "/Search/", Search="Filer", SortOrder="UP"),
    case(17, "GET", "/Search/", Search="Filer", Limit=4),
    case(17, "GET", "/Search/", Search="Filer", Limit=-1),
    case(18, "GET", "/Search/", Search="Filer", Limit=251),
    case(19, "GET", "/Search/", Search="Filer", ReturnFields=["Name", "Colour"]),
    case(20, "GET", "/Search/", Search="Filer", Page=1000),
    case(21, "PUT", "/Directory/Synchronize/", Directory=requested(), FileGroups=[world.EXAMPLE]),
    case(22, "POST", "/File/Add/", FilePath=A, **E),
]
REFUSED = [
    case(0, "GET", "/Search/", Search="a", CustomerID=""),
    case(0, "GET", "/Search/", Search="a", CustomerID="x"),
    case(0, "GET", "/Search/", Search="a", CustomerID=999_999),
    case(0, "GET", "/Search/", Search="a", Handshake="API_" + 96 * "a"),
    case(0, "GET", "/Search/", Search="a", Page=0),
    case(0, "GET", "/File/List/Changes/", MinuteWindow=1, TimeOffset="yesterday"),
    case(0, "DELETE", "/File/Delete/", FilePath=A, Forced="perhaps"),
    case(0, "PUT", "/File/Rename/", FilePath=A, FilePathNew=automatic("taken.txt"), **E),
    case(101, "POST", "/Search/", Search="a"),
    case(101, "GET", "/File/Add/"),
    case(101, "DELETE", "/File/Content/"),
    case(101, "PATCH", "/Handshake/Initialize/"),
    case(102, "GET", "/Search/", Search="a", Handshake=""),
    case(102, "GET", "/Search/", Search="a", Handshake=None),
    case(103, "POST", "/File/Add/"),
    case(103, "PUT", "/File/Rename/", FilePath=A),
    *(case(104, "GET", "/File/Content/", FilePath=each, **E) for each in ("\\\\GOFSERV001\\..\\a", "a")),
    case(104, "POST", "/File/Add/", FilePath="\\\\GOFSERV001\\\\a.txt"),
    case(104, "PUT", "/File/Rename/", FilePath=A, FilePathNew="..\\a"),
    case(104, "DELETE", "/File/Delete/", FilePath="GOFSERV001\\directory\\a\0.txt"),
    case(105, "POST", "/File/Add/", FilePath=requested("x.txt"), CustomID=256 * "1"),
    Case(106, (add(requested("x.txt"), ExtraContent=100_001 * "é"),), form=True),
    *(case(107, "PUT", "/File/Change/", FilePath=A, Meta=each) for each in ("[]", "1", "x", "{", '"a"')),
    case(108, "PUT", "/File/Change/", FilePath=A, Tags=["two words"]),
    case(108, "PUT", "/File/Change/", FilePath=A, Tags=["two words and far more than thirty characters"]),
    Case(109, (("PUT", "/File/Change/", {"FilePath": A, "Tags": MANY_TAGS}),), form=True),
    case(110, "GET", "/File/Download/", FilePath=A, FileGroup="filer_all"),
    case(110, "POST", "/File/Add/", FilePath=A, FileGroup="Filer_ALL"),
    case(110, "PUT", "/Directory/Synchronize/", Directory=automatic(), FileGroups=["Filer_ALL"]),
    *(case(111, "GET", "/File/Content/", FilePath=A, FileGroup=each) for each in ("Nothing", world.FOREIGN)),
    after(112, add(requested("e1.txt"), CustomID="e1", **E), add(requested("e2.txt"), CustomID="e1", **E)),
    after(113, add(requested("e3.txt"), CustomID="e3"), add(requested("e4.txt"), CustomID="e3")),
    after(115, group(FileGroup=None)),
    after(116, group(Directories=None)),
    after(117, group(CopyFiles=None)),
    after(118, group(KeepDeleted=None)),
    after(119, group(KeepDeleted=1)),
    after(120, group(Resynchronize=None)),
    *(after(121, group(Installation=each)) for each in (None, "Nothing", "GOF002")),
    after(122, group(Directories=[""])),
    after(123, group(ShowDirectories=["a", "b"])),
    after(124, group(ShowDirectories=[unc("GOFSERV001", "elsewhere")])),
    after(125, group(Directories=FOLDERS, ShowDirectories=["a", unc("GOFSERV001", "elsewhere")])),
    after(126, group(Directories=FOLDERS, ShowDirectories=FOLDERS[::-1])),
    case(127, "PUT", "/File/Rename/", FilePath=A, FilePathNew=A),
    case(127, "PUT", "/File/Rename/", FilePath=A, FilePathNew=A.lstrip("\\").replace("\\", "/")),
    Case(128, (("GET", "/Search/", {"Search": "a", "FileGroups": ["Filer_ALL"]}),), (world.EXAMPLE,)),
    case(129, "GET", "/File/Download/", **E),
    case(129, "GET", "/File/Information/"),
    case(129, "PUT", "/File/Change/"),
    case(129, "DELETE", "/File/Delete/"),
    case(129, "PUT", "/File/Rename/", FilePathNew=A),
    case(130, "GET", "/File/Content/", FilePath=automatic("none.txt"), **E),
    case(130, "GET", "/File/Download/", FilePath=automatic("none.txt"), **E),
    case(130, "GET", "/File/Download/Attachments/", CustomID="none", AttachmentNames=["a"], **E),
    *(case(131, method, path) for method, path in (
        ("GET", "/Directory/List/"), ("GET", "/Directory/Information/"), ("PUT", "/Directory/Synchronize/")
    )),
    case(132, "GET", "/Directory/List/", Directory="\\\\GOFSERV001\\..\\x"),
    case(133, "GET", "/Directory/List/", Directory=unc("GOFSERV001", "foreign")),
    case(133, "GET", "/Directory/Information/", Directory=unc("GOFSERV009")),
    case(133, "PUT", "/Directory/Synchronize/", Directory=unc("GOFSERV009")),
    case(134, "POST", "/Handshake/Initialize/", FileGroups=[world.EXAMPLE]),
    case(135, "POST", "/Handshake/Initialize/", FileGroups=[world.EXAMPLE], SecretKey="wrong"),
    case(
        135, "POST", "/Handshake/Initialize/", FileGroups=[world.EXAMPLE], SecretKey="x", CustomerID=9_999
    ),
    case(136, "POST", "/Handshake/Initialize/", CustomerID=world.BLOCKED, FileGroups=["a"],
         SecretKey=world.key_of(world.BLOCKED)),
    case(137, "POST", "/Handshake/Initialize/", SecretKey=world.key_of(world.ONE)),
    case(138, "GET", "/File/Nothing/"),
    case(138, "GET", "/Search/Nothing"),
    case(139, "GET", "/Search/", Search="a", FileGroups=[""]),
    case(139, "POST", "/Handshake/Initialize/", SecretKey=world.key_of(world.ONE), FileGroups=[" "]),
    case(140, "GET", "/Search/", Search="a", FileGroups=["Nothing", world.FOREIGN]),
    case(
        140, "POST", "/Handshake/Initialize/", SecretKey=world.key_of(world.ONE), FileGroups=[world.FOREIGN]
    ),
    case(141, "POST", "/Handshake/Initialize/", CustomerID=world.IDLE, SecretKey=world.key_of(world.IDLE),
         FileGroups=["Filer_ALL"]),
    case(142, "GET", "/File/Download/", FilePath=A),
    case(142, "GET", "/File/Content/", CustomID="1"),
    case(142, "GET", "/File/Download/Attachments/", FilePath=A, AttachmentNames=["a"]),
    case(143, "GET", "/File/Download/Attachments/", FilePath=unc("GOFSERV001", "uncopied", "a.txt"),
         FileGroup=world.UNCOPIED, AttachmentNames=["a"]),
    case(145, "GET", "/File/Download/", FilePath=unc("www.example.org", "index.html"),
         FileGroup=world.WEBSITE),
    case(147, "GET", "/File/Download/", FilePath=unc("GOFSERV001", "uncopied", "a.txt"),
         FileGroup=world.UNCOPIED),
    case(148, "GET", "/File/Information/", FilePath=automatic("none.txt")),
    case(148, "GET", "/File/Download/Attachments/", FilePath=A, AttachmentNames=["none"], **E),
    case(149, "GET", "/File/Download/", FilePath=unc("GOFSERV001", "locked", "a.txt"),
         FileGroup=world.LOCKED),
    Case(149, (("GET", "/File/Download/", {"FilePath": unc("GOFSERV001", "locked", "a.txt"), **E}),),
         customer=world.NO_DOWNLOADS),
    case(150, "GET", "/Search/"),
    case(150, "GET", "/Search/", Search="  "),
    case(151, "GET", "/Search/", Search="a", ReturnFields=["Colour", "Smell"]),
    Case(203, (("GET", "/File/Content/", {"FilePath": A, **S}),), (world.EXAMPLE,)),
    Case(203, (("GET", "/Search/", {"Search": "a", "FileGroups": [world.SECOND]}),), (world.EXAMPLE,)),
    case(204, "POST", "/File/Add/", FilePath=unc("GOFSERV009", "a.txt"), **E),
    case(204, "PUT", "/File/Change/", FilePath=unc("GOFSERV009", "a.txt"), **E),
    case(205, "POST", "/File/Add/", FilePath=unc("GOFSERV009", "a.txt")),
    case(205, "PUT", "/File/Change/", FilePath=unc("GOFSERV009", "a.txt")),
    case(205, "PUT", "/File/Rename/", FilePath=A, FilePathNew=unc("GOFSERV009", "a.txt")),
    after(206, add(requested("e6.txt"), CustomID="e6", **E), add(requested("e7.txt"), CustomID="e6", **S),
          ("GET", "/File/Information/", {"CustomID": "e6"})),
    *(case(207, "POST", "/File/Add/", FilePath=requested("x"), Priority=each) for each in (-1, 1001, "x")),
    *(case(207, "GET", "/File/List/Changes/", MinuteWindow=each) for each in (None, 0, 1441, "x")),
    *(case(207, "GET", "/File/List/Changes/", MinuteWindow=1, Limit=each) for each in (0, 10_001)),
    case(208, "GET", "/File/Content/", FilePath=A, FileGroup=world.DISABLED),
    case(208, "GET", "/Search/", Search="a", FileGroups=[world.EXAMPLE, world.DISABLED]),
    case(209, "GET", "/Search/", Search="a", FileGroups=[world.DISABLED]),
    case(210, "POST", "/File/Add/", FilePath=A, FileGroup=world.PLAIN),
    case(210, "PUT", "/Directory/Synchronize/", Directory=automatic(), FileGroups=[world.PLAIN]),
    case(211, "GET", "/File/Download/Attachments/", FilePath=A, **E),
    case(212, "PUT", "/File/Change/", FilePath=A, Tags=[31 * "a"]),
]  # fmt: skip

NONE = automatic("none.txt")
PAIRS = [
    # Of two mistakes the one is told that is looked for first (spec 2(c) 30).
    case(138, "PATCH", "/File/Nothing/", CustomerID="x"),
    case(101, "POST", "/Search/", CustomerID="x"),
    case(0, "GET", "/Search/", CustomerID="x", Handshake=None),
    case(102, "GET", "/Search/", Handshake=None),
    case(0, "GET", "/Search/", Handshake="API_x"),
    case(103, "POST", "/File/Add/", Meta="x"),
    case(103, "PUT", "/File/Rename/", FilePath="..", FileGroup="Nothing"),
    case(129, "PUT", "/File/Change/", Meta="x"),
    case(129, "GET", "/File/Content/", FileGroup="Nothing"),
    case(129, "DELETE", "/File/Delete/", Forced="perhaps"),
    case(129, "GET", "/File/Information/", FileGroups=[""]),
    case(131, "GET", "/Directory/List/", FileGroups=[""]),
    case(142, "GET", "/File/Download/", FilePath=".."),
    case(150, "GET", "/Search/", Page="x", ReturnFields=["Colour"]),
    case(211, "GET", "/File/Download/Attachments/", FilePath="..", **E),
    case(104, "GET", "/File/Download/", FilePath="..", FileGroup="Nothing"),
    case(104, "GET", "/File/Information/", FilePath="..", FileGroups=["Nothing"]),
    case(104, "POST", "/File/Add/", FilePath="..", FileGroup="Nothing"),
    case(105, "GET", "/File/Content/", CustomID=256 * "1", FileGroup="Nothing"),
    case(107, "PUT", "/File/Change/", FilePath=NONE, Meta="x", FileGroup="Nothing"),
    case(132, "GET", "/Directory/List/", Directory="..", FileGroups=["Nothing"]),
    case(151, "GET", "/Search/", Search="a", ReturnFields=["Colour"], FileGroups=["Nothing"]),
    case(207, "GET", "/File/List/Changes/", MinuteWindow=0, FileGroups=["Nothing"]),
    case(212, "PUT", "/File/Change/", FilePath=NONE, Tags=[31 * "a"], FileGroup="Nothing"),
    case(110, "GET", "/File/Content/", FilePath=NONE, FileGroup="Filer_ALL"),
    case(111, "PUT", "/File/Rename/", FilePath=A, FilePathNew=A, FileGroup="Nothing"),
    case(139, "GET", "/File/Information/", FilePath=NONE, FileGroups=[""]),
    case(140, "GET", "/Directory/List/", Directory=unc("GOFSERV009"), FileGroups=["Nothing"]),
    case(208, "GET", "/File/Content/", FilePath=NONE, FileGroup=world.DISABLED),
    case(108, "PUT", "/File/Change/", FilePath=A, Tags=[31 * "a", "two words"]),
    case(106, "POST", "/File/Add/", FilePath=requested("x"), ExtraContent=100_001 * "a", Meta="x"),
]  # fmt: skip
PAIRS[-1] = Case(106, PAIRS[-1].requests, form=True)


async def last_of(client: FilerClient, case: Case) -> Any:
    for method, path, said in case.requests[:-1]:
        await client.done(method, path, **said)
    method, path, said = case.requests[-1]
    return await (client.post if case.form else client.call)(method, path, **said)


async def client_of(house: House, case: Case) -> FilerClient:
    return await house.client(case.customer, world.key_of(case.customer)).begin(*case.groups)


@pytest.mark.parametrize("case", WARNED, ids=str)
async def test_a_warning(house: House, case: Case) -> None:
    client = await client_of(house, case)
    before = client.handshake
    answer = await last_of(client, case)
    told = answer.json
    assert (answer.status, told["Status"]) == (200, "Success"), told
    assert list(told)[:3] == ["Status", "Handshake", "Warnings"]
    assert answer.warnings == [case.number, *case.more]
    for each in told["Warnings"]:
        assert list(each) == ["Warning", "Code"]
        assert isinstance(each["Warning"], str) and each["Warning"] and "{" not in each["Warning"]
    assert client.handshake != before


@pytest.mark.parametrize("case", [*REFUSED, *PAIRS], ids=str)
async def test_an_error(house: House, case: Case) -> None:
    client = await client_of(house, case)
    answer = await last_of(client, case)
    told = answer.json
    assert list(told) == ["Status", "Error", "Code"], told
    assert (answer.status, told["Status"], told["Code"]) == (200, "Error", case.number), told
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert told["Error"] and "{" not in told["Error"]
    kept = client.handshake
    assert (await client.call("GET", "/File/List/Changes/", MinuteWindow=1)).code is None, "consumed"
    assert client.handshake != kept


async def test_adding_what_was_read_before(house: House) -> None:
    """Warnings 5, 7 and 8; and 3 of an attachment."""
    client = await house.client(world.ONE, world.key_of(world.ONE)).begin()
    await client.done(*add(requested("two.txt"), CustomID="w5", **E)[:2], FilePath=requested("two.txt"),
                      CustomID="w5", **E)  # fmt: skip
    await client.done("POST", "/File/Add/", FilePath=requested("three.txt"), **E)
    await client.done("POST", "/File/Add/", FilePath=requested("four.txt"))
    await house.settle()

    async def warned(**said: Any) -> list[int]:
        return (await client.call("POST", "/File/Add/", **said)).warnings

    assert await warned(FilePath=requested("two.txt"), CustomID="w5", **E) == [5]
    assert await warned(FilePath=requested("three.txt"), **E) == [7]
    answer = await client.call("POST", "/File/Add/", FilePath=requested("four.txt"))
    assert answer.warnings == [8] and " 2 " in answer.json["Warnings"][0]["Warning"]


CAPS = {
    "KADE_DIALECTS_FILER_HIT_LIMIT": "3",
    "KADE_DIALECTS_FILER_WORD_LIMIT": "20",
    "KADE_DIALECTS_FILER_QUERY_LIMIT": "25",
    "KADE_DIALECTS_FILER_HANDSHAKES": "3",
}


async def test_searches_that_are_too_wide_and_too_many_handshakes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with running_house(tmp_path_factory.mktemp("caps"), CAPS) as house:
        await world.fill(house)
        words = [f"{head}{number}" for head in ("alpha", "beta", "gamma") for number in range(15)]
        words += [f"delta{number}" for number in range(40)]
        house.put("GOFSERV001/directory/words.txt", " ".join(words))
        await house.walk()
        client = await house.client(world.ONE, world.key_of(world.ONE)).begin()
        for text, number in (("Filer", 152), ("delta*", 153), ("alpha* beta*", 154), ("alpha*", None)):
            answer = await client.call("GET", "/Search/", Search=text)
            assert answer.code == number, answer
            assert ("delta" in answer.json.get("Error", "")) == (number == 153)
        noted = await house.journal("request.refused")
        assert [each.reason for each in noted][-3:] == [
            "search.too_many_hits",
            "search.word_too_wide",
            "search.query_too_wide",
        ]
        assert all(word not in str(noted) for word in ("delta", "alpha", "beta"))
        assert [(await client.initialize("Filer_ALL")).code for _ in range(3)] == [None, None, 213]
        other = house.client(world.OTHER, world.key_of(world.OTHER))
        assert (await other.initialize(world.FOREIGN)).code == 213  # from the same address
        assert await client.names("alpha*") == ["words.txt"]

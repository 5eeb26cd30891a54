"""Who may do what: role, tenant, business type and verb, each with each.

What somebody may not reach answers as what is not there at all: status, headers and body, to the byte.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from itertools import product

import pytest
from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Answer, Application, Build, House, Right
from tests.support.file_api import related

from kade.core.ids import dashed, new_id
from kade.core.spaces import Policy

OWN, OTHER, FOREIGN, UNKNOWN = "acme", "beta", "gamma", "nowhere"
TENANTS = {OWN: True, OTHER: True, FOREIGN: False, UNKNOWN: False}  # whether a right is held there
GRANTED, ELSEWHERE, NOT_GRANTED, NO_TYPE = 8000, 8001, 8002, 9999
TYPES = (GRANTED, ELSEWHERE, NOT_GRANTED, NO_TYPE)
VERBS = ("list", "filter", "GET", "HEAD", "range", "DELETE", "multipart", "resumable", "download own")
ROLES = ("subscriber", "publisher", "both", "neither")
PER_REQUEST = frozenset({"date", "x-request-id"})  # headers


@dataclass(frozen=True)
class Case:
    """One cell of the table."""

    role: str
    tenant: str
    number: int
    verb: str

    def __str__(self) -> str:
        return f"{self.role} in {self.tenant}, {self.number}: {self.verb}"

    @property
    def right(self) -> bool:
        """Whether the tenant and the type are those of a grant: 8001 is granted in the other tenant only."""
        return (self.tenant, self.number) in {(OWN, GRANTED), (OTHER, ELSEWHERE)}

    @property
    def expected(self) -> int:
        """The status, by the rules of spec 1(b) and 1(c) 10, 18."""
        subscribes, publishes = self.role in ("subscriber", "both"), self.role in ("publisher", "both")
        if self.role == "neither" or not TENANTS[self.tenant]:
            return 403
        match self.verb:
            case "list":
                return 200
            case "filter":
                return 200 if subscribes and self.right else 403
            case "GET" | "HEAD":
                return 200 if subscribes and self.right else 404
            case "range":
                return 206 if subscribes and self.right else 404
            case "DELETE":
                return (204 if self.right else 404) if subscribes else 403  # a token without the scope
            case "multipart":
                return 201 if publishes and self.right else 403
            case "resumable":
                return 206 if publishes and self.right else 403
            case _:
                return 200 if publishes and self.right else 404


def cells() -> Iterator[Case]:
    for role, tenant, number, verb in product(ROLES, TENANTS, TYPES, VERBS):
        yield Case(role, tenant, number, verb)


@dataclass
class Scene:
    """Applications by role, and what lies where: one file per tenant and type, of a publisher of its own."""

    house: House
    roles: dict[str, Application]
    others_files: dict[tuple[str, int], str]
    own_files: dict[tuple[str, str, int], str]

    async def run(self, case: Case) -> Answer:
        """The case's request."""
        caller = self.roles[case.role].of_tenant(case.tenant)
        unknown = dashed(new_id())
        there = self.others_files.get((case.tenant, case.number), unknown)
        match case.verb:
            case "list":
                role = "publisher" if case.role == "publisher" else "subscriber"
                return await caller.listed(role)
            case "filter":
                return await caller.listed(filter=f"businessType eq {case.number}")
            case "GET" | "HEAD" | "DELETE":
                return await caller.call(case.verb, f"/files/{there}?role=subscriber")
            case "range":
                return await caller.get(there, headers={"Range": "bytes=0-0"})
            case "multipart" | "resumable":
                headers, body = related({"name": "a.txt", "businesstypeid": str(case.number)}, b"x")
                return await caller.call("POST", f"/files?uploadType={case.verb}", headers, data=body)
            case _:
                own = self.own_files.get((case.role, case.tenant, case.number), unknown)
                return await caller.get(own, role="publisher")


ROLE_VERBS = {"subscriber": (SUBSCRIBE,), "publisher": (PUBLISH,), "both": (SUBSCRIBE, PUBLISH)}
EVERYWHERE = [*product((OWN, OTHER), (NOT_GRANTED,)), (OWN, GRANTED), (OTHER, ELSEWHERE), (FOREIGN, GRANTED)]


@pytest.fixture
async def scene(build: Build) -> AsyncIterator[Scene]:
    async with build({"KADE_DIALECTS_FILEAPI_CALLS_PER_MINUTE": "0"}) as house:
        roles = {}
        for role, verbs in ROLE_VERBS.items():
            mine = [Right(*place, verb) for place in ((OWN, GRANTED), (OTHER, ELSEWHERE)) for verb in verbs]
            roles[role] = await house.application(role, mine)
        neither = await house.application("neither")
        stranger = await house.application("stranger", [Right(*each, PUBLISH) for each in EVERYWHERE])
        neither.token = roles["both"].token  # a token of somebody whose right is gone by then
        others = {
            place: await stranger.of_tenant(place[0]).published("other.txt", place[1]) for place in EVERYWHERE
        }
        own = {
            (role, tenant, number): await roles[role].of_tenant(tenant).published("own.txt", number)
            for role in ("publisher", "both")
            for tenant, number in ((OWN, GRANTED), (OTHER, ELSEWHERE))
        }
        yield Scene(house, {**roles, "neither": neither}, others, own)


async def test_every_cell_of_the_table(scene: Scene) -> None:
    """The deliveries that a row deletes are never asked for again: every other cell is of another verb."""
    former = await scene.house.application("former", [Right(OWN, GRANTED, SUBSCRIBE)])
    scene.roles["neither"].token = former.token
    await scene.house.withdraw(former, Right(OWN, GRANTED, SUBSCRIBE))
    wrong = []
    for case in sorted(cells(), key=lambda each: each.verb == "DELETE"):
        answer = await scene.run(case)
        if answer.status != case.expected:
            wrong.append(f"{case}: {answer.status} instead of {case.expected}")
        if case.verb in ("list", "filter") and answer.status == 200:
            listed = {(each["tenantId"], each["businessType"]["id"]) for each in answer.json["data"]}
            assert listed <= {(case.tenant, GRANTED if case.tenant == OWN else ELSEWHERE)}, case
    assert wrong == []


@dataclass(frozen=True)
class Told:
    """Everything of an answer but what every request has for itself."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, answer: Answer) -> Told:
        kept = [(name.lower(), value) for name, value in answer.headers.items()]
        return cls(answer.status, tuple(each for each in kept if each[0] not in PER_REQUEST), answer.body)


MALFORMED = (
    "x",
    "0",
    "00000000-0000-0000-0000-00000000000g",
    "00000000000000000000000000000000",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "%00",
    "a%00b",
    "..;",
    "%c0%ae%c0%ae",
    "%ff",
    "'%20or%201%20eq%201",
    "*",
    "a" * 5000,
)


async def unreachable(house: House) -> dict[str, tuple[Application, str, str]]:
    """Ids that answer 404: by what they are, who asks, and in which role."""
    right, another = Right(OWN, GRANTED, SUBSCRIBE), Right(OWN, ELSEWHERE, SUBSCRIBE)
    late, beyond = Right(OWN, GRANTED, PUBLISH), Right(OTHER, GRANTED, PUBLISH)
    publisher = await house.application("publisher", [late, Right(OWN, ELSEWHERE, PUBLISH), beyond])
    rival = await house.application("rival", [late])
    before = await publisher.published("before.txt", GRANTED)
    one = await house.application("one", [right, another, Right(OTHER, GRANTED, SUBSCRIBE)])
    other = await house.application("other", [Right(OWN, ELSEWHERE, SUBSCRIBE)])
    files = {name: await publisher.published(f"{name}.txt", GRANTED) for name in ("there", "gone", "own")}
    elsewhere = await publisher.of_tenant(OTHER).published("x.txt", GRANTED)
    lost = await publisher.published("lost.txt", ELSEWHERE)
    assert (await one.call("DELETE", f"/files/{files['gone']}?role=subscriber")).status == 204
    assert (await other.get(lost)).status == 200
    await house.withdraw(one, another)
    found: dict[str, tuple[Application, str, str]] = {
        "unknown": (one, dashed(new_id()), "subscriber"),
        "upper case": (one, dashed(new_id()).upper(), "subscriber"),
        "published before the right": (one, before, "subscriber"),
        "of another tenant": (one, elsewhere, "subscriber"),
        "not this tenant's": (one.of_tenant(OTHER), files["there"], "subscriber"),
        "the right is gone": (one, lost, "subscriber"),
        "of another type": (other, files["there"], "subscriber"),
        "dismissed": (one, files["gone"], "subscriber"),
        "of another publisher": (rival, files["own"], "publisher"),
        "an own file of another tenant": (publisher, elsewhere, "publisher"),
        "not delivered to its publisher": (publisher, files["own"], "subscriber"),
        "not published by its subscriber": (one, files["there"], "publisher"),
        "a space": (one, dashed(one.principal.tenant_id), "subscriber"),
        "a principal": (one, one.client_id, "publisher"),
    }
    return {**found, **{f"malformed {each[:40]}": (one, each, "subscriber") for each in MALFORMED}}


@pytest.mark.parametrize("method", ["GET", "HEAD", "range"])
async def test_what_cannot_be_reached_is_what_is_not_there(house: House, method: str) -> None:
    cases = await unreachable(house)
    headers = {"Range": "bytes=0-0"} if method == "range" else {}
    told = {}
    for name, (caller, file_id, role) in cases.items():
        verb = "GET" if method == "range" else method
        told[name] = Told.of(await caller.call(verb, f"/files/{file_id}?role={role}", headers))
    assert told["unknown"].status == 404
    assert {name: each for name, each in told.items() if each != told["unknown"]} == {}


async def test_what_cannot_be_reached_cannot_be_deleted(house: House) -> None:
    """Only what one deleted oneself is known: there, to delete it again changes nothing."""
    cases = {
        name: case
        for name, case in (await unreachable(house)).items()
        if case[2] == "subscriber" and name not in ("dismissed", "not delivered to its publisher")
    }
    told = {}
    for name, (caller, file_id, role) in cases.items():
        told[name] = Told.of(await caller.call("DELETE", f"/files/{file_id}?role={role}"))
    assert told["unknown"].status == 404
    assert {name: each for name, each in told.items() if each != told["unknown"]} == {}


async def test_what_one_deleted_is_gone_for_good(house: House) -> None:
    """Also in another tenant, and once the right to it is gone, it is what is not there."""
    rights = [Right(OWN, GRANTED, SUBSCRIBE), Right(OTHER, GRANTED, SUBSCRIBE)]
    one = await house.application("one", rights)
    publisher = await house.application("publisher", [replace(rights[0], verb=PUBLISH)])
    path = f"/files/{await publisher.published('a.txt', GRANTED)}?role=subscriber"
    unknown = Told.of(await one.call("DELETE", f"/files/{dashed(new_id())}?role=subscriber"))
    assert (await one.call("DELETE", path)).status == (await one.call("DELETE", path)).status == 204
    assert len(await house.journal("delivery.dismissed")) == 1
    assert Told.of(await one.of_tenant(OTHER).call("DELETE", path)) == unknown
    await house.withdraw(one, rights[0])
    assert (await one.of_tenant(OWN).call("DELETE", path)).status == 403  # no right in the tenant at all


async def test_whether_a_file_lapsed_is_not_told_apart(house: House) -> None:
    await house.business_type(GRANTED, policy=Policy(keep_content_ms=60_000))
    one = await house.application("one", [Right(OWN, GRANTED, SUBSCRIBE)])
    publisher = await house.application("publisher", [Right(OWN, GRANTED, PUBLISH)])
    file_id = await publisher.published("a.txt", GRANTED)
    await house.expire(file_id)
    unknown = Told.of(await one.get(dashed(new_id())))
    assert Told.of(await one.get(file_id)) == unknown
    assert Told.of(await publisher.get(file_id, role="publisher")) == unknown
    assert await one.names() == [] and await one.names(filter="status eq 'all'") == ["a.txt"]
    assert [each.subject for each in await house.journal("delivery.lapsed")] == [file_id.replace("-", "")]
    assert (await house.stock()).used == 0


async def test_types_that_are_not_there_and_that_are_not_granted_are_the_same(house: House) -> None:
    """But for the id by which the log knows the request."""
    one = await house.application("one", [Right(OWN, GRANTED, SUBSCRIBE), Right(OWN, GRANTED, PUBLISH)])
    await house.business_type(NOT_GRANTED)
    for make in (by_filter, by_publishing):
        bodies = []
        for number in (NOT_GRANTED, NO_TYPE):
            answer = await make(one, number)
            assert answer.status == 403
            assert answer.json.pop("correlationId").startswith("rrt-")
            bodies.append({**answer.json, "correlationId": ""})
        assert bodies[0] == bodies[1] and bodies[0]["errorCode"] == "403"


async def by_filter(one: Application, number: int) -> Answer:
    return await one.listed(filter=f"businessType eq {number}")


async def by_publishing(one: Application, number: int) -> Answer:
    return await one.publish("a.txt", number, b"x")

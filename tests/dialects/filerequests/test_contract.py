"""The contract: valid, served, readable offline, the same as what is routed; answers are as it says."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from types import SimpleNamespace
from typing import Any, cast

import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from lxml import html
from openapi_spec_validator import validate
from tests.dialects.contracts import CHECKS, METHODS, attributes
from tests.dialects.filerequests.house import Build, House

from kade.dialects.filerequests.api import FileRequestsApi
from kade.dialects.filerequests.settings import Settings
from kade.web.dialect import Kit


def contract() -> dict[str, Any]:
    text = files("kade.dialects.filerequests").joinpath("openapi.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


async def test_the_contract_is_valid_and_served(house: House) -> None:
    validate(contract())
    as_json = await house.call("GET", f"{house.api}/openapi.json")
    as_yaml = await house.call("GET", f"{house.api}/openapi.yaml")
    served = yaml.safe_load(as_yaml.body)
    assert as_json.json == served
    assert [each["url"] for each in served["servers"]] == [house.api]
    assert {**served, "servers": []} == {**contract(), "servers": []}


async def test_the_page_needs_nothing_from_elsewhere(house: House) -> None:
    answer = await house.call("GET", f"{house.api}/docs")
    page = html.fromstring(answer.body.decode())
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert {each.tag for each in page.iter()}.isdisjoint({"script", "img", "link", "iframe", "object"})
    targets = set(attributes(page, "id"))
    for item in contract()["paths"].values():
        for method in item.keys() & {each.lower() for each in METHODS}:
            assert item[method]["operationId"] in targets


def test_what_is_described_is_routed_and_what_is_routed_is_described() -> None:
    kit = cast(Kit, SimpleNamespace(**dict.fromkeys(Kit.__dataclass_fields__)))
    routed: dict[str, dict[str, str]] = {}
    for operation in FileRequestsApi(kit, Settings()).operations():
        routed.setdefault(operation.path, {})[operation.method] = operation.id
    verbs = {each.lower() for each in METHODS}
    described = {
        path: {method.upper(): each["operationId"] for method, each in item.items() if method in verbs}
        for path, item in contract()["paths"].items()
    }
    assert routed == described


async def test_answers_are_those_of_the_contract(build: Build) -> None:
    async with build({"KADE_DIALECTS_FILEREQUESTS_CALLS_PER_MINUTE": "100000"}) as house:
        desk = await house.application()
        document = contract()
        known = {
            "request": (await desk.asked())["id"],
            "customer": await desk.customer(),
            "file": await desk.file("a.txt", b"text"),
        }
        for item in document["paths"].values():
            item.pop("delete", None)  # else there would be nothing to change
        for name, example in known.items():
            document["components"]["parameters"][name]["example"] = example
        keyed = {"Authorization": f"Bearer {desk.key}"}
        await asyncio.to_thread(_run, document, house.api, keyed)
        await asyncio.to_thread(_run, contract(), house.api, keyed)
        await asyncio.to_thread(_run, contract(), house.api, {"Authorization": "Bearer x"})


def _run(document: dict[str, Any], base: str, headers: dict[str, str]) -> None:
    found: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())
    for each in found:
        operation = each.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def one(case: Any) -> None:
            case.call_and_validate(base_url=base, headers=headers, checks=CHECKS, timeout=20)

        one()

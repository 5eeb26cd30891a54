"""The contract: valid, served, readable offline, the same as what is routed; answers are as it says."""

from __future__ import annotations

import asyncio
import re
from importlib.resources import files
from types import SimpleNamespace
from typing import Any, cast

import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from lxml import html
from openapi_spec_validator import validate
from tests.dialects.contracts import CHECKS, METHODS, attributes
from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Build, House, Right
from tests.support.file_api import related

from kade.dialects.fileapi.api import FileApi
from kade.dialects.fileapi.door import Scope
from kade.dialects.fileapi.health import Health
from kade.dialects.fileapi.settings import Settings
from kade.web.dialect import Kit

NUMBER = 8000


def contract() -> dict[str, Any]:
    text = files("kade.dialects.fileapi").joinpath("openapi.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


async def test_the_contract_is_valid_and_served(house: House) -> None:
    validate(contract())
    as_json = await house.call("GET", f"{house.api}/openapi.json")
    as_yaml = await house.call("GET", f"{house.api}/openapi.yaml")
    assert as_json.headers["Content-Type"] == "application/json"
    assert as_yaml.headers["Content-Type"].startswith("application/yaml")
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
        for method in item.keys() & {each.lower() for each in (*METHODS, "HEAD")}:
            assert item[method]["operationId"] in targets


async def test_what_is_described_is_routed_and_what_is_routed_is_described(house: House) -> None:
    nothing = dict.fromkeys(Kit.__dataclass_fields__)
    kit = cast(Kit, SimpleNamespace(**{**nothing, "rules": house.kade.rules}))
    routed: dict[str, dict[str, str]] = {}
    for operation in FileApi(kit, Settings()).operations():
        routed.setdefault(operation.path, {})[operation.method] = operation.id
    verbs = {each.lower() for each in (*METHODS, "HEAD")}
    described = {
        path: {method.upper(): each["operationId"] for method, each in item.items() if method in verbs}
        for path, item in contract()["paths"].items()
    }
    assert described.pop("/healthcheck") == {"GET": "healthcheck"}
    assert routed == described
    one = await house.application("one", [Right("acme", NUMBER, SUBSCRIBE)])
    for path, item in described.items():
        answer = await one.call("TRACE", path.replace("{", "").replace("}", ""))
        assert answer.status == 405 and answer.json["errorCode"] == "405", path
        assert set(answer.headers["Allow"].split(", ")) == set(item)
    for path in ("/", "/file", "/files/", "/files/a/b", "/Files"):
        answer = await one.call("GET", path)
        assert (answer.status, answer.json["errorCode"]) == (404, "404"), path


def test_the_scopes_are_those_of_the_contract() -> None:
    flow = contract()["components"]["securitySchemes"]["token"]["flows"]["clientCredentials"]
    assert set(flow["scopes"]) == {scope.value for scope in Scope}
    assert flow["tokenUrl"] == Settings().token_path


async def test_answers_are_those_of_the_contract(build: Build) -> None:
    async with build({"KADE_DIALECTS_FILEAPI_CALLS_PER_MINUTE": "0"}) as house:
        rights = [Right("acme", NUMBER, PUBLISH), Right("acme", NUMBER, SUBSCRIBE)]
        one = await house.application("one", rights)
        file_id = await one.published("a.txt", NUMBER)
        document = contract()
        document["paths"]["/files/{file}"]["parameters"][0]["example"] = file_id
        headers = {"Authorization": f"Bearer {one.token}", "x-raet-tenant-id": "acme"}
        await asyncio.to_thread(_run, document, house.api, headers)
        await asyncio.to_thread(_run, contract(), house.api, {"Authorization": "Bearer x"})


def _run(document: dict[str, Any], base: str, headers: dict[str, str]) -> None:
    """As ``tests.dialects.contracts`` does; bodies in two parts are ours, for nothing else makes them."""
    more, body = related({"name": "a.txt", "businesstypeid": "8000"}, b"content")
    del document["paths"]["/files"]["post"]["requestBody"]
    found: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())
    for each in found:
        operation = each.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def one(case: Any) -> None:
            extra = dict(headers)
            sent: dict[str, Any] = {"data": body} if case.method.upper() == "POST" else {}
            extra |= more if sent else {}
            case.call_and_validate(base_url=base, headers=extra, checks=CHECKS, timeout=20, **sent)

        one()


FUNCTIONS = {
    "publisher": ["list", "uploadMultipart", "uploadResumable", "download"],
    "subscriber": ["delivery", "list", "download", "downloadByChunks", "delete"],
}


async def test_all_is_well(house: House) -> None:
    answer = await house.call("GET", f"{house.api}/healthcheck")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    told = answer.json
    assert list(told) == ["status", "publisher", "subscriber"]
    assert told["status"] == "Operational"
    for role, names in FUNCTIONS.items():
        assert list(told[role]) == names
        for each in told[role].values():
            assert each["status"] == "Operational"
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each["checkedAt"])
    again = await house.call("GET", f"{house.api}/healthcheck")
    assert again.json == told  # nothing was tried again
    assert [each async for each in house.kade.store.list()] == []


class _Failing:
    """A port of which every method fails."""

    def __getattr__(self, name: str) -> Any:
        raise OSError(name)


class _HealthyKit:
    """What the health check uses, each part to be replaced by a broken one."""

    def __init__(self, house: House, **broken: Any) -> None:
        self.catalog = broken.get("catalog", house.kade.catalog)
        self.store = broken.get("store", house.kade.store)
        self._behind = broken.get("behind", 0)

    async def behind(self) -> int:
        return int(self._behind)


async def found(house: House, **broken: Any) -> tuple[str, set[str]]:
    """The status, and the functions that do not work."""
    told = cast(dict[str, Any], await Health(cast(Kit, _HealthyKit(house, **broken)))._try_all())
    down = {
        f"{role}.{name}"
        for role, names in FUNCTIONS.items()
        for name in names
        if told[role][name]["status"] != "Operational"
    }
    return told["status"], down


async def test_what_does_not_work_is_told(house: House) -> None:
    everything = {f"{role}.{name}" for role, names in FUNCTIONS.items() for name in names}
    assert await found(house) == ("Operational", set())
    assert await found(house, catalog=_Failing()) == ("Major Outage", everything)
    moved = {"publisher.uploadMultipart", "publisher.uploadResumable", "publisher.download"}
    stored = moved | {"subscriber.download", "subscriber.downloadByChunks"}
    assert await found(house, store=_Failing()) == ("Major Outage", stored)
    assert await found(house, behind=10_001) == ("Major Outage", {"subscriber.delivery"})


async def test_a_store_that_is_gone_is_noticed(house: House) -> None:
    """The real one, whose folder is no folder any longer."""
    folder = house.kade.config.data.folder / "segments"
    moved = folder.rename(folder.with_name("moved"))
    folder.write_bytes(b"")
    try:
        told = (await house.call("GET", f"{house.api}/healthcheck")).json
    finally:
        folder.unlink()
        moved.rename(folder)
    assert told["status"] == "Major Outage"
    assert told["subscriber"]["list"]["status"] == "Operational"
    assert told["subscriber"]["download"]["status"] == "Major Outage"

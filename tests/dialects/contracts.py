"""What holds of every service API: contracts that are valid, served, readable offline, and what is routed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from lxml import etree, html
from openapi_spec_validator import validate
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.dialects.fileserver.house import Answer

from kade.web.rest import Operation

METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class Served(Protocol):
    """A running house."""

    service: str
    rest: str
    key: str

    async def call(self, method: str, path: str, **options: Any) -> Answer: ...


@dataclass(frozen=True)
class Contracts:
    """Those of one interface: the package of its dialect, and its services."""

    package: str
    names: Sequence[str]

    def contract(self, name: str) -> dict[str, Any]:
        """The document as the file says it."""
        text = files(self.package).joinpath("openapi", f"{name}.yaml").read_text(encoding="utf-8")
        loaded: dict[str, Any] = yaml.safe_load(text)
        return loaded

    def described(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Path → method → operation, over all contracts."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for name in self.names:
            for path, item in self.contract(name)["paths"].items():
                found[path] = {key.upper(): value for key, value in item.items() if key.upper() in METHODS}
        return found

    async def is_valid_and_served(self, house: Served, name: str) -> None:
        validate(self.contract(name))
        as_json = await house.call("GET", f"/{name}/openapi.json")
        as_yaml = await house.call("GET", f"/{name}/openapi.yaml")
        assert as_json.headers["Content-Type"] == "application/json"
        assert as_yaml.headers["Content-Type"].startswith("application/yaml")
        assert as_json.json == yaml.safe_load(as_yaml.text) == self.contract(name)

    async def is_what_is_routed(self, house: Served, operations: Sequence[Operation]) -> None:
        """A path that nobody has answers 404 to every method, one with methods 405 with their list."""
        routed: dict[str, dict[str, str]] = {}
        for operation in operations:
            routed.setdefault(operation.path, {})[operation.method] = operation.id
        expected = {
            path: {method: each["operationId"] for method, each in item.items()}
            for path, item in self.described().items()
        }
        assert routed == expected
        for path, item in expected.items():
            concrete = path.replace("{filename}", "a").replace("{", "").replace("}", "")
            answer = await house.call("TRACE", concrete)
            assert answer.status == 405, path
            assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == set(item)

    async def names_the_media_types(self, house: Served) -> None:
        for path, item in self.described().items():
            for method, operation in item.items():
                concrete = path.replace("{", "").replace("}", "")
                body = operation.get("requestBody", {})
                consumed = body.get("content", {"application/json": {}})
                headers = {"Accept": "image/png", "Content-Type": next(iter(consumed))}
                assert (await house.call(method, concrete, headers=headers)).status == 406, (method, path)
                if body:
                    headers = {"Content-Type": "image/png"}
                    assert (await house.call(method, concrete, data=b"x", headers=headers)).status == 415

    async def has_a_page_that_needs_nothing_from_elsewhere(self, house: Served, name: str) -> None:
        answer = await house.call("GET", f"/{name}/openapi.html")
        policy = answer.headers["Content-Security-Policy"]
        page = html.fromstring(answer.text)
        style = page.findtext(".//style") or ""
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
        assert {each.tag for each in page.iter()}.isdisjoint(
            {"script", "img", "link", "iframe", "object", "form"}
        )
        assert not attributes(page, "style") and not attributes(page, "onclick")
        targets = set(attributes(page, "id"))
        for link in attributes(page, "href"):
            assert link.startswith("#") and link[1:] in targets
        text = etree.tostring(page, method="text", encoding="unicode")
        for path, item in self.contract(name)["paths"].items():
            assert path in text
            for method in set(item) - {"parameters"}:
                assert item[method]["operationId"] in targets
                assert item[method]["summary"] in text
        assert {f"schema-{each}" for each in self.contract(name)["components"]["schemas"]} <= targets

    async def are_listed_for_people_and_programs(self, house: Served) -> None:
        listed = await house.call("GET", house.service, headers={"Accept": "application/json"})
        assert [each["name"] for each in listed.json["services"]] == list(self.names)
        page = html.fromstring((await house.call("GET", house.service)).text)
        links = attributes(page, "href")
        assert len(links) == 4 * len(self.names)  # page, JSON, YAML, WSDL
        for link in links:
            base = house.service.removesuffix("/service")
            assert (await house.call("GET", base + link)).status == 200

    async def say_what_is_answered(self, house: Served, name: str, examples: int = 10) -> None:
        """Schemathesis sends what the contract allows, and judges what comes back."""
        headers = {"Authorization": f"Bearer {house.key}"}
        await asyncio.to_thread(_run, self.contract(name), house.rest, headers, examples)


def attributes(page: etree._Element, name: str) -> list[str]:
    """Every value of an attribute."""
    return [value for each in page.iter() if (value := each.get(name)) is not None]


def _run(document: dict[str, Any], base: str, headers: dict[str, str], examples: int) -> None:
    found: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())
    for each in found:
        operation = each.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        def one(case: Any) -> None:
            case.call_and_validate(base_url=base, headers=headers, checks=CHECKS, timeout=20)

        one()

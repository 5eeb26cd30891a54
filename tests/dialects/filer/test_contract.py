"""The contract: valid, served, the same as what is routed; answers are as it says."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from types import SimpleNamespace
from typing import Any, cast

import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import validate
from tests.dialects.contracts import CHECKS, METHODS
from tests.dialects.filer.house import House, unc
from tests.support.filer_client import FilerClient

from kade.dialects.filer.api import Filer
from kade.dialects.filer.settings import Settings
from kade.web.dialect import Kit


def contract() -> dict[str, Any]:
    text = files("kade.dialects.filer").joinpath("openapi.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


async def test_it_is_valid_and_served(house: House) -> None:
    validate(contract())
    client = house.client()
    as_json = await client.send("GET", "/Search/openapi.json")
    as_yaml = await client.send("GET", "/Search/openapi.yaml")
    page = await client.send("GET", "/Search/docs")
    assert as_json.json == yaml.safe_load(as_yaml.body)
    assert {**as_json.json, "servers": []} == {**contract(), "servers": []}
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none';")


async def test_what_is_described_is_routed_and_what_is_routed_is_described(house: House) -> None:
    nothing = dict.fromkeys(Kit.__dataclass_fields__)
    kit = cast(Kit, SimpleNamespace(**{**nothing, "sealer": house.kade.sealer}))
    routed: dict[str, dict[str, str]] = {}
    for (method, path), (name, _) in Filer(kit, Settings()).operations().items():
        routed.setdefault(path, {})[method] = name
    verbs = {each.lower() for each in METHODS}
    described = {
        path: {method.upper(): each["operationId"] for method, each in item.items() if method in verbs}
        for path, item in contract()["paths"].items()
    }
    assert routed == described
    client = house.client()
    for path, item in described.items():
        for slash in ("", "/"):
            right = await client.send(next(iter(item)), path.rstrip("/") + slash)
            wrong = await client.send("OPTIONS", path.rstrip("/") + slash)
            assert right.code not in (101, 138) and right.status == 200, path
            assert wrong.code == 101, path
    for path in ("/File/", "/File/Download/Other/", "/Directory", "/FileGroup/List/", "/Handshake/"):
        assert (await client.send("GET", path)).code == 138, path


async def test_answers_are_those_of_the_contract(example: House) -> None:
    """Names that are there are put in, so that successes are judged, too."""
    client = await example.client().begin()
    document = contract()
    known = {
        "FilePath": unc("GOFSERV001", "directory", "example.txt"),
        "FileGroup": "Example group",
        "RequiredFileGroup": "Example group",
        "Directory": unc("GOFSERV001", "directory"),
    }
    for name, value in known.items():
        parameter = document["components"]["parameters"].get(name)
        if parameter is not None:
            parameter["schema"] = {"type": "string", "enum": [value, "x"]}
    await asyncio.to_thread(_run, document, example.base, client)
    answers = {
        (method, path): await client.call(
            method, path, FilePath=known["FilePath"], FileGroup="Example group", Directory=known["Directory"],
            Search="example", MinuteWindow=5,
        )
        for path, item in contract()["paths"].items()
        for method in (each.upper() for each in item)
        if path not in ("/Handshake/Initialize/", "/FileGroup/Add/", "/FileGroup/Delete/")
    }  # fmt: skip
    assert sum(each.code is None for each in answers.values()) >= 9


def _run(document: dict[str, Any], base: str, client: FilerClient) -> None:
    """As ``tests.dialects.contracts`` does; handshakes follow each other, so each request gets the last.

    All of its checks are on.
    """
    found: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())
    for each in found:
        operation = each.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def one(case: Any) -> None:
            query = dict(case.query or {})
            if "Handshake" in query:
                query |= {"CustomerID": client.number, "Handshake": client.handshake}
            case.query = query
            answer = case.call_and_validate(base_url=base, checks=CHECKS, timeout=20)
            client.handshake = answer.json().get("Handshake", client.handshake)

        one()

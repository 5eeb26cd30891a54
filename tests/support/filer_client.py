"""A client of Filer that keeps its handshake, with nothing but HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Duplicate keys are a mistake; *parse_float* is left alone, for sizes are numbers."""
        return json.loads(self.body, object_pairs_hook=_each_once)

    @property
    def code(self) -> int | None:
        """The number of the error; None for a success."""
        told = self.json
        return int(told["Code"]) if told["Status"] == "Error" else None

    @property
    def warnings(self) -> list[int]:
        """The numbers of the warnings."""
        return [each["Code"] for each in self.json.get("Warnings", [])]


class FilerClient:
    """A customer with a secret key. Each success gives it the handshake for its next request."""

    def __init__(self, session: aiohttp.ClientSession, base: str, number: int, key: str) -> None:
        self._session = session
        self._base = base
        self.number = number
        self.key = key
        self.handshake = ""

    def beside(self) -> FilerClient:
        """The same customer, with the same handshake and a way of its own from here."""
        other = FilerClient(self._session, self._base, self.number, self.key)
        other.handshake = self.handshake
        return other

    async def begin(self, *groups: str) -> FilerClient:
        """Ask for a first handshake for these groups, all of them without any; it must be given."""
        answer = await self.initialize(*(groups or ("Filer_ALL",)))
        assert answer.code is None, answer
        return self

    async def initialize(self, *groups: str) -> Answer:
        """Ask for a first handshake."""
        form = {"CustomerID": str(self.number), "SecretKey": self.key, "FileGroups": list(groups)}
        answer = await self.send("POST", "/Handshake/Initialize/", data=pairs(form))
        self._keep(answer)
        return answer

    async def call(self, method: str, path: str, **parameters: Any) -> Answer:
        """A request with everything in its query, as the documentation's curl lines have it."""
        answer = await self.send(method, path, query=pairs(self.signed(parameters)))
        self._keep(answer)
        return answer

    async def post(self, method: str, path: str, **parameters: Any) -> Answer:
        """The same with everything in its form."""
        answer = await self.send(method, path, data=pairs(self.signed(parameters)))
        self._keep(answer)
        return answer

    async def done(self, method: str, path: str, **parameters: Any) -> Any:
        """The answer to a request that must succeed."""
        answer = await self.call(method, path, **parameters)
        assert answer.code is None, answer
        return answer.json

    async def search(self, text: str, **parameters: Any) -> Any:
        """What a search finds."""
        return await self.done("GET", "/Search/", Search=text, **parameters)

    async def names(self, text: str, **parameters: Any) -> list[str]:
        """The names of the files that a search finds."""
        found = await self.search(text, **parameters)
        return [each["Name"] for each in found["Results"]["Files"]]

    def signed(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters with customer and handshake, unless they say otherwise."""
        return {"CustomerID": str(self.number), "Handshake": self.handshake, **parameters}

    async def send(self, method: str, path: str, *, query: Pairs = (), **options: Any) -> Answer:
        """One request, as it is."""
        url = URL(self._base + path)
        if query:
            url = url.with_query(list(query))
        data = options.pop("data", None)
        if isinstance(data, list):
            options["data"] = aiohttp.FormData(data)
        elif data is not None:
            options["data"] = data
        async with self._session.request(method, url, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    def _keep(self, answer: Answer) -> None:
        told = answer.json
        if "Handshake" in told:
            self.handshake = str(told["Handshake"])


def pairs(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """As they are sent: lists as ``X[]=a&X[]=b``, None not at all."""
    found: list[tuple[str, str]] = []
    for name, value in parameters.items():
        if isinstance(value, list | tuple):
            found += [(f"{name}[]", str(each)) for each in value]
        elif value is not None:
            found.append((name, str(value)))
    return found


def _each_once(found: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(found)
    assert len(told) == len(found), [name for name, _ in found]
    return told

"""A website on loopback whose pages a test writes."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from tests.client.servers import running
from tests.sources.services import seen, service, unsealed

from kade.client import Policy
from kade.core.errors import KadeError
from kade.core.ports.sources import Place
from kade.core.sources import ServiceKind
from kade.sources import LocalPlaces

LOOPBACK = Policy(networks=(ipaddress.ip_network("127.0.0.0/8"),))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Answer:
    """What a page answers."""

    body: bytes = b""
    media_type: str = "text/html"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """Pages by their path with query; what is not among them is a 404. *asked* are the requests, in order."""

    base: str = ""
    pages: dict[str, Answer | Handler] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def page(self, path: str, *links: str, head: str = "", text: str = "", **headers: str) -> None:
        """Put a page there that says *text* and leads to *links*."""
        anchors = "".join(f'<a href="{link}">more</a>' for link in links)
        body = f"<html><head>{head}</head><body><p>{text}</p>{anchors}</body></html>".encode()
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = Answer(body, headers=told)

    def redirect(self, path: str, to: str) -> None:
        """Have *path* lead elsewhere."""
        self.pages[path] = Answer(status=302, headers={"Location": to})

    def robots(self, text: str) -> None:
        """What robots.txt says."""
        self.pages["/robots.txt"] = Answer(text.encode(), "text/plain")

    @asynccontextmanager
    async def place(
        self, path: str = "", policy: Policy | None = LOOPBACK, first: str = "/", **settings: object
    ) -> AsyncIterator[Place]:
        """The site as a place, without pauses unless the settings say so."""
        told = json.dumps({"interval_ms": 0, **settings})
        places = LocalPlaces(unsealed, policy)
        opened = await places.open(service(ServiceKind.WEBSITE, self.base + first, told), path)
        try:
            yield opened
        finally:
            await opened.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.raw_path)
        found = self.pages.get(request.raw_path, Answer(b"nothing here", status=404))
        if not isinstance(found, Answer):
            return await found(request)
        headers = {"Content-Type": found.media_type, **found.headers}
        return web.Response(body=found.body, status=found.status, headers=headers)


@asynccontextmanager
async def running_site() -> AsyncIterator[Site]:
    """A site without any pages yet."""
    site = Site()
    async with running(site._answer) as base:
        site.base = base.rstrip("/")
        yield site


async def paths(site: Site, place: Place) -> list[str]:
    return sorted(key.removeprefix(site.base) for key in await seen(place))


async def walked(site: Site, **settings: object) -> list[str]:
    async with site.place(**settings) as place:  # type: ignore[arg-type]
        return await paths(site, place)


async def refused(site: Site, policy: Policy | None = LOOPBACK, **settings: object) -> KadeError:
    with pytest.raises(KadeError) as caught:
        async with site.place(policy=policy, **settings) as place:  # type: ignore[arg-type]
            await seen(place)
    return caught.value

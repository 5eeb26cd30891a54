"""A running Kade with its portal, and people who have links."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from tests.support import requests as asking
from tests.support.requests import Link, Sent

from kade import app
from kade.config import load
from kade.core.requests import Slot
from kade.services.installing import install
from kade.services.requests import SlotWish

TUS = {"Tus-Resumable": "1.0.0"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str
    cookies: Mapping[str, Any]


class House:
    """One server; nobody keeps cookies."""

    def __init__(self, kade: app.Kade, base: str, session: aiohttp.ClientSession) -> None:
        self.kade = kade
        self.base = base
        self._session = session

    async def ask(self, *slots: SlotWish, **wish: Any) -> Link:
        """Ask for these files."""
        return await asking.ask(self.kade, *slots, **wish)

    async def close(self, link: Link) -> None:
        """End the request."""
        await asking.close(self.kade, link)

    async def sent_files(self, link: Link) -> list[Sent]:
        """What came of the request."""
        return await asking.sent_files(self.kade, link)

    async def send(self, method: str, path: str, **options: Any) -> Answer:
        """One request; redirects are not followed."""
        options.setdefault("headers", {"Accept-Language": "en"})
        async with self._session.request(
            method, self.base + path, allow_redirects=False, **options
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.text(), answer.cookies)

    async def get(self, link: Link, **options: Any) -> Answer:
        """The page of a link."""
        return await self.send("GET", link.path, **options)

    async def begin(
        self, link: Link, slot: Slot | str, name: str, length: int, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Begin an upload into a slot."""
        slot_id = slot if isinstance(slot, str) else slot.id
        told = ",".join(f"{key} {_encoded(value)}" for key, value in (("slot", slot_id), ("filename", name)))
        sent = {
            **TUS,
            "Upload-Length": str(length),
            "Upload-Metadata": told,
            "Accept-Language": "en",
            **headers,
        }
        return await self.send("POST", f"{link.path}/uploads", headers=sent)

    async def append(self, location: str, data: bytes, offset: int = 0) -> Answer:
        """Append to an upload."""
        kind = "application/offset+octet-stream"
        sent = {**TUS, "Upload-Offset": str(offset), "Content-Type": kind, "Accept-Language": "en"}
        return await self.send("PATCH", location, data=data, headers=sent)

    async def put(self, link: Link, slot: Slot, name: str, data: bytes) -> Answer:
        """Put a whole file into a slot; the last answer."""
        begun = await self.begin(link, slot, name, len(data))
        return await self.append(begun.headers["Location"], data) if begun.status == 201 else begun


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


@asynccontextmanager
async def running_house(folder: Path, settings: Mapping[str, str] = {}) -> AsyncIterator[House]:
    """Install into *folder* and serve; *settings* are variables of the configuration."""
    environment = {"KADE_DATA_FOLDER": str(folder), "KADE_WEB_PORT": "0", **settings}
    kade = app.build(load(None, environment, app.sections()))
    async with app.opened(kade):
        await kade.catalog.write(install, kade.namers, "main", "0" * 64)
    kade = app.build(kade.config)
    jar = aiohttp.DummyCookieJar()
    async with app.running(kade, ("web",)) as server, aiohttp.ClientSession(cookie_jar=jar) as session:
        yield House(kade, server.bases["web"], session)

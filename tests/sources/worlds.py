"""What can be done to a place from outside, whatever its kind: the other side of the conformance suite."""

import itertools
import json
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.sources.services import service, unsealed
from tests.sources.site import Answer, Site, running_site
from tests.support.dovecot import Box, running_dovecot

from kade.core.ports.sources import Place
from kade.core.sources import Service, ServiceKind
from kade.sources import LocalPlaces


class World(Protocol):
    """A place with things in it; *things* are named by short words, and say what they are told to say."""

    renames: bool
    """Whether one thing can go by another name there."""

    def open(self) -> AbstractAsyncContextManager[Place]: ...
    async def put(self, thing: str, data: bytes) -> bytes:
        """Make or change a thing; the bytes that can be read now."""

    async def remove(self, thing: str) -> None: ...
    async def rename(self, thing: str, to: str) -> None: ...
    async def key(self, thing: str) -> str: ...


@dataclass
class FolderWorld:
    """A folder tree on the disk."""

    root: Path
    renames: bool = True
    _clock: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1_700_000_000))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Place]:
        place = await LocalPlaces(unsealed).open(service(ServiceKind.FOLDER, str(self.root)), "")
        try:
            yield place
        finally:
            await place.close()

    async def put(self, thing: str, data: bytes) -> bytes:
        path = self.root / "below" / f"{thing}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        moment = next(self._clock)  # file systems tell times in ticks; two writes may fall into one
        os.utime(path, (moment, moment))
        return data

    async def remove(self, thing: str) -> None:
        (self.root / "below" / f"{thing}.txt").unlink()

    async def rename(self, thing: str, to: str) -> None:
        (self.root / "below" / f"{thing}.txt").rename(self.root / "below" / f"{to}.txt")

    async def key(self, thing: str) -> str:
        return f"below/{thing}.txt"


@dataclass
class MailboxWorld:
    """A mailbox on a real server; a thing is a message, and goes by another name in another folder."""

    box: Box
    renames: bool = True
    _folders: dict[str, str] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)
    _files: dict[str, Path] = field(default_factory=dict)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Place]:
        place = await LocalPlaces(unsealed).open(mailbox(self.box), "")
        try:
            yield place
        finally:
            await place.close()

    async def put(self, thing: str, data: bytes) -> bytes:
        if thing in self._ids:
            await self.remove(thing)
        identity = f"<{uuid.uuid4()}@example.org>"
        head = f"Subject: {thing}\r\nDate: Thu, 21 Nov 2024 14:53:40 +0100\r\nMessage-ID: {identity}\r\n\r\n"
        lines = [data[start : start + 70] for start in range(0, len(data), 70)]
        whole = head.encode() + b"\r\n".join(lines) + b"\r\n"
        self._folders[thing], self._ids[thing] = "INBOX", identity
        self.box.deliver("INBOX", whole)
        return whole

    async def remove(self, thing: str) -> None:
        self.box.doveadm("expunge", "mailbox", self._folders[thing], *self._is(thing))

    async def rename(self, thing: str, to: str) -> None:
        self.box.maildir("Archive")
        self.box.doveadm("move", "Archive", "mailbox", self._folders[thing], *self._is(thing))
        self._folders[to], self._ids[to] = "Archive", self._ids[thing]

    async def key(self, thing: str) -> str:
        folder = self._folders[thing]
        uid = self.box.doveadm("fetch", "uid", "mailbox", folder, *self._is(thing)).split()[-1]
        validity = self.box.doveadm("mailbox status", "uidvalidity", folder).rpartition("=")[2].strip()
        return f"{folder}/{validity}/{uid}"

    def _is(self, thing: str) -> tuple[str, str, str]:
        return "header", "message-id", self._ids[thing]


def mailbox(box: Box, location: str = "", **settings: object) -> Service:
    """The service of a mailbox, by TLS unless it says another location."""
    told = json.dumps({"authorities": str(box.authorities), **settings})
    return service(ServiceKind.MAILBOX, location or box.tls, told, box.password.encode())


@dataclass
class WebsiteWorld:
    """A site on loopback; a thing is a document, and its address is its name."""

    site: Site
    renames: bool = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Place]:
        async with self.site.place() as place:
            yield place

    async def put(self, thing: str, data: bytes) -> bytes:
        self.site.pages[f"/docs/{thing}.txt"] = Answer(data, "text/plain")
        self._link()
        return data

    async def remove(self, thing: str) -> None:
        del self.site.pages[f"/docs/{thing}.txt"]
        self._link()

    async def rename(self, thing: str, to: str) -> None:
        raise NotImplementedError

    async def key(self, thing: str) -> str:
        return f"{self.site.base}/docs/{thing}.txt"

    def _link(self) -> None:
        self.site.page("/", *(path for path in self.site.pages if path != "/"))


Worlds = Callable[[Path], AbstractAsyncContextManager[World]]


@asynccontextmanager
async def folder_world(path: Path) -> AsyncIterator[World]:
    root = path / "root"
    root.mkdir()
    (root / "always.txt").write_bytes(b"so that the root is not empty")
    yield FolderWorld(root)


@asynccontextmanager
async def mailbox_world(path: Path) -> AsyncIterator[World]:
    async with running_dovecot(path) as box:
        yield MailboxWorld(box)


@asynccontextmanager
async def website_world(path: Path) -> AsyncIterator[World]:
    async with running_site() as site:
        site.page("/")
        yield WebsiteWorld(site)

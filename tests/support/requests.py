"""Requests for files, made in a house that is served, and what became of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from kade import app
from kade.auth.password import hashed
from kade.config import load
from kade.core.clock import Millis, now
from kade.core.files import FileState
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.requests import Slot
from kade.services import links, requests, shares, tenants, uploads
from kade.services.installing import local_operator
from kade.services.requests import RequestWish, SlotWish, View
from kade.services.shares import Thing
from kade.services.uploads import Arrived, Wish

T = TypeVar("T")
PDF = b"%PDF-1.7\n" + b"1 0 obj <<>> endobj\n" * 40
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(600)

CONTRACT = SlotWish(
    "Signed contract", "All pages in one file.", max_size=10 << 20, accepts=("application/pdf",)
)
LOGO = SlotWish("Logo", "As large as you have it.", max_size=2_000_000, accepts=("image/png", "image/jpeg"))
RECORDING = SlotWish("Recording", None, required=False)
SLOTS = (CONTRACT, LOGO, RECORDING)


class Link(NamedTuple):
    """A request that was made, and the token of its link."""

    token: str
    request_id: Id
    slots: Sequence[Slot]

    @property
    def path(self) -> str:
        return f"/r/{self.token}"


class Sent(NamedTuple):
    """A file that the organisation has."""

    name: str
    sha256: str | None


async def ask(kade: app.Kade, *slots: SlotWish, password: str = "", **wish: Any) -> Link:
    """Ask for these files."""
    secret = kade.sealer.derive(links.PURPOSE)
    wanted = RequestWish(
        **{"name": "Papers for your application", **wish},
        slots=slots or SLOTS,
        password=hashed(password) if password else None,
    )

    def make(tx: Tx) -> View:
        caller = local_operator(tx)
        return requests.create(tx, caller, secret, tenants.root_of(tx, caller.tenant_id).id, wanted)

    made = await kade.catalog.write(make)
    return Link(requests.token(secret, made.request), made.request.id, made.slots)


async def close(kade: app.Kade, link: Link) -> None:
    """End the request."""

    def end(tx: Tx) -> None:
        caller = local_operator(tx)
        requests.close(tx, caller, requests.find(tx, caller, link.request_id).request)

    await kade.catalog.write(end)


async def sent_files(kade: app.Kade, link: Link) -> list[Sent]:
    """The files that the organisation got by a request."""

    def found(tx: Tx) -> list[Sent]:
        view = requests.find(tx, local_operator(tx), link.request_id)
        placed = view.placed.values()
        return [Sent(each.file.name, each.sha256) for each in placed if each.file.state == FileState.LIVE]

    return await kade.catalog.read(found)


async def share(kade: app.Kade, contents: Mapping[str, bytes]) -> str:
    """Share new files of these names; the token of the link."""
    secret = kade.sealer.derive(links.PURPOSE)

    def make(tx: Tx) -> str:
        caller = local_operator(tx)
        root = tenants.root_of(tx, caller.tenant_id).id
        things = []
        for name, content in contents.items():
            wish, arrived = Wish(name, len(content)), Arrived(len(content), content)
            upload = uploads.begin(tx, caller, kade.namers, kade.rules, root, wish, arrived)
            things.append(Thing(file_id=upload.file_id))
        return shares.token(secret, shares.create(tx, caller, secret, things).share)

    return await kade.catalog.write(make)


def soon(milliseconds: int) -> Millis:
    """A moment that is about to come."""
    return Millis(now() + milliseconds)


class Office:
    """The organisation, for tests that are not asynchronous: it works beside a server, in a thread."""

    def __init__(self, config: Path) -> None:
        self._config = config

    def ask(self, *slots: SlotWish, **wish: Any) -> Link:
        """Ask for these files; the words are those of ``ask``."""
        return self._do(lambda kade: ask(kade, *slots, **wish))

    def close(self, link: Link) -> None:
        """End the request."""
        self._do(lambda kade: close(kade, link))

    def sent_files(self, link: Link) -> list[Sent]:
        """The files that came of a request."""
        return self._do(lambda kade: sent_files(kade, link))

    def share(self, contents: Mapping[str, bytes]) -> str:
        """Share these files; the token of the link."""
        return self._do(lambda kade: share(kade, contents))

    def _do(self, work: Callable[[app.Kade], Coroutine[Any, Any, T]]) -> T:
        done: list[T] = []

        async def act() -> None:
            async with app.opened(app.build(load(self._config, {}, app.sections()))) as kade:
                done.append(await work(kade))

        thread = threading.Thread(target=lambda: asyncio.run(act()))
        thread.start()
        thread.join()
        return done[0]

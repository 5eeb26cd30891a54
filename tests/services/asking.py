"""A house that asks for files, and guests who send them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.services.conftest import House
from tests.support.bodies import Body

from kade.core.files import File
from kade.core.ids import Id
from kade.core.ports import Source
from kade.core.principals import Caller, Origin
from kade.core.requests import Slot
from kade.core.uploads import Upload
from kade.services import requests, uploads
from kade.services.requests import RequestWish, SlotWish, View
from kade.services.uploads import Wish

SECRET = b"what links are made with"
PDF = b"%PDF-1.7\n" + b"1 0 obj <<>> endobj\n" * 40
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(600)
LOGO = SlotWish("Logo", "As large as you have it", max_size=10_240, accepts=("image/*",))
LETTER = SlotWish("Letter", accepts=("application/pdf",))
ANYTHING = SlotWish("Anything else", required=False)


@dataclass
class Guest:
    """Whoever has the link of a request."""

    house: House
    caller: Caller
    view: View

    @property
    def slots(self) -> Sequence[Slot]:
        return self.view.slots

    async def begin(self, slot: Slot, name: str, length: int | None, **wish: object) -> Upload:
        wanted = replace(Wish(name, length, slot_id=slot.id), **wish)  # type: ignore[arg-type]
        house = self.house
        return await house.catalog.write(
            uploads.begin, self.caller, house.namers, house.rules, self.view.request.space_id, wanted
        )

    async def append(self, upload: Upload, source: bytes | Source, offset: int = 0) -> Upload:
        body = Body([source]) if isinstance(source, bytes) else source
        return await self.house.appending.append(self.caller, upload.id, offset, body)

    async def put(self, slot: Slot, name: str, data: bytes) -> Upload:
        return await self.append(await self.begin(slot, name, len(data)), data)

    async def look(self) -> View:
        self.view = await self.house.catalog.read(requests.of_guest, self.caller)
        return self.view

    async def send(self) -> View:
        return await self.house.catalog.write(requests.send, self.caller)

    async def file(self, upload: Upload) -> File:
        return await self.house.file(upload)


async def ask(house: House, *slots: SlotWish, **wish: object) -> View:
    """Ask for these files."""
    wanted = replace(RequestWish("Contract renewal", slots), **wish)  # type: ignore[arg-type]
    return await house.catalog.write(requests.create, house.caller, SECRET, house.space.id, wanted)


async def come(house: House, view: View, token: str | None = None) -> Guest:
    """Come by the link of a request."""
    found = token or requests.token(SECRET, view.request)
    caller, seen = await house.catalog.read(requests.visit, found, Origin("page"))
    return Guest(house, caller, seen)


async def asked(house: House, *slots: SlotWish, **wish: object) -> Guest:
    """Ask, and come."""
    return await come(house, await ask(house, *slots, **wish))


async def states(house: House, file_ids: Sequence[Id]) -> list[str]:
    """Of each file, in what state it is."""
    found = await house.catalog.read(lambda tx: tx.files.get_many(file_ids))
    return [found[each].state for each in file_ids]

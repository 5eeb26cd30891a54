"""The inside of the house on SQLite and a local folder, as the composition root wires it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.bodies import Body, HeldBytes
from tests.support.memory_disk import tmp_path as tmp_path

from kade.catalog.sqlite import SqliteCatalog
from kade.core.contents import Content, Extent
from kade.core.files import File
from kade.core.ids import Id
from kade.core.ports import Source, Tx
from kade.core.principals import Caller
from kade.core.spaces import Policy, Quota, Space
from kade.core.uploads import Upload
from kade.services import installing, spaces, tenants, uploads
from kade.services.appending import Appending
from kade.services.digesting import Digesting
from kade.services.leasing import Leasing
from kade.services.naming import Namers
from kade.services.receiving import Checksum, Pace, Tools, TrailingChecksum
from kade.services.transfers import Transfers
from kade.services.uploads import Rules, Wish
from kade.storage.detection import detect
from kade.storage.digests import RunningDigests
from kade.storage.local import LocalSegmentStore

if TYPE_CHECKING:
    from tests.services.workshop import Workshop

PACE = Pace(flush_bytes=1 << 20, flush_s=0.05, slow_after_s=60.0, inline_limit=64)


@dataclass
class House:
    """Catalog, store and flows, with one space and its operator."""

    catalog: SqliteCatalog
    store: LocalSegmentStore
    namers: Namers
    caller: Caller
    space: Space
    tools: Tools
    appending: Appending

    @property
    def rules(self) -> Rules:
        return self.tools.rules

    def with_rules(self, **changes: int) -> "House":
        """The same house by other rules."""
        tools = replace(self.tools, rules=replace(self.rules, **changes))
        return replace(self, tools=tools, appending=Appending(tools))

    def at_pace(self, **changes: float) -> "House":
        """The same house at another pace."""
        values: dict[str, float] = {**changes}
        tools = replace(self.tools, pace=replace(self.tools.pace, **values))  # type: ignore[arg-type]
        return replace(self, tools=tools, appending=Appending(tools))

    async def new_space(
        self, policy: Policy | None = None, ceiling: int | None = None, name: str = "box"
    ) -> Space:
        """Another space below the root."""
        return await self.catalog.write(
            lambda tx: spaces.create(
                tx,
                self.caller,
                self.namers,
                tenants.root_of(tx, self.caller.tenant_id).id,
                name,
                policy=policy,
                ceiling=ceiling,
            )
        )

    async def begin(self, length: int | None, name: str = "a.bin", **wish: object) -> Upload:
        """An upload into the space."""
        wanted = replace(Wish(name, length), **wish)  # type: ignore[arg-type]
        return await self.catalog.write(
            lambda tx: uploads.begin(tx, self.caller, self.namers, self.rules, self.space.id, wanted)
        )

    async def append(
        self,
        upload: Upload,
        offset: int,
        source: bytes | Source,
        *,
        length: int | None = None,
        checksum: Checksum | TrailingChecksum | None = None,
    ) -> Upload:
        """Append by the flow."""
        body = Body([source]) if isinstance(source, bytes) else source
        return await self.appending.append(
            self.caller, upload.id, offset, body, length=length, checksum=checksum
        )

    async def upload_now(self, upload: Upload) -> Upload | None:
        """The row as it stands."""
        return await self.catalog.read(lambda tx: tx.uploads.get(upload.id))

    async def reached(self, upload: Upload, offset: int) -> None:
        """Return once so much is durable."""

        async def there() -> bool:
            return await self.offset(upload) >= offset

        await until(there)

    async def offset(self, upload: Upload) -> int:
        """The durable offset."""
        found = await self.upload_now(upload)
        assert found is not None
        return found.offset

    async def file(self, upload: Upload) -> File:
        """The file that the upload makes."""
        found = await self.catalog.read(lambda tx: tx.files.get(upload.file_id))
        assert found is not None
        return found

    async def content(self, content_id: Id | None) -> Content:
        """A content's row."""
        assert content_id is not None
        found = await self.catalog.read(lambda tx: tx.contents.get(content_id))
        assert found is not None
        return found

    async def stored(self, upload: Upload) -> bytes:
        """The bytes that the catalog says the upload has, read from where they are."""

        def find(tx: Tx) -> tuple[Content | None, list[Extent]]:
            return tx.contents.get(upload.content_id), tx.contents.extents(upload.content_id)

        content, extents = await self.catalog.read(find)
        if content is not None and content.inline is not None:
            return content.inline
        return b"".join([data async for data in self.store.read(extents)])

    async def quota(self) -> Quota:
        """The figures of the space."""
        found = await self.catalog.read(lambda tx: tx.quotas.get(self.space.id))
        assert found is not None
        return found

    async def kinds(self) -> list[str]:
        """What the journal says happened, in order."""
        return [entry.kind for entry in await self.catalog.read(lambda tx: tx.journal.tail(0, 10_000))]

    async def segments(self) -> set[Id]:
        """The segments that are in the store."""
        return {segment_id async for segment_id, _length, _changed in self.store.list()}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once it holds; it must within some seconds."""
    for _ in range(500):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def open_house(folder: Path, template: Path) -> House:
    """A house in a folder that has none yet."""
    shutil.copyfile(template, folder / "catalog.sqlite")
    catalog = SqliteCatalog(folder / "catalog.sqlite", readers=2)
    await catalog.open()
    store = LocalSegmentStore(folder / "segments", threads=2)
    store.prepare()
    namers = Namers()
    caller = await catalog.write(installing.install, namers, "acme", "0" * 64)
    root = await catalog.read(tenants.root_of, caller.tenant_id)
    space = await catalog.write(
        lambda tx: spaces.create(tx, caller, namers, root.id, "inbox", policy=Policy(digests=("md5",)))
    )
    leasing = Leasing(catalog, patience_s=5.0)
    digesting = Digesting(catalog, store, RunningDigests)
    tools = Tools(catalog, store, leasing, Transfers(), digesting, RunningDigests, detect, Rules(), PACE)
    return House(catalog, store, namers, caller, space, tools, Appending(tools))


async def close_house(house: House) -> None:
    """End everything; no leased piece may be left."""
    await house.tools.digesting.close()
    house.store.close()
    await house.catalog.close()
    assert HeldBytes.leased == 0


@pytest.fixture
async def house(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[House]:
    HeldBytes.leased = 0
    opened = await open_house(tmp_path, sqlite_template)
    yield opened
    await close_house(opened)


@pytest.fixture
async def workshop(house: House, tmp_path: Path) -> "Workshop":
    """The house with a worker's parts, and an office in it."""
    from tests.services.filing import an_office
    from tests.services.workshop import Workshop

    return Workshop(house, await an_office(house), tmp_path)

"""Races of file requests on PostgreSQL: sent, filled and closed by several at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import pytest
from tests.catalog.test_interleaving import NAMERS, RULES, Stepped
from tests.support.catalogs import MakeCatalog, on_postgres
from tests.support.sizes import sizes

from kade.core.clock import now
from kade.core.contents import ContentState
from kade.core.errors import FileRequestReason, KadeError, Reason
from kade.core.files import File, FileState
from kade.core.ids import new_id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller, Origin
from kade.core.requests import FileRequest, RequestState, Slot
from kade.core.uploads import Upload
from kade.services import installing, requests, tenants, uploads
from kade.services.requests import RequestWish, SlotWish, View
from kade.services.uploads import Arrived, Wish

pytestmark = pytest.mark.needs("postgres")
SECRET = b"what links are made with"


class Asked(NamedTuple):
    """A request with one slot: who made it, and whoever has the link."""

    catalog: Catalog
    operator: Caller
    guest: Caller
    request: FileRequest
    slot: Slot

    async def sent(self, length: int) -> tuple[Upload, Callable[[Tx], None]]:
        """An upload into the slot whose bytes are all sent, and what it does with the last of them."""
        wish = Wish("letter.txt", length, slot_id=self.slot.id)
        upload = await self.catalog.write(
            uploads.begin, self.guest, NAMERS, RULES, self.request.space_id, wish
        )
        lease = await self.catalog.write(lambda tx: tx.uploads.take_lease(upload.id, "h", 60_000))
        assert lease is not None

        def finish(tx: Tx) -> None:
            tx.uploads.advance(lease, 0, length, 60_000, upload.expires_at)
            arrived = Arrived(length, inline=b"x" * length, sha256="0", detected_type="text/plain")
            uploads.finish(tx, self.guest, RULES, upload._replace(offset=length), arrived)
            tx.uploads.release(lease, None)

        return upload, finish

    def send(self, tx: Tx) -> View:
        return requests.send(tx, self.guest)

    def close(self, tx: Tx) -> None:
        requests.close(tx, self.operator, self.request)

    async def assert_has(self, kept: Upload | None, state: FileState, *others: Upload) -> None:
        """The slot has this upload's file, in this state; the *others* are given up; the books add up."""

        def look(tx: Tx) -> None:
            slot = tx.file_requests.slot(self.slot.id)
            assert slot is not None and slot.file_id == (kept.file_id if kept else None)
            for other in others:
                self._assert_discarded(tx, other)
            quota = tx.quotas.get(self.request.space_id)
            assert quota is not None
            length = kept.length or 0 if kept else 0
            expected = (length, 0) if state is FileState.LIVE else (0, length)
            assert (quota.used, quota.reserved) == tx.quotas.actual(self.request.space_id) == expected
            if kept is not None:
                file = tx.files.get(kept.file_id)
                content = tx.contents.get(kept.content_id)
                assert file is not None and file.state == state
                assert content is not None and content.state == ContentState.LIVE

        await self.catalog.read(look)

    def _assert_discarded(self, tx: Tx, upload: Upload) -> None:
        file, content = tx.files.get(upload.file_id), tx.contents.get(upload.content_id)
        assert tx.uploads.get(upload.id) is None
        assert file is not None and file.state == FileState.REFUSED
        assert content is None or content.state == ContentState.CONDEMNED

    async def live(self) -> list[File]:
        space_id = self.request.space_id
        return await self.catalog.read(lambda tx: tx.files.of_space(space_id, (FileState.LIVE,)))


@pytest.fixture
def new_postgres(request: pytest.FixtureRequest) -> MakeCatalog:
    return on_postgres(request)


async def ask(catalog: Catalog) -> Asked:
    """One more house that asks for a file."""

    def build(tx: Tx) -> Asked:
        operator = installing.install(tx, NAMERS, f"t{new_id()}", new_id())
        root = tenants.root_of(tx, operator.tenant_id)
        view = requests.create(tx, operator, SECRET, root.id, RequestWish("Papers", (SlotWish("Letter"),)))
        guest, _ = requests.visit(tx, requests.token(SECRET, view.request), Origin("page"))
        return Asked(catalog, operator, guest, view.request, view.slots[0])

    return await catalog.write(build)


@pytest.fixture
async def asked(new_postgres: MakeCatalog) -> AsyncIterator[Asked]:
    catalog = new_postgres()
    await catalog.open()
    yield await ask(catalog)
    await catalog.close()


@pytest.fixture
def stepped(asked: Asked) -> Stepped:
    return Stepped(asked.catalog)


def reason(error: object) -> Reason:
    """Why it was refused."""
    assert isinstance(error, KadeError), error
    return error.reason


async def test_of_two_that_send_one_completes_the_request(asked: Asked, stepped: Stepped) -> None:
    upload, finish = await asked.sent(10)
    await asked.catalog.write(finish)
    one, two = await stepped.run(asked.send, asked.send)
    assert isinstance(one, View) and one.request.completed_at is not None
    assert reason(two) is FileRequestReason.COMPLETED
    await asked.assert_has(upload, FileState.LIVE)


async def test_a_slot_that_two_fill_has_one_file(asked: Asked, stepped: Stepped) -> None:
    (former, first), (latter, second) = await asked.sent(10), await asked.sent(20)
    assert await stepped.run(first, second) == (None, None)
    await asked.assert_has(latter, FileState.RECEIVING, former)
    await asked.catalog.write(asked.send)
    await asked.assert_has(latter, FileState.LIVE, former)


@pytest.mark.parametrize("sending_first", [True, False])
async def test_a_file_is_replaced_before_it_is_sent_or_stays(
    asked: Asked, stepped: Stepped, sending_first: bool
) -> None:
    (former, fill), (latter, replace) = await asked.sent(10), await asked.sent(20)
    await asked.catalog.write(fill)
    if sending_first:
        sent, refused = await stepped.run(asked.send, replace)
        assert isinstance(refused, KadeError)
        await asked.assert_has(former, FileState.LIVE, latter)
    else:
        replaced, sent = await stepped.run(replace, asked.send)
        assert replaced is None
        await asked.assert_has(latter, FileState.LIVE, former)
    assert isinstance(sent, View) and sent.request.completed_at is not None


@pytest.mark.parametrize("emptying_first", [True, False])
async def test_a_slot_is_emptied_before_it_is_sent_or_stays(
    asked: Asked, stepped: Stepped, emptying_first: bool
) -> None:
    upload, fill = await asked.sent(10)
    await asked.catalog.write(fill)

    def empty(tx: Tx) -> None:
        requests.empty(tx, asked.guest, asked.slot.id)

    if emptying_first:
        _, refused = await stepped.run(empty, asked.send)
        assert reason(refused) is FileRequestReason.SLOTS_EMPTY
        await asked.assert_has(None, FileState.RECEIVING, upload)
    else:
        _, refused = await stepped.run(asked.send, empty)
        assert reason(refused) is FileRequestReason.COMPLETED
        await asked.assert_has(upload, FileState.LIVE)


@pytest.mark.parametrize("closing_first", [True, False])
async def test_what_is_put_there_as_a_request_is_closed_is_not_kept(
    asked: Asked, stepped: Stepped, closing_first: bool
) -> None:
    upload, finish = await asked.sent(10)
    if closing_first:
        closed, refused = await stepped.run(asked.close, finish)
        assert isinstance(refused, KadeError)
    else:
        finished, closed = await stepped.run(finish, asked.close)
        assert finished is None
    assert closed is None
    await asked.assert_has(None, FileState.RECEIVING, upload)


async def test_whoever_fills_and_sends_at_once_leaves_one_file(asked: Asked) -> None:
    for _ in range(max(sizes.interleavings // 5, 2)):
        each = await ask(asked.catalog)
        made = [await each.sent(10 + number) for number in range(6)]
        jobs: list[Callable[[Tx], object]] = [finish for _, finish in made]
        jobs[3:3] = [each.send, each.send]
        results = await asyncio.gather(*map(asked.catalog.write, jobs), return_exceptions=True)
        unforeseen = [one for one in results if isinstance(one, Exception) and not isinstance(one, KadeError)]
        assert not unforeseen
        request = await asked.catalog.read(lambda tx, of: tx.file_requests.get(of), each.request.id)
        assert request is not None
        if request.state(now()) is RequestState.OPEN:  # both came before the first file
            await asked.catalog.write(each.send)
        (file,) = await each.live()
        (kept,) = [upload for upload, _ in made if upload.file_id == file.id]
        await each.assert_has(kept, FileState.LIVE, *(one for one, _ in made if one is not kept))

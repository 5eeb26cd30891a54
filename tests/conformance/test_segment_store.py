"""Every segment store. A new one is a line in ``STORES``: a function from a folder to a prepared store."""

import asyncio
import hashlib
import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.bodies import HeldBytes

from kade.core.clock import now
from kade.core.contents import Extent
from kade.core.errors import KadeError, UploadReason
from kade.core.ids import Id, new_id
from kade.core.ports import SegmentStore, Sink
from kade.storage.digests import RunningDigests
from kade.storage.local import LocalSegmentStore

DATA = os.urandom(300_000)
Close = Callable[[], None]


def local(folder: Path) -> tuple[SegmentStore, Close]:
    store = LocalSegmentStore(folder / "segments", threads=2)
    store.prepare()
    store.prepare()  # it is safe to repeat
    return store, store.close


STORES = {"local": local}


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SegmentStore]:
    HeldBytes.leased = 0
    made, close = request.param(tmp_path)
    yield made
    close()
    assert HeldBytes.leased == 0  # whatever happened, each piece came back once


async def write(sink: Sink, *pieces: bytes) -> None:
    for piece in pieces:
        await sink.write(HeldBytes(piece))


async def put(store: SegmentStore, data: bytes) -> Id:
    sink = await store.create(new_id())
    await write(sink, data)
    await sink.sync()
    await sink.close()
    return sink.segment_id


async def get(store: SegmentStore, *extents: Extent, piece: int = 1 << 18) -> bytes:
    return b"".join([data async for data in store.read(extents, piece)])


async def test_what_was_written_is_read(store: SegmentStore) -> None:
    sink = await store.create(new_id())
    assert sink.written == 0
    await write(sink, DATA[:1], b"", DATA[1:1000], DATA[1000:])
    assert sink.written == len(DATA)
    assert await sink.sync() == len(DATA)
    await sink.close()
    await sink.close()
    assert await get(store, Extent(sink.segment_id, 0, len(DATA))) == DATA


async def test_many_small_pieces_keep_their_order(store: SegmentStore) -> None:
    sink = await store.create(new_id())
    for first in range(0, 30_000, 100):
        await write(sink, DATA[first : first + 100])
        if first % 5000 == 0:
            assert await sink.sync() == first + 100
    await sink.sync()
    await sink.close()
    assert await get(store, Extent(sink.segment_id, 0, 30_000)) == DATA[:30_000]


async def test_an_absorber_sees_every_byte_in_order(store: SegmentStore) -> None:
    digests = RunningDigests(("sha256",))
    sink = await store.create(new_id(), digests)
    await write(sink, DATA[:100_000], DATA[100_000:])
    await sink.sync()
    assert digests.hexdigest("sha256") == hashlib.sha256(DATA).hexdigest()
    await sink.close()
    more = RunningDigests(("sha256",))
    resumed = await store.resume(sink.segment_id, len(DATA), more)
    assert resumed is not None
    await write(resumed, b"abc")
    await resumed.sync()
    await resumed.close()
    assert (more.length, more.hexdigest("sha256")) == (3, hashlib.sha256(b"abc").hexdigest())


@pytest.mark.parametrize("length", [0, 1, 1000, len(DATA)])
async def test_a_segment_is_gone_on_with_and_its_surplus_dropped(store: SegmentStore, length: int) -> None:
    segment_id = await put(store, DATA)
    sink = await store.resume(segment_id, length)
    assert sink is not None and sink.written == length
    await write(sink, b"new")
    assert await sink.sync() == length + 3
    await sink.close()
    assert await get(store, Extent(segment_id, 0, length + 3)) == DATA[:length] + b"new"
    assert [size async for _id, size, _at in store.list()] == [length + 3]


async def test_what_is_missing_or_too_short_is_not_gone_on_with(store: SegmentStore) -> None:
    assert await store.resume(new_id(), 0) is None
    segment_id = await put(store, b"abc")
    assert await store.resume(segment_id, 4) is None
    assert await get(store, Extent(segment_id, 0, 3)) == b"abc"


async def test_rewinding_drops_what_lies_beyond(store: SegmentStore) -> None:
    sink = await store.create(new_id())
    await write(sink, DATA[:1000])
    await sink.sync()
    await write(sink, DATA[1000:2000])
    await sink.rewind(1000)
    assert sink.written == 1000
    await write(sink, b"xyz")
    assert await sink.sync() == 1003
    await sink.close()
    assert await get(store, Extent(sink.segment_id, 0, 1003)) == DATA[:1000] + b"xyz"


async def test_an_id_is_used_once(store: SegmentStore) -> None:
    segment_id = await put(store, b"abc")
    with pytest.raises(OSError):
        await store.create(segment_id)
    assert await get(store, Extent(segment_id, 0, 3)) == b"abc"


async def test_extents_are_read_in_order_in_pieces(store: SegmentStore) -> None:
    one, two = await put(store, DATA), await put(store, b"second")
    extents = [Extent(two, 1, 3), Extent(one, 100, 250_000), Extent(two, 0, 1), Extent(one, 5, 0)]
    expected = b"eco" + DATA[100:250_100] + b"s"
    assert await get(store, *extents) == expected
    assert await get(store, *extents, piece=997) == expected
    sizes = [len(data) async for data in store.read(extents, 100_000)]
    assert max(sizes) == 100_000
    assert await get(store) == b""


async def test_reading_beyond_the_end_fails_and_never_gives_less(store: SegmentStore) -> None:
    segment_id = await put(store, b"abc")
    with pytest.raises(EOFError):
        await get(store, Extent(segment_id, 0, 4))
    with pytest.raises(FileNotFoundError):
        await get(store, Extent(new_id(), 0, 1))


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_reader_that_stops_early_leaves_nothing_open(store: SegmentStore) -> None:
    segment_id = await put(store, DATA)
    before = _open_files()
    reading = store.read([Extent(segment_id, 0, len(DATA))], 1000)
    assert await anext(reading) == DATA[:1000]
    await reading.aclose()  # type: ignore[attr-defined]
    assert _open_files() == before


async def test_a_located_extent_can_be_read_from_its_path(store: SegmentStore) -> None:
    segment_id = await put(store, DATA)
    path = store.locate(Extent(segment_id, 10, 20))
    if path is not None:
        data = await asyncio.to_thread(Path(path).read_bytes)
        assert data[10:30] == DATA[10:30]


async def test_deleting_twice_is_harmless(store: SegmentStore) -> None:
    one, two = await put(store, b"abc"), await put(store, b"de")
    await store.delete(one)
    await store.delete(one)
    await store.delete(new_id())
    assert [(each, size) async for each, size, _at in store.list()] == [(two, 2)]


async def test_the_list_tells_lengths_and_times(store: SegmentStore) -> None:
    before = now()
    made = {await put(store, DATA[:size]): size for size in (0, 1, 4000)}
    listed = [each async for each in store.list()]
    assert {segment_id: size for segment_id, size, _at in listed} == made
    assert all(before - 2000 <= at <= now() + 2000 for _id, _size, at in listed)


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """A full disk for everybody, root too: no file of this process grows beyond *size* bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_told_and_what_was_synced_stays(store: SegmentStore) -> None:
    sink = await store.create(new_id())
    await write(sink, DATA[:1000])
    await sink.sync()
    with no_file_beyond(50_000):
        with pytest.raises(KadeError) as refused:
            for first in range(1000, len(DATA), 10_000):
                await write(sink, DATA[first : first + 10_000])
            await sink.sync()
        assert refused.value.reason is UploadReason.DISK_FULL
        await sink.rewind(1000)
        await sink.close()
    resumed = await store.resume(sink.segment_id, 1000)
    assert resumed is not None
    await write(resumed, DATA[1000:])
    await resumed.sync()
    await resumed.close()
    assert await get(store, Extent(sink.segment_id, 0, len(DATA))) == DATA


async def test_a_sink_that_is_closed_at_once_has_finished_its_writes(store: SegmentStore) -> None:
    sink = await store.create(new_id())
    await write(sink, DATA)
    await sink.close()
    assert [size async for _id, size, _at in store.list()] == [len(DATA)]


async def test_a_writer_that_is_cancelled_gives_its_pieces_back(store: SegmentStore) -> None:
    sink = await store.create(new_id())

    async def write_for_ever() -> None:
        while True:
            await write(sink, DATA)

    writing = asyncio.create_task(write_for_ever())
    await asyncio.sleep(0.05)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await sink.close()
    await store.delete(sink.segment_id)

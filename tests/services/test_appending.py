"""Appending: what is kept, what is dropped, and who may write."""

import asyncio
import hashlib
import sqlite3
import zlib
from pathlib import Path

import pytest
from tests.services.conftest import House
from tests.support.bodies import Body, Stream

from kade.core.contents import ContentState
from kade.core.errors import KadeError, Reason, RequestReason, UploadReason
from kade.core.files import FileState
from kade.core.ports import Tx
from kade.core.uploads import UploadKind, UploadState
from kade.services import uploads
from kade.services.appending import Appending
from kade.services.receiving import Checksum

DATA = bytes(range(256)) * 20


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def refusal(awaitable: object) -> Reason:
    with pytest.raises(KadeError) as refused:
        await awaitable  # type: ignore[misc]
    return refused.value.reason


async def test_a_body_becomes_a_live_file(house: House) -> None:
    upload = await house.begin(len(DATA))
    done = await house.append(upload, 0, DATA)
    assert (done.state, done.offset) == (UploadState.FINISHED, len(DATA))
    file, content = await house.file(upload), await house.content(upload.content_id)
    assert (file.state, file.length) == (FileState.LIVE, len(DATA))
    assert (content.state, content.sha256) == (ContentState.LIVE, sha256(DATA))
    assert content.md5 == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    assert await house.stored(upload) == DATA
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (len(DATA), 0)
    assert (await house.kinds())[-2:] == ["upload.created", "file.created"]


async def test_a_small_whole_file_lies_in_the_catalog(house: House) -> None:
    upload = await house.begin(64)
    await house.append(upload, 0, Body([b"x" * 40, b"y" * 24]))
    content = await house.content(upload.content_id)
    assert content.inline == b"x" * 40 + b"y" * 24
    assert content.sha256 == sha256(content.inline)
    assert await house.segments() == set()


@pytest.mark.parametrize("steps", [[b"x" * 40, b"", b"y" * 24], [b"", b"x" * 40, b"y" * 24]])
async def test_a_small_file_that_comes_with_a_pause_is_complete(house: House, steps: list[bytes]) -> None:
    upload = await house.begin(64)
    await house.append(upload, 0, Body(steps))
    assert await house.stored(upload) == b"x" * 40 + b"y" * 24


async def test_a_small_file_that_is_cut_keeps_what_came(house: House) -> None:
    upload = await house.begin(64)
    cut = Body([b"x" * 40, KadeError(RequestReason.LINE_CUT)], remaining=64)
    assert await refusal(house.append(upload, 0, cut)) is RequestReason.LINE_CUT
    assert await house.offset(upload) == 40
    await house.append(upload, 40, b"y" * 24)
    assert await house.stored(upload) == b"x" * 40 + b"y" * 24


async def test_a_body_may_come_in_many_appends(house: House) -> None:
    upload = await house.begin(len(DATA))
    for start in range(0, len(DATA), 1000):
        await house.append(upload, start, DATA[start : start + 1000])
    assert await house.stored(upload) == DATA
    assert (await house.content(upload.content_id)).sha256 == sha256(DATA)
    extents = await house.catalog.read(lambda tx: tx.contents.extents(upload.content_id))
    assert len(extents) == 1  # the same holder going on extends its segment


@pytest.mark.parametrize(
    "reason", [RequestReason.LINE_CUT, RequestReason.TOO_SLOW, RequestReason.SHUTTING_DOWN]
)
async def test_what_came_before_a_cut_is_kept(house: House, reason: Reason) -> None:
    upload = await house.begin(len(DATA))
    body = Body([DATA[:1000], DATA[1000:1500], KadeError(reason)], remaining=len(DATA))
    assert await refusal(house.append(upload, 0, body)) is reason
    assert await house.offset(upload) == 1500
    assert await house.stored(upload) == DATA[:1500]
    await house.append(upload, 1500, DATA[1500:])
    assert await house.stored(upload) == DATA
    assert (await house.content(upload.content_id)).sha256 == sha256(DATA)


async def test_a_wrong_offset_is_told_the_right_one(house: House) -> None:
    upload = await house.begin(len(DATA))
    await house.append(upload, 0, DATA[:10])
    for offset in (0, 9, 11, 10**30):
        with pytest.raises(KadeError) as refused:
            await house.append(upload, offset, DATA[10:])
        assert refused.value.reason is UploadReason.OFFSET_MISMATCH
        assert refused.value.facts == {"offset": 10}
    assert (await house.upload_now(upload) or upload).lease_holder is None


async def test_bytes_beyond_the_length_are_refused(house: House) -> None:
    upload = await house.begin(100)
    assert await refusal(house.append(upload, 0, b"x" * 101)) is UploadReason.LENGTH_EXCEEDED
    unknown = Body([b"x" * 60, b"x" * 60], remaining=None)
    assert await refusal(house.append(upload, 0, unknown)) is UploadReason.LENGTH_EXCEEDED
    assert await house.offset(upload) == 0
    assert await house.segments() == set()


async def test_nobody_appends_to_what_is_not_his(house: House) -> None:
    upload = await house.begin(100)
    await house.catalog.write(
        lambda tx: tx.uploads.add(upload._replace(id=upload.file_id, principal_id=upload.id))
    )
    stranger = upload._replace(id=upload.file_id)
    assert await refusal(house.append(stranger, 0, b"x")) is UploadReason.UNKNOWN


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "crc32", "sha256", "sha512"])
async def test_a_checksum_that_holds_is_accepted(house: House, algorithm: str) -> None:
    upload = await house.begin(len(DATA))
    part = DATA[:3000]
    value = f"{zlib.crc32(part):08x}" if algorithm == "crc32" else hashlib.new(algorithm, part).hexdigest()
    await house.append(upload, 0, part, checksum=Checksum(algorithm, value))
    await house.append(upload, 3000, DATA[3000:])
    assert await house.stored(upload) == DATA
    assert (await house.content(upload.content_id)).sha256 == sha256(DATA)


@pytest.mark.parametrize("start", [0, 1000])
async def test_bytes_with_a_wrong_checksum_are_not_kept(house: House, start: int) -> None:
    upload = await house.begin(len(DATA))
    if start:
        await house.append(upload, 0, DATA[:start])
    before = await house.segments()
    wrong = Checksum("sha256", sha256(b"other"))
    reason = await refusal(house.append(upload, start, DATA[start:3000], checksum=wrong))
    assert reason is UploadReason.CHECKSUM_MISMATCH
    assert await house.offset(upload) == start
    assert await house.segments() == before
    await house.append(upload, start, DATA[start:])
    assert await house.stored(upload) == DATA
    assert (await house.content(upload.content_id)).sha256 == sha256(DATA)


async def test_a_cut_with_a_checksum_keeps_nothing(house: House) -> None:
    upload = await house.begin(len(DATA))
    body = Body([DATA[:1000], KadeError(RequestReason.LINE_CUT)], remaining=3000)
    checksum = Checksum("sha256", sha256(DATA[:3000]))
    assert await refusal(house.append(upload, 0, body, checksum=checksum)) is RequestReason.LINE_CUT
    assert await house.offset(upload) == 0
    assert await house.segments() == set()


@pytest.mark.parametrize("start", [0, 1000])
async def test_a_trailing_checksum_is_read_after_the_body(house: House, start: int) -> None:
    upload = await house.begin(len(DATA))
    if start:
        await house.append(upload, 0, DATA[:start])

    async def send(claimed: bytes) -> None:
        body = Body([DATA[start:3000]], remaining=None, trailers={"sum": sha256(claimed)})
        await house.append(upload, start, body, checksum=lambda trailers: Checksum("sha256", trailers["sum"]))

    assert await refusal(send(b"other")) is UploadReason.CHECKSUM_MISMATCH
    assert await house.offset(upload) == start
    await send(DATA[start:3000])
    assert await house.stored(upload) == DATA[:3000]
    empty = Body([], remaining=None, trailers={"sum": sha256(b"")})
    await house.append(upload, 3000, empty, checksum=lambda given: Checksum("sha256", given["sum"]))
    await house.append(upload, 3000, DATA[3000:])
    assert (await house.content(upload.content_id)).sha256 == sha256(DATA)


async def test_a_body_that_is_too_slow_is_cut_and_kept(house: House) -> None:
    slow = house.at_pace(slow_after_s=0.05, min_rate=100_000)
    upload = await slow.begin(len(DATA))

    async def pause() -> None:
        await asyncio.sleep(0.03)

    body = Body([DATA[:10], pause, DATA[10:20], pause, DATA[20:30], pause, DATA[30:40]], remaining=len(DATA))
    assert await refusal(slow.append(upload, 0, body)) is RequestReason.TOO_SLOW
    kept = await slow.offset(upload)
    assert 0 < kept < len(DATA)
    assert await slow.stored(upload) == DATA[:kept]


async def test_a_body_that_is_fast_enough_may_take_its_time(house: House) -> None:
    slow = house.at_pace(slow_after_s=0.02, min_rate=1)
    upload = await slow.begin(100)

    async def pause() -> None:
        await asyncio.sleep(0.03)

    await slow.append(upload, 0, Body([b"x" * 50, pause, b"y" * 50]))
    assert await slow.stored(upload) == b"x" * 50 + b"y" * 50


async def test_a_silent_holder_keeps_its_lease_by_looking_up(house: House) -> None:
    upload = await house.begin(1000)
    stream = Stream(1000)
    running = asyncio.create_task(house.append(upload, 0, stream))
    stream.feed(b"x" * 500)
    await house.reached(upload, 1)
    stream.feed(b"y" * 500)
    stream.end()
    assert (await running).state == UploadState.FINISHED


async def test_the_newer_one_gets_through_and_no_byte_is_lost(house: House) -> None:
    upload = await house.begin(len(DATA))
    stream = Stream(len(DATA))
    older = asyncio.create_task(house.append(upload, 0, stream))
    stream.feed(DATA[:700])
    await house.reached(upload, 700)
    stream.feed(DATA[700:900])
    await asyncio.sleep(0)
    found = await house.appending.settled(house.caller, lambda tx: uploads.find(tx, house.caller, upload.id))
    assert await refusal(older) is UploadReason.TAKEN_OVER
    assert found.offset in (700, 900)
    await house.append(upload, found.offset, DATA[found.offset :])
    assert await house.stored(upload) == DATA


async def test_a_holder_that_stalls_cannot_write_into_a_newer_ones_range(house: House) -> None:
    upload = await house.begin(len(DATA))
    await house.append(upload, 0, DATA[:1000])  # leaves a tail that may be gone on with
    stalled = Stream(len(DATA) - 1000)
    checksum = Checksum("sha256", sha256(DATA[1000:]))
    older = asyncio.create_task(house.append(upload, 1000, stalled, checksum=checksum))
    stalled.feed(b"\xff" * 2000)
    await asyncio.sleep(0.05)
    # The older one's process hangs: its lease runs out without a word.
    await house.catalog.write(lambda tx: _lapse(tx, upload.id))
    await house.append(upload, 1000, DATA[1000:3000])
    stalled.feed(b"\xff" * 500)
    await asyncio.sleep(0.05)
    assert await house.stored(upload) == DATA[:3000]
    stalled.cut()
    assert await refusal(older) is RequestReason.LINE_CUT
    await house.append(upload, 3000, DATA[3000:])
    assert await house.stored(upload) == DATA


def _lapse(tx: Tx, upload_id: object) -> None:
    upload = tx.uploads.get(upload_id)  # type: ignore[arg-type]
    assert upload is not None and upload.lease_holder is not None
    tx.uploads.forget(upload.id)
    tx.uploads.add(upload._replace(lease_holder=None))


async def test_an_append_that_is_cancelled_while_it_commits_loses_nothing(
    house: House, tmp_path: Path
) -> None:
    upload = await house.begin(len(DATA))
    other = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    held = asyncio.Event()

    async def somebody_else_writes() -> None:
        other.execute("BEGIN IMMEDIATE")
        held.set()

    run = asyncio.create_task(house.append(upload, 0, Body([DATA, somebody_else_writes])))
    await held.wait()
    await asyncio.sleep(0.1)  # by now the commit waits for the other writer
    run.cancel()
    await asyncio.sleep(0.05)
    other.close()
    with pytest.raises(asyncio.CancelledError):
        await run
    offset = await house.offset(upload)
    assert await house.stored(upload) == DATA[:offset]


async def test_an_append_that_is_cancelled_drops_what_is_not_committed(house: House) -> None:
    upload = await house.begin(len(DATA))
    stream = Stream(len(DATA))
    run = asyncio.create_task(house.at_pace(flush_s=60.0).append(upload, 0, stream))
    stream.feed(DATA[:500])
    await asyncio.sleep(0.05)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    now = await house.upload_now(upload)
    assert now is not None and (now.offset, now.lease_holder) == (0, None)
    assert await house.segments() == set()


async def test_parts_finish_without_a_file(house: House) -> None:
    upload = await house.begin(len(DATA), kind=UploadKind.PARTIAL)
    done = await house.append(upload, 0, DATA)
    assert done.state == UploadState.FINISHED
    assert await house.catalog.read(lambda tx: tx.files.get(upload.file_id)) is None
    assert (await house.quota()).reserved == len(DATA)


async def test_the_digest_of_what_an_upload_has_runs_along_or_is_read(house: House) -> None:
    upload = await house.begin(None)
    grown = await house.append(upload, 0, DATA)
    assert await house.appending.digest(grown, "sha256") == hashlib.sha256(DATA).hexdigest()
    assert await house.appending.digest(grown, "sha512") == hashlib.sha512(DATA).hexdigest()
    forgetful = Appending(house.tools)
    assert await forgetful.digest(grown, "sha256") == hashlib.sha256(DATA).hexdigest()
    with pytest.raises(KadeError) as refused:
        await house.appending.digest(grown._replace(offset=1), "sha256")
    assert refused.value.reason is UploadReason.OFFSET_MISMATCH

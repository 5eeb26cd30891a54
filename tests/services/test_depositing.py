"""Whole files of unknown length: all of one counts or nothing, and its door has the last word."""

import asyncio

import pytest
from tests.services.conftest import House
from tests.services.test_appending import refusal, sha256
from tests.support.bodies import Body, Stream

from kade.core.errors import FileReason, KadeError, RequestReason, UploadReason
from kade.core.files import FileState
from kade.core.ports import Source, Tx
from kade.core.uploads import Upload, UploadState
from kade.services import files, uploads
from kade.services.gathering import gather
from kade.services.receiving import Checksum, Closing
from kade.services.uploads import Arrived, Wish

SMALL, LARGE = b"small" * 4, bytes(range(256)) * 40


def accept(_tx: Tx, _upload: Upload, _arrived: Arrived) -> None:
    """The last word: nothing against it."""


async def deposit(house: House, source: Source, closing: Closing = accept) -> Upload:
    def begin(tx: Tx) -> Upload:
        wish = Wish("form.bin", None)
        return uploads.begin(tx, house.caller, house.namers, house.rules, house.space.id, wish)

    return await house.appending.deposit_whole(house.caller, begin, source, closing)


async def nothing_is_left(house: House) -> bool:
    """No upload, no quota, no segment, no living file."""
    figures = await house.quota()
    left = await house.catalog.read(
        lambda tx: [
            *tx.uploads.page(None, 10),
            *tx.files.of_space(house.space.id, (FileState.LIVE,), limit=9),
        ]
    )
    return not left and (figures.used, figures.reserved) == (0, 0) and not await house.segments()


@pytest.mark.parametrize("remaining", [None, -1])
@pytest.mark.parametrize("steps", [[], [SMALL], [SMALL, b"", SMALL], [LARGE], [LARGE, b"", LARGE]])
async def test_all_that_comes_is_the_file(house: House, steps: list[bytes], remaining: int | None) -> None:
    done = await deposit(house, Body(steps, remaining=remaining))
    data = b"".join(steps)
    assert (done.state, done.offset) == (UploadState.FINISHED, len(data))
    file, content = await house.file(done), await house.content(done.content_id)
    assert (file.state, file.length, content.sha256) == (FileState.LIVE, len(data), sha256(data))
    assert await house.stored(done) == data
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (len(data), 0)


@pytest.mark.parametrize("data", [SMALL, LARGE])
async def test_the_last_word_changes_the_file(house: House, data: bytes) -> None:
    told: list[Arrived] = []

    def rename(tx: Tx, upload: Upload, arrived: Arrived) -> None:
        told.append(arrived)
        file = tx.files.get(upload.file_id)
        assert file is not None and file.state == FileState.RECEIVING
        files.change(tx, file, annotations="signed")

    done = await deposit(house, Body([data], remaining=None), rename)
    file = await house.file(done)
    assert (file.annotations, file.state) == ("signed", FileState.LIVE)
    assert [(arrived.length, arrived.sha256) for arrived in told] == [(len(data), sha256(data))]


@pytest.mark.parametrize("data", [SMALL, LARGE])
async def test_the_last_word_refuses_the_file(house: House, data: bytes) -> None:
    def refuse(_tx: Tx, _upload: Upload, _arrived: Arrived) -> None:
        raise KadeError(FileReason.BAD_NAME)

    assert await refusal(deposit(house, Body([data], remaining=None), refuse)) is FileReason.BAD_NAME
    assert await nothing_is_left(house)


@pytest.mark.parametrize("steps", [[SMALL], [LARGE], [SMALL, LARGE]])
async def test_of_a_body_that_is_cut_nothing_is_left(house: House, steps: list[bytes]) -> None:
    body = Body([*steps, KadeError(RequestReason.LINE_CUT)], remaining=None)
    assert await refusal(deposit(house, body)) is RequestReason.LINE_CUT
    assert await nothing_is_left(house)


async def test_of_a_deposit_that_is_cancelled_nothing_is_left(house: House) -> None:
    stream = Stream()
    running = asyncio.create_task(deposit(house.at_pace(flush_s=60.0), stream))
    stream.feed(LARGE)
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await nothing_is_left(house)


async def test_a_deposit_that_was_ended_meanwhile_is_not_given_up_twice(house: House) -> None:
    def end_first(tx: Tx, upload: Upload) -> None:
        uploads.discard(tx, upload)

    async def end() -> None:
        (upload,) = await house.catalog.read(lambda tx: tx.uploads.page(None, 10))
        await house.catalog.write(end_first, upload)

    assert await refusal(deposit(house, Body([LARGE, end, LARGE], remaining=None))) is UploadReason.TAKEN_OVER
    assert await nothing_is_left(house)


@pytest.mark.parametrize("data", [SMALL, LARGE])
async def test_a_file_with_a_last_word_is_held_to_its_checksum(house: House, data: bytes) -> None:
    async def send(claimed: bytes) -> Upload:
        upload = await house.begin(None)
        checksum = Checksum("sha256", sha256(claimed))
        return await house.appending.append(
            house.caller, upload.id, 0, Body([data], remaining=None), checksum=checksum, closing=accept
        )

    assert await refusal(send(b"other")) is UploadReason.CHECKSUM_MISMATCH
    done = await send(data)
    assert done.state == UploadState.FINISHED
    assert await house.stored(done) == data


async def test_what_was_gathered_is_followed_by_the_rest() -> None:
    body = Body([b"one", b"", b"two"], trailers={"sum": "1"})
    gathered = await gather(body, 100)
    assert gathered is not None and (gathered.data, gathered.ended) == (b"one", False)
    whole = gathered.followed_by(body)
    assert whole.remaining == 6
    read = []
    while (piece := await whole.read(1.0)) is not None:
        read.append(bytes(piece.data))
        piece.release()
    assert (read, whole.remaining, whole.trailers) == ([b"one", b"two"], 0, {"sum": "1"})


async def test_an_upload_expires_once(house: House) -> None:
    upload = await house.with_rules(expire_after=-1).begin(10)
    for _ in range(2):
        await house.catalog.write(lambda tx: uploads.expire(tx, house.rules, upload))
    assert (await house.kinds()).count("upload.expired") == 1

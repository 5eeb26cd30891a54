"""What goes on besides: digests, media types, the audit trail, watching the journal."""

import asyncio
import hashlib

import pytest
from structlog.testing import capture_logs
from tests.services.conftest import House, until
from tests.services.test_appending import refusal, sha256
from tests.support.nouns import a_content

from kade.core.clock import now
from kade.core.contents import ContentState, Extent, Segment
from kade.core.errors import FileReason, KadeError, RequestReason, UploadReason
from kade.core.events import Event, JournalEntry
from kade.core.files import FileState
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Origin
from kade.core.uploads import Upload
from kade.services.appending import Appending
from kade.services.audit import Audit
from kade.services.digesting import Digesting
from kade.services.examining import Examining
from kade.services.leasing import Leasing
from kade.services.transfers import Transfers
from kade.services.watching import Watching
from kade.storage.detection import detect
from kade.storage.digests import RunningDigests

DATA = b"%PDF-1.7\n" + bytes(range(256)) * 4


async def finished(house: House, data: bytes = DATA) -> Upload:
    upload = await house.begin(len(data))
    await house.append(upload, 0, data)
    return upload


async def test_a_lost_midstate_leaves_the_digest_pending_and_computed_in_the_background(house: House) -> None:
    upload = await house.begin(len(DATA))
    await house.append(upload, 0, DATA[:500])
    house.appending = Appending(house.tools)  # a process that began anew
    await house.append(upload, 500, DATA[500:])
    assert (await house.file(upload)).state == FileState.LIVE

    async def known() -> bool:
        return (await house.content(upload.content_id)).sha256 is not None

    await until(known)
    content = await house.content(upload.content_id)
    assert content.sha256 == sha256(DATA) and content.detected_type == "application/pdf"


async def test_midstates_are_kept_for_so_many_uploads(house: House) -> None:
    house.appending = Appending(house.tools, midstates=1)
    one, two = await house.begin(len(DATA)), await house.begin(len(DATA))
    for upload in (one, two):
        await house.append(upload, 0, DATA[:100])
    for upload in (one, two):
        await house.append(upload, 100, DATA[100:])
        assert (await house.tools.digesting.ensure(upload.content_id)).sha256 == sha256(DATA)


async def test_a_digest_is_computed_once_for_all_who_ask(house: House) -> None:
    upload = await finished(house)
    await house.catalog.write(_without_digests, upload.content_id)
    asked = [house.tools.digesting.ensure(upload.content_id, md5=True) for _ in range(5)]
    contents = await asyncio.gather(*asked)
    assert {content.sha256 for content in contents} == {sha256(DATA)} and len(set(contents)) == 1


def _without_digests(tx: Tx, content_id: Id) -> None:
    content = tx.contents.get(content_id)
    assert content is not None
    tx.contents.seal(
        content_id,
        inline=content.inline,
        length=content.length,
        sha256=None,
        md5=None,
        detected_type=None,
        at=content.changed_at,
    )


async def test_digests_of_what_lies_in_the_catalog(house: House) -> None:
    upload = await finished(house, b"small")
    await house.catalog.write(_without_digests, upload.content_id)
    assert (await house.tools.digesting.ensure(upload.content_id, md5=True)).sha256 == sha256(b"small")


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha384", "sha512"])
async def test_any_digest_is_computed_once_and_remembered(house: House, algorithm: str) -> None:
    upload = await finished(house)
    asked = [house.tools.digesting.hexdigest(upload.content_id, algorithm) for _ in range(5)]
    expected = hashlib.new(algorithm, DATA, usedforsecurity=False).hexdigest()
    assert set(await asyncio.gather(*asked)) == {expected}
    for segment in await house.segments():
        await house.store.delete(segment)  # it is not read again
    assert await house.tools.digesting.hexdigest(upload.content_id, algorithm) == expected


async def test_so_many_digests_are_remembered(house: House) -> None:
    digesting = Digesting(house.catalog, house.store, RunningDigests, most_remembered=1)
    one, two = await finished(house, b"one"), await finished(house, b"two")
    for upload, data in ((one, b"one"), (two, b"two"), (one, b"one")):
        digest = await digesting.hexdigest(upload.content_id, "sha512")
        assert digest == hashlib.sha512(data).hexdigest()
    assert await refusal(digesting.hexdigest(new_id(), "sha512")) is FileReason.CONTENT_GONE
    await digesting.close()


async def test_what_is_pending_is_gone_on_with_at_the_start(house: House) -> None:
    upload = await finished(house)
    await house.catalog.write(_without_digests, upload.content_id)
    await house.tools.digesting.resume()
    await house.tools.digesting.compute(upload.content_id)
    assert (await house.content(upload.content_id)).sha256 == sha256(DATA)


async def test_however_much_is_pending_all_of_it_is_computed(house: House) -> None:
    """1201 contents are more than two pages, and the first of all cannot be read."""
    first, *rest = [
        a_content(house.caller.tenant_id, state=ContentState.LIVE, length=1, inline=b"x") for _ in range(1201)
    ]
    lost = first._replace(id=Id("0" * 32), inline=None, length=1)
    extent = Extent(new_id(), 0, 1)

    def fill(tx: Tx) -> None:
        for content in (lost, *rest):
            tx.contents.add(content)
        tx.segments.add(Segment(extent.segment_id, 1, now()))
        tx.contents.set_last_extent(lost.id, 0, extent, 1, now())

    await house.catalog.write(fill)
    await house.tools.digesting.resume()
    pending = await house.catalog.read(lambda tx: tx.contents.without_sha256(None, 9999))
    assert pending == [lost.id]
    known = [await house.content(content.id) for content in rest]
    assert {content.sha256 for content in known} == {sha256(b"x")}


async def test_there_is_no_digest_of_nothing_or_of_a_part(house: House) -> None:
    assert await refusal(house.tools.digesting.ensure(new_id())) is FileReason.CONTENT_GONE
    upload = await house.begin(10)
    assert await refusal(house.tools.digesting.ensure(upload.content_id)) is FileReason.INCOMPLETE
    house.tools.digesting.begin_pending(upload.content_id)
    house.tools.digesting.begin_pending(new_id())
    await asyncio.sleep(0.05)


async def test_a_digest_that_stands_is_not_replaced_by_that_of_rotten_bytes(house: House) -> None:
    upload = await finished(house)

    def spoil(tx: Tx) -> None:
        tx.contents.set_digests(upload.content_id, sha256(b"what came"), None)

    await house.catalog.write(spoil)
    reason = await refusal(house.tools.digesting.ensure(upload.content_id, md5=True))
    assert reason is FileReason.CHECKSUM_MISMATCH
    assert (await house.content(upload.content_id)).sha256 == sha256(b"what came")


async def test_media_types_are_detected_afterwards_whatever_is_damaged(house: House) -> None:
    small = await finished(house, DATA[:60])
    large = await finished(house)
    await house.catalog.write(_without_digests, large.content_id)
    damaged = a_content(house.caller.tenant_id, state=ContentState.LIVE, length=5)
    lost = await finished(house)
    await house.catalog.write(_without_digests, lost.content_id)
    (extent,) = await house.catalog.read(lambda tx: tx.contents.extents(lost.content_id))
    await house.store.delete(extent.segment_id)
    await house.catalog.write(lambda tx: tx.contents.add(damaged))
    examining = Examining(house.catalog, house.store, detect)
    assert await examining.examine() == 4
    assert await examining.examine() == 0
    types = [(await house.content(each.content_id)).detected_type for each in (small, large)]
    assert types == ["application/pdf"] * 2
    assert (await house.content(lost.content_id)).detected_type == "application/octet-stream"


async def test_examining_goes_on_until_it_is_cancelled(house: House) -> None:
    upload = await finished(house, DATA[:60])
    running = asyncio.create_task(Examining(house.catalog, house.store, detect).run())

    async def known() -> bool:
        return (await house.content(upload.content_id)).detected_type is not None

    await until(known)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_notes_are_written_soon_and_at_the_end(house: House) -> None:
    audit = Audit(house.catalog)
    audit.start()
    audit.note(Event("file.read", "one"))

    async def written() -> bool:
        return "file.read" in await house.kinds()

    await until(written)
    audit.refused(KadeError(UploadReason.LOCKED, "u"), house.caller, Origin("op"))
    audit.refused(KadeError(RequestReason.UNEXPECTED), None, Origin())
    await audit.close()
    tail = (await house.catalog.read(lambda tx: tx.journal.tail(0, 100)))[-2:]
    assert [(entry.outcome, entry.reason, entry.principal_id) for entry in tail] == [
        ("refused", "upload.locked", house.caller.principal_id),
        ("failed", "request.unexpected", None),
    ]


async def test_notes_are_written_once_whoever_flushes(house: House) -> None:
    audit = Audit(house.catalog)
    for number in range(50):
        audit.note(Event("file.read", str(number)))
    await asyncio.gather(*(audit.flush() for _ in range(5)))
    await audit.close()
    subjects = [
        e.subject
        for e in await house.catalog.read(lambda tx: tx.journal.tail(0, 999))
        if e.kind == "file.read"
    ]
    assert subjects == [str(number) for number in range(50)]


async def test_of_too_many_notes_the_oldest_are_dropped_and_counted(house: House) -> None:
    audit = Audit(house.catalog, backlog=10)
    for number in range(15):
        audit.note(Event("file.read", str(number)))
    assert audit.dropped == 5
    await audit.flush()
    entries = await house.catalog.read(lambda tx: tx.journal.tail(0, 999))
    assert [e.subject for e in entries if e.kind == "file.read"] == [str(n) for n in range(5, 15)]


async def test_notes_that_cannot_be_written_wait(house: House) -> None:
    audit = Audit(house.catalog)
    audit.start()
    await house.catalog.close()
    audit.note(Event("file.read", "kept"))
    await asyncio.sleep(0.1)  # tried in vain, and the trail goes on
    assert await refusal(audit.close()) is RequestReason.SHUTTING_DOWN


async def test_each_entry_is_reacted_to_in_order_from_the_start_on(house: House) -> None:
    seen: list[JournalEntry] = []
    watching = Watching(house.catalog)
    watching.react(seen.append)
    await watching.start()
    await house.begin(10)
    await finished(house)

    async def all_seen() -> bool:
        return len(seen) == 3

    await until(all_seen)
    await watching.close()
    assert [entry.kind for entry in seen] == ["upload.created", "upload.created", "file.created"]
    await watching.catch_up()
    assert len(seen) == 3
    await Watching(house.catalog).close()


async def test_a_reaction_that_fails_is_logged_and_the_watching_goes_on(house: House) -> None:
    seen: list[str] = []

    def fail(entry: JournalEntry) -> None:
        raise RuntimeError(entry.kind)

    watching = Watching(house.catalog)
    watching.react(fail)
    watching.react(lambda entry: seen.append(entry.kind))
    with capture_logs() as told:
        await watching.start()
        for count in (1, 2):
            await house.begin(10)

            async def all_seen(count: int = count) -> bool:
                return len(seen) == count

            await until(all_seen)
        await watching.close()
    assert seen == ["upload.created"] * 2
    assert [each["kind"] for each in told if each["log_level"] == "error"] == seen
    assert all(each["exc_info"] for each in told)


async def test_a_lease_that_is_never_let_go_is_told(house: House) -> None:
    upload = await house.begin(10)
    await house.catalog.write(lambda tx: tx.uploads.take_lease(upload.id, "another process", 60_000))
    leasing = Leasing(house.catalog, patience_s=0.1)
    assert await refusal(leasing.let_go(upload.id)) is UploadReason.LOCKED
    with leasing.holding(upload.id) as wish, leasing.holding(upload.id) as newer:
        leasing.wake(new_id())
        assert not wish.is_set() and not newer.is_set()
        leasing.wake(upload.id)
        assert newer.is_set()


async def test_only_transfers_by_a_right_that_is_gone_are_stopped() -> None:
    transfers = Transfers()
    mine, theirs, other_key = (
        Caller(new_id(), "somebody", new_id(), credential_id) for credential_id in (new_id(), None, new_id())
    )
    stops = [asyncio.Event() for _ in range(3)]
    with (
        transfers.running(mine, stops[0]),
        transfers.running(theirs, stops[1]),
        transfers.running(other_key, stops[2]),
    ):
        transfers.stop_of(mine.credential_id or "")
        assert [stop.is_set() for stop in stops] == [True, False, False]
        transfers.stop_of(theirs.principal_id)
        assert [stop.is_set() for stop in stops] == [True, True, False]
        transfers.stop_all()
        assert stops[2].is_set()
    transfers.stop_all()  # nothing runs any longer


@pytest.mark.parametrize("name", ["x"])
async def test_detection_of_text_and_nothing(name: str) -> None:
    assert detect(b"") == "application/x-empty"
    assert detect(b"plain words\n") == "text/plain"

"""Uploads: begun, of deferred length, joined, ended, expired; and what they hold of the quota."""

import asyncio
from itertools import permutations

import pytest
from tests.services.conftest import House, until
from tests.services.test_appending import refusal, sha256
from tests.support.bodies import Body, Stream
from tests.support.nouns import a_principal, a_task

from kade.core.clock import Millis, now
from kade.core.contents import ContentState
from kade.core.errors import AccessReason, FileReason, KadeError, QuotaReason, SpaceReason, UploadReason
from kade.core.files import FileState, TimeFrame
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.spaces import Policy
from kade.core.tasks import TaskState
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.services import files, joining, principals, spaces, uploads
from kade.services.appending import Appending
from kade.services.uploads import DEFERRED_STEP, Wish

PART = bytes(range(100))


async def test_beginning_reserves_names_and_tells(house: House) -> None:
    upload = await house.begin(
        500, "R\u0065\u0301sum\u00e9.PDF", media_type="Application/PDF; q=1", metadata="m"
    )
    file = await house.file(upload)
    assert (file.name, file.name_folded) == ("R\u00e9sum\u00e9.PDF", "r\u00e9sum\u00e9.pdf")
    assert (file.media_type, file.state, file.length) == ("application/pdf", FileState.RECEIVING, 500)
    assert (upload.state, upload.offset, upload.reserved, upload.metadata) == (UploadState.OPEN, 0, 500, "m")
    assert (await house.quota()).reserved == 500
    assert (await house.content(upload.content_id)).state == ContentState.GROWING
    assert (await house.kinds())[-1] == "upload.created"


async def test_an_empty_file_is_live_at_once(house: House) -> None:
    upload = await house.begin(0)
    assert upload.state == UploadState.FINISHED
    content = await house.content(upload.content_id)
    assert (content.inline, content.length, content.sha256) == (b"", 0, sha256(b""))
    assert (await house.file(upload)).state == FileState.LIVE


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (Wish("../x", 1), FileReason.BAD_NAME),
        (Wish("x", 1, "nonsense"), FileReason.BAD_MEDIA_TYPE),
        (Wish("x", -1), UploadReason.BAD_LENGTH),
        (Wish("x", 1, frame=TimeFrame(Millis(2), Millis(1))), FileReason.BAD_TIME_FRAME),
        (Wish("x", 1001), UploadReason.MAX_SIZE),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_nothing(house: House, wish: Wish, reason: object) -> None:
    limited = house.with_rules(max_size=1000)
    before = await house.kinds()

    def begin(tx: object) -> Upload:
        return uploads.begin(tx, house.caller, house.namers, limited.rules, house.space.id, wish)  # type: ignore[arg-type]

    assert await refusal(house.catalog.write(begin)) is reason
    assert await house.kinds() == before
    assert (await house.quota()).reserved == 0


@pytest.mark.parametrize("length", [1 << 62, 1 << 63, 10**40])
async def test_no_length_is_beyond_what_can_be_counted(house: House, length: int) -> None:
    assert await refusal(house.begin(length)) in (UploadReason.MAX_SIZE, QuotaReason.EXCEEDED)
    upload = await house.begin(None)
    reason = await refusal(house.append(upload, 0, b"", length=length))
    assert reason in (UploadReason.MAX_SIZE, QuotaReason.EXCEEDED)


async def test_a_space_may_allow_less_than_the_house(house: House) -> None:
    space = await house.new_space(Policy(max_file_size=10))
    house.space = space
    with pytest.raises(KadeError) as refused:
        await house.with_rules(max_size=1000).begin(11)
    assert refused.value.reason is UploadReason.MAX_SIZE
    assert refused.value.facts == {"max_size": 10}
    await house.begin(10)


async def test_only_who_may_write_begins(house: House) -> None:
    stranger = a_principal(house.caller.tenant_id)
    await house.catalog.write(lambda tx: tx.principals.add(stranger))
    caller = Caller(stranger.id, stranger.name, stranger.tenant_id)
    with pytest.raises(KadeError) as refused:
        await house.catalog.write(
            lambda tx: uploads.begin(tx, caller, house.namers, house.rules, house.space.id, Wish("x", 1))
        )
    assert refused.value.reason is SpaceReason.UNKNOWN


async def test_parallel_uploads_cannot_overshoot(house: House) -> None:
    house.space = await house.new_space(ceiling=1000)
    results = await asyncio.gather(*(house.begin(300) for _ in range(10)), return_exceptions=True)
    refused = [each for each in results if isinstance(each, KadeError)]
    assert len(refused) == 7 and {each.reason for each in refused} == {QuotaReason.EXCEEDED}
    assert (await house.quota()).reserved == 900


async def test_a_deferred_length_holds_quota_in_steps(house: House) -> None:
    upload = await house.begin(None)
    assert (await house.quota()).reserved == 0
    await house.append(upload, 0, Body([b"x" * 100], remaining=None))
    assert (await house.quota()).reserved == DEFERRED_STEP
    done = await house.append(upload, 100, Body([b"y" * 50], remaining=None), length=150)
    assert done.state == UploadState.FINISHED
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (150, 0)
    assert await house.stored(upload) == b"x" * 100 + b"y" * 50


async def test_a_deferred_length_fits_in_a_quota_smaller_than_a_step(house: House) -> None:
    house.space = await house.new_space(ceiling=1000)
    upload = await house.begin(None)
    await house.append(upload, 0, Body([b"x" * 600, b"y" * 300], remaining=None))
    assert (await house.quota()).reserved == 900
    too_much = Body([b"z" * 101], remaining=None)
    assert await refusal(house.append(upload, 900, too_much)) is QuotaReason.EXCEEDED
    assert (await house.append(upload, 900, Body([], remaining=0), length=900)).state == UploadState.FINISHED


async def test_a_deferred_length_may_be_declared_late_but_not_changed(house: House) -> None:
    upload = await house.begin(None)
    await house.append(upload, 0, Body([b"x" * 10], remaining=None))
    for length in (9, -1):
        assert await refusal(house.append(upload, 10, b"", length=length)) is UploadReason.LENGTH_CHANGED
    await house.append(upload, 10, b"y", length=12)
    assert await refusal(house.append(upload, 11, b"z", length=13)) is UploadReason.LENGTH_CHANGED
    done = await house.append(upload, 11, b"z", length=12)
    assert done.state == UploadState.FINISHED


async def test_a_deferred_length_is_held_to_the_limit(house: House) -> None:
    limited = house.with_rules(max_size=100)
    upload = await limited.begin(None)
    assert (
        await refusal(limited.append(upload, 0, Body([b"x" * 101], remaining=None))) is UploadReason.MAX_SIZE
    )
    assert await refusal(limited.append(upload, 0, b"", length=101)) is UploadReason.MAX_SIZE


async def test_quota_is_held_only_by_who_has_the_lease(house: House) -> None:
    upload = await house.begin(None)
    stream = Stream()
    older = asyncio.create_task(house.append(upload, 0, stream))

    async def is_held() -> bool:
        return (await house.upload_now(upload) or upload).lease_holder is not None

    await until(is_held)
    await house.catalog.write(lambda tx: uploads.end(tx, house.caller, upload))
    stream.feed(b"x")
    stream.end()
    assert await refusal(older) is UploadReason.TAKEN_OVER
    assert (await house.quota()).reserved == 0


async def _join(house: House, part_ids: list[Id], name: str = "whole.bin") -> Upload:
    return await house.catalog.write(
        lambda tx: joining.begin_final(
            tx,
            house.caller,
            house.namers,
            house.rules,
            house.space.id,
            Wish(name, None, kind=UploadKind.FINAL),
            part_ids,
        )
    )


async def _part(house: House, length: int | None = len(PART)) -> Upload:
    return await house.begin(length, kind=UploadKind.PARTIAL)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("joined_after", [0, 2, 3])
async def test_parts_are_joined_in_whatever_order_they_end(
    house: House, order: tuple[int, ...], joined_after: int
) -> None:
    parts = [await _part(house) for _ in range(3)]
    data = [bytes([number]) * len(PART) for number in range(3)]
    final = None
    for step, number in enumerate([*order, None]):
        if step == joined_after:
            final = await _join(house, [part.id for part in parts])
        if number is not None:
            await house.append(parts[number], 0, data[number])
    assert final is not None
    done = await house.upload_now(final)
    assert done is not None and (done.state, done.offset, done.length) == (UploadState.FINISHED, 300, 300)
    assert await house.stored(final) == b"".join(data)
    assert (await house.file(final)).state == FileState.LIVE
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (300, 0)
    content = await house.tools.digesting.ensure(final.content_id)
    assert content.sha256 == sha256(b"".join(data))


async def test_a_part_may_stand_in_a_file_twice_and_in_two_files(house: House) -> None:
    part, empty = await _part(house), await _part(house, 0)
    await house.append(part, 0, PART)
    twice = await _join(house, [part.id, empty.id, part.id])
    once = await _join(house, [part.id])
    assert await house.stored(twice) == PART + PART
    assert await house.stored(once) == PART
    assert (await house.quota()).used == 300


async def test_the_digest_of_a_file_joined_later_is_computed_unasked(house: House) -> None:
    part = await _part(house)
    final = await _join(house, [part.id])
    house.tools.digesting.begin_pending(final.content_id)  # as the door does: there is nothing to read yet
    await asyncio.sleep(0.05)
    assert (await house.content(final.content_id)).sha256 is None
    await house.append(part, 0, PART)
    for _ in range(200):
        if (await house.content(final.content_id)).sha256:
            break
        await asyncio.sleep(0.01)
    assert (await house.content(final.content_id)).sha256 == sha256(PART)


async def test_what_is_no_part_is_not_joined(house: House) -> None:
    whole = await house.begin(10)
    other = await house.new_space(name="other")
    part = await _part(house)
    house.space, mine = other, house.space
    elsewhere = await _part(house)
    house.space = mine
    for ids in ([], [whole.id], [new_id()], [elsewhere.id], [part.id, whole.id]):
        assert await refusal(_join(house, ids)) is UploadReason.NOT_A_PART
    final = await _join(house, [part.id])
    assert await refusal(house.append(final, 0, b"x")) is UploadReason.FINAL_IS_READ_ONLY


async def test_a_joined_file_is_held_to_the_limit(house: House) -> None:
    known = [await _part(house), await _part(house)]
    deferred = await _part(house, None)
    limited = house.with_rules(max_size=150)
    assert await refusal(_join(limited, [part.id for part in known])) is UploadReason.MAX_SIZE
    final = await _join(limited, [known[0].id, deferred.id])
    await limited.append(known[0], 0, PART)
    reason = await refusal(limited.append(deferred, 0, PART, length=100))
    assert reason is UploadReason.MAX_SIZE
    assert (await house.file(final)).state == FileState.RECEIVING


async def test_terminating_gives_everything_back(house: House) -> None:
    upload = await house.begin(1000)
    await house.append(upload, 0, PART)
    await house.appending.end(house.caller, lambda tx: uploads.find(tx, house.caller, upload.id))
    assert await house.upload_now(upload) is None
    assert (await house.file(upload)).state == FileState.REFUSED
    assert (await house.content(upload.content_id)).state == ContentState.CONDEMNED
    assert (await house.quota()).reserved == 0
    assert (await house.kinds())[-1] == "upload.terminated"


async def test_terminating_ends_who_is_writing(house: House) -> None:
    upload = await house.begin(1000)
    stream = Stream(1000)
    writing = asyncio.create_task(house.append(upload, 0, stream))
    stream.feed(PART)
    await house.reached(upload, 1)
    await house.appending.end(house.caller, lambda tx: uploads.find(tx, house.caller, upload.id))
    assert await refusal(writing) is UploadReason.TAKEN_OVER
    assert await house.upload_now(upload) is None


async def test_terminating_twice_gives_back_once(house: House) -> None:
    upload, kept = await house.begin(1000), await house.begin(70)

    def stale(tx: object) -> None:
        uploads.end(tx, house.caller, upload)  # type: ignore[arg-type]

    await house.catalog.write(stale)
    assert await refusal(house.catalog.write(stale)) is UploadReason.UNKNOWN
    assert (await house.quota()).reserved == kept.reserved


async def test_ending_a_finished_upload_leaves_its_file(house: House) -> None:
    upload = await house.begin(len(PART))
    await house.append(upload, 0, PART)
    await house.appending.end(house.caller, lambda tx: uploads.find(tx, house.caller, upload.id))
    assert (await house.file(upload)).state == FileState.LIVE
    assert await house.stored(upload) == PART
    assert (await house.quota()).used == len(PART)


async def test_an_expired_upload_is_unknown(house: House) -> None:
    brief = house.with_rules(expire_after=1)
    upload = await brief.begin(1000)
    await asyncio.sleep(0.01)
    assert await refusal(brief.append(upload, 0, PART)) is UploadReason.UNKNOWN
    await house.catalog.write(lambda tx: uploads.expire(tx, house.rules, upload))
    assert (await house.file(upload)).state == FileState.REFUSED
    assert (await house.quota()).reserved == 0
    assert (await house.kinds())[-1] == "upload.expired"


async def test_of_a_finished_upload_only_the_record_expires(house: House) -> None:
    upload = await house.begin(len(PART))
    await house.append(upload, 0, PART)
    finished = await house.upload_now(upload)
    assert finished is not None and finished.expires_at > now()
    await house.catalog.write(lambda tx: uploads.expire(tx, house.rules, finished))
    assert await house.upload_now(upload) == finished  # its time was found to be over, and is not
    await house.catalog.write(lambda tx: tx.uploads.set_expiry(upload.id, now()))
    for _ in range(2):
        await house.catalog.write(lambda tx: uploads.expire(tx, house.rules, finished))
    assert await house.upload_now(upload) is None
    assert await house.stored(upload) == PART


async def test_an_upload_is_found_by_its_owner_and_by_its_file(house: House) -> None:
    upload = await house.begin(10)
    assert (
        await house.catalog.read(lambda tx: uploads.find_by_file(tx, house.caller, upload.file_id)) == upload
    )
    for missing in (None, new_id()):
        assert (
            await refusal(
                house.catalog.read(lambda tx, key: uploads.find_by_file(tx, house.caller, key), missing)
            )
            is UploadReason.UNKNOWN
        )
        assert (
            await refusal(house.catalog.read(lambda tx, key: uploads.find(tx, house.caller, key), missing))
            is UploadReason.UNKNOWN
        )


async def test_who_lost_the_right_does_not_finish(house: House) -> None:
    upload = await house.begin(len(PART))

    def take_away(tx: object) -> None:
        for grant in tx.grants.of_principal(house.caller.principal_id):  # type: ignore[attr-defined]
            tx.grants.remove(grant.id)  # type: ignore[attr-defined]

    await house.catalog.write(take_away)
    assert await refusal(house.append(upload, 0, PART)) is AccessReason.VERB_NOT_GRANTED
    assert (await house.file(upload)).state == FileState.RECEIVING


async def test_who_was_removed_does_not_finish(house: House) -> None:
    upload = await house.begin(len(PART))
    await house.catalog.write(
        lambda tx: principals.remove(tx, house.caller, principals.named(tx, house.caller, "admin"))
    )
    assert await refusal(house.append(upload, 0, PART)) is AccessReason.REVOKED_CREDENTIAL
    assert await house.offset(upload) == 0


async def test_a_file_without_its_row_is_not_finished(house: House) -> None:
    upload = await house.begin(len(PART))
    orphan = upload._replace(id=new_id(), file_id=new_id())
    await house.catalog.write(lambda tx: tx.uploads.add(orphan))
    assert await refusal(house.append(orphan, 0, PART)) is FileReason.UNKNOWN


async def test_purging_a_file_that_is_still_coming_gives_its_quota_back(house: House) -> None:
    upload = await house.begin(1000)
    file = await house.file(upload)
    await house.catalog.write(lambda tx: files.purge(tx, house.caller, file))
    assert await house.upload_now(upload) is None
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (0, 0)


async def test_a_deposit_of_a_small_file_is_one_transaction(house: House) -> None:
    before = await house.kinds()
    upload = await _deposit(house.appending, house, Body([PART[:60]]), 60)
    assert upload.state == UploadState.FINISHED
    assert await house.stored(upload) == PART[:60]
    assert (await house.kinds())[len(before) :] == ["upload.created", "file.created"]


@pytest.mark.parametrize(
    ("body", "length", "expected"),
    [
        (Body([PART]), 100, UploadState.FINISHED),
        (Body([PART[:10]]), 100, UploadState.OPEN),
        (Body([PART], remaining=None), 100, UploadState.FINISHED),
        (Body([PART[:10], b"", PART[10:20]]), 20, UploadState.FINISHED),
        (Body([]), 100, UploadState.OPEN),
    ],
)
async def test_a_deposit_begins_and_appends(house: House, body: Body, length: int, expected: str) -> None:
    upload = await _deposit(house.appending, house, body, length)
    assert upload.state == expected
    assert await house.stored(upload) == PART[: upload.offset]


async def _deposit(appending: Appending, house: House, body: Body, length: int) -> Upload:
    return await appending.deposit(
        house.caller,
        lambda tx, arrived: uploads.begin(
            tx, house.caller, house.namers, house.rules, house.space.id, Wish("d.bin", length), arrived
        ),
        body,
    )


async def test_a_space_is_found_by_who_may_see_it(house: House) -> None:
    found = await house.catalog.read(lambda tx: spaces.find(tx, house.caller, house.space.id))
    assert found == house.space


@pytest.mark.parametrize(
    ("state", "lives"), [(TaskState.WAITING, True), (TaskState.PAUSED, True), (TaskState.FAILED, False)]
)
async def test_an_upload_lives_as_long_as_the_task_that_fills_it(
    house: House, state: TaskState, lives: bool
) -> None:
    upload = await house.begin(10)
    task = a_task(house.space, file_id=upload.file_id, state=state)

    def expire(tx: Tx) -> None:
        tx.tasks.add(task)
        tx.uploads.set_expiry(upload.id, Millis(1))
        uploads.expire(tx, house.rules, upload)

    await house.catalog.write(expire)
    left = await house.upload_now(upload)
    assert (left is not None) == lives
    assert left is None or left.expires_at > now()

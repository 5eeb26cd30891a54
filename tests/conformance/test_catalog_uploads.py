"""Every catalog: uploads, their parts and their leases."""

import asyncio

import pytest
from tests.support.nouns import an_upload, house

from kade.core.clock import Millis, now
from kade.core.errors import KadeError, UploadReason
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.spaces import Space
from kade.core.uploads import Lease, Upload, UploadKind, UploadState

LONG = 60_000
GIB = 1 << 30


async def _upload(catalog: Catalog, **given: object) -> Upload:
    def add(tx: Tx) -> Upload:
        upload = an_upload(house(tx)[1], **given)
        tx.uploads.add(upload)
        return upload

    return await catalog.write(add)


async def _now(catalog: Catalog, upload_id: Id) -> Upload:
    upload = await catalog.read(lambda tx: tx.uploads.get(upload_id))
    assert upload is not None
    return upload


async def _take(catalog: Catalog, upload_id: Id, holder: str = "a", ttl: int = LONG) -> Lease | None:
    return await catalog.write(lambda tx: tx.uploads.take_lease(upload_id, holder, ttl))


async def _taken(catalog: Catalog, upload_id: Id, holder: str = "a", ttl: int = LONG) -> Lease:
    lease = await _take(catalog, upload_id, holder, ttl)
    assert lease is not None
    return lease


async def _advance(catalog: Catalog, lease: Lease, offset: int, to: int, ttl: int = LONG) -> str | None:
    return await catalog.write(lambda tx: tx.uploads.advance(lease, offset, to, ttl, Millis(77)))


async def test_an_upload_keeps_every_field(catalog: Catalog) -> None:
    upload = await _upload(catalog, length=5 << 40, metadata="filename eA==", concat="partial")
    assert await _now(catalog, upload.id) == upload
    assert await catalog.write(lambda tx: tx.uploads.lock(upload.id)) == upload
    assert await catalog.read(lambda tx: tx.uploads.of_file(upload.file_id)) == upload
    assert await catalog.read(lambda tx: tx.uploads.expects(upload.content_id)) is True
    missing = new_id()
    assert await catalog.write(
        lambda tx: (
            tx.uploads.get(missing),
            tx.uploads.lock(missing),
            tx.uploads.of_file(missing),
            tx.uploads.expects(missing),
        )
    ) == (None, None, None, False)


async def test_the_unfinished_uploads_of_a_principal_come_oldest_first(catalog: Catalog) -> None:
    space = await catalog.write(lambda tx: house(tx)[1])
    owner = new_id()
    mine = sorted(an_upload(space, principal_id=owner) for _ in range(3))
    others = [an_upload(space), an_upload(space, principal_id=owner, state=UploadState.FINISHED)]
    for each in [*reversed(mine), *others]:
        await catalog.write(lambda tx, upload: tx.uploads.add(upload), each)
    assert await catalog.read(lambda tx: tx.uploads.of_principal(owner)) == mine


async def test_a_lease_is_held_by_one_and_the_fence_grows(catalog: Catalog) -> None:
    upload = await _upload(catalog)
    assert await _take(catalog, upload.id) == Lease(upload.id, "a", 1)
    assert await _take(catalog, upload.id, "b") is None
    assert (await _now(catalog, upload.id)).lease_holder == "a"
    await catalog.write(lambda tx: tx.uploads.release(Lease(upload.id, "a", 1), None))
    assert (await _now(catalog, upload.id)).lease_holder is None
    assert await _take(catalog, upload.id, "b") == Lease(upload.id, "b", 2)
    assert await _take(catalog, new_id()) is None


async def test_a_lease_runs_out(catalog: Catalog) -> None:
    upload = await _upload(catalog)
    old = await _taken(catalog, upload.id, ttl=30)
    await asyncio.sleep(0.06)
    assert await catalog.write(lambda tx: tx.uploads.want_lease(upload.id, "b")) is False
    new = await _taken(catalog, upload.id, "b")
    assert new.fence == old.fence + 1
    with pytest.raises(KadeError) as refused:
        await _advance(catalog, old, 0, 10)
    assert refused.value.reason is UploadReason.TAKEN_OVER
    await catalog.write(lambda tx: tx.uploads.release(old, new_id()))
    kept = await _now(catalog, upload.id)
    assert (kept.lease_holder, kept.tail_segment, kept.offset) == ("b", None, 0)


async def test_a_lease_that_ran_out_still_counts_while_nobody_took_it(catalog: Catalog) -> None:
    upload = await _upload(catalog)
    lease = await _taken(catalog, upload.id, ttl=1)
    await asyncio.sleep(0.02)
    await _advance(catalog, lease, 0, 10)
    assert await _take(catalog, upload.id, "b") is None


async def test_advancing_renews_the_lease_and_tells_who_wants_it(catalog: Catalog) -> None:
    upload = await _upload(catalog, length=5 * GIB)
    lease = await _taken(catalog, upload.id)
    assert await _advance(catalog, lease, 0, 4 * GIB) is None
    assert await catalog.write(lambda tx: tx.uploads.want_lease(upload.id, "b")) is True
    assert await _advance(catalog, lease, 4 * GIB, 4 * GIB) == "b"
    moved = await _now(catalog, upload.id)
    assert (moved.offset, moved.expires_at) == (4 * GIB, 77)
    await catalog.write(lambda tx: tx.uploads.release(lease, None))
    assert await catalog.write(lambda tx: tx.uploads.want_lease(upload.id, "b")) is False
    again = await _taken(catalog, upload.id, "c")
    assert await _advance(catalog, again, 4 * GIB, 5 * GIB) is None  # the wish was for the lease before


@pytest.mark.parametrize("wrong", ["offset", "holder", "fence", "gone"])
async def test_an_offset_moves_only_under_the_current_lease(catalog: Catalog, wrong: str) -> None:
    upload = await _upload(catalog)
    lease = await _taken(catalog, upload.id)
    offset = 1 if wrong == "offset" else 0
    if wrong == "holder":
        lease = lease._replace(holder="b")
    elif wrong == "fence":
        lease = lease._replace(fence=lease.fence + 1)
    elif wrong == "gone":
        await catalog.write(lambda tx: tx.uploads.forget(upload.id))
    with pytest.raises(KadeError) as refused:
        await _advance(catalog, lease, offset, 10)
    assert refused.value.reason is UploadReason.TAKEN_OVER


async def test_the_tail_belongs_to_one_holder_only(catalog: Catalog) -> None:
    upload, tail = await _upload(catalog), new_id()
    lease = await _taken(catalog, upload.id)
    await catalog.write(lambda tx: tx.uploads.release(lease, tail))
    assert (await _now(catalog, upload.id)).tail_segment == tail
    await _taken(catalog, upload.id, "b", ttl=1)
    assert (await _now(catalog, upload.id)).tail_segment is None  # whoever comes after "b" must not share it


async def test_figures_and_states_are_set(catalog: Catalog) -> None:
    upload = await _upload(catalog, length=None, kind=UploadKind.PARTIAL)

    def change(tx: Tx) -> None:
        tx.uploads.set_length(upload.id, 6 * GIB)
        tx.uploads.set_reserved(upload.id, 7 * GIB)
        tx.uploads.finish(upload.id, 6 * GIB, Millis(5))

    await catalog.write(change)
    assert await _now(catalog, upload.id) == upload._replace(
        length=6 * GIB,
        reserved=7 * GIB,
        state=UploadState.FINISHED,
        offset=6 * GIB,
        expires_at=Millis(5),
    )


async def _join(catalog: Catalog, space: Space, part_ids: list[Id]) -> Upload:
    final = an_upload(space, kind=UploadKind.FINAL, state=UploadState.JOINING)

    def add(tx: Tx) -> None:
        tx.uploads.add(final)
        tx.uploads.add_parts(final.id, part_ids)

    await catalog.write(add)
    return final


async def test_parts_keep_their_order_and_may_come_twice(catalog: Catalog) -> None:
    space = await catalog.write(lambda tx: house(tx)[1])
    one, two = new_id(), new_id()
    first, second = await _join(catalog, space, [two, one, two]), await _join(catalog, space, [one])
    assert await catalog.read(lambda tx: tx.uploads.parts(first.id)) == [two, one, two]
    assert await catalog.read(lambda tx: tx.uploads.finals_of(two, UploadState.JOINING)) == [first.id]
    both = sorted((first.id, second.id))
    assert await catalog.read(lambda tx: tx.uploads.finals_of(one, UploadState.JOINING)) == both
    await catalog.write(lambda tx: tx.uploads.finish(second.id, 0, Millis(5)))
    assert await catalog.read(lambda tx: tx.uploads.finals_of(one, UploadState.JOINING)) == [first.id]
    await catalog.write(lambda tx: tx.uploads.forget(first.id))
    assert await catalog.read(lambda tx: (tx.uploads.get(first.id), tx.uploads.parts(first.id))) == (None, [])
    assert await catalog.read(lambda tx: tx.uploads.finals_of(one, UploadState.JOINING)) == []


async def test_expired_are_those_that_nobody_writes_to(catalog: Catalog) -> None:
    moment = now()
    old = await _upload(catalog, expires_at=Millis(moment - 2))
    older = await _upload(catalog, expires_at=Millis(moment - 3))
    await _upload(catalog, expires_at=Millis(moment + 1))
    held, stalled = [await _upload(catalog, expires_at=Millis(moment - 1)) for _ in range(2)]
    await _taken(catalog, held.id)
    await _taken(catalog, stalled.id, ttl=1)
    await asyncio.sleep(0.02)

    async def expired(limit: int) -> list[Id]:
        found = await catalog.read(lambda tx: tx.uploads.expired(Millis(moment), limit))
        return [upload.id for upload in found]

    assert await expired(9) == [older.id, old.id, stalled.id]
    assert await expired(1) == [older.id]


async def test_the_only_process_lets_go_of_every_lease(catalog: Catalog) -> None:
    held, free = await _upload(catalog), await _upload(catalog)
    lease = await _taken(catalog, held.id)
    await catalog.write(lambda tx: tx.uploads.release_all())
    assert await _take(catalog, held.id, "b") == Lease(held.id, "b", 3)
    assert (await _now(catalog, free.id)).lease_fence == 0
    with pytest.raises(KadeError):
        await _advance(catalog, lease, 0, 10)


async def test_the_expiry_of_an_upload_can_be_put_off(catalog: Catalog) -> None:
    upload = await _upload(catalog, expires_at=Millis(5))
    await catalog.write(lambda tx: tx.uploads.set_expiry(upload.id, Millis(50)))
    assert [each.id for each in await catalog.read(lambda tx: tx.uploads.expired(Millis(49), 9))] == []
    assert (await _now(catalog, upload.id)).expires_at == 50

"""Who holds an upload lets go when it is asked to, and what it loses then."""

import asyncio
from dataclasses import replace

import pytest
from tests.services.conftest import House
from tests.services.test_appending import refusal, sha256
from tests.support.bodies import Body, Stream

from kade.core import clock
from kade.core.errors import AccessReason, KadeError, Reason, RequestReason, UploadReason
from kade.core.files import FileState
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import CredentialKind
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.services import joining, principals
from kade.services.uploads import Wish

DATA = bytes(range(256)) * 20


async def test_the_newer_append_wakes_the_older_one_and_goes_on(house: House) -> None:
    upload = await house.begin(len(DATA))
    stream = Stream(len(DATA))
    older = asyncio.create_task(house.append(upload, 0, stream))
    stream.feed(DATA[:700])
    await house.reached(upload, 700)  # stored in passing: the body has not ended
    done = await house.append(upload, 700, DATA[700:])
    assert done.state == UploadState.FINISHED
    assert await refusal(older) is UploadReason.TAKEN_OVER
    assert await house.stored(upload) == DATA


async def test_a_wish_of_another_process_is_seen_at_the_next_commit(house: House) -> None:
    eager = house.at_pace(flush_bytes=100)
    upload = await eager.begin(len(DATA))

    async def wish() -> None:
        assert await house.catalog.write(lambda tx: tx.uploads.want_lease(upload.id, "another process"))

    body = Body([DATA[:700], wish, DATA[700:900], DATA[900:]])
    assert await refusal(eager.append(upload, 0, body)) is UploadReason.TAKEN_OVER
    now = await house.upload_now(upload)
    assert now is not None and (now.offset, now.lease_holder) == (900, None)
    await house.append(upload, 900, DATA[900:])
    assert await house.stored(upload) == DATA


async def test_who_lost_the_lease_cannot_keep_what_came_and_tells_the_first_error(house: House) -> None:
    upload = await house.begin(len(DATA))

    async def lapse() -> None:
        def anew(tx: Tx) -> None:
            now = tx.uploads.get(upload.id)
            assert now is not None
            tx.uploads.forget(upload.id)
            tx.uploads.add(now._replace(lease_holder=None, lease_fence=now.lease_fence + 1))

        await house.catalog.write(anew)

    body = Body([DATA[:700], lapse, KadeError(RequestReason.LINE_CUT)], remaining=len(DATA))
    assert await refusal(house.at_pace(flush_s=60.0).append(upload, 0, body)) is RequestReason.LINE_CUT
    now = await house.upload_now(upload)
    assert now is not None and (now.offset, now.tail_segment) == (0, None)
    orphans = await house.segments()
    assert len(orphans) == 1
    await house.append(upload, 0, DATA)
    assert await house.stored(upload) == DATA
    extents = await house.catalog.read(lambda tx: tx.contents.extents(upload.content_id))
    assert orphans.isdisjoint(extent.segment_id for extent in extents)


async def test_quota_that_is_held_already_is_not_asked_for_again(house: House) -> None:
    upload = await house.begin(None)
    await house.append(upload, 0, Body([b"x" * 10, b"y" * 10], remaining=None))
    held = (await house.quota()).reserved
    await house.append(upload, 20, Body([b"z" * 10], remaining=None))
    assert (await house.quota()).reserved == held
    assert await house.stored(upload) == b"x" * 10 + b"y" * 10 + b"z" * 10


async def test_a_file_is_joined_of_a_part_whose_length_came_late(house: House) -> None:
    known, late = [await house.begin(length, kind=UploadKind.PARTIAL) for length in (100, None)]

    def join(tx: Tx) -> Upload:
        wish = Wish("whole", None, kind=UploadKind.FINAL)
        ids = [known.id, late.id]
        return joining.begin_final(tx, house.caller, house.namers, house.rules, house.space.id, wish, ids)

    final = await house.catalog.write(join)
    assert final.length is None
    await house.append(known, 0, DATA[:100])
    await house.append(late, 0, DATA[100:250], length=150)
    done = await house.upload_now(final)
    assert done is not None and (done.state, done.length, done.offset) == (UploadState.FINISHED, 250, 250)
    assert (await house.file(final)).length == 250
    assert await house.stored(final) == DATA[:250]
    assert (await house.quota()).used == 250
    assert (await house.tools.digesting.ensure(final.content_id)).sha256 == sha256(DATA[:250])


@pytest.mark.parametrize("revoked", [False, True])
async def test_who_holds_a_revoked_credential_does_not_finish(house: House, revoked: bool) -> None:
    def register(tx: Tx) -> Id:
        admin = principals.find(tx, house.caller, house.caller.principal_id)
        key = principals.register(tx, house.caller, admin, CredentialKind.KEY, "ee")
        if revoked:
            principals.revoke(tx, house.caller, key)
        return key.id

    credential_id = await house.catalog.write(register)
    upload = await house.begin(len(DATA))
    house.caller = replace(house.caller, credential_id=credential_id)
    reason: Reason | None = None
    try:
        await house.append(upload, 0, DATA)
    except KadeError as refused:
        reason = refused.reason
    assert reason is (AccessReason.REVOKED_CREDENTIAL if revoked else None)
    assert (await house.file(upload)).state == (FileState.RECEIVING if revoked else FileState.LIVE)


@pytest.mark.parametrize("revoked", [False, True])
async def test_who_is_woken_stores_what_came_unless_the_right_is_gone(house: House, revoked: bool) -> None:
    upload = await house.begin(len(DATA))

    async def wake() -> None:
        if revoked:
            await house.catalog.write(lambda tx: tx.principals.remove(house.caller.principal_id, clock.now()))
        house.tools.leasing.wake(upload.id)

    body = Body([DATA[:700], wake, DATA[700:900], DATA[900:]])
    told = await refusal(house.at_pace(flush_s=60.0).append(upload, 0, body))
    assert told is (AccessReason.REVOKED_CREDENTIAL if revoked else UploadReason.TAKEN_OVER)
    stored = await house.upload_now(upload)
    assert stored is not None
    assert stored.offset == (0 if revoked else 900)

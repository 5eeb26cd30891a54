"""Files assembled from parts by their positions: in any order, in parallel, again, with gaps, too late."""

import asyncio

import pytest
from tests.services.conftest import House
from tests.services.exchange import used
from tests.services.test_appending import refusal, sha256
from tests.services.test_files import sweeping
from tests.support.bodies import Body

from kade.core.clock import Millis, now
from kade.core.errors import AccessReason, KadeError, QuotaReason, RequestReason, UploadReason
from kade.core.files import FileState
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.spaces import Policy
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.services import files, joining, uploads
from kade.services.uploads import Wish


async def an_assembly(house: House, length: int | None = None) -> Upload:
    wish = Wish("whole.bin", length)
    return await house.catalog.write(
        joining.begin_assembly, house.caller, house.namers, house.rules, house.space.id, wish
    )


async def add(house: House, assembly: Upload, position: int, data: bytes) -> Upload:
    """Receive a part and place it in the transaction that makes it durable, as a dialect does."""

    def begin(tx: Tx) -> Upload:
        return joining.begin_part(tx, house.caller, house.namers, house.rules, assembly)

    def placed(tx: Tx, part: Upload, _arrived: object) -> None:
        joining.place(tx, house.caller, house.rules, assembly, position, part)

    body = Body([data], remaining=None)
    return await house.appending.deposit_whole(house.caller, begin, body, placed)


async def assemble(house: House, assembly: Upload) -> int:
    return await house.catalog.write(joining.assemble, house.caller, house.rules, assembly)


async def place(house: House, assembly: Upload, position: int, part: Upload) -> None:
    await house.catalog.write(joining.place, house.caller, house.rules, assembly, position, part)


async def test_parts_in_any_order_and_at_once_become_the_file(house: House) -> None:
    assembly = await an_assembly(house)
    parts = {position: bytes([position]) * (50 + position) for position in range(8)}
    order = [7, 0, 3, 1, 6, 2, 5, 4]
    await asyncio.gather(*(add(house, assembly, position, parts[position]) for position in order))
    whole = b"".join(parts.values())
    assert await used(house, house.space) == (0, len(whole))
    assert await assemble(house, assembly) == 8
    file = await house.file(assembly)
    assert (file.state, file.length, file.name) == (FileState.LIVE, len(whole), "whole.bin")
    assert await house.stored(assembly) == whole
    assert await used(house, house.space) == (len(whole), 0)
    house.appending.tools.digesting.begin_pending(assembly.content_id)
    assert (await house.tools.digesting.ensure(assembly.content_id)).sha256 == sha256(whole)


async def test_assembled_once_more_it_is_what_it_was(house: House) -> None:
    assembly = await an_assembly(house)
    for position in range(2):
        await add(house, assembly, position, b"x" * 70)
    assert await assemble(house, assembly) == 2
    kinds = await house.kinds()
    assert await assemble(house, assembly) == 2
    assert await house.kinds() == kinds
    late = add(house, assembly, 2, b"late")
    assert await refusal(late) is UploadReason.FINISHED
    stale = await house.begin(None, kind=UploadKind.PARTIAL)
    assert await refusal(place(house, assembly, 2, stale)) is UploadReason.FINISHED
    assert await used(house, house.space) == (140, 0)


async def test_a_part_that_comes_again_takes_the_place_of_the_first(house: House) -> None:
    assembly = await an_assembly(house)
    first = await add(house, assembly, 0, b"a" * 100)
    second = await add(house, assembly, 0, b"b" * 60)
    assert await house.upload_now(first) is None
    assert await used(house, house.space) == (0, 60)
    await place(house, assembly, 0, second)  # the same once more
    assert await house.upload_now(second) is not None
    assert await assemble(house, assembly) == 1
    assert await house.stored(assembly) == b"b" * 60
    await sweeping(house).sweep()
    assert len(await house.segments()) == 1 and await house.stored(assembly) == b"b" * 60
    await house.catalog.write(files.purge, house.caller, await house.file(assembly))
    await sweeping(house).sweep()
    assert await house.segments() == set()


@pytest.mark.parametrize(("positions", "missing"), [((), 0), ((1,), 0), ((0, 2), 1), ((0, 1, 4, 5), 2)])
async def test_a_gap_is_told_and_can_be_filled(house: House, positions: list[int], missing: int) -> None:
    assembly = await an_assembly(house)
    for position in positions:
        await add(house, assembly, position, b"x" * 50)
    with pytest.raises(KadeError) as refused:
        await assemble(house, assembly)
    assert refused.value.reason is UploadReason.PARTS_MISSING
    assert refused.value.facts["position"] == missing
    last = max((*positions, missing))
    for position in set(range(last + 1)) - set(positions):
        await add(house, assembly, position, b"y" * 50)
    assert await assemble(house, assembly) == last + 1


async def test_a_part_is_whole_or_not_there(house: House) -> None:
    assembly = await an_assembly(house)
    await add(house, assembly, 0, b"x" * 50)
    unfinished = await house.begin(None, kind=UploadKind.PARTIAL)
    await house.append(unfinished, 0, Body([b"y" * 70], remaining=None))
    await place(house, assembly, 1, unfinished)
    assert await refusal(assemble(house, assembly)) is UploadReason.PARTS_MISSING
    await house.append(unfinished, 70, Body([], remaining=0), length=70)
    assert await assemble(house, assembly) == 2
    assert await house.stored(assembly) == b"x" * 50 + b"y" * 70


async def test_a_part_that_went_is_told_as_missing(house: House) -> None:
    assembly = await an_assembly(house)
    part = await add(house, assembly, 0, b"x" * 50)
    await house.catalog.write(lambda tx: uploads.end(tx, house.caller, part))
    assert await refusal(assemble(house, assembly)) is UploadReason.PARTS_MISSING
    assert await refusal(place(house, assembly, 0, part)) is UploadReason.NOT_A_PART
    await add(house, assembly, 0, b"y" * 60)
    assert await assemble(house, assembly) == 1


async def test_what_is_no_assembly_or_no_part_is_refused(house: House) -> None:
    assembly, whole = await an_assembly(house), await house.begin(10)
    part = await house.begin(10, kind=UploadKind.PARTIAL)
    joined = await house.catalog.write(
        joining.begin_final,
        house.caller,
        house.namers,
        house.rules,
        house.space.id,
        Wish("w", None, kind=UploadKind.FINAL),
        [part.id],
    )
    for other in (whole, part, joined, assembly._replace(id=new_id())):
        assert await refusal(add(house, other, 0, b"x")) is UploadReason.UNKNOWN
        assert await refusal(assemble(house, other)) is UploadReason.UNKNOWN
    for other in (whole, assembly, part._replace(id=new_id())):
        assert await refusal(place(house, assembly, 0, other)) is UploadReason.NOT_A_PART
    for position in (-1, joining.MOST_PARTS, 1 << 70):
        assert await refusal(place(house, assembly, position, part)) is RequestReason.BAD_VALUE
    stands = await house.upload_now(joined)
    assert stands is not None and stands.state == UploadState.JOINING
    await house.append(part, 0, b"0123456789")
    assert await house.stored(joined) == b"0123456789"


async def test_an_assembly_is_its_creators(house: House) -> None:
    assembly = await an_assembly(house)
    part = await add(house, assembly, 0, b"x" * 50)
    operator, house.caller = house.caller, Caller(new_id(), "x", house.caller.tenant_id)
    assert await refusal(add(house, assembly, 0, b"x")) is UploadReason.UNKNOWN
    assert await refusal(place(house, assembly, 0, part)) is UploadReason.UNKNOWN
    assert await refusal(assemble(house, assembly)) is UploadReason.UNKNOWN
    house.caller = operator

    def take_away(tx: Tx) -> None:
        for grant in tx.grants.of_principal(house.caller.principal_id):
            tx.grants.remove(grant.id)

    await house.catalog.write(take_away)
    assert await refusal(assemble(house, assembly)) is AccessReason.VERB_NOT_GRANTED
    assert (await house.file(assembly)).state == FileState.RECEIVING


async def test_parts_together_are_no_larger_than_a_file_may_be(house: House) -> None:
    house.space = await house.new_space(Policy(max_file_size=100))
    assembly = await an_assembly(house, length=7)  # what was declared does not count
    await add(house, assembly, 0, b"x" * 60)
    assert await refusal(add(house, assembly, 1, b"y" * 41)) is UploadReason.MAX_SIZE
    assert await used(house, house.space) == (0, 60)
    await add(house, assembly, 0, b"z" * 50)
    await add(house, assembly, 1, b"y" * 50)
    assert await assemble(house, assembly) == 2
    assert await used(house, house.space) == (100, 0)


async def test_parts_hold_quota_as_they_come(house: House) -> None:
    house.space = await house.new_space(ceiling=100)
    assembly = await an_assembly(house)
    await add(house, assembly, 0, b"x" * 60)
    assert await refusal(add(house, assembly, 1, b"y" * 41)) is QuotaReason.EXCEEDED
    await add(house, assembly, 1, b"y" * 40)
    assert await used(house, house.space) == (0, 100)
    assert await assemble(house, assembly) == 2
    assert await used(house, house.space) == (100, 0)


async def test_an_assembly_whose_time_is_over_takes_its_parts_along(house: House) -> None:
    brief = house.with_rules(expire_after=60_000)
    assembly = await an_assembly(brief)
    parts = [await add(brief, assembly, position, b"x" * 50) for position in range(3)]
    await house.catalog.write(lambda tx: uploads.end(tx, house.caller, parts[1]))
    assert (await sweeping(house).sweep()).uploads == 0
    await house.catalog.write(lambda tx: tx.uploads.set_expiry(assembly.id, now()))
    assert await refusal(add(brief, assembly, 3, b"x")) is UploadReason.UNKNOWN
    swept = await sweeping(brief).sweep()
    assert (swept.uploads, swept.segments) == (1, 2)
    for upload in (assembly, *parts):
        assert await house.upload_now(upload) is None
    assert (await house.file(assembly)).state == FileState.REFUSED
    assert await used(house, house.space) == (0, 0)
    assert await house.segments() == set()
    assert (await house.kinds())[-1] == "upload.expired"


async def test_a_part_lives_as_long_as_its_assembly_and_not_longer(house: House) -> None:
    assembly = await an_assembly(house)
    placed = await add(house, assembly, 0, b"x" * 50)
    loose = await house.begin(70, kind=UploadKind.PARTIAL)
    await house.append(loose, 0, b"y" * 70)
    for part in (placed, loose):
        await house.catalog.write(lambda tx, each: tx.uploads.set_expiry(each, Millis(1)), part.id)
    assert (await sweeping(house).sweep()).uploads == 2
    assert await house.upload_now(loose) is None
    kept = await house.upload_now(placed)
    assert kept is not None and kept.expires_at > now()
    assert await used(house, house.space) == (0, 50)
    assert await assemble(house, assembly) == 1
    assert await house.stored(assembly) == b"x" * 50


async def test_every_part_gives_the_assembly_time(house: House) -> None:
    assembly = await an_assembly(house)
    await house.catalog.write(lambda tx: tx.uploads.set_expiry(assembly.id, Millis(now() + 5_000)))
    await add(house, assembly, 0, b"x")
    gained = await house.upload_now(assembly)
    assert gained is not None and gained.expires_at > now() + 60_000


async def test_an_upload_that_is_gone_does_not_expire(house: House) -> None:
    upload = await house.begin(10)
    await house.catalog.write(lambda tx: uploads.end(tx, house.caller, upload))
    kinds = await house.kinds()
    await house.catalog.write(uploads.expire, house.rules, upload)
    assert await house.kinds() == kinds

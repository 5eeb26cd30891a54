"""Files and spaces: removed, restored, purged; and what is swept after them."""

from tests.services.conftest import House
from tests.services.test_appending import refusal
from tests.support.nouns import a_principal

from kade.core.clock import Millis, now
from kade.core.contents import ContentState
from kade.core.errors import AccessReason, FileReason, SpaceReason
from kade.core.files import File, FileState
from kade.core.grants import Grant, Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.spaces import Policy
from kade.core.uploads import Upload, UploadKind
from kade.services import access, files, joining, spaces, tenants, uploads
from kade.services.sweeping import Sweeping, Swept
from kade.services.uploads import Wish

DATA = bytes(range(256))
KEEPING = Policy(trash_ms=60_000)


async def made(house: House, name: str = "a.bin") -> tuple[Upload, File]:
    upload = await house.begin(len(DATA), name)
    await house.append(upload, 0, DATA)
    return upload, await house.file(upload)


def sweeping(house: House, grace_ms: int = -10) -> Sweeping:
    return Sweeping(house.catalog, house.store, house.rules, grace_ms)


async def test_a_removed_file_is_restored_from_the_trash(house: House) -> None:
    house.space = await house.new_space(KEEPING)
    upload, file = await made(house)
    assert await house.catalog.write(lambda tx: files.remove(tx, house.caller, file)) is False
    trashed = await house.file(upload)
    assert trashed.state == FileState.TRASHED and (await house.quota()).used == len(DATA)
    assert await refusal(house.catalog.read(lambda tx: files.find(tx, house.caller, file.id))) is (
        FileReason.UNKNOWN
    )
    restored = await house.catalog.write(lambda tx: files.restore(tx, house.caller, trashed))
    assert (restored.state, restored.version) == (FileState.LIVE, file.version + 2)
    assert await refusal(house.catalog.write(lambda tx: files.restore(tx, house.caller, restored))) is (
        FileReason.WRONG_STATE
    )
    assert (await house.kinds())[-2:] == ["file.trashed", "file.restored"]


async def test_without_trash_removing_is_final(house: House) -> None:
    upload, file = await made(house)
    assert await house.catalog.write(lambda tx: files.remove(tx, house.caller, file)) is True
    erased = await house.file(upload)
    assert (erased.state, erased.content_id) == (FileState.ERASED, None)
    assert (await house.content(upload.content_id)).state == ContentState.CONDEMNED
    assert (await house.quota()).used == 0
    assert await house.upload_now(upload) is None
    assert await refusal(house.catalog.write(lambda tx: files.purge(tx, house.caller, file))) is (
        FileReason.WRONG_STATE
    )
    assert (await house.quota()).used == 0


async def test_a_content_that_another_file_uses_stays(house: House) -> None:
    upload, file = await made(house)
    twin = file._replace(id=new_id(), version=1)
    await house.catalog.write(lambda tx: tx.files.add(twin))
    assert await house.catalog.write(lambda tx: files.purge(tx, house.caller, file)) is False
    assert (await house.content(upload.content_id)).state == ContentState.LIVE
    assert await house.catalog.write(lambda tx: files.purge(tx, house.caller, twin)) is True


async def test_the_bytes_of_a_file_and_of_none(house: House) -> None:
    _, file = await made(house)
    assert (await house.catalog.read(files.content_of, file)).length == len(DATA)
    coming = await house.file(await house.begin(10))
    assert await refusal(house.catalog.read(files.content_of, coming)) is FileReason.INCOMPLETE
    await house.catalog.write(lambda tx: files.purge(tx, house.caller, file))
    for gone in (file, file._replace(content_id=None)):
        assert await refusal(house.catalog.read(files.content_of, gone)) is FileReason.CONTENT_GONE


async def stranger(house: House, *verbs: Verb) -> Caller:
    principal = a_principal(house.caller.tenant_id)

    def add(tx: Tx) -> None:
        tx.principals.add(principal)
        if verbs:
            access.grant(tx, principal.id, house.space.id, verbs)

    await house.catalog.write(add)
    return Caller(principal.id, principal.name, principal.tenant_id)


async def test_a_file_is_found_by_who_has_the_verb_where_it_lies(house: House) -> None:
    _, file = await made(house)
    reader, nobody = await stranger(house, Verb.READ, Verb.LIST), await stranger(house)
    assert await house.catalog.read(lambda tx: files.find(tx, reader, file.id)) == file
    assert await house.catalog.read(lambda tx: files.list_in_reach(tx, reader)) == [file]
    assert await house.catalog.read(lambda tx: files.list_in_reach(tx, nobody)) == []
    elsewhere = Caller(reader.principal_id, "x", new_id())

    async def reason(caller: Caller, file_id: Id | None, verb: Verb = Verb.READ) -> object:
        return await refusal(house.catalog.read(lambda tx: files.find(tx, caller, file_id, verb)))

    for caller, file_id in ((nobody, file.id), (elsewhere, file.id), (reader, None), (reader, new_id())):
        assert await reason(caller, file_id) is FileReason.UNKNOWN
    assert await reason(reader, file.id, Verb.REMOVE) is FileReason.UNKNOWN
    for act in (files.remove, files.restore, files.purge):
        assert await refusal(house.catalog.write(act, reader, file)) is AccessReason.VERB_NOT_GRANTED


def _at(moment: int | None) -> Millis | None:
    return None if moment is None else Millis(moment)


async def test_a_grant_holds_in_its_time_only(house: House) -> None:
    caller = await stranger(house)
    for start, end, holds in ((None, None, True), (now() + 60_000, None, False), (None, now() - 1, False)):
        grant = await house.catalog.write(access.grant, caller.principal_id, house.space.id)

        def put(tx: Tx, limited: Grant) -> None:
            tx.grants.remove(limited.id)
            tx.grants.add(limited)

        await house.catalog.write(put, grant._replace(not_before=_at(start), not_after=_at(end)))
        assert await house.catalog.read(access.allowed, caller, Verb.READ, house.space.id) is holds
        await house.catalog.write(lambda tx, old: tx.grants.remove(old), grant.id)


async def test_a_space_with_something_in_it_is_not_removed(house: House) -> None:
    below = await house.catalog.write(
        lambda tx: spaces.create(tx, house.caller, house.namers, house.space.id, "below")
    )
    root = await house.catalog.read(tenants.root_of, house.caller.tenant_id)
    for occupied in (house.space, root):
        assert await refusal(house.catalog.write(spaces.remove, house.caller, occupied)) is (
            SpaceReason.NOT_EMPTY
        )
    await house.catalog.write(spaces.remove, house.caller, below)
    await house.begin(10)
    assert await refusal(house.catalog.write(spaces.remove, house.caller, house.space)) is (
        SpaceReason.NOT_EMPTY
    )

    def beneath(tx: Tx) -> object:
        return spaces.create(tx, house.caller, house.namers, below.id, "x")

    assert await refusal(house.catalog.write(beneath)) is SpaceReason.UNKNOWN
    for each in (below.id, new_id()):
        assert await refusal(house.catalog.read(spaces.find, house.caller, each)) is SpaceReason.UNKNOWN


async def test_a_space_is_renamed_and_its_rules_change(house: House) -> None:
    def change(tx: Tx) -> None:
        spaces.rename(tx, house.caller, house.space, "Other")
        spaces.set_policy(tx, house.caller, house.space, KEEPING)
        spaces.set_ceiling(tx, house.caller, house.space, 5)
        spaces.set_ceiling(tx, house.caller, house.space, None)

    await house.catalog.write(change)
    found = await house.catalog.read(spaces.find, house.caller, house.space.id)
    assert (found.name, found.policy) == ("Other", KEEPING)
    assert (await house.quota()).ceiling is None
    assert (await house.kinds())[-4:] == [
        "space.renamed",
        "space.policy_changed",
        "space.quota_changed",
        "space.quota_changed",
    ]


async def test_what_is_condemned_goes_after_the_grace_and_not_before(house: House) -> None:
    _, file = await made(house)
    kept, _ = await made(house)
    await house.catalog.write(files.purge, house.caller, file)
    assert await sweeping(house, 60_000).sweep() == Swept(0, 0, 0, 0)
    assert len(await house.segments()) == 2
    assert await sweeping(house).sweep() == Swept(0, 0, 1, 1)
    assert len(await house.segments()) == 1
    assert await house.stored(kept) == DATA
    assert await sweeping(house).sweep() == Swept(0, 0, 0, 0)


async def test_segments_that_a_joined_file_shares_stay(house: House) -> None:
    part = await house.begin(len(DATA), kind=UploadKind.PARTIAL)
    await house.append(part, 0, DATA)
    final = await house.catalog.write(
        lambda tx: joining.begin_final(
            tx,
            house.caller,
            house.namers,
            house.rules,
            house.space.id,
            Wish("w", None, kind=UploadKind.FINAL),
            [part.id],
        )
    )
    await house.appending.end(house.caller, lambda tx: uploads.find(tx, house.caller, part.id))
    assert await sweeping(house).sweep() == Swept(0, 0, 1, 0)
    assert await house.stored(final) == DATA
    await house.catalog.write(files.purge, house.caller, await house.file(final))
    assert await sweeping(house).sweep() == Swept(0, 0, 1, 1)
    assert await house.segments() == set()


async def test_expired_uploads_and_old_trash_are_swept(house: House) -> None:
    house.space = await house.new_space(KEEPING)
    upload, file = await made(house)
    await house.catalog.write(files.remove, house.caller, file)
    assert (await sweeping(house).sweep()).files == 0
    trashed = await house.file(upload)
    old = trashed._replace(version=trashed.version + 1, due_at=Millis(now() - 1))
    await house.catalog.write(lambda tx: tx.files.change(old))
    brief = house.with_rules(expire_after=-1)
    for _ in range(3):
        await brief.begin(10)
    assert await sweeping(house).sweep() == Swept(3, 1, 4, 1)
    figures = await house.quota()
    assert (figures.used, figures.reserved) == (0, 0)
    assert (await house.kinds())[-4:] == ["upload.expired"] * 3 + ["file.erased"]


async def test_a_sweep_goes_on_until_nothing_is_left(house: House) -> None:
    brief = house.with_rules(expire_after=-1)
    wish = Wish("a.bin", 1)

    def many(tx: Tx) -> None:
        for _ in range(450):
            uploads.begin(tx, house.caller, house.namers, brief.rules, house.space.id, wish)

    await house.catalog.write(many)
    swept = await sweeping(house).sweep()
    assert (swept.uploads, swept.contents) == (450, 450)


async def test_segments_that_no_row_knows_are_dropped_once_they_are_old(house: House) -> None:
    upload, _ = await made(house)
    sink = await house.store.create(new_id())
    await sink.sync()
    await sink.close()
    assert await sweeping(house, 60_000).drop_orphans() == 0
    assert await sweeping(house).drop_orphans() == 1
    assert await house.stored(upload) == DATA

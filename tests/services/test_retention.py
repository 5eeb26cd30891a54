"""Retention: the bytes go, then the record; what is left in between, and who is told."""

import pytest
from tests.services.conftest import House
from tests.services.exchange import DATA, ByNumber, a_subscriber, a_type, delivered, file_now, published, used
from tests.services.test_appending import refusal
from tests.services.test_files import sweeping

from kade.core.bindings import Noun
from kade.core.clock import Millis, now
from kade.core.contents import ContentState
from kade.core.deliveries import DeliveryState
from kade.core.errors import FileReason, KadeError, SpaceReason
from kade.core.files import File, FileState
from kade.core.names import fold
from kade.core.ports import Tx
from kade.core.query import ALWAYS, NEVER, AllOf, AnyOf, Compare, Not, OneOf, Operator, Query, leaves
from kade.core.query import Field as Asked
from kade.core.ranges import Span
from kade.core.spaces import Policy, Space
from kade.services import deliveries, files, retention, soundness, spaces
from kade.services.sweeping import Swept

KEEPING = Policy(keep_content_ms=1_000_000, keep_record_ms=6_000_000)


async def make_due(house: House, file: File) -> None:
    """Let the file's next step be due now, as if the time had gone by."""
    stands = await file_now(house, file.id)
    assert stands.due_at is not None and stands.due_at > now()
    due = stands._replace(version=stands.version + 1, due_at=Millis(now() - 1))
    assert await house.catalog.write(lambda tx: tx.files.change(due))


async def findings(house: House, file: File) -> list[soundness.Finding]:
    def look(tx: Tx) -> list[soundness.Finding]:
        found = [*soundness.file(tx, file.id), *soundness.named_file(tx, file.id)]
        return [*found, *soundness.quota(tx, file.space_id), *soundness.quota(tx, file.tenant_id)]

    return await house.catalog.read(look)


async def test_the_bytes_go_and_the_record_stays_and_then_goes(house: House) -> None:
    house.namers.register(ByNumber())
    shelf = await a_type(house, policy=KEEPING)
    fetched, waiting = await a_subscriber(house, name="one"), await a_subscriber(house, name="two")
    file = await published(house, shelf)
    assert file.due_at == (file.arrived_at or 0) + 1_000_000
    await house.catalog.write(deliveries.fetched, fetched, file.id, [Span(0, len(DATA))])
    assert await sweeping(house).sweep() == Swept(0, 0, 0, 0)
    await make_due(house, file)

    assert await sweeping(house).sweep() == Swept(0, 1, 1, 1)
    assert await house.segments() == set()
    gone = await file_now(house, file.id)
    assert (gone.state, gone.content_id, gone.length) == (FileState.GONE, None, len(DATA))
    assert gone.due_at == (file.arrived_at or 0) + 6_000_000
    assert await used(house, shelf) == (0, 0) and await findings(house, file) == []
    states = {each.subscriber_id: each.state for each in await delivered(house, file.id)}
    assert states == {
        fetched.principal_id: DeliveryState.FETCHED,
        waiting.principal_id: DeliveryState.LAPSED,
    }
    for caller in (fetched, waiting):
        _, record = await house.catalog.read(deliveries.find, caller, file.id)
        assert record == gone
        reading = house.catalog.read(deliveries.readable, caller, file.id)
        assert await refusal(reading) is FileReason.UNKNOWN
        page = await house.catalog.read(deliveries.page, caller, Query(shelf.tenant_id, [shelf.id]))
        assert [each.id for _, each in page.entries] == [file.id]
    assert await refusal(house.catalog.read(files.content_of, gone)) is FileReason.CONTENT_GONE
    assert await sweeping(house).sweep() == Swept(0, 0, 0, 0)

    await make_due(house, file)
    assert await sweeping(house).sweep() == Swept(0, 1, 0, 0)
    erased = await file_now(house, file.id)
    assert (erased.state, erased.due_at) == (FileState.ERASED, None)
    assert await delivered(house, file.id) == [] and await used(house, shelf) == (0, 0)
    assert await house.catalog.read(lambda tx: tx.bindings.key_of("by number", Noun.FILE, file.id)) is None
    assert await refusal(house.catalog.read(deliveries.find, fetched, file.id)) is FileReason.UNKNOWN
    assert (await house.kinds())[-3:] == ["file.content_removed", "delivery.lapsed", "file.erased"]
    assert await sweeping(house).sweep() == Swept(0, 0, 0, 0)


async def test_a_record_may_stay_for_ever(house: House) -> None:
    shelf = await a_type(house, policy=Policy(keep_content_ms=1_000_000))
    file = await published(house, shelf)
    await make_due(house, file)
    assert (await sweeping(house).sweep()).files == 1
    gone = await file_now(house, file.id)
    assert (gone.state, gone.due_at) == (FileState.GONE, None)


async def test_small_files_within_the_catalog_go_as_well(house: House) -> None:
    shelf = await a_type(house, policy=KEEPING)
    file = await published(house, shelf, b"x" * 64)
    await make_due(house, file)
    assert await sweeping(house).sweep() == Swept(0, 1, 1, 0)
    assert await house.catalog.read(lambda tx: tx.contents.get(file.content_id or file.id)) is None


async def test_bytes_that_another_file_has_stay(house: House) -> None:
    shelf = await a_type(house, policy=KEEPING)
    file = await published(house, shelf)
    copy = file._replace(id=file.id[::-1], space_id=house.space.id, due_at=None)  # type: ignore[arg-type]
    await house.catalog.write(lambda tx: tx.files.add(copy))
    await make_due(house, file)
    assert await sweeping(house).sweep() == Swept(0, 1, 0, 0)
    assert (await house.content(copy.content_id)).state == ContentState.LIVE
    assert len(await house.segments()) == 1


async def test_what_was_not_uploaded_here_has_no_upload_to_forget(house: House) -> None:
    shelf = await a_type(house, policy=KEEPING)
    file = await published(house, shelf)
    upload = await house.catalog.read(lambda tx: tx.uploads.of_file(file.id))
    assert upload is not None
    await house.catalog.write(lambda tx: tx.uploads.forget(upload.id))
    await make_due(house, file)
    assert await sweeping(house).sweep() == Swept(0, 1, 1, 1)


async def test_a_changed_policy_holds_for_what_comes_from_then_on(house: House) -> None:
    shelf = await a_type(house, policy=KEEPING)
    file = await published(house, shelf)
    await house.catalog.write(spaces.set_policy, house.caller, shelf, Policy())
    later = await published(house, shelf)
    assert (await file_now(house, file.id)).due_at == file.due_at and later.due_at is None
    await make_due(house, file)
    await sweeping(house).sweep()
    assert (await file_now(house, file.id)).due_at is None  # the record, by the policy of that moment


async def test_trash_has_its_own_time_and_comes_back_to_the_old_one(house: House) -> None:
    shelf = await a_type(house, policy=KEEPING)
    policy = Policy(keep_content_ms=1_000_000, keep_record_ms=6_000_000, trash_ms=60_000)
    await house.catalog.write(spaces.set_policy, house.caller, shelf, policy)
    file = await published(house, shelf)
    await house.catalog.write(files.remove, house.caller, file)
    trashed = await file_now(house, file.id)
    assert trashed.due_at is not None and now() < trashed.due_at <= now() + 60_000
    restored = await house.catalog.write(files.restore, house.caller, trashed)
    assert restored.due_at == file.due_at
    await house.catalog.write(files.remove, house.caller, restored)
    await make_due(house, file)
    assert await sweeping(house).sweep() == Swept(0, 1, 1, 1)
    assert (await file_now(house, file.id)).state == FileState.ERASED
    assert await used(house, shelf) == (0, 0)


async def test_a_file_from_before_arrivals_were_dated(house: House) -> None:
    """It lost its date, or never had one: then what it was made at counts."""
    shelf = await a_type(house, policy=KEEPING)
    file = await published(house, shelf)
    undated = file._replace(version=2 + file.version - 1, arrived_at=None)
    await house.catalog.write(lambda tx: tx.files.change(undated))
    await house.catalog.write(retention.take_step, undated)
    assert (await file_now(house, file.id)).due_at == file.created_at + 6_000_000


async def test_a_space_that_is_gone_has_no_policy_any_more(house: House) -> None:
    shelf = await a_type(house, policy=KEEPING)
    file = await published(house, shelf)

    class Without:
        """The transaction, but no space is known."""

        def __init__(self, tx: Tx) -> None:
            self._tx = tx
            self.spaces = self

        def get(self, space_id: str) -> Space | None:
            return None

        def __getattr__(self, name: str) -> object:
            return getattr(self._tx, name)

    await house.catalog.write(lambda tx: retention.take_step(Without(tx), file))  # type: ignore[arg-type]
    gone = await file_now(house, file.id)
    assert (gone.state, gone.due_at) == (FileState.GONE, None)


async def test_a_space_in_which_only_records_are_left_can_be_removed(house: House) -> None:
    shelf = await a_type(house, policy=KEEPING)
    file = await published(house, shelf)
    removing = house.catalog.write(spaces.remove, house.caller, shelf)
    assert await refusal(removing) is SpaceReason.NOT_EMPTY
    await make_due(house, file)
    await sweeping(house).sweep()
    await house.catalog.write(spaces.remove, house.caller, shelf)
    await make_due(house, file)
    assert (await sweeping(house).sweep()).files == 1
    assert (await file_now(house, file.id)).state == FileState.ERASED


async def test_a_step_that_somebody_else_took_is_not_taken_twice(house: House) -> None:
    shelf = await a_type(house, policy=KEEPING)
    file = await published(house, shelf)
    await house.catalog.write(retention.take_step, file)
    assert await refusal(house.catalog.write(retention.take_step, file)) is FileReason.WRONG_STATE
    assert await used(house, shelf) == (0, 0)
    assert (await house.kinds()).count("file.content_removed") == 1


@pytest.mark.parametrize(
    ("content", "record", "right"),
    [(0, 0, True), (5, 0, True), (5, 5, True), (5, 6, True), (6, 5, False), (0, 5, False)],
)
def test_a_record_goes_no_sooner_than_its_bytes(content: int, record: int, right: bool) -> None:
    policy = Policy(keep_content_ms=content, keep_record_ms=record)
    if right:
        assert policy.checked() is policy
    else:
        with pytest.raises(KadeError) as refused:
            policy.checked()
        assert refused.value.reason is SpaceReason.BAD_POLICY
    assert policy.due(Millis(10)) == (10 + content if content else None)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("a.xml", ""),
        ("A.XML", ""),
        ("payslip_2026.csv", ""),
        ("payslip_.csv", "pattern"),
        ("a.xml.zip", "pattern"),
        ("a.exe", "extension"),
        ("A.ExE", "extension"),
        ("a.exe. .", "extension"),
        ("a.xml.Bat", "extension"),
        ("exe", "pattern"),
        ("é.XML", ""),
    ],
)
def test_a_name_matches_a_pattern_and_no_refused_extension(name: str, rule: str) -> None:
    policy = Policy(file_names=("*.XML", "payslip_????.csv"), refused_extensions=("exe", "BAT"))
    if not rule:
        policy.require_name(fold(name))
        return
    with pytest.raises(KadeError) as refused:
        policy.require_name(fold(name))
    assert refused.value.reason is FileReason.NAME_REFUSED and refused.value.facts == {"rule": rule}


def test_a_space_without_rules_takes_every_name() -> None:
    for name in ("exe", "a.exe", ".", "no extension"):
        Policy().require_name(name)


def test_a_term_is_made_of_its_leaves() -> None:
    one, two = Compare(Asked.ARRIVED, Operator.LT, 5), OneOf(Asked.NAME, ())
    assert list(leaves(AllOf((NEVER, AnyOf((ALWAYS, Not(one))), two)))) == [one, two]

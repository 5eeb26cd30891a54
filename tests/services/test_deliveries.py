"""Deliveries and publications: who has what, what was fetched, what is a secret to others."""

from dataclasses import replace

import pytest
from tests.services.conftest import House
from tests.services.exchange import (
    DATA,
    a_subscriber,
    a_type,
    an_application,
    delivered,
    entitle,
    file_now,
    published,
)
from tests.services.test_appending import refusal

from kade.core.clock import Millis, now
from kade.core.deliveries import Delivery, DeliveryState, spans_of, text_of
from kade.core.errors import AccessReason, FileReason
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.query import Page, Query
from kade.core.ranges import Span
from kade.core.spaces import Policy, Space
from kade.services import access, applications, deliveries, files, publications, tenants

END = len(DATA)


@pytest.fixture
async def shelf(house: House) -> Space:
    return await a_type(house, policy=Policy())


async def listed(house: House, caller: Caller) -> Page[tuple[Delivery, File]]:
    def look(tx: Tx) -> Page[tuple[Delivery, File]]:
        spaces = deliveries.spaces(tx, caller)
        return deliveries.page(tx, caller, Query(new_id(), list(spaces.values())))

    return await house.catalog.read(look)


async def fetch(house: House, caller: Caller, file: File, *spans: tuple[int, int]) -> Delivery | None:
    sent = [Span(*each) for each in spans]
    return await house.catalog.write(deliveries.fetched, caller, file.id, sent)


async def test_what_goes_live_is_delivered_to_whoever_subscribes_then(house: House, shelf: Space) -> None:
    before = await published(house, shelf)
    one, two = await a_subscriber(house, name="one"), await a_subscriber(house, name="two")
    publisher = await an_application(house, "publisher")
    await entitle(house, publisher, 7101, Verb.WRITE)
    file = await published(house, shelf, name="Report.PDF")
    assert await delivered(house, before.id) == []
    made = await delivered(house, file.id)
    assert [each.subscriber_id for each in made] == sorted((one.principal_id, two.principal_id))
    for each in made:
        assert each[1:] == (
            file.tenant_id,
            file.arrived_at,
            file.id,
            shelf.id,
            "report.pdf",
            DeliveryState.AVAILABLE,
            "",
            None,
            None,
        )
    for caller, count in ((one, 1), (two, 1), (publisher, 0), (house.caller, 0)):
        assert (await listed(house, caller)).count == count
    entry = (await house.catalog.read(lambda tx: tx.journal.tail(0, 1000)))[-1]
    assert entry.kind == "file.created" and '"deliveries":2' in (entry.detail or "")


async def test_a_grant_above_delivers_once(house: House, shelf: Space) -> None:
    caller = await a_subscriber(house)
    root = await house.catalog.read(tenants.root_of, house.caller.tenant_id)
    await house.catalog.write(access.grant, caller.principal_id, root.id, (Verb.SUBSCRIBE,))
    file = await published(house, shelf)
    assert len(await delivered(house, file.id)) == 1
    assert await house.catalog.read(deliveries.spaces, caller) == {7101: shelf.id}


async def test_a_file_is_fetched_when_all_of_it_was_sent(house: House, shelf: Space) -> None:
    caller = await a_subscriber(house)
    file = await published(house, shelf)
    for spans, kept in (
        ([(10, 20)], "10-20"),
        ([(0, 5), (100, 100)], "0-5 10-20"),
        ([(4, 11)], "0-20"),
        ([], "0-20"),
        ([(30, END)], "0-20 30-256"),
    ):
        part = await fetch(house, caller, file, *spans)
        assert part is not None and (part.state, part.fetched_spans) == (DeliveryState.AVAILABLE, kept)
        assert part.fetched_at is None
    began = now()
    whole = await fetch(house, caller, file, (20, 30))
    assert whole is not None and (whole.state, whole.fetched_spans) == (DeliveryState.FETCHED, "")
    assert whole.fetched_at is not None and began <= whole.fetched_at <= now()
    assert await delivered(house, file.id) == [whole]
    assert (await house.kinds())[-1] == "delivery.fetched"


async def test_each_further_whole_fetch_leaves_a_receipt_of_its_own(house: House, shelf: Space) -> None:
    caller = await a_subscriber(house)
    file = await published(house, shelf)
    await fetch(house, caller, file, (0, END))
    before = await house.kinds()
    part = await fetch(house, caller, file, (0, END - 1))
    assert part is not None and part.state == DeliveryState.FETCHED and await house.kinds() == before
    await fetch(house, caller, file, (0, 100), (100, END))
    assert (await house.kinds())[len(before) :] == ["delivery.fetched_again"]


async def test_an_empty_file_is_fetched_with_its_first_answer(house: House, shelf: Space) -> None:
    caller = await a_subscriber(house)
    file = await published(house, shelf, b"")
    got = await fetch(house, caller, file)
    assert got is not None and got.state == DeliveryState.FETCHED


async def test_what_is_not_there_is_not_fetched(house: House, shelf: Space) -> None:
    caller = await a_subscriber(house)
    file = await published(house, shelf)
    assert await fetch(house, house.caller, file, (0, END)) is None
    assert await fetch(house, caller, file._replace(id=new_id()), (0, END)) is None
    await house.catalog.write(files.purge, house.caller, file)
    assert await fetch(house, caller, file, (0, END)) is None
    assert (await house.kinds())[-1] == "file.purged"


async def test_what_was_dismissed_is_gone_for_one_and_stays_for_others(house: House, shelf: Space) -> None:
    me, other = await a_subscriber(house, name="me"), await a_subscriber(house, name="other")
    file = await published(house, shelf)
    await house.catalog.write(deliveries.dismiss, me, file.id)
    assert await refusal(house.catalog.read(deliveries.find, me, file.id)) is FileReason.UNKNOWN
    assert await refusal(house.catalog.read(deliveries.readable, me, file.id)) is FileReason.UNKNOWN
    assert (await house.catalog.read(deliveries.readable, other, file.id)) == file
    await house.catalog.write(deliveries.dismiss, me, file.id)
    assert (await house.kinds()).count("delivery.dismissed") == 1
    late = await fetch(house, me, file, (0, END))  # what was on its way still when it was dismissed
    assert late is not None and late.state == DeliveryState.DISMISSED
    assert "delivery.fetched" not in await house.kinds()
    for missing in (new_id(), Id("")):
        assert await refusal(house.catalog.write(deliveries.dismiss, me, missing)) is FileReason.UNKNOWN


@pytest.mark.parametrize("dismissed", [False, True])
async def test_a_file_is_unknown_where_the_right_is_gone(house: House, shelf: Space, dismissed: bool) -> None:
    caller = await an_application(house)
    grant = await entitle(house, caller, 7101, Verb.SUBSCRIBE)
    file = await published(house, shelf)
    if dismissed:
        await house.catalog.write(deliveries.dismiss, caller, file.id)
    elsewhere = replace(caller, tenant_id=new_id())
    for verb in (deliveries.find, deliveries.readable, deliveries.dismiss):
        assert await refusal(house.catalog.write(verb, elsewhere, file.id)) is FileReason.UNKNOWN
    await house.catalog.write(applications.withdraw, house.caller, grant.id)
    for verb in (deliveries.find, deliveries.readable, deliveries.dismiss):
        assert await refusal(house.catalog.write(verb, caller, file.id)) is FileReason.UNKNOWN
    assert await house.catalog.read(deliveries.spaces, caller) == {}
    assert (await listed(house, caller)).count == 0
    again = await entitle(house, caller, 7101, Verb.SUBSCRIBE)
    assert again.id != grant.id and (await listed(house, caller)).count == 1


async def test_a_file_is_read_in_its_time_frame(house: House, shelf: Space) -> None:
    caller = await a_subscriber(house)
    file = await published(house, shelf)
    for start, end in ((now() + 60_000, None), (None, now() - 1)):
        frame = {"valid_from": start and Millis(start), "valid_until": end and Millis(end)}
        await house.catalog.write(
            lambda tx, given: files.change(tx, files.find(tx, house.caller, file.id), **given), frame
        )
        assert await refusal(house.catalog.read(deliveries.readable, caller, file.id)) is FileReason.UNKNOWN
        found = await house.catalog.read(deliveries.find, caller, file.id)
        assert found[1].id == file.id


async def test_a_new_name_is_found_in_lists(house: House, shelf: Space) -> None:
    await a_subscriber(house)
    file = await published(house, shelf)
    await house.catalog.write(lambda tx: files.change(tx, file, name="NEW", name_folded="new"))
    assert [each.name_folded for each in await delivered(house, file.id)] == ["new"]


async def test_trash_lapses_and_restoring_delivers_what_was_not_fetched(house: House) -> None:
    shelf = await a_type(house, policy=Policy())
    await house.catalog.write(lambda tx: tx.spaces.set_policy(shelf.id, Policy(trash_ms=60_000)))
    one, two = await a_subscriber(house, name="one"), await a_subscriber(house, name="two")
    file = await published(house, shelf)
    await fetch(house, one, file, (0, END))
    await fetch(house, two, file, (0, 10))
    await house.catalog.write(files.remove, house.caller, file)
    states = {each.subscriber_id: each.state for each in await delivered(house, file.id)}
    assert states == {one.principal_id: DeliveryState.FETCHED, two.principal_id: DeliveryState.LAPSED}
    assert (await house.kinds())[-2:] == ["delivery.lapsed", "file.trashed"]
    assert await refusal(house.catalog.read(deliveries.readable, two, file.id)) is FileReason.UNKNOWN
    restored = await house.catalog.write(files.restore, house.caller, await file_now(house, file.id))
    assert (restored.arrived_at, restored.due_at) == (file.arrived_at, None)
    (mine,) = [each for each in await delivered(house, file.id) if each.subscriber_id == two.principal_id]
    assert (mine.state, mine.fetched_spans) == (DeliveryState.AVAILABLE, "0-10")
    assert await house.catalog.read(deliveries.readable, two, file.id) == restored


async def test_what_lapsed_on_its_last_bytes_was_fetched(house: House, shelf: Space) -> None:
    await house.catalog.write(lambda tx: tx.spaces.set_policy(shelf.id, Policy(trash_ms=60_000)))
    caller = await a_subscriber(house)
    file = await published(house, shelf)
    await house.catalog.write(files.remove, house.caller, file)
    part = await fetch(house, caller, file, (0, 10))
    assert part is not None and (part.state, part.fetched_spans) == (DeliveryState.LAPSED, "0-10")
    whole = await fetch(house, caller, file, (10, END))
    assert whole is not None and whole.state == DeliveryState.FETCHED
    await house.catalog.write(files.restore, house.caller, await file_now(house, file.id))
    assert [each.state for each in await delivered(house, file.id)] == [DeliveryState.FETCHED]


async def test_what_is_waiting_is_told_by_age(house: House, shelf: Space) -> None:
    one, two = await a_subscriber(house, name="one"), await a_subscriber(house, name="two")
    first, second = await published(house, shelf), await published(house, shelf)
    await fetch(house, one, first, (0, END))

    async def told(of: Id | None, before: int, limit: int = 10) -> list[tuple[Id, Id]]:
        found = await house.catalog.read(deliveries.waiting, house.caller, of, Millis(before), limit)
        return [(delivery.subscriber_id, file.id) for delivery, file in found]

    later = now() + 1
    assert await told(one.principal_id, later) == [(one.principal_id, second.id)]
    assert await told(two.principal_id, later) == [(two.principal_id, each.id) for each in (first, second)]
    assert len(await told(None, later)) == 3 and len(await told(None, later, 2)) == 2
    assert await told(None, first.arrived_at or 0) == []
    lost = (await delivered(house, second.id))[0]._replace(file_id=new_id())
    await house.catalog.write(lambda tx: tx.deliveries.add_all([lost]))
    assert len(await told(None, later)) == 3


async def test_who_runs_the_installation_sees_to_whom_a_file_went(house: House, shelf: Space) -> None:
    caller = await a_subscriber(house)
    file = await published(house, shelf)
    (mine,) = await delivered(house, file.id)
    found = await house.catalog.read(deliveries.of_file, house.caller, file.id)
    assert found == [(mine, file)] and mine.subscriber_id == caller.principal_id
    unknown = house.catalog.read(deliveries.of_file, house.caller, new_id())
    assert await refusal(unknown) is FileReason.UNKNOWN
    asking = house.catalog.read(deliveries.of_file, caller, file.id)
    assert await refusal(asking) is AccessReason.VERB_NOT_GRANTED
    asking = house.catalog.read(deliveries.waiting, caller, None, now(), 10)
    assert await refusal(asking) is AccessReason.VERB_NOT_GRANTED


async def test_a_publisher_reads_what_it_brought_itself(house: House, shelf: Space) -> None:
    publisher = await an_application(house, "publisher")
    other = await an_application(house, "other")
    for each in (publisher, other):
        await entitle(house, each, 7101, Verb.WRITE)
    operator, house.caller = house.caller, publisher
    file = await published(house, shelf)
    house.caller = operator
    theirs = await published(house, shelf)
    made_by_rule = file._replace(id=new_id(), origin_id=file.id)
    await house.catalog.write(lambda tx: tx.files.add(made_by_rule))
    assert await house.catalog.read(publications.spaces, publisher) == {7101: shelf.id}
    query = Query(new_id(), [shelf.id])
    page = await house.catalog.read(publications.page, publisher, query)
    assert (page.entries, page.count) == ([file], 1)
    assert await house.catalog.read(publications.readable, publisher, file.id) == file
    for caller, unknown in (
        (publisher, theirs.id),
        (publisher, made_by_rule.id),
        (other, file.id),
        (publisher, new_id()),
        (replace(publisher, tenant_id=new_id()), file.id),
    ):
        reading = house.catalog.read(publications.readable, caller, unknown)
        assert await refusal(reading) is FileReason.UNKNOWN
    gone = file._replace(state=FileState.GONE, version=file.version + 1)
    await house.catalog.write(lambda tx: tx.files.change(gone))
    assert await refusal(house.catalog.read(publications.readable, publisher, file.id)) is FileReason.UNKNOWN
    assert (await house.catalog.read(publications.page, publisher, query)).entries == [gone]


def test_spans_are_kept_as_text() -> None:
    spans = [Span(0, 5), Span(7, 1 << 60)]
    assert spans_of(text_of(spans)) == spans
    assert (spans_of(""), text_of([])) == ([], "")


async def test_crumbs_are_not_remembered_for_ever(house: House, shelf: Space) -> None:
    one = await a_subscriber(house)
    file = await published(house, shelf, bytes(5000))
    crumbs = [(at, at + 1) for at in range(0, 4000, 2)]
    await fetch(house, one, file, *crumbs[:1000])
    await fetch(house, one, file, *crumbs[1000:])
    (delivery,) = await delivered(house, file.id)
    assert len(delivery.fetched_spans.split()) == 1000
    await fetch(house, one, file, (0, 5000))
    (delivery,) = await delivered(house, file.id)
    assert (delivery.state, delivery.fetched_spans) == (DeliveryState.FETCHED, "")

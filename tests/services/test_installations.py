"""Installations, services and sources: made, changed, asked for, ended; by whom."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.services.conftest import House
from tests.services.filing import a_source, an_office

from kade.core.clock import Millis, now
from kade.core.errors import AccessReason, FileReason, KadeError, Reason, RequestReason, SourceReason
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, PrincipalKind
from kade.core.sources import Item, Method, ServiceKind, Source
from kade.services import principals, sources


async def reason_of(house: House, verb: Callable[..., object], *given: object) -> Reason:
    """Why a verb is refused."""
    with pytest.raises(KadeError) as refused:
        await house.catalog.write(verb, *given)
    return refused.value.reason


async def source_now(house: House, source: Source) -> Source:
    found = await house.catalog.read(lambda tx: tx.sources.get(source.id))
    assert found is not None
    return found


async def test_an_installation_is_made_found_changed_and_ended(house: House) -> None:
    made = await house.catalog.write(sources.install, house.caller, "GOF001")
    assert await house.catalog.read(sources.installation, house.caller, "gof001") == made
    await house.catalog.write(sources.set_takes_requests, house.caller, made, False)
    changed = await house.catalog.read(sources.installation, house.caller, "GOF001")
    assert not changed.takes_requests
    assert await reason_of(house, sources.install, house.caller, "Gof001") is SourceReason.NAME_TAKEN
    assert await reason_of(house, sources.install, house.caller, "a/b") is SourceReason.BAD_NAME
    nobody = replace(house.caller, principal_id=new_id())
    assert await reason_of(house, sources.install, nobody, "x") is AccessReason.VERB_NOT_GRANTED
    await house.catalog.write(sources.uninstall, house.caller, changed)
    assert await reason_of(house, sources.installation, house.caller, "GOF001") is SourceReason.UNKNOWN


async def test_a_service_is_the_operators_to_give(house: House) -> None:
    office = await an_office(house)
    caller = Caller(office.customer.principal.id, "acme", house.caller.tenant_id)
    add = (sources.add_service, caller, office.installation, ServiceKind.FOLDER, "root", "/")
    assert await reason_of(house, *add) is AccessReason.VERB_NOT_GRANTED
    change = (sources.change_service, caller, office.service)
    assert await reason_of(house, *change) is AccessReason.VERB_NOT_GRANTED
    moved = office.service._replace(location="/elsewhere", secret=b"sealed")
    await house.catalog.write(sources.change_service, house.caller, moved)
    assert await house.catalog.read(sources.service, house.caller, "server ACME") == moved
    assert await reason_of(house, sources.service, house.caller, "other") is SourceReason.UNKNOWN
    assert await reason_of(house, sources.uninstall, house.caller, office.installation) is SourceReason.IN_USE
    source = await a_source(house, office)
    assert await reason_of(house, sources.remove_service, house.caller, moved) is SourceReason.IN_USE
    await house.catalog.write(lambda tx: tx.sources.forget(source.id))
    await house.catalog.write(sources.remove_service, house.caller, moved)
    await house.catalog.write(sources.uninstall, house.caller, office.installation)


async def test_a_source_has_a_place_once_and_a_syncer(house: House) -> None:
    office = await an_office(house)
    made = await a_source(house, office, "/Papers//2026/")
    assert (made.path, made.method, made.interval_ms) == ("Papers/2026", Method.AUTOMATIC, 90 * 60_000)
    assert made.due_at is not None
    assert await house.catalog.read(sources.of_space, house.caller, office.group.space.id) == [made]
    syncer = await house.catalog.read(sources.syncer_of, made.tenant_id)
    principal = await house.catalog.read(lambda tx: tx.principals.get(syncer.principal_id))
    assert principal is not None
    assert principal.kind == PrincipalKind.SYNCER
    second = await a_source(house, office, "", method=Method.REQUESTED)
    assert second.due_at is None
    assert await house.catalog.read(sources.syncer_of, made.tenant_id) == syncer
    give = (sources.add, house.caller, house.namers, office.group.space, office.service)
    assert await reason_of(house, *give, sources.Wish("PAPERS/2026")) is SourceReason.NAME_TAKEN
    assert await reason_of(house, *give, sources.Wish("a/../b")) is FileReason.BAD_NAME
    assert await reason_of(house, *give, sources.Wish("x", interval_ms=1)) is RequestReason.BAD_VALUE
    nobody = replace(house.caller, principal_id=new_id())
    verb = (sources.add, nobody, house.namers, office.group.space, office.service, sources.Wish("x"))
    assert await reason_of(house, *verb) is AccessReason.VERB_NOT_GRANTED


async def test_a_source_is_changed_and_asked_for(house: House) -> None:
    office = await an_office(house)
    made = await a_source(house, office)
    by_request = sources.Wish("ignored", "Shown", Method.REQUESTED, False, 60_000)
    changed = await house.catalog.write(sources.change, house.caller, made, by_request)
    assert (changed.path, changed.shown, changed.due_at, changed.copies) == (made.path, "Shown", None, False)
    again = await house.catalog.write(
        lambda tx: sources.change(tx, house.caller, changed, sources.Wish(""), resynchronise=True)
    )
    assert again.resynchronise and again.due_at is not None and again.requested_at is not None
    short = sources.Wish("", interval_ms=59_999)
    assert await reason_of(house, sources.change, house.caller, made, short) is RequestReason.BAD_VALUE
    await house.catalog.write(lambda tx: tx.sources.change(again._replace(requested_at=None)))
    asked = await house.catalog.write(sources.request_run, house.caller, again)
    assert asked.requested_at is not None
    assert await house.catalog.write(sources.request_run, house.caller, made) == asked
    assert (await house.kinds()).count("source.requested") == 1


async def test_a_source_that_ended_takes_its_files_along(house: House) -> None:
    office = await an_office(house)
    made = await a_source(house, office)
    await house.catalog.write(sources.remove, house.caller, made)
    gone = await source_now(house, made)
    assert gone.removed_at is not None and gone.due_at is not None
    assert sources.next_run(gone, now(), failed=False).due_at is None
    assert sources.next_run(made, Millis(5), failed=False).due_at == 5 + made.interval_ms

    def lost(tx: Tx) -> None:
        tx.items.add(Item(new_id(), made.id, "lost", "", "", None, None, 0, 0, "", None))

    await house.catalog.write(lost)  # its file is not known any more
    caller = await house.catalog.read(sources.syncer_of, made.tenant_id)
    assert await house.catalog.write(sources.drop_items, caller, gone) == 1
    assert await house.catalog.write(sources.drop_items, caller, gone) == 0


async def test_without_a_syncer_nothing_is_synchronised(house: House) -> None:
    office = await an_office(house)
    made = await a_source(house, office)
    syncer = await house.catalog.read(sources.syncer_of, made.tenant_id)
    principal = await house.catalog.read(principals.find, house.caller, syncer.principal_id)
    await house.catalog.write(principals.remove, house.caller, principal)
    with pytest.raises(KadeError) as refused:
        await house.catalog.read(sources.syncer_of, made.tenant_id)
    assert refused.value.reason is SourceReason.UNKNOWN

"""Races on PostgreSQL that SQLite's single writer hides, stepped at chosen points, and then hammered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest
from tests.support.catalogs import MakeCatalog, on_postgres
from tests.support.nouns import a_credential, a_principal, a_tenant, an_upload, house
from tests.support.sizes import sizes

from kade.core.bindings import Binding, Noun
from kade.core.contents import Extent, Segment
from kade.core.errors import CredentialReason, KadeError, PrincipalReason, QuotaReason, UploadReason
from kade.core.events import Event
from kade.core.files import FileState
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller
from kade.core.spaces import Quota, Space
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.services import installing, joining, tenants, uploads
from kade.services.naming import Namers
from kade.services.uploads import Arrived, Rules, Wish

pytestmark = pytest.mark.needs("postgres")
NAMERS, RULES = Namers(), Rules()
WAIT_S = 0.15  # long enough for a statement to run into a lock


@pytest.fixture
def new_postgres(request: pytest.FixtureRequest) -> MakeCatalog:
    return on_postgres(request)


@pytest.fixture
async def catalog(new_postgres: MakeCatalog) -> AsyncIterator[Catalog]:
    made = new_postgres()
    await made.open()
    yield made
    await made.close()


class Stepped:
    """Two transactions: the second one runs while the first one stands just before its commit."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def run(self, first: Callable[[Tx], Any], second: Callable[[Tx], Any]) -> tuple[Any, Any]:
        """Results or errors of both."""
        stands = asyncio.Event()

        def hold(tx: Tx) -> Any:
            result = first(tx)
            if not stands.is_set():
                stands.set()
                _sleep(tx, WAIT_S)
            return result

        one = asyncio.create_task(self._catalog.write(hold))
        await stands.wait()
        two = asyncio.create_task(self._catalog.write(second))
        return tuple(await asyncio.gather(one, two, return_exceptions=True))  # type: ignore[return-value]


def _sleep(tx: Any, seconds: float) -> None:
    from sqlalchemy import text

    tx.journal._session.one(text(f"SELECT pg_sleep({seconds})"))


@pytest.fixture
def stepped(catalog: Catalog) -> Stepped:
    return Stepped(catalog)


async def _installed(catalog: Catalog) -> tuple[Caller, Space]:
    caller = await catalog.write(installing.install, NAMERS, f"t{new_id()}", new_id())
    return caller, await catalog.read(tenants.root_of, caller.tenant_id)


async def _part(catalog: Catalog, caller: Caller, space: Space) -> Upload:
    return await catalog.write(
        lambda tx: uploads.begin(
            tx, caller, NAMERS, RULES, space.id, Wish("", 10, "", kind=UploadKind.PARTIAL)
        )
    )


def _finish(caller: Caller, part: Upload) -> Callable[[Tx], None]:
    def finish(tx: Tx) -> None:
        lease = tx.uploads.take_lease(part.id, "h", 60_000)
        assert lease is not None
        tx.uploads.advance(lease, 0, 10, 60_000, part.expires_at)
        segment = Segment(new_id(), 10, part.created_at)
        tx.segments.add(segment)
        tx.contents.set_extents(part.content_id, [Extent(segment.id, 0, 10)], 10, part.created_at)
        uploads.finish(tx, caller, RULES, part._replace(offset=10), Arrived(10))
        tx.uploads.release(lease, None)

    return finish


def _join(caller: Caller, space: Space, parts: list[Upload]) -> Callable[[Tx], Upload]:
    return lambda tx: joining.begin_final(
        tx, caller, NAMERS, RULES, space.id, Wish("whole", None, kind=UploadKind.FINAL), [p.id for p in parts]
    )


async def _assert_joined(catalog: Catalog, space: Space, final: Upload, parts: int) -> None:
    found, file, quota = await catalog.read(
        lambda tx: (tx.uploads.get(final.id), tx.files.get(final.file_id), tx.quotas.get(space.id))
    )
    assert found is not None and (found.state, found.offset) == (UploadState.FINISHED, 10 * parts)
    assert file is not None and file.state == FileState.LIVE
    assert quota == Quota(space.id, None, 10 * parts, 0)


async def test_two_last_parts_that_finish_together_complete_the_file(
    catalog: Catalog, stepped: Stepped
) -> None:
    caller, space = await _installed(catalog)
    parts = [await _part(catalog, caller, space) for _ in range(2)]
    final = await catalog.write(_join(caller, space, parts))
    results = await stepped.run(_finish(caller, parts[0]), _finish(caller, parts[1]))
    assert results == (None, None)
    await _assert_joined(catalog, space, final, 2)


@pytest.mark.parametrize("finishing_first", [True, False])
async def test_a_file_begun_while_its_part_finishes_is_completed(
    catalog: Catalog, stepped: Stepped, finishing_first: bool
) -> None:
    caller, space = await _installed(catalog)
    part = await _part(catalog, caller, space)
    finish, join = _finish(caller, part), _join(caller, space, [part])
    results = await (stepped.run(finish, join) if finishing_first else stepped.run(join, finish))
    (final,) = [each for each in results if isinstance(each, Upload)]
    await _assert_joined(catalog, space, final, 1)


async def test_many_parts_that_finish_together_complete_the_file_once(catalog: Catalog) -> None:
    caller, space = await _installed(catalog)
    for _ in range(max(sizes.interleavings // 10, 1)):
        parts = [await _part(catalog, caller, space) for _ in range(12)]
        joining = asyncio.create_task(catalog.write(_join(caller, space, parts)))
        await asyncio.gather(joining, *(catalog.write(_finish(caller, part)) for part in parts))
        final_id = joining.result().id
        found = await catalog.read(lambda tx, of: tx.uploads.get(of), final_id)
        assert found is not None and found.state == UploadState.FINISHED
    quota = await catalog.read(lambda tx: tx.quotas.get(space.id))
    assert quota is not None
    assert (quota.used, quota.reserved) == await catalog.read(lambda tx: tx.quotas.actual(space.id))


async def test_parallel_reservations_never_overshoot(catalog: Catalog) -> None:
    tenant, space = await catalog.write(house, ceiling=1000)
    jobs = [catalog.write(lambda tx: tx.quotas.reserve((tenant.id, space.id), 30)) for _ in range(50)]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    refused = [each for each in results if isinstance(each, KadeError)]
    assert len(refused) == 17 and {each.reason for each in refused} == {QuotaReason.EXCEEDED}
    assert await catalog.read(lambda tx: tx.quotas.get(space.id)) == Quota(space.id, 1000, 0, 990)
    assert await catalog.read(lambda tx: tx.quotas.get(tenant.id)) == Quota(tenant.id, None, 0, 990)


async def test_an_upload_that_two_end_gives_its_quota_back_once(catalog: Catalog, stepped: Stepped) -> None:
    caller, space = await _installed(catalog)
    wish = Wish("a", 100)
    upload = await catalog.write(lambda tx: uploads.begin(tx, caller, NAMERS, RULES, space.id, wish))
    kept = await catalog.write(lambda tx: uploads.begin(tx, caller, NAMERS, RULES, space.id, wish))

    def end(tx: Tx) -> None:
        uploads.end(tx, caller, uploads.find(tx, caller, upload.id))

    one, two = await stepped.run(end, end)
    assert one is None and isinstance(two, KadeError) and two.reason is UploadReason.UNKNOWN
    quota = await catalog.read(lambda tx: tx.quotas.get(space.id))
    assert quota is not None and quota.reserved == kept.reserved


@pytest.mark.parametrize("what", ["name", "proof", "binding"])
async def test_what_is_unique_is_inserted_once(catalog: Catalog, stepped: Stepped, what: str) -> None:
    tenant = a_tenant()
    owner = a_principal(tenant.id)
    await catalog.write(lambda tx: tx.tenants.add(tenant))
    await catalog.write(lambda tx: tx.principals.add(owner))

    def insert(tx: Tx) -> None:
        if what == "name":
            tx.principals.add(a_principal(tenant.id, "same"))
        elif what == "proof":
            tx.credentials.add(a_credential(owner.id, "same"))
        else:
            tx.bindings.add(Binding("i", Noun.FILE, "", "same", new_id()))

    one, two = await stepped.run(insert, insert)
    assert one is None
    expected = {"name": PrincipalReason.NAME_TAKEN, "proof": CredentialReason.ALREADY_REGISTERED}
    if what in expected:
        assert isinstance(two, KadeError) and two.reason is expected[what]
    else:
        assert isinstance(two, KeyError)


async def test_first_numbers_asked_for_together_are_two(catalog: Catalog, stepped: Stepped) -> None:
    def number(tx: Tx) -> int:
        return tx.bindings.next_number("i", Noun.PRINCIPAL)

    assert await stepped.run(number, number) == (0, 1)
    more = await asyncio.gather(*(catalog.write(number) for _ in range(50)))
    assert sorted(more) == list(range(2, 52))


async def test_a_lease_is_taken_once(catalog: Catalog, stepped: Stepped) -> None:
    upload = an_upload(await catalog.write(lambda tx: house(tx)[1]))
    await catalog.write(lambda tx: tx.uploads.add(upload))

    def take(holder: str) -> Callable[[Tx], object]:
        return lambda tx: tx.uploads.take_lease(upload.id, holder, 60_000)

    one, two = await stepped.run(take("a"), take("b"))
    assert one is not None and two is None
    others = await asyncio.gather(*(catalog.write(take(f"h{n}")) for n in range(50)))
    assert set(others) == {None}


async def test_what_commits_late_is_not_lost_to_a_reader_of_the_journal(
    catalog: Catalog, stepped: Stepped
) -> None:
    seen: list[str] = []
    position = 0

    async def follow() -> None:
        nonlocal position
        while len(seen) < 2:
            for entry in await catalog.read(lambda tx, after: tx.journal.tail(after, 10), position):
                seen.append(entry.subject)
                position = entry.position
            await asyncio.sleep(0.01)

    following = asyncio.create_task(follow())
    await stepped.run(
        lambda tx: tx.journal.append(Event("k", "begun first, committed late")),
        lambda tx: tx.journal.append(Event("k", "begun second")),
    )
    await asyncio.wait_for(following, 10)
    assert sorted(seen) == ["begun first, committed late", "begun second"]


async def test_many_writers_leave_one_dense_journal(catalog: Catalog) -> None:
    def several(tx: Tx, name: int) -> None:
        for number in range(5):
            tx.journal.append(Event("k", f"{name}.{number}"))

    jobs = [catalog.write(several, number) for number in range(50)]
    await asyncio.gather(*jobs)
    for _ in range(500):
        journal = await catalog.read(lambda tx: tx.journal.tail(0, 1000))
        if len(journal) == 250:
            break
        await asyncio.sleep(0.01)
    assert [entry.position for entry in journal] == list(range(1, 251))
    assert len({entry.subject for entry in journal}) == 250
    assert all(one.chain != two.chain for one, two in pairwise(journal))


async def test_a_deadlock_runs_the_function_again(catalog: Catalog) -> None:
    spaces = [(await catalog.write(lambda tx: house(tx)[1])).id for _ in range(2)]
    runs: list[str] = []

    def cross(tx: Tx, name: str, order: list[Id]) -> None:
        runs.append(name)
        tx.quotas.settle(order[:1], reserved=-1, used=0)
        _sleep(tx, WAIT_S)
        tx.quotas.settle(order[1:], reserved=-1, used=0)

    await asyncio.gather(catalog.write(cross, "a", spaces), catalog.write(cross, "b", spaces[::-1]))
    assert len(runs) >= 3
    for space_id in spaces:
        assert await catalog.read(lambda tx, of: tx.quotas.get(of), space_id) == Quota(space_id, None, 0, 2)

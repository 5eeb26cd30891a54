"""Every catalog: spaces, quotas, bindings."""

import pytest
from tests.support.nouns import a_content, a_file, a_space, a_tenant, an_upload, house

from kade.core.bindings import Binding, Noun
from kade.core.clock import Millis
from kade.core.errors import KadeError, QuotaReason, SpaceReason
from kade.core.files import FileState
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.spaces import Policy, Quota, Space

GIB = 1 << 30


async def test_a_space_keeps_every_field(catalog: Catalog) -> None:
    policy = Policy(digests=("md5",), trash_ms=5, max_file_size=1 << 40)

    def build(tx: Tx) -> tuple[Space, Space]:
        tenant = a_tenant()
        tx.tenants.add(tenant)
        root = a_space(tenant.id, policy=policy)
        tx.spaces.add(root)
        below = a_space(tenant.id, root.id, "Below")
        tx.spaces.add(below)
        return root, below

    root, below = await catalog.write(build)
    assert await catalog.read(lambda tx: tx.spaces.get(root.id)) == root
    assert await catalog.read(lambda tx: tx.spaces.get(new_id())) is None
    named = await catalog.read(lambda tx: tx.spaces.named(root.tenant_id, root.id, "below"))
    assert named == below
    assert await catalog.read(lambda tx: tx.spaces.named(root.tenant_id, None, "below")) is None
    at_root = await catalog.read(lambda tx: tx.spaces.named(root.tenant_id, None, root.name_folded))
    assert at_root == root


async def test_many_are_read_at_once_however_many_are_asked(catalog: Catalog) -> None:
    tenant, root = await catalog.write(house)
    below = [a_space(tenant.id, root.id, str(number)) for number in range(3)]
    for each in below:
        await catalog.write(lambda tx, each: tx.spaces.add(each), each)
    asked = [new_id() for _ in range(40_000)] + [each.id for each in below] + [root.id]
    found = await catalog.read(lambda tx: tx.spaces.get_many(asked))
    assert found == {each.id: each for each in (*below, root)}
    assert await catalog.read(lambda tx: tx.spaces.get_many([])) == {}


async def test_spaces_are_listed_by_name_compared_bytewise(catalog: Catalog) -> None:
    tenant, root = await catalog.write(house)
    names = ["a", "b-c", "bb", "é", "z", "_"]
    for name in names:
        await catalog.write(lambda tx, each: tx.spaces.add(each), a_space(tenant.id, root.id, name))
    found = await catalog.read(lambda tx: tx.spaces.of_tenant(tenant.id))
    assert [each.name for each in found if each.id != root.id] == sorted(names)


async def test_a_name_is_taken_once_below_one_parent_and_at_the_root(catalog: Catalog) -> None:
    tenant, root = await catalog.write(house)
    one = a_space(tenant.id, root.id, "Box")
    await catalog.write(lambda tx: tx.spaces.add(one))
    await catalog.write(lambda tx: tx.spaces.add(a_space(tenant.id, one.id, "Box")))
    for parent_id, name in ((root.id, "box"), (None, root.name)):
        with pytest.raises(KadeError) as refused:
            await catalog.write(lambda tx, new: tx.spaces.add(new), a_space(tenant.id, parent_id, name))
        assert refused.value.reason is SpaceReason.NAME_TAKEN
    await catalog.write(lambda tx: tx.spaces.remove(one.id, Millis(3)))
    await catalog.write(lambda tx: tx.spaces.add(a_space(tenant.id, root.id, "BOX")))


async def test_a_space_is_renamed_changed_and_removed(catalog: Catalog) -> None:
    tenant, root = await catalog.write(house)
    one, two = a_space(tenant.id, root.id, "one"), a_space(tenant.id, root.id, "two")
    for each in (one, two):
        await catalog.write(lambda tx, space: tx.spaces.add(space), each)
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.spaces.rename(one.id, "Two", "two"))
    assert refused.value.reason is SpaceReason.NAME_TAKEN
    policy = Policy(trash_ms=9)

    def change(tx: Tx) -> Space | None:
        tx.spaces.rename(one.id, "Uno", "uno")
        tx.spaces.set_policy(one.id, policy)
        tx.spaces.remove(one.id, Millis(4))
        return tx.spaces.get(one.id)

    expected = one._replace(name="Uno", name_folded="uno", policy=policy, removed_at=Millis(4))
    assert await catalog.write(change) == expected
    assert await catalog.read(lambda tx: tx.spaces.named(tenant.id, root.id, "uno")) is None
    assert one.id not in [each.id for each in await catalog.read(lambda tx: tx.spaces.of_tenant(tenant.id))]


async def test_quota_holds_up_to_the_ceiling_and_not_a_byte_more(catalog: Catalog) -> None:
    tenant, space = await catalog.write(house, ceiling=10 * GIB)
    subjects = (tenant.id, space.id)
    await catalog.write(lambda tx: tx.quotas.reserve(subjects, 10 * GIB))
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.quotas.reserve(subjects, 1))
    assert refused.value.reason is QuotaReason.EXCEEDED
    await catalog.write(lambda tx: tx.quotas.reserve(subjects, 0))
    await catalog.write(lambda tx: tx.quotas.settle(subjects, reserved=4 * GIB, used=3 * GIB))
    await catalog.write(lambda tx: tx.quotas.reserve(subjects, GIB))
    figures = await catalog.read(lambda tx: (tx.quotas.get(tenant.id), tx.quotas.get(space.id)))
    assert figures == (
        Quota(tenant.id, None, 3 * GIB, 7 * GIB),
        Quota(space.id, 10 * GIB, 3 * GIB, 7 * GIB),
    )


@pytest.mark.parametrize("how", ["reserve", "use"])
async def test_quota_is_taken_for_every_subject_or_for_none(catalog: Catalog, how: str) -> None:
    tenant, space = await catalog.write(house, ceiling=10)

    def attempt(tx: Tx) -> None:
        take = tx.quotas.use if how == "use" else tx.quotas.reserve
        with pytest.raises(KadeError):
            take((tenant.id, space.id), 11)

    await catalog.write(attempt)
    figures = await catalog.read(lambda tx: (tx.quotas.get(tenant.id), tx.quotas.get(space.id)))
    assert figures == (Quota(tenant.id, None, 0, 0), Quota(space.id, 10, 0, 0))


async def test_bytes_are_used_up_to_the_ceiling(catalog: Catalog) -> None:
    tenant, space = await catalog.write(house, ceiling=5 * GIB)
    await catalog.write(lambda tx: tx.quotas.reserve((space.id,), GIB))
    await catalog.write(lambda tx: tx.quotas.use((tenant.id, space.id), 4 * GIB))
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.quotas.use((tenant.id, space.id), 1))
    assert refused.value.reason is QuotaReason.EXCEEDED
    assert await catalog.read(lambda tx: tx.quotas.get(space.id)) == Quota(space.id, 5 * GIB, 4 * GIB, GIB)
    await catalog.write(lambda tx: tx.quotas.use((tenant.id, space.id), 0))


async def test_quota_above_a_lowered_ceiling_can_still_shrink(catalog: Catalog) -> None:
    _, space = await catalog.write(house, ceiling=10)
    await catalog.write(lambda tx: tx.quotas.reserve((space.id,), 10))
    await catalog.write(lambda tx: tx.quotas.set_ceiling(space.id, 5))
    await catalog.write(lambda tx: tx.quotas.reserve((space.id,), -3))
    await catalog.write(lambda tx: tx.quotas.settle((space.id,), reserved=0, used=-0))
    assert await catalog.read(lambda tx: tx.quotas.get(space.id)) == Quota(space.id, 5, 0, 7)
    await catalog.write(lambda tx: tx.quotas.set_ceiling(space.id, None))
    await catalog.write(lambda tx: tx.quotas.reserve((space.id,), 1000))
    await catalog.write(lambda tx: tx.quotas.recount(space.id, used=4, reserved=2))
    assert await catalog.read(lambda tx: tx.quotas.get(space.id)) == Quota(space.id, None, 4, 2)
    assert await catalog.read(lambda tx: tx.quotas.get(new_id())) is None


async def test_a_subject_without_quota_holds_nothing(catalog: Catalog) -> None:
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.quotas.reserve((new_id(),), 1))
    assert refused.value.reason is QuotaReason.EXCEEDED


async def test_reservations_never_run_over_the_numbers_that_a_database_holds(catalog: Catalog) -> None:
    _, space = await catalog.write(house)
    largest = (1 << 62) - 1
    await catalog.write(lambda tx: tx.quotas.reserve((space.id,), largest))
    for amount in (largest, 2):
        with pytest.raises(KadeError) as refused:
            await catalog.write(lambda tx, more: tx.quotas.reserve((space.id,), more), amount)
        assert refused.value.reason is QuotaReason.EXCEEDED
    assert await catalog.read(lambda tx: tx.quotas.get(space.id)) == Quota(space.id, None, 0, largest)


async def test_actual_figures_are_what_files_and_uploads_add_up_to(catalog: Catalog) -> None:
    tenant, space = await catalog.write(house)
    lengths = {
        FileState.LIVE: 4 * GIB,
        FileState.HELD: 20,
        FileState.TRASHED: 3,
        FileState.RECEIVING: 10_000,
        FileState.ERASED: 100_000,
        FileState.REFUSED: 1_000_000,
    }

    def fill(tx: Tx) -> None:
        for state, length in lengths.items():
            tx.files.add(a_file(space, state=state, length=length, content_id=new_id()))
        tx.files.add(a_file(space, length=7))  # kept elsewhere: it takes no room here
        tx.uploads.add(an_upload(space, reserved=5))
        tx.uploads.add(an_upload(space, reserved=6))

    await catalog.write(fill)
    for subject in (tenant.id, space.id):
        actual = await catalog.read(lambda tx, of: tx.quotas.actual(of), subject)
        assert actual == (4 * GIB + 23, 11)
    assert await catalog.read(lambda tx: tx.quotas.actual(new_id())) == (0, 0)


def _binding(object_id: Id, key: str = "k", instance: str = "i", scope: str = "") -> Binding:
    return Binding(instance, Noun.FILE, scope, key, object_id)


async def test_bindings_name_objects_both_ways(catalog: Catalog) -> None:
    one, two = new_id(), new_id()
    await catalog.write(lambda tx: tx.bindings.add(_binding(one, "a")))
    await catalog.write(lambda tx: tx.bindings.add(_binding(two, "a", scope="s")))
    await catalog.write(lambda tx: tx.bindings.add(_binding(one, "a", instance="j")))

    def ask(tx: Tx) -> tuple[object, ...]:
        return (
            tx.bindings.object_of("i", Noun.FILE, "a"),
            tx.bindings.object_of("i", Noun.FILE, "a", "s"),
            tx.bindings.object_of("i", Noun.SPACE, "a"),
            tx.bindings.object_of("i", Noun.FILE, "A"),
            tx.bindings.key_of("j", Noun.FILE, one),
            tx.bindings.key_of("j", Noun.FILE, two),
            sorted(tx.bindings.instances_of(Noun.FILE, one)),
        )

    assert await catalog.read(ask) == (one, two, None, None, "a", None, ["i", "j"])


@pytest.mark.parametrize("again", ["key", "object"])
async def test_a_key_and_an_object_are_bound_once(catalog: Catalog, again: str) -> None:
    one = new_id()
    await catalog.write(lambda tx: tx.bindings.add(_binding(one, "a")))
    second = _binding(new_id(), "a") if again == "key" else _binding(one, "b")
    with pytest.raises(KeyError):
        await catalog.write(lambda tx: tx.bindings.add(second))


async def test_an_object_that_is_gone_has_no_names(catalog: Catalog) -> None:
    one = new_id()
    await catalog.write(lambda tx: tx.bindings.add(_binding(one, "a")))
    await catalog.write(lambda tx: tx.bindings.add(_binding(one, "b", instance="j")))
    await catalog.write(lambda tx: tx.bindings.remove(Noun.SPACE, one))
    assert await catalog.read(lambda tx: tx.bindings.object_of("i", Noun.FILE, "a")) == one
    await catalog.write(lambda tx: tx.bindings.remove(Noun.FILE, one))
    assert await catalog.read(lambda tx: tx.bindings.instances_of(Noun.FILE, one)) == []
    await catalog.write(lambda tx: tx.bindings.add(_binding(new_id(), "a")))


async def test_keys_of_many_objects_at_once(catalog: Catalog) -> None:
    bound = {new_id(): f"key{number}" for number in range(1201)}

    def fill(tx: Tx) -> None:
        for object_id, key in bound.items():
            tx.bindings.add(_binding(object_id, key))

    await catalog.write(fill)
    asked = [*bound, new_id()]
    assert await catalog.read(lambda tx: tx.bindings.keys_of("i", Noun.FILE, asked)) == bound
    assert await catalog.read(lambda tx: tx.bindings.keys_of("i", Noun.FILE, [])) == {}


async def test_numbers_are_issued_once_per_scope(catalog: Catalog) -> None:
    async def number(scope: str = "", noun: Noun = Noun.FILE) -> int:
        return await catalog.write(lambda tx: tx.bindings.next_number("i", noun, scope))

    assert [await number(), await number(), await number("s"), await number(noun=Noun.SPACE)] == [0, 1, 0, 0]

    def twice(tx: Tx) -> tuple[int, int]:
        return tx.bindings.next_number("i", Noun.FILE), tx.bindings.next_number("i", Noun.FILE)

    assert await catalog.write(twice) == (2, 3)


async def test_a_content_belongs_to_no_space_but_counts_for_none(catalog: Catalog) -> None:
    tenant, space = await catalog.write(house)
    await catalog.write(lambda tx: tx.contents.add(a_content(tenant.id, length=77)))
    assert await catalog.read(lambda tx: tx.quotas.actual(space.id)) == (0, 0)


async def test_one_name_of_an_object_can_be_released(catalog: Catalog) -> None:
    one, two = new_id(), new_id()
    await catalog.write(lambda tx: tx.bindings.add(_binding(one, "a")))
    await catalog.write(lambda tx: tx.bindings.add(_binding(one, "a", instance="j")))
    await catalog.write(lambda tx: tx.bindings.release("j", Noun.FILE, one))
    await catalog.write(lambda tx: tx.bindings.release("j", Noun.FILE, two))
    await catalog.write(lambda tx: tx.bindings.add(_binding(two, "a", instance="j")))
    assert await catalog.read(lambda tx: tx.bindings.object_of("i", Noun.FILE, "a")) == one
    assert await catalog.read(lambda tx: tx.bindings.object_of("j", Noun.FILE, "a")) == two

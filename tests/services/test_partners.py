"""Users as an operator sees them, and the spaces that are their own."""

import pytest
from tests.services.conftest import House
from tests.services.test_appending import refusal

from kade.core.bindings import Noun
from kade.core.errors import AccessReason, PrincipalReason, SpaceReason
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Principal, PrincipalKind
from kade.core.spaces import Space
from kade.services import access, naming, partners, principals, spaces, tenants


class Owning:
    """Implements ``core.ports.Namer``: a principal's own space is named by the principal's id."""

    instance = "owning"

    def name_principal(self, tx: Tx, principal: Principal) -> None:
        pass

    def name_space(self, tx: Tx, space: Space) -> None:
        pass

    def name_personal_space(self, tx: Tx, principal: Principal, space: Space) -> None:
        naming.bind(tx, self.instance, Noun.SPACE, principal.id, space.id)

    def personal_space(self, tx: Tx, principal_id: Id) -> Id | None:
        return tx.bindings.object_of(self.instance, Noun.SPACE, principal_id)

    def name_file(self, tx: Tx, space_id: Id, file_id: Id) -> None:
        pass


@pytest.fixture
async def owning(house: House) -> House:
    house.namers.register(Owning())
    return house


async def create(house: House, kind: PrincipalKind, name: str, ceiling: int | None = None) -> Principal:
    return await house.catalog.write(partners.create, house.caller, house.namers, kind, name, ceiling)


async def own(house: House, principal: Principal) -> list[Space]:
    return await house.catalog.read(partners.own_spaces, house.caller, house.namers, principal)


async def may(house: House, principal: Principal, space_id: Id) -> set[Verb]:
    caller = Caller(principal.id, principal.name, principal.tenant_id)
    return {
        verb
        for verb in Verb
        if await house.catalog.read(lambda tx, v: access.allowed(tx, caller, v, space_id), verb)
    }


async def test_a_partner_has_a_space_of_its_own(owning: House) -> None:
    partner = await create(owning, PrincipalKind.PARTNER, "haven", 1000)
    (space,) = await own(owning, partner)
    assert space.name == "haven"
    quota = await owning.catalog.read(lambda tx: tx.quotas.get(space.id))
    assert quota is not None and quota.ceiling == 1000
    assert await may(owning, partner, space.id) == {Verb.LIST, Verb.READ, Verb.WRITE, Verb.REMOVE}
    assert await may(owning, partner, owning.space.id) == set()
    assert await owning.catalog.read(partners.owner_of, owning.namers, space) == partner
    assert await owning.catalog.read(partners.owner_of, owning.namers, owning.space) is None


@pytest.mark.parametrize(
    ("kind", "manages"), [(PrincipalKind.APPLICATION, False), (PrincipalKind.OPERATOR, True)]
)
async def test_others_work_in_every_space(owning: House, kind: PrincipalKind, manages: bool) -> None:
    user = await create(owning, kind, "desk")
    assert await own(owning, user) == []
    verbs = await may(owning, user, owning.space.id)
    assert {Verb.LIST, Verb.READ, Verb.WRITE, Verb.REMOVE} <= verbs
    assert (Verb.MANAGE in verbs) is manages
    assert (await owning.kinds())[-1] == "grant.given"


async def test_the_space_is_renamed_with_its_partner(owning: House) -> None:
    partner = await create(owning, PrincipalKind.PARTNER, "haven")
    await owning.catalog.write(partners.rename, owning.caller, owning.namers, partner, "Harbour")
    (space,) = await own(owning, partner)
    assert space.name == "Harbour"
    assert (await owning.catalog.read(principals.named, owning.caller, "harbour")).id == partner.id


async def test_the_empty_space_is_removed_with_its_partner(owning: House) -> None:
    partner = await create(owning, PrincipalKind.PARTNER, "haven")
    (space,) = await own(owning, partner)
    await owning.catalog.write(partners.remove, owning.caller, owning.namers, partner)
    assert await refusal(owning.catalog.read(spaces.find, owning.caller, space.id)) is SpaceReason.UNKNOWN
    gone = owning.catalog.read(principals.find, owning.caller, partner.id)
    assert await refusal(gone) is PrincipalReason.UNKNOWN


async def test_a_partner_with_files_stays(owning: House) -> None:
    partner = await create(owning, PrincipalKind.PARTNER, "haven")
    (owning.space,) = await own(owning, partner)
    await owning.begin(10)
    removing = owning.catalog.write(partners.remove, owning.caller, owning.namers, partner)
    assert await refusal(removing) is PrincipalReason.STILL_OWNS_FILES
    assert await own(owning, partner) == [owning.space]


async def test_a_partner_does_not_remove_itself(owning: House) -> None:
    partner = await create(owning, PrincipalKind.PARTNER, "haven")
    caller = Caller(partner.id, partner.name, partner.tenant_id)
    removing = owning.catalog.write(partners.remove, caller, owning.namers, partner)
    assert await refusal(removing) is AccessReason.VERB_NOT_GRANTED
    assert len(await own(owning, partner)) == 1


async def test_spaces_lie_at_paths(house: House) -> None:
    def below(tx: Tx, parent_id: Id, name: str) -> Space:
        return spaces.create(tx, house.caller, house.namers, parent_id, name)

    deep = await house.catalog.write(below, house.space.id, "Deep")
    deeper = await house.catalog.write(below, deep.id, "er")
    root = await house.catalog.read(tenants.root_of, house.caller.tenant_id)
    first = await house.catalog.write(below, root.id, "Alpha")
    paths = await house.catalog.read(spaces.paths, house.caller)
    assert list(paths.items()) == [
        (first.id, "Alpha"),
        (house.space.id, "inbox"),
        (deep.id, "inbox/Deep"),
        (deeper.id, "inbox/Deep/er"),
    ]
    for space_id, path in paths.items():
        assert (await house.catalog.read(spaces.at_path, house.caller, path.upper())).id == space_id
    for missing in ("", "Deep", "inbox/", "inbox/deep/no"):
        finding = house.catalog.read(spaces.at_path, house.caller, missing)
        assert await refusal(finding) is SpaceReason.UNKNOWN
    stranger = Caller(new_id(), "stranger", house.caller.tenant_id)
    assert await refusal(house.catalog.read(spaces.at_path, stranger, "inbox")) is SpaceReason.UNKNOWN

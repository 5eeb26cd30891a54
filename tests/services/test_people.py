"""Principals, spaces of their own, the journal's readers, tenants, installing, naming."""

import pytest
from tests.services.conftest import House
from tests.services.test_appending import refusal

from kade.core.bindings import Noun
from kade.core.clock import now
from kade.core.errors import AccessReason, CredentialReason, PrincipalReason, SpaceReason, TenantReason
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import CredentialKind, Principal, PrincipalKind
from kade.core.spaces import Space
from kade.services import access, installing, naming, principals, tenants


class Numbering:
    """Implements ``core.ports.Namer``: every object gets the next number."""

    instance = "numbering"

    def name_principal(self, tx: Tx, principal: Principal) -> None:
        self._name(tx, Noun.PRINCIPAL, principal.id)

    def name_space(self, tx: Tx, space: Space) -> None:
        self._name(tx, Noun.SPACE, space.id)

    def name_personal_space(self, tx: Tx, principal: Principal, space: Space) -> None:
        self._name(tx, Noun.SPACE, space.id)

    def personal_space(self, tx: Tx, principal_id: Id) -> Id | None:
        return None

    def name_file(self, tx: Tx, space_id: Id, file_id: Id) -> None:
        self._name(tx, Noun.FILE, file_id)

    def _name(self, tx: Tx, noun: Noun, object_id: Id) -> None:
        naming.bind(tx, self.instance, noun, str(tx.bindings.next_number(self.instance, noun)), object_id)


async def test_what_is_made_is_named_in_the_same_transaction(house: House) -> None:
    house.namers.register(Numbering())
    with pytest.raises(ValueError, match="numbering"):
        house.namers.register(Numbering())
    partner = await house.catalog.write(
        principals.create, house.caller, house.namers, PrincipalKind.PARTNER, "partner"
    )
    house.space = await house.new_space()
    upload = await house.begin(5)
    found = await house.catalog.read(
        lambda tx: (
            tx.bindings.object_of("numbering", Noun.PRINCIPAL, "0"),
            tx.bindings.object_of("numbering", Noun.SPACE, "0"),
            tx.bindings.object_of("numbering", Noun.FILE, "0"),
        )
    )
    assert found == (partner.id, house.space.id, upload.file_id)
    await house.catalog.write(naming.bind, "gone instance", Noun.SPACE, "0", house.space.id)
    await house.begin(5)  # an instance that is configured no longer names nothing


async def test_a_principal_is_made_found_and_removed(house: House) -> None:
    partner = await house.catalog.write(
        principals.create, house.caller, house.namers, PrincipalKind.PARTNER, "Partner"
    )
    assert await house.catalog.read(principals.find, house.caller, partner.id) == partner
    assert await house.catalog.read(principals.named, house.caller, "PARTNER") == partner
    for missing in (None, new_id()):
        assert await refusal(house.catalog.read(principals.find, house.caller, missing)) is (
            PrincipalReason.UNKNOWN
        )
    certificate = await house.catalog.write(
        principals.register, house.caller, partner, CredentialKind.CERTIFICATE, "ff"
    )
    key = await house.catalog.write(principals.register, house.caller, partner, CredentialKind.KEY, "ee")
    assert await house.catalog.read(principals.certificates, partner.id) == [certificate]
    await house.catalog.write(principals.revoke, house.caller, key)
    assert (
        await refusal(house.catalog.write(principals.revoke, house.caller, key)) is CredentialReason.UNKNOWN
    )
    await house.catalog.write(access.grant, partner.id, house.space.id)
    await house.catalog.write(principals.remove, house.caller, partner)
    assert await house.catalog.read(principals.certificates, partner.id) == []
    assert await house.catalog.read(lambda tx: tx.grants.of_principal(partner.id)) == []
    assert await refusal(house.catalog.read(principals.named, house.caller, "partner")) is (
        PrincipalReason.UNKNOWN
    )
    assert (await house.kinds())[-2:] == ["credential.revoked", "principal.removed"]


async def test_a_password_follows_the_name(house: House) -> None:
    partner = await house.catalog.write(
        principals.create, house.caller, house.namers, PrincipalKind.PARTNER, "old"
    )
    for kind, fingerprint in ((CredentialKind.PASSWORD, "old"), (CredentialKind.KEY, "k")):
        await house.catalog.write(principals.register, house.caller, partner, kind, fingerprint)
    await house.catalog.write(principals.rename, house.caller, partner, "New")
    presented = await house.catalog.read(lambda tx: tx.credentials.presented(CredentialKind.PASSWORD, "new"))
    assert presented is not None and presented.principal_id == partner.id
    assert (await house.catalog.read(principals.named, house.caller, "new")).name == "New"


async def test_only_who_manages_makes_others(house: House) -> None:
    nobody = house.caller.__class__(new_id(), "nobody", house.caller.tenant_id)
    making = house.catalog.write(principals.create, nobody, house.namers, PrincipalKind.PARTNER, "x")
    assert await refusal(making) is AccessReason.VERB_NOT_GRANTED


async def test_an_installation_is_made_once(house: House) -> None:
    tenant = await house.catalog.read(tenants.first)
    assert tenant.name == "acme"
    again = house.catalog.write(installing.install, house.namers, "acme", "1" * 64)
    assert await refusal(again) is TenantReason.NAME_TAKEN
    assert await refusal(house.catalog.write(tenants.create, "a/b")) is TenantReason.BAD_NAME
    assert await refusal(house.catalog.read(tenants.root_of, new_id())) is SpaceReason.UNKNOWN
    await house.catalog.write(tenants.create, "second")
    assert await house.catalog.read(tenants.first) == tenant


async def test_whoever_is_on_the_server_acts_as_an_operator(house: House) -> None:
    local = await house.catalog.read(installing.local_operator)
    assert (local.principal_id, local.origin) == (house.caller.principal_id, installing.LOCAL)
    second = await house.catalog.write(
        principals.create, house.caller, house.namers, PrincipalKind.OPERATOR, "second"
    )
    await house.catalog.write(lambda tx: tx.principals.remove(house.caller.principal_id, now()))
    assert (await house.catalog.read(installing.local_operator)).principal_id == second.id
    await house.catalog.write(lambda tx: tx.principals.remove(second.id, now()))
    assert await refusal(house.catalog.read(installing.local_operator)) is PrincipalReason.UNKNOWN

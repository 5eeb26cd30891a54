"""Every catalog: tenants, principals, credentials, grants."""

import pytest
from tests.support.nouns import a_credential, a_grant, a_principal, a_space, a_tenant

from kade.core.clock import Millis
from kade.core.errors import CredentialReason, KadeError, PrincipalReason, TenantReason
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.principals import CredentialKind
from kade.core.tenants import Tenant


def _tenant(tx: Tx) -> Tenant:
    tenant = a_tenant()
    tx.tenants.add(tenant)
    return tenant


async def test_tenants_are_found_by_id_and_name(catalog: Catalog) -> None:
    beta, alpha = a_tenant(name="beta"), a_tenant(name="alpha")
    for each in (beta, alpha):
        await catalog.write(lambda tx, tenant: tx.tenants.add(tenant), each)
    found = await catalog.read(
        lambda tx: (tx.tenants.get(beta.id), tx.tenants.named("alpha"), tx.tenants.all())
    )
    assert found == (beta, alpha, [alpha, beta])
    assert await catalog.read(lambda tx: tx.tenants.get(new_id())) is None
    assert await catalog.read(lambda tx: tx.tenants.named("ALPHA")) is None


async def test_a_tenants_name_is_taken_once(catalog: Catalog) -> None:
    await catalog.write(lambda tx: tx.tenants.add(a_tenant(name="one")))
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.tenants.add(a_tenant(name="one")))
    assert refused.value.reason is TenantReason.NAME_TAKEN


async def test_a_principal_is_found_and_stays_known_when_removed(catalog: Catalog) -> None:
    tenant = await catalog.write(_tenant)
    zoe, adam = a_principal(tenant.id, "Zoe"), a_principal(tenant.id, "adam")

    def add(tx: Tx) -> None:
        tx.principals.add(zoe)
        tx.principals.add(adam)

    await catalog.write(add)
    assert await catalog.read(lambda tx: tx.principals.of_tenant(tenant.id)) == [adam, zoe]
    assert await catalog.read(lambda tx: tx.principals.named(tenant.id, "zoe")) == zoe
    await catalog.write(lambda tx: tx.principals.remove(zoe.id, Millis(5)))
    assert await catalog.read(lambda tx: tx.principals.get(zoe.id)) == zoe._replace(removed_at=Millis(5))
    assert await catalog.read(lambda tx: tx.principals.named(tenant.id, "zoe")) is None
    assert await catalog.read(lambda tx: tx.principals.of_tenant(tenant.id)) == [adam]


async def test_removing_again_keeps_the_first_moment(catalog: Catalog) -> None:
    tenant = await catalog.write(_tenant)
    one = a_principal(tenant.id)
    await catalog.write(lambda tx: tx.principals.add(one))
    for moment in (5, 6):
        await catalog.write(lambda tx, at: tx.principals.remove(one.id, at), Millis(moment))
    found = await catalog.read(lambda tx: tx.principals.get(one.id))
    assert found is not None and found.removed_at == 5


async def test_a_principals_name_is_taken_while_it_exists(catalog: Catalog) -> None:
    tenant, other = await catalog.write(_tenant), await catalog.write(_tenant)
    one = a_principal(tenant.id, "Same")
    await catalog.write(lambda tx: tx.principals.add(one))
    await catalog.write(lambda tx: tx.principals.add(a_principal(other.id, "Same")))
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.principals.add(a_principal(tenant.id, "same")))
    assert refused.value.reason is PrincipalReason.NAME_TAKEN
    await catalog.write(lambda tx: tx.principals.remove(one.id, Millis(5)))
    await catalog.write(lambda tx: tx.principals.add(a_principal(tenant.id, "same")))


async def test_a_principal_is_renamed_unless_the_name_is_taken(catalog: Catalog) -> None:
    tenant = await catalog.write(_tenant)
    one, two = a_principal(tenant.id, "one"), a_principal(tenant.id, "two")
    for each in (one, two):
        await catalog.write(lambda tx, new: tx.principals.add(new), each)
    await catalog.write(lambda tx: tx.principals.rename(one.id, "Uno", "uno"))
    found = await catalog.read(lambda tx: tx.principals.get(one.id))
    assert found == one._replace(name="Uno", name_folded="uno")
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.principals.rename(one.id, "Two", "two"))
    assert refused.value.reason is PrincipalReason.NAME_TAKEN


async def _principal(catalog: Catalog) -> Id:
    def add(tx: Tx) -> Id:
        principal = a_principal(_tenant(tx).id)
        tx.principals.add(principal)
        return principal.id

    return await catalog.write(add)


async def test_credentials_keep_every_field(catalog: Catalog) -> None:
    owner = await _principal(catalog)
    full = a_credential(
        owner,
        "ff",
        kind=CredentialKind.CERTIFICATE,
        material=b"\x00\xff",
        secret="hash",  # noqa: S106 - of nobody
        not_before=Millis(-1),
        not_after=Millis(2**40),
    )
    await catalog.write(lambda tx: tx.credentials.add(full))
    assert await catalog.read(lambda tx: tx.credentials.get(full.id)) == full
    assert await catalog.read(lambda tx: tx.credentials.presented(CredentialKind.KEY, "ff")) is None
    assert await catalog.read(lambda tx: tx.credentials.get(new_id())) is None


async def test_the_same_proof_is_registered_once_at_a_time(catalog: Catalog) -> None:
    owner, other = await _principal(catalog), await _principal(catalog)
    first = a_credential(owner, "proof")
    await catalog.write(lambda tx: tx.credentials.add(first))
    with pytest.raises(KadeError) as refused:
        await catalog.write(lambda tx: tx.credentials.add(a_credential(other, "proof")))
    assert refused.value.reason is CredentialReason.ALREADY_REGISTERED
    assert await catalog.write(lambda tx: tx.credentials.revoke(first.id, Millis(7)))
    second = a_credential(other, "proof")
    await catalog.write(lambda tx: tx.credentials.add(second))
    presented = await catalog.read(lambda tx: tx.credentials.presented(CredentialKind.KEY, "proof"))
    assert presented == second


async def test_of_revoked_proofs_the_newest_is_presented(catalog: Catalog) -> None:
    owner = await _principal(catalog)
    for number in range(1, 4):
        credential = a_credential(owner, "proof", id=Id(f"{number:032x}"))
        await catalog.write(lambda tx, new: tx.credentials.add(new), credential)
        assert await catalog.write(lambda tx, old: tx.credentials.revoke(old, Millis(7)), credential.id)
    found = await catalog.read(lambda tx: tx.credentials.presented(CredentialKind.KEY, "proof"))
    assert found is not None and found.id == Id(f"{3:032x}") and found.revoked_at == 7


async def test_revoking_again_changes_nothing(catalog: Catalog) -> None:
    owner = await _principal(catalog)
    one = a_credential(owner)
    await catalog.write(lambda tx: tx.credentials.add(one))
    assert await catalog.write(lambda tx: tx.credentials.revoke(one.id, Millis(7))) is True
    assert await catalog.write(lambda tx: tx.credentials.revoke(one.id, Millis(8))) is False
    assert await catalog.write(lambda tx: tx.credentials.revoke(new_id(), Millis(8))) is False
    found = await catalog.read(lambda tx: tx.credentials.get(one.id))
    assert found is not None and found.revoked_at == 7


async def test_credentials_are_listed_newest_first_and_by_kind(catalog: Catalog) -> None:
    owner = await _principal(catalog)
    old, new = a_credential(owner, id=Id("0" * 31 + "1")), a_credential(owner, id=Id("0" * 31 + "2"))
    gone = a_credential(owner, id=Id("0" * 31 + "3"), revoked_at=Millis(1))
    other = a_credential(owner, id=Id("0" * 31 + "4"), kind=CredentialKind.PASSWORD)
    for each in (old, new, gone, other):
        await catalog.write(lambda tx, one: tx.credentials.add(one), each)
    assert await catalog.read(lambda tx: tx.credentials.of_principal(owner)) == [other, gone, new, old]
    assert await catalog.read(lambda tx: tx.credentials.in_force(CredentialKind.KEY)) == [old, new]


async def test_grants_cover_the_spaces_below(catalog: Catalog) -> None:
    owner = await _principal(catalog)

    def build(tx: Tx) -> tuple[Id, Id, Id, Id]:
        tenant = _tenant(tx)
        root = a_space(tenant.id)
        middle, side = a_space(tenant.id, root.id), a_space(tenant.id, root.id)
        leaf = a_space(tenant.id, middle.id)
        for each in (root, middle, side, leaf):
            tx.spaces.add(each)
        return root.id, middle.id, side.id, leaf.id

    root, middle, side, leaf = await catalog.write(build)
    grant = a_grant(owner, middle, verbs=(Verb.LIST, Verb.READ), not_before=Millis(10), not_after=Millis(20))
    await catalog.write(lambda tx: tx.grants.add(grant))
    for space_id, expected in ((root, []), (middle, [grant]), (side, []), (leaf, [grant])):
        found = await catalog.read(lambda tx, where: tx.grants.covering(owner, where), space_id)
        assert found == expected
    assert await catalog.read(lambda tx: tx.grants.covering(new_id(), leaf)) == []
    assert await catalog.read(lambda tx: tx.grants.of_principal(owner)) == [grant]

    async def reach(verb: Verb, at: int) -> set[Id]:
        return set(await catalog.read(lambda tx: tx.grants.spaces_with(owner, verb, Millis(at))))

    assert await reach(Verb.LIST, 10) == {middle, leaf}
    assert await reach(Verb.WRITE, 10) == set()
    assert await reach(Verb.LIST, 9) == set() and await reach(Verb.LIST, 20) == set()
    assert await catalog.write(lambda tx: tx.grants.remove(grant.id)) is True
    assert await catalog.write(lambda tx: tx.grants.remove(grant.id)) is False
    assert await catalog.read(lambda tx: tx.grants.covering(owner, leaf)) == []


async def test_spaces_that_were_removed_are_out_of_reach(catalog: Catalog) -> None:
    owner = await _principal(catalog)

    def build(tx: Tx) -> tuple[Id, Id]:
        tenant = _tenant(tx)
        root = a_space(tenant.id)
        gone = a_space(tenant.id, root.id)
        for each in (root, gone):
            tx.spaces.add(each)
            tx.grants.add(a_grant(owner, each.id))
        return root.id, gone.id

    root, gone = await catalog.write(build)
    assert set(await catalog.read(lambda tx: tx.grants.spaces_with(owner, Verb.LIST, Millis(1)))) == {
        root,
        gone,
    }
    await catalog.write(lambda tx: tx.spaces.remove(gone, Millis(1)))
    assert await catalog.read(lambda tx: tx.grants.spaces_with(owner, Verb.LIST, Millis(1))) == [root]

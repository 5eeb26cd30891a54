"""Proofs: a certificate, a key, a password → who it is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.services.conftest import House, close_house, open_house
from tests.services.test_appending import refusal

from kade.auth import bearer, client_certificate, client_secret, password
from kade.auth.authority import Issued, create_authority, issue_client
from kade.auth.password import Passwords
from kade.core.clock import Millis, now
from kade.core.errors import AccessReason
from kade.core.ids import dashed
from kade.core.ports import Tx
from kade.core.principals import Caller, Credential, CredentialKind, Origin, Principal, PrincipalKind
from kade.services import principals

OIN = "00000001234567890000"
ORIGIN = Origin("test", "r1", "::1")


@pytest.fixture
async def house(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[House]:
    opened = await open_house(tmp_path, sqlite_template)
    yield opened
    await close_house(opened)


async def _principal(house: House, name: str = "partner") -> Principal:
    return await house.catalog.write(
        lambda tx: principals.create(tx, house.caller, house.namers, PrincipalKind.PARTNER, name)
    )


async def _register(
    house: House, principal: Principal, kind: CredentialKind, fingerprint: str, **given: object
) -> Credential:
    return await house.catalog.write(
        lambda tx: principals.register(tx, house.caller, principal, kind, fingerprint, **given)  # type: ignore[arg-type]
    )


async def _by_certificate(house: House, der: bytes | None, *authorities: Issued) -> Caller:
    trusted = [each.certificate for each in authorities]
    return await house.catalog.read(lambda tx: client_certificate.authenticate(tx, der, ORIGIN, trusted))


async def test_exactly_the_registered_certificate_counts(house: House) -> None:
    authority = create_authority("A")
    mine, renewed = (issue_client(authority, "partner", oin=OIN).der for _ in range(2))
    partner = await _principal(house)
    credential = await _register(
        house, partner, CredentialKind.CERTIFICATE, client_certificate.fingerprint(mine), material=mine
    )
    caller = await _by_certificate(house, mine)
    assert caller == Caller(partner.id, "partner", partner.tenant_id, credential.id, ORIGIN)
    assert await refusal(_by_certificate(house, renewed)) is AccessReason.UNKNOWN_CREDENTIAL
    assert await refusal(_by_certificate(house, None)) is AccessReason.NO_CREDENTIAL
    await _register(house, partner, CredentialKind.CERTIFICATE, client_certificate.fingerprint(renewed))
    assert (await _by_certificate(house, renewed)).principal_id == partner.id  # both, while one rotates
    await house.catalog.write(lambda tx: principals.revoke(tx, house.caller, credential))
    assert await refusal(_by_certificate(house, mine)) is AccessReason.REVOKED_CREDENTIAL


async def test_an_oin_counts_where_it_is_asked_for(house: House) -> None:
    authority = create_authority("A")
    der, without = issue_client(authority, "partner", oin=OIN).der, issue_client(authority, "other").der
    partner = await _principal(house)
    await _register(house, partner, CredentialKind.OIN, OIN)
    assert await refusal(_by_certificate(house, der)) is AccessReason.UNKNOWN_CREDENTIAL
    assert (await _by_certificate(house, der, create_authority("B"), authority)).principal_id == partner.id
    forged = issue_client(create_authority("A"), "partner", oin=OIN).der  # of a namesake of the authority
    for unknown in (without, forged, b"no certificate at all"):
        assert await refusal(_by_certificate(house, unknown, authority)) is AccessReason.UNKNOWN_CREDENTIAL


async def test_a_revoked_certificate_is_not_saved_by_its_oin(house: House) -> None:
    authority = create_authority("A")
    der = issue_client(authority, "partner", oin=OIN).der
    partner = await _principal(house)
    await _register(house, partner, CredentialKind.OIN, OIN)
    old = await _register(house, partner, CredentialKind.CERTIFICATE, client_certificate.fingerprint(der))
    await house.catalog.write(lambda tx: principals.revoke(tx, house.caller, old))
    assert await refusal(_by_certificate(house, der, authority)) is AccessReason.REVOKED_CREDENTIAL


async def test_a_key_counts_within_its_time(house: House) -> None:
    partner = await _principal(house)

    async def ask(key: str) -> Caller:
        return await house.catalog.read(lambda tx: bearer.authenticate(tx, key, ORIGIN))

    key, early, late = (bearer.new_key() for _ in range(3))
    assert len({key, early, late}) == 3 and key.startswith(bearer.PREFIX) and len(key) > 40
    await _register(house, partner, CredentialKind.KEY, bearer.fingerprint(key))
    await _register(
        house, partner, CredentialKind.KEY, bearer.fingerprint(early), not_before=Millis(now() + 60_000)
    )
    await _register(house, partner, CredentialKind.KEY, bearer.fingerprint(late), not_after=now())
    assert (await ask(key)).principal_name == "partner"
    for each in (early, late):
        assert await refusal(ask(each)) is AccessReason.EXPIRED_CREDENTIAL
    for each in (key + "x", "", bearer.fingerprint(key)):
        assert await refusal(ask(each)) is AccessReason.UNKNOWN_CREDENTIAL


async def test_nobody_is_let_in_after_being_removed(house: House) -> None:
    partner, key = await _principal(house), bearer.new_key()
    await _register(house, partner, CredentialKind.KEY, bearer.fingerprint(key))

    def remove_but_forget_the_credential(tx: Tx) -> None:
        tx.principals.remove(partner.id, now())

    await house.catalog.write(remove_but_forget_the_credential)
    asking = house.catalog.read(lambda tx: bearer.authenticate(tx, key, ORIGIN))
    assert await refusal(asking) is AccessReason.REVOKED_CREDENTIAL


async def test_a_password_is_right_or_unknown(house: House) -> None:
    partner, passwords = await _principal(house, "Partner"), Passwords(house.catalog)
    credential = await _register(
        house,
        partner,
        CredentialKind.PASSWORD,
        password.fingerprint("Partner"),
        secret=password.hashed("s3cret"),
    )
    for name in ("Partner", "pARTNER"):
        caller = await passwords.authenticate(name, "s3cret", ORIGIN)
        assert (caller.principal_id, caller.credential_id) == (partner.id, credential.id)
    for name, secret in (("Partner", "wrong"), ("nobody", "s3cret"), ("Partner", "")):
        assert await refusal(passwords.authenticate(name, secret, ORIGIN)) is AccessReason.UNKNOWN_CREDENTIAL
    await house.catalog.write(lambda tx: principals.revoke(tx, house.caller, credential))
    # One that was right is remembered, but never beyond its revocation.
    assert await refusal(passwords.authenticate("Partner", "s3cret", ORIGIN)) is (
        AccessReason.REVOKED_CREDENTIAL
    )


async def test_many_ask_at_once(house: House) -> None:
    partner, passwords = await _principal(house), Passwords(house.catalog)
    await _register(
        house, partner, CredentialKind.PASSWORD, password.fingerprint("partner"), secret=password.hashed("x")
    )
    callers = await asyncio.gather(*(passwords.authenticate("partner", "x", ORIGIN) for _ in range(6)))
    assert {caller.principal_id for caller in callers} == {partner.id}


async def test_what_is_no_hash_is_no_password(house: House) -> None:
    partner = await _principal(house)
    broken = {"secret": "not a hash"}
    await _register(house, partner, CredentialKind.PASSWORD, password.fingerprint("partner"), **broken)
    asking = Passwords(house.catalog).authenticate("partner", "not a hash", ORIGIN)
    assert await refusal(asking) is AccessReason.UNKNOWN_CREDENTIAL


async def test_a_client_secret_proves_its_own_client(house: House) -> None:
    one, two = await _principal(house, "one"), await _principal(house, "two")
    secrets = [client_secret.new_secret() for _ in range(3)]
    assert len(set(secrets)) == 3
    assert all(each.startswith(client_secret.PREFIX) and len(each) > 50 for each in secrets)
    owners = (one, one, two)
    kept = [
        await _register(house, owner, CredentialKind.SECRET, client_secret.fingerprint(secret))
        for owner, secret in zip(owners, secrets, strict=True)
    ]
    assert not any(secret in repr(each) for each in kept for secret in secrets)

    async def ask(client_id: str, secret: str) -> Caller:
        return await house.catalog.glance(client_secret.authenticate, client_id, secret, ORIGIN)

    for owner, secret, credential in zip(owners, secrets, kept, strict=True):
        caller = await ask(dashed(owner.id), secret)
        assert (caller.principal_id, caller.credential_id) == (owner.id, credential.id)
    wrong = [
        (dashed(two.id), secrets[0]),
        (one.id, secrets[0]),
        ("one", secrets[0]),
        ("", secrets[0]),
        (dashed(one.id), ""),
        (dashed(one.id), client_secret.fingerprint(secrets[0])),
    ]
    for client_id, secret in wrong:
        assert await refusal(ask(client_id, secret)) is AccessReason.UNKNOWN_CREDENTIAL
    # A secret is no key, nor a key a secret.
    as_key = house.catalog.read(lambda tx: bearer.authenticate(tx, secrets[0], ORIGIN))
    assert await refusal(as_key) is AccessReason.UNKNOWN_CREDENTIAL
    await house.catalog.write(lambda tx: principals.revoke(tx, house.caller, kept[0]))
    assert await refusal(ask(dashed(one.id), secrets[0])) is AccessReason.REVOKED_CREDENTIAL
    assert (await ask(dashed(one.id), secrets[1])).credential_id == kept[1].id


@pytest.mark.parametrize("door", ["certificate", "number", "key", "password", "secret"])
async def test_networks_hold_at_every_door(house: House, door: str) -> None:
    authority = create_authority("A")
    der = issue_client(authority, "partner", oin=OIN).der
    partner = await _principal(house)
    proofs = {
        "certificate": (CredentialKind.CERTIFICATE, client_certificate.fingerprint(der), None),
        "number": (CredentialKind.OIN, OIN, None),
        "key": (CredentialKind.KEY, bearer.fingerprint("a key"), None),
        "password": (CredentialKind.PASSWORD, password.fingerprint("partner"), password.hashed("pw")),
        "secret": (CredentialKind.SECRET, client_secret.fingerprint("a secret"), None),
    }
    kind, fingerprint, secret = proofs[door]
    await _register(house, partner, kind, fingerprint, secret=secret)
    trusted, glance = [authority.certificate], house.catalog.glance

    async def ask(address: str) -> Caller:
        origin = Origin("test", "r1", address)
        if door == "password":
            return await Passwords(house.catalog).authenticate("partner", "pw", origin)
        if door == "key":
            return await glance(bearer.authenticate, "a key", origin)
        if door == "secret":
            return await glance(client_secret.authenticate, dashed(partner.id), "a secret", origin)
        return await glance(client_certificate.authenticate, der, origin, trusted)

    inside, outside = ("192.0.2.1", "::ffff:192.0.2.1"), ("192.0.3.1", "::ffff:192.0.3.1", "::1", "", "local")
    for address in (*inside, *outside):
        assert (await ask(address)).principal_id == partner.id
    await house.catalog.write(lambda tx: tx.principals.set_networks(partner.id, "192.0.2.0/24"))
    for address in inside:
        assert (await ask(address)).principal_id == partner.id
    for address in outside:
        assert await refusal(ask(address)) is AccessReason.ADDRESS_NOT_ALLOWED

"""Access tokens: what is issued is a proper JWT, counts while all that it relies on does, and no longer."""

import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from tests.auth.conftest import AUDIENCE, ISSUER, LIFETIME, ORIGIN, ROTATE_MS, Mint
from tests.services.test_appending import refusal

from kade.auth.sealing import Sealer, SealError
from kade.auth.tokens import LEEWAY_MS, Claims, Granted, Tokens
from kade.core.clock import Millis, now
from kade.core.errors import AccessReason, Reason
from kade.core.ids import dashed, new_id
from kade.core.principals import Origin
from kade.core.signing_keys import LONGEST_LIFE_MS
from kade.services import principals, signing_keys


async def published(minting: Mint) -> jwt.PyJWKSet:
    """What a client makes of the key set."""
    keys = [json.loads(key.public) for key in await minting.ring.published()]
    assert all("d" not in key for key in keys)
    return jwt.PyJWKSet.from_dict({"keys": keys})


def read_by_client(token: str, keys: jwt.PyJWKSet, *, in_time: bool = True) -> dict[str, Any]:
    """What another library says that the token says."""
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(
        token,
        key.key,
        algorithms=["ES256"],
        audience=AUDIENCE,
        issuer=ISSUER,
        options={"verify_exp": in_time, "verify_iat": in_time},
    )


async def refused(minting: Mint, token: str, origin: Origin = ORIGIN) -> Reason:
    """The reason, which the process that issued the token and a fresh one agree upon in its code."""
    reason = await refusal(minting.tokens.verify(token, origin))
    other = await refusal(minting.process()[1].verify(token, origin))
    assert isinstance(other, Reason) and isinstance(reason, Reason) and other.code is reason.code
    return reason


async def test_a_token_is_a_jwt_that_others_can_verify(minting: Mint) -> None:
    client = await minting.client()
    issued = await minting.issue(client, "files:upload", "files:list", tenant="acme")
    claims = read_by_client(issued.token, await published(minting))
    at = minting.clock() // 1000
    assert claims == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": client.id,
        "client_id": client.id,
        "tenant_id": "acme",
        "scope": "files:list files:upload",
        "iat": at,
        "exp": at + LIFETIME,
        "jti": issued.token_id,
        "cred": client.credential.id,
    }
    header = jwt.get_unverified_header(issued.token)
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": issued.key_id}
    # Nothing of a token is its secret, or could be used to find it.
    assert client.secret not in issued.token


async def test_a_token_says_who_calls_and_what_it_allows(minting: Mint) -> None:
    client = await minting.client()
    issued = await minting.issue(client, "a", "b", tenant="acme")
    elsewhere = Origin("list", "r2", "::1")
    caller, claims = await minting.tokens.verify(issued.token, elsewhere)
    assert (caller.principal_id, caller.credential_id) == (client.principal.id, client.credential.id)
    assert caller.origin == elsewhere
    at = minting.clock() // 1000 * 1000
    until = Millis(at + LIFETIME * 1000)
    assert claims == Claims(issued.token_id, "acme", frozenset("ab"), Millis(at), until)
    unbound = await minting.issue(client)
    assert (await minting.tokens.verify(unbound.token, ORIGIN)).claims[1:3] == (None, frozenset())
    assert unbound.token_id != issued.token_id
    assert "tenant_id" not in read_by_client(unbound.token, await published(minting))


async def test_a_token_lasts_as_long_as_it_says(minting: Mint) -> None:
    issued = await minting.issue(await minting.client(), "a")
    end = (minting.clock() // 1000 + LIFETIME) * 1000 + LEEWAY_MS
    minting.clock.at = end - 1
    assert (await minting.tokens.verify(issued.token, ORIGIN)).claims.scopes == {"a"}
    minting.clock.at = end
    assert await refused(minting, issued.token) is AccessReason.EXPIRED_CREDENTIAL


async def test_no_token_outlives_the_key_that_proves_it(minting: Mint) -> None:
    client = await minting.client()
    for lifetime in (0, -1, LONGEST_LIFE_MS // 1000 + 1):
        with pytest.raises(AssertionError):
            await minting.tokens.issue(client.caller, Granted(None, frozenset()), lifetime)


async def test_keys_change_and_tokens_stay_good(minting: Mint) -> None:
    client = await minting.client()
    first = await minting.issue(client, "a")
    minting.clock.at += ROTATE_MS - 1
    late = await minting.issue(client, "a")
    assert late.key_id == first.key_id
    minting.clock.at += 1
    assert (await minting.tokens.verify(late.token, ORIGIN)).caller.principal_id == client.principal.id
    second = await minting.issue(client, "a")
    assert second.key_id != first.key_id
    keys = await published(minting)
    assert [key.key_id for key in keys.keys] == [second.key_id, first.key_id]
    for issued in (late, second):
        assert read_by_client(issued.token, keys, in_time=False)["jti"] == issued.token_id
        for _ring, tokens in (minting.process(), (None, minting.tokens)):
            assert (await tokens.verify(issued.token, ORIGIN)).claims.token_id == issued.token_id
    minting.clock.at += LONGEST_LIFE_MS
    assert [key.key_id for key in (await published(minting)).keys] == [second.key_id]


async def test_a_token_of_one_process_counts_in_another(minting: Mint) -> None:
    client = await minting.client()
    ring, tokens = minting.process()
    assert await ring.published() == []
    issued = await minting.issue(client, "a")
    minting.clock.at += 1000
    assert (await tokens.verify(issued.token, ORIGIN)).claims.scopes == {"a"}
    theirs = await tokens.issue(client.caller, Granted(None, frozenset()), LIFETIME)
    assert theirs.key_id == issued.key_id


async def test_revoking_the_secret_ends_its_tokens_and_no_others(minting: Mint) -> None:
    client = await minting.client()
    second = await minting.with_secret(client.principal)
    old, new = await minting.issue(client, "a"), await minting.issue(second, "a")
    assert (await minting.tokens.verify(old.token, ORIGIN)).caller.principal_id == client.principal.id
    await minting.house.catalog.write(principals.revoke, minting.house.caller, client.credential)
    assert await refused(minting, old.token) is AccessReason.REVOKED_CREDENTIAL
    assert (await minting.tokens.verify(new.token, ORIGIN)).caller.credential_id == second.credential.id


async def test_a_secret_that_has_ended_ends_its_tokens(minting: Mint) -> None:
    client = await minting.client()
    over = client.credential._replace(id=new_id(), fingerprint="0" * 64, not_after=now())
    await minting.house.catalog.write(lambda tx: tx.credentials.add(over))
    caller = replace(client.caller, credential_id=over.id)
    issued = await minting.tokens.issue(caller, Granted(None, frozenset()), LIFETIME)
    assert await refused(minting, issued.token) is AccessReason.EXPIRED_CREDENTIAL


async def test_removing_the_principal_ends_its_tokens(minting: Mint) -> None:
    client = await minting.client()
    issued = await minting.issue(client, "a")
    # Even if its credentials were forgotten.
    await minting.house.catalog.write(lambda tx: tx.principals.remove(client.principal.id, Millis(1)))
    assert await refused(minting, issued.token) is AccessReason.REVOKED_CREDENTIAL


async def test_revoking_the_signing_key_ends_its_tokens_at_once(minting: Mint) -> None:
    client = await minting.client()
    issued = await minting.issue(client, "a")
    assert (await minting.tokens.verify(issued.token, ORIGIN)).claims.scopes == {"a"}
    await minting.house.catalog.write(
        signing_keys.revoke, minting.house.caller, issued.key_id, minting.clock()
    )
    # The process that knows the key asks at each token; one that does not never learns of it.
    assert await refused(minting, issued.token) is AccessReason.REVOKED_CREDENTIAL
    again = await minting.issue(client, "a")
    assert again.key_id != issued.key_id
    assert (await minting.tokens.verify(again.token, ORIGIN)).claims.scopes == {"a"}
    minting.clock.at += 1000
    assert [key.key_id for key in (await published(minting)).keys] == [again.key_id]


async def test_a_token_counts_from_where_its_owner_may_call(minting: Mint) -> None:
    client = await minting.client()
    issued = await minting.issue(client, "a")
    await minting.house.catalog.write(
        lambda tx: tx.principals.set_networks(client.principal.id, "192.0.2.0/24 2001:db8::/32")
    )
    for address in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"):
        assert (await minting.tokens.verify(issued.token, Origin(address=address))).claims.scopes == {"a"}
    for address in ("198.51.100.7", "::ffff:198.51.100.7", "2001:db9::1", ""):
        assert await refused(minting, issued.token, Origin(address=address)) is (
            AccessReason.ADDRESS_NOT_ALLOWED
        )


async def test_a_token_for_others_is_none_of_ours(minting: Mint) -> None:
    client = await minting.client()
    issued = await minting.issue(client, "a")
    for issuer, audience in (("https://other.example", AUDIENCE), (ISSUER, "mail")):
        tokens = Tokens(
            minting.house.catalog,
            minting.ring,
            Sealer(minting.folder / "master.key"),
            issuer=lambda issuer=issuer: issuer,  # type: ignore[misc]
            audience=audience,
            clock=minting.clock,
        )
        assert await refusal(tokens.verify(issued.token, ORIGIN)) is AccessReason.UNKNOWN_CREDENTIAL


async def test_without_its_master_key_nothing_is_signed(minting: Mint) -> None:
    client = await minting.client()
    issued = await minting.issue(client, "a")
    (minting.folder / "master.key").unlink()
    ring, tokens = minting.process()
    with pytest.raises(SealError, match="is missing"):
        await tokens.issue(client.caller, Granted(None, frozenset()), LIFETIME)
    # Verifying needs no private key, and another key can be made.
    assert (await tokens.verify(issued.token, ORIGIN)).claims.scopes == {"a"}
    minting.clock.at += 1
    fresh = ring.mint(minting.clock())
    await minting.house.catalog.write(signing_keys.rotate, minting.house.caller, fresh)
    again = await tokens.issue(client.caller, Granted(None, frozenset()), LIFETIME)
    assert again.key_id == fresh.id
    assert dashed(client.principal.id) == client.id


async def test_what_lies_in_the_catalog_signs_nothing(minting: Mint) -> None:
    client = await minting.client()
    issued = await minting.issue(client, "a")
    (key,) = await minting.house.catalog.read(lambda tx: tx.signing_keys.all())
    private = Sealer(minting.folder / "master.key").open(key.sealed, f"signing key {key.id}")
    scalar = json.loads(private)["d"]
    stored = (minting.folder / "catalog.sqlite").read_bytes()
    stored += (minting.folder / "catalog.sqlite-wal").read_bytes()
    assert key.id.encode() in stored
    for secret in (scalar, client.secret, issued.token, issued.token.rpartition(".")[2]):
        assert secret.encode() not in stored

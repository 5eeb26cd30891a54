"""Hostile tokens (CVE-2022-29217, CVE-2026-48523, CVE-2024-33663 and their kin): every one is refused alike.

They are made by hand here, from nothing that the product verifies with.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.auth.conftest import ISSUER, ORIGIN, Client, Mint
from tests.services.test_appending import refusal

from kade.auth.sealing import Sealer
from kade.core.clock import Millis
from kade.core.errors import AccessReason
from kade.core.ids import new_id
from kade.core.signing_keys import SigningKey

Json = dict[str, Any]
Sign = Callable[[bytes], bytes]


def encoded(data: bytes | Any) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def es256(key: ec.EllipticCurvePrivateKey) -> Sign:
    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return sign


def hs256(secret: bytes) -> Sign:
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


class Forge:
    """A valid token in its parts, to be changed; with the real private key where a test needs it."""

    def __init__(self, minting: Mint, client: Client, token: str, key: SigningKey) -> None:
        self.minting = minting
        self.client = client
        self.token = token
        header, payload, self.signature = token.split(".")
        self.header: Json = json.loads(decoded(header))
        self.claims: Json = json.loads(decoded(payload))
        self.jwk: Json = json.loads(key.public)
        sealed = Sealer(minting.folder / "master.key").open(key.sealed, f"signing key {key.id}")
        self.private = ec.derive_private_key(int.from_bytes(decoded(json.loads(sealed)["d"])), ec.SECP256R1())

    def make(self, header: Any, claims: Any, sign: Sign | None = None) -> str:
        """A token that says this, signed by the real key or by *sign*."""
        signing_input = f"{encoded(header)}.{encoded(claims)}"
        return f"{signing_input}.{encoded((sign or es256(self.private))(signing_input.encode()))}"

    def signed(self, claims: Json | None = None, **header: Any) -> str:
        """Properly signed, with changes; a value of None takes the entry away."""
        return self.make(changed(self.header, header), changed(self.claims, claims or {}))

    async def refused(self, token: str) -> bool:
        return await refusal(self.minting.tokens.verify(token, ORIGIN)) is AccessReason.UNKNOWN_CREDENTIAL

    async def counts(self, token: str) -> bool:
        verified = await self.minting.tokens.verify(token, ORIGIN)
        return verified.caller.principal_id == self.client.principal.id


def changed(one: Json, changes: Json) -> Json:
    return {key: value for key, value in {**one, **changes}.items() if value is not None}


@pytest.fixture
async def forge(minting: Mint) -> Forge:
    client = await minting.client()
    issued = await minting.issue(client, "a")
    (key,) = await minting.house.catalog.read(lambda tx: tx.signing_keys.all())
    made = Forge(minting, client, issued.token, key)
    assert await made.counts(issued.token)
    assert await made.counts(made.signed())  # so that what is refused below is refused for its flaw
    return made


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None])
async def test_a_token_without_signature(forge: Forge, alg: str | None) -> None:
    header = changed(forge.header, {"alg": alg})
    for signature in (b"", b"x", decoded(forge.signature)):
        assert await forge.refused(forge.make(header, forge.claims, lambda _data, each=signature: each))  # type: ignore[misc]


async def test_a_hash_keyed_with_what_is_public(forge: Forge) -> None:
    public = forge.private.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    jwk = json.dumps(forge.jwk).encode()
    stored = (await forge.minting.ring.published())[0].public.encode()
    secrets = [
        pem,
        pem.strip(),
        der,
        point,
        jwk,
        stored,
        decoded(forge.jwk["x"]),
        b"",
        forge.jwk["x"].encode(),
    ]
    for secret in secrets:
        for alg in ("HS256", "HS384", "HS512", "ES256"):
            header = changed(forge.header, {"alg": alg})
            assert await forge.refused(forge.make(header, forge.claims, hs256(secret)))


async def test_an_algorithm_of_the_tokens_choice(forge: Forge) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    large = ec.generate_private_key(ec.SECP384R1())
    by_rsa: Sign = lambda data: other.sign(data, padding.PKCS1v15(), hashes.SHA256())  # noqa: E731
    by_large: Sign = lambda data: large.sign(data, ec.ECDSA(hashes.SHA384()))  # noqa: E731
    for alg, sign in (("RS256", by_rsa), ("PS256", by_rsa), ("ES384", by_large), ("ES512", by_large)):
        assert await forge.refused(forge.make(changed(forge.header, {"alg": alg}), forge.claims, sign))
    others: list[Any] = ["ES384", "ES256K", "EdDSA", "RS256", "es256", ["ES256"], {"ES256": 1}, 1, True]
    for chosen in others:
        assert await forge.refused(forge.signed(alg=chosen))


async def test_a_key_that_the_token_brings_along(forge: Forge) -> None:
    mine = ec.generate_private_key(ec.SECP256R1())
    numbers = mine.public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": encoded(numbers.x.to_bytes(32)),
        "y": encoded(numbers.y.to_bytes(32)),
    }
    for brought in (
        {},
        {"jwk": jwk},
        {"jwk": {**jwk, "kid": forge.header["kid"]}},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/chain"},
        {"x5c": ["MIIB"]},
    ):
        for kid in (forge.header["kid"], None, "mine"):
            header = changed(forge.header, {**brought, "kid": kid})
            assert await forge.refused(forge.make(header, forge.claims, es256(mine)))


@pytest.mark.parametrize(
    "kid",
    [
        None,
        "",
        "../../master.key",
        "../../../../../../dev/null",
        "' OR '1'='1",
        "\x00",
        "x" * 300,
        new_id(),
        5,
        True,
        ["a"],
        {"a": 1},
    ],
)
async def test_a_key_id_that_is_none(forge: Forge, kid: Any) -> None:
    assert await forge.refused(forge.signed(kid=kid))
    for secret in (b"", b"\x00"):  # what a file that is no key would hold
        header = changed(forge.header, {"alg": "HS256", "kid": kid})
        assert await forge.refused(forge.make(header, forge.claims, hs256(secret)))


async def test_the_key_id_of_another_key(forge: Forge) -> None:
    fresh = forge.minting.ring.mint(forge.minting.clock())
    await forge.minting.house.catalog.write(lambda tx: tx.signing_keys.add(fresh))
    forge.minting.clock.at += 1000
    assert await forge.minting.ring.find(fresh.id) == fresh
    assert await forge.refused(forge.signed(kid=fresh.id))


async def test_a_key_of_another_algorithm_is_not_used_for_ours(forge: Forge) -> None:
    foreign = forge.minting.ring.mint(forge.minting.clock())._replace(
        algorithm="ES512", public=json.dumps(forge.jwk)
    )
    await forge.minting.house.catalog.write(lambda tx: tx.signing_keys.add(foreign))
    forge.minting.clock.at += 1000
    assert await forge.refused(forge.signed(kid=foreign.id))
    assert await forge.refused(forge.signed(kid=foreign.id, alg="ES512"))


@pytest.mark.parametrize(
    ("header", "counts"),
    [
        ({"typ": "application/at+jwt"}, True),
        ({"typ": "AT+JWT"}, True),
        ({"typ": None}, False),
        ({"typ": "JWT"}, False),
        ({"typ": "id+jwt"}, False),
        ({"typ": ["at+jwt"]}, False),
        ({"crit": ["exp"], "exp": 1}, False),
        ({"crit": ["unheard-of"]}, False),
        ({"crit": 5}, False),
        ({"b64": False, "crit": ["b64"]}, False),
        ({"cty": "JWT"}, True),
        ({"x-unknown": 1}, False),
    ],
)
async def test_headers_of_another_kind(forge: Forge, header: Json, counts: bool) -> None:
    token = forge.signed(**header)
    assert await (forge.counts(token) if counts else forge.refused(token))


def _at(offset: int) -> Callable[[Forge], int]:
    return lambda forge: forge.minting.clock() // 1000 + offset


@pytest.mark.parametrize(
    ("claims", "counts"),
    [
        ({"nbf": _at(29)}, True),
        ({"nbf": _at(32)}, False),
        ({"iat": _at(32)}, False),
        ({"iat": "now"}, False),
        ({"exp": None}, False),
        ({"exp": "9999999999"}, False),
        ({"exp": [9999999999]}, False),
        ({"exp": float("nan")}, False),
        ({"exp": float("inf")}, False),
        ({"exp": True}, False),
        ({"iss": None}, False),
        ({"iss": ISSUER + "/"}, False),
        ({"iss": [ISSUER]}, False),
        ({"aud": None}, False),
        ({"aud": "mail"}, False),
        ({"aud": "fil"}, False),
        ({"aud": ["mail", "post"]}, False),
        ({"aud": ["mail", "files"]}, True),
        ({"aud": {"files": 1}}, False),
        ({"sub": None}, False),
        ({"sub": "admin"}, False),
        ({"scope": None}, False),
        ({"scope": ["a"]}, False),
        ({"jti": None}, False),
        ({"cred": None}, False),
        ({"cred": "0" * 32}, False),
        ({"cred": "' OR '1'='1"}, False),
        ({"tenant_id": 5}, False),
        ({"unheard_of": {"x": 1}}, True),
    ],
)
async def test_claims_that_are_wrong_under_a_right_signature(
    forge: Forge, claims: Json, counts: bool
) -> None:
    said = {name: value(forge) if callable(value) else value for name, value in claims.items()}
    token = forge.signed(said)
    assert await (forge.counts(token) if counts else forge.refused(token))


async def test_a_subject_or_credential_of_somebody_else(forge: Forge) -> None:
    other = await forge.minting.client("other")
    assert await forge.refused(forge.signed({"sub": other.id}))
    assert await forge.refused(forge.signed({"cred": other.credential.id}))
    assert await forge.refused(forge.signed({"sub": forge.client.principal.id}))  # not as we write it


async def test_an_expired_token_is_told_apart(forge: Forge) -> None:
    over = forge.signed({"exp": forge.minting.clock() // 1000 - 31})
    assert await refusal(forge.minting.tokens.verify(over, ORIGIN)) is AccessReason.EXPIRED_CREDENTIAL
    assert await forge.counts(forge.signed({"exp": forge.minting.clock() // 1000 - 29}))


async def test_a_changed_payload_or_signature(forge: Forge) -> None:
    header, payload, signature = forge.token.split(".")
    richer = encoded(changed(forge.claims, {"scope": "a b"}))
    other = (await forge.minting.issue(forge.client, "b")).token.split(".")
    raw = decoded(signature)
    der = forge.private.sign(f"{header}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for parts in (
        (header, richer, signature),
        (header, other[1], signature),
        (header, payload, other[2]),
        (header, payload, ""),
        (header, "", signature),
        (header, payload, signature[:-4]),
        (header, payload, encoded(raw + b"\x00")),
        (header, payload, encoded(raw[:63] + bytes([raw[63] ^ 1]))),
        (header, payload, encoded(der)),
        (header, payload, encoded(bytes(64))),  # r = s = 0 (CVE-2022-21449)
        (header, payload, encoded(order.to_bytes(32) * 2)),
        (header, payload, "!" * 86),
    ):
        assert await forge.refused(".".join(parts))


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'"x"', b"null", b"\xff", b"[" * 5000, b'{"iss": 1}'])
async def test_a_payload_that_says_nothing(forge: Forge, payload: bytes) -> None:
    assert await forge.refused(forge.make(forge.header, payload))


async def test_what_is_no_token_at_all(forge: Forge) -> None:
    token = forge.token
    for text in (
        "",
        ".",
        "..",
        "a.b.c",
        token + ".",
        "." + token,
        token + "." + token,
        ".".join([*token.split("."), "", ""]),  # as many parts as JWE has
        token + " ",
        "\t" + token,
        token.replace(".", "。"),
        "é" + token,
        "\udc80" + token,
        forge.signed({"scope": "x" * 8000}),  # far beyond what we issue
        "a" * 10_000_000,
        "." * 5000,
        token.split(".", maxsplit=1)[0] + ".." + forge.signature,
        f"{encoded(b'[' * 300)}.{token.partition('.')[2]}",
        f"{encoded([])}.{token.partition('.')[2]}",
        f"{encoded(5)}.{token.partition('.')[2]}",
        f"{encoded(['alg'])}.{token.partition('.')[2]}",
        f"{encoded('alg')}.{token.partition('.')[2]}",
        json.dumps({"payload": token, "signatures": []}),
        "kade_secret_something",
    ):
        assert await forge.refused(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), letter=st.characters(codec="latin-1"))
async def test_any_other_letter_anywhere(forge: Forge, position: int, letter: str) -> None:
    place = position % len(forge.token)
    if letter != forge.token[place]:
        assert await forge.refused(forge.token[:place] + letter + forge.token[place + 1 :])


async def test_a_token_from_before_the_key_was_revoked_elsewhere(forge: Forge) -> None:
    await forge.minting.house.catalog.write(lambda tx: tx.signing_keys.revoke(forge.header["kid"], Millis(1)))
    asking = forge.minting.tokens.verify(forge.token, ORIGIN)
    assert await refusal(asking) is AccessReason.REVOKED_CREDENTIAL

"""Tokens end to end: both paths, tenants, scopes, what ends a token, rates, and hostile tokens."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey
from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Answer, Application, Build, House, Right
from tests.support.file_api import related

from kade.auth import client_secret
from kade.core.principals import CredentialKind
from kade.services import applications, principals

NUMBER = 8000
READ, WRITE = Right("acme", NUMBER, SUBSCRIBE), Right("acme", NUMBER, PUBLISH)
ELSEWHERE = Right("beta", NUMBER, SUBSCRIBE)
LIST, UPLOAD, DOWNLOAD, DELETE = (
    f"youforce-fileapi:files:{each}" for each in ("list", "upload", "download", "delete")
)
LIMITS = "KADE_DIALECTS_FILEAPI"


def claims(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    loaded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return loaded


def denied(answer: Answer, status: int) -> None:
    """The shape of the door."""
    assert answer.status == status, answer
    assert list(answer.json) == ["message", "correlationId", "issuedAt", "errorCode", "statusCode"]
    assert answer.json["statusCode"] == status
    assert answer.json["errorCode"] == {401: "unauthorized", 403: "forbidden"}[status]
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)


def refused(answer: Answer, status: int) -> None:
    """The shape of the API."""
    assert answer.status == status, answer
    assert list(answer.json) == ["correlationId", "message", "errorCode", "exception"]
    assert answer.json["errorCode"] == str(status)


async def test_both_paths_give_tokens_that_count(house: House) -> None:
    one = await house.application("one", [READ, WRITE])
    today = await house.ask_token(one)
    assert today.headers["Cache-Control"] == "no-store"
    assert (today.json["token_type"], today.json["expires_in"]) == ("Bearer", 3600)
    assert today.json["scope"].split() == sorted([LIST, UPLOAD, DOWNLOAD, DELETE])
    first = await house.ask_token(one, "/authentication/token")
    assert (first.json["token_type"], first.json["expires_in"]) == ("BearerToken", "7200")
    assert list(first.json) == ["access_token", "token_type", "expires_in"]
    for answer, lifetime in ((today, 3600), (first, 7200)):
        one.token = answer.json["access_token"]
        told = claims(one.token)
        assert told["exp"] - told["iat"] == lifetime
        assert (told["client_id"], told["iss"]) == (one.client_id, house.base)
        assert await one.names() == []
    for header in ("bearer {}", "BEARER {}", "Bearer  {}"):
        answer = await one.call("GET", "/files?role=subscriber", {"Authorization": header.format(one.token)})
        assert answer.status == 200, header


async def test_the_keys_and_the_metadata(house: House) -> None:
    one = await house.application("one", [READ])
    answer = await house.call("GET", f"{house.base}/.well-known/jwks.json")
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    (key,) = answer.json["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("EC", "ES256", "sig")
    assert "d" not in key
    signed = jws.extract_compact(one.token.encode(), registry=jws.JWSRegistry(algorithms=["ES256"]))
    assert signed.headers()["kid"] == key["kid"]
    assert jws.validate_compact(signed, ECKey.import_key(key), algorithms=["ES256"])
    told = (await house.call("GET", f"{house.base}/.well-known/oauth-authorization-server")).json
    assert told["issuer"] == house.base
    assert told["token_endpoint"] == f"{house.base}/connect/token"
    assert told["jwks_uri"] == f"{house.base}/.well-known/jwks.json"
    assert told["scopes_supported"] == [LIST, UPLOAD, DOWNLOAD, DELETE]


async def test_the_tenant_comes_from_the_header_or_the_token(house: House) -> None:
    """Spec 1(c) 18, for tokens of one tenant and of several, of applications with one tenant and several."""
    single = await house.application("single", [READ])
    several = await house.application("several", [READ, ELSEWHERE])
    bound = several.of_tenant(None)
    bound.token = await house.token(several, tenant_id="beta")
    await house.tenant("gamma")

    async def status(caller: Application, tenant: str | None) -> int:
        answer = await caller.of_tenant(tenant).listed()
        if answer.status == 403:
            denied(answer, 403)
        elif answer.status != 200:
            refused(answer, 400)
            assert "x-raet-tenant-id" in answer.json["message"]
        return answer.status

    headers = (None, "acme", "beta", "gamma", "nowhere", "ACME", "", "x" * 300, "../acme")
    expected = {
        "single": [200, 200, 403, 403, 403, 403, 200, 403, 403],
        "several": [400, 200, 200, 403, 403, 403, 400, 403, 403],
        "bound": [200, 403, 200, 403, 403, 403, 200, 403, 403],
    }
    for name, caller in {"single": single, "several": several, "bound": bound}.items():
        assert [await status(caller, each) for each in headers] == expected[name], name
    odd = await several.of_tenant(None).call("GET", "/files?role=subscriber", {"X-RAET-Tenant-Id": "beta"})
    assert odd.status == 200
    answer = await house.ask_token(single, tenant_id="beta")
    assert (answer.status, answer.json["error"]) == (400, "unauthorized_client")


async def test_every_operation_needs_its_scope(house: House) -> None:
    one = await house.application("one", [READ, WRITE])
    file_id = await one.published("a.txt", NUMBER)
    headers, body = related({"name": "b.txt", "businesstypeid": NUMBER}, b"x")

    async def answers() -> dict[str, list[Answer]]:
        token = "0" * 32
        return {
            LIST: [await one.listed(), await one.listed("publisher")],
            UPLOAD: [
                await one.call("POST", "/files?uploadType=multipart", headers, data=body),
                await one.call("POST", "/files?uploadType=resumable", headers, data=body),
                await one.add(token, 1, b"x"),
                await one.close(token),
            ],
            DOWNLOAD: [await one.get(file_id), await one.get(file_id, "publisher")],
            DELETE: [await one.call("DELETE", f"/files/{file_id}?role=subscriber")],
        }

    for scope in (LIST, UPLOAD, DOWNLOAD, DELETE):
        asked = await house.ask_token(one, scope=scope)
        assert asked.json["scope"] == scope
        one.token = asked.json["access_token"]
        for name, found in (await answers()).items():
            for answer in found:
                if name == scope:
                    assert answer.status in (200, 201, 204, 206, 404)
                else:
                    denied(answer, 403)
    subscriber = await house.application("subscriber", [READ])
    for scope, status, error in [
        (f"{LIST} {DELETE}", 200, None),
        (UPLOAD, 400, "invalid_scope"),
        ("everything", 400, "invalid_scope"),
        ('a"b', 400, "invalid_scope"),
    ]:
        answer = await house.ask_token(subscriber, scope=scope)
        assert (answer.status, answer.json.get("error")) == (status, error), scope
    nobody = await house.application("nobody")
    answer = await house.ask_token(nobody)
    assert (answer.status, answer.json["error"]) == (400, "unauthorized_client")


async def test_a_secret_that_is_revoked_takes_its_tokens_along(house: House) -> None:
    """A second one goes on: that is how they are changed."""
    one = await house.application("one", [READ])
    again = client_secret.new_secret()
    await house.revoke(one)
    denied(await one.listed(), 401)
    answer = await house.ask_token(one)
    assert (answer.status, answer.json) == (401, {"error": "invalid_client"})

    def register(tx: Any, caller: Any) -> None:
        fingerprint = client_secret.fingerprint(again)
        principals.register(tx, caller, one.principal, CredentialKind.SECRET, fingerprint)

    await house.operate(register)
    one.secret = again
    one.token = await house.token(one)
    assert await one.names() == []


async def test_an_application_that_is_removed(house: House) -> None:
    one = await house.application("one", [READ])
    await house.operate(principals.remove, one.principal)
    denied(await one.listed(), 401)
    assert (await house.ask_token(one)).json == {"error": "invalid_client"}


async def test_rights_that_are_gone(house: House) -> None:
    one = await house.application("one", [READ])
    await house.withdraw(one, READ)
    denied(await one.listed(), 403)


async def test_networks(house: House) -> None:
    one = await house.application("one", [READ])
    await house.operate(applications.set_networks, one.principal, ["10.0.0.0/8", "2001:db8::/32"])
    denied(await one.listed(), 403)
    answer = await house.ask_token(one)
    assert (answer.status, answer.json["error"]) == (400, "unauthorized_client")
    await house.operate(applications.set_networks, one.principal, ["127.0.0.1/32"])
    assert await one.names() == []


async def test_networks_behind_a_proxy(build: Build) -> None:
    async with build({"KADE_WEB_TRUSTED_PROXIES": "127.0.0.1"}) as house:
        one = await house.application("one", [READ])
        await house.operate(applications.set_networks, one.principal, ["192.0.2.0/24"])
        for told, status in (("192.0.2.7", 200), ("198.51.100.7", 403), ("192.0.2.7, 198.51.100.7", 403)):
            answer = await one.call("GET", "/files?role=subscriber", {"X-Forwarded-For": told})
            assert answer.status == status
        entry = (await house.journal("request.refused"))[-1]
        assert entry.address == "198.51.100.7"


async def test_hostile_tokens(house: House) -> None:
    one = await house.application("one", [READ])
    two = await house.application("two", [READ])
    header, payload, signature = one.token.split(".")
    (public,) = (await house.call("GET", f"{house.base}/.well-known/jwks.json")).json["keys"]
    said = claims(one.token)

    def encoded(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def forged(key: Any, algorithm: str, **changes: Any) -> str:
        protected = {"alg": algorithm, "typ": "at+jwt", "kid": public["kid"], **changes}
        return jws.serialize_compact(protected, json.dumps(said), key, algorithms=[algorithm])

    own = ECKey.generate_key("P-256")
    unsigned = encoded({"alg": "none", "typ": "at+jwt", "kid": public["kid"]})
    tokens = {
        "none": f"{unsigned}.{payload}.",
        "none, signed": f"{unsigned}.{payload}.{signature}",
        "the public key as a secret": forged(OctKey.import_key(json.dumps(public)), "HS256"),
        "another key": forged(own, "ES256"),
        "a key of its own": forged(own, "ES256", jwk=own.as_dict(private=False)),
        "an unknown key": forged(own, "ES256", kid="0" * 32),
        "a path as a key": forged(own, "ES256", kid="../../../../etc/passwd"),
        "SQL as a key": forged(own, "ES256", kid="' or '1'='1"),
        "another's claims": f"{header}.{encoded({**said, 'sub': two.client_id})}.{signature}",
        "a longer life": f"{header}.{encoded({**said, 'exp': said['exp'] + 10**6})}.{signature}",
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "the secret": one.secret,
        "nothing": "",
        "long": "a" * 20_000,
        "no text": "\u00e9\u00e9.x.y",
        "nested": encoded([[[[1]]]]) + ".x.y",
    }
    for name, token in tokens.items():
        answer = await one.call("GET", "/files?role=subscriber", {"Authorization": f"Bearer {token}"})
        denied(answer, 401)
        assert (name and token not in answer.body.decode()) or not token
    for value in (f"Basic {base64.b64encode(b'a:b').decode()}", one.token, "Bearer", f"Token {one.token}"):
        denied(await one.call("GET", "/files?role=subscriber", {"Authorization": value}), 401)
    bare = await house.call("GET", f"{house.api}/files?role=subscriber&access_token={one.token}")
    denied(bare, 401)
    unknown = await house.call("GET", f"{house.api}/nothing")
    denied(unknown, 401)


async def test_refused_token_requests(house: House) -> None:
    one = await house.application("one", [READ])
    for form, status, error in [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "x"}, 401, "invalid_client"),
        ({"client_id": one.secret}, 401, "invalid_client"),
    ]:
        answer = await house.ask_token(one, **form)
        assert (answer.status, answer.json["error"]) == (status, error), form
    get = await house.call("GET", f"{house.base}/connect/token")
    assert (get.status, get.headers["Allow"]) == (405, "POST")


async def test_nothing_secret_is_told_or_kept(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    """Not in the log, not in the journal, not in what is answered, whatever goes wrong."""
    async with build({}) as house:
        one = await house.application("one", [READ, WRITE])
        token = await one.begin("private-name.txt", NUMBER, b"x")
        await one.add(token, 1, b"y", close=True)
        wrong = client_secret.new_secret()
        answers = [
            await house.ask_token(one, client_secret=wrong),
            await house.ask_token(one, client_id=one.secret),
            await house.ask_token(one, scope=one.secret),
            await house.ask_token(one, tenant_id=one.secret),
            await one.call("GET", "/files?role=subscriber", {"Authorization": f"Bearer {one.token}x"}),
            await one.call("GET", f"/files?role=subscriber&access_token={one.token}"),
            await one.listed(filter="fileName eq 'private-name.txt"),
            await one.add(token, 1, b"z"),
            await one.of_tenant(one.secret).listed(),
        ]
        entries = repr(await house.journal())
        log = capsys.readouterr()
        assert "fileapi.token" in log.out and "token.issued" in entries
        for secret in (one.secret, wrong, one.token):
            for place in (log.out, log.err, entries, *(each.body.decode() for each in answers)):
                assert secret not in place
        assert token not in log.out and "private-name" not in log.out


async def test_too_many_calls_in_a_minute(build: Build) -> None:
    limits = {f"{LIMITS}_CALLS_PER_MINUTE": "20", f"{LIMITS}_BURST": "3"}
    async with build(limits) as house:
        one, other = await house.application("one", [READ]), await house.application("other", [READ])
        answers = [await one.listed() for _ in range(4)]
        assert [each.status for each in answers] == [200, 200, 200, 429]
        refused(answers[-1], 429)
        assert answers[-1].json["message"] == "Too many requests"
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3
        assert (await other.listed()).status == 200
        assert (await house.call("GET", f"{house.api}/healthcheck")).status == 200
        assert (await house.ask_token(one)).status == 200


async def test_too_many_calls_in_a_day(build: Build) -> None:
    async with build({f"{LIMITS}_CALLS_PER_DAY": "2"}) as house:
        one = await house.application("one", [READ])
        answers = [await one.listed() for _ in range(3)]
        assert [each.status for each in answers] == [200, 200, 429]
        assert 86_000 < int(answers[-1].headers["Retry-After"]) <= 86_400


async def test_too_many_calls_at_once(build: Build) -> None:
    """One that is running counts until its answer was sent; then there is room again."""
    async with build({f"{LIMITS}_PARALLEL": "1"}) as house:
        one = await house.application("one", [READ, WRITE])
        came, more = asyncio.Event(), asyncio.Event()
        headers, body = related({"name": "a.txt", "businesstypeid": NUMBER}, b"x" * 50_000)

        async def slowly() -> Any:
            yield body[:40_000]
            came.set()
            await more.wait()
            yield body[40_000:]

        running = asyncio.create_task(one.call("POST", "/files?uploadType=multipart", headers, data=slowly()))
        await came.wait()
        second = await one.listed()
        while second.status == 200:  # the first has not got through yet
            second = await one.listed()
        refused(second, 429)
        assert second.headers["Retry-After"] == "1"
        more.set()
        assert (await running).status == 201
        assert (await one.listed()).status == 200


async def test_guessing_a_secret_ends(house: House) -> None:
    one, other = await house.application("one", [READ]), await house.application("other", [READ])
    answers = [await house.ask_token(one, client_secret=f"wrong-{each}") for each in range(11)]
    assert [each.status for each in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert (await house.ask_token(one)).status == 429
    assert (await house.ask_token(other)).status == 200

"""The token endpoint, the key set and the metadata, on real sockets, as clients speak to them."""

import asyncio
import json
from collections.abc import Mapping
from urllib.parse import urlencode

import jwt
import pytest
import structlog
from starlette.requests import Request
from tests.web.conftest import AUDIENCE, FORM, GUESSES, SCOPES, Answer, House

from kade.auth import client_secret
from kade.core.clock import now
from kade.core.errors import (
    REASONS,
    Code,
    KadeError,
    Reason,
    RequestReason,
    TokenReason,
)
from kade.core.ids import dashed
from kade.core.ports import Tx
from kade.core.principals import CredentialKind
from kade.services import principals, signing_keys
from kade.services.installing import local_operator
from kade.web import oauth


async def test_a_token_is_given_for_a_secret_and_opens_the_door(house: House) -> None:
    answer = await house.post(house.form)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    token = answer.json["access_token"]
    assert answer.json == {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "files:list files:upload",
    }
    assert (await house.me(token)).json == ["desk", None, ["files:list", "files:upload"]]


async def test_the_old_style(house: House) -> None:
    answer = await house.post(house.form, "/door/old", Cache_Control="no-cache")
    token = answer.json["access_token"]
    assert answer.json == {"access_token": token, "token_type": "BearerToken", "expires_in": "7200"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 7200


async def test_what_was_asked_for_is_what_is_given(house: House) -> None:
    answer = await house.post({**house.form, "scope": "files:list", "tenant_id": "acme & söhne"})
    assert answer.json["scope"] == "files:list"
    assert (await house.me(answer.json["access_token"])).json == ["desk", "acme & söhne", ["files:list"]]
    # Without a value is as if it were not there (RFC 6749, 3.2); what is not known does not matter.
    token = await house.token(scope="", tenant_id="", resource="https://x.example/")
    assert (await house.me(token)).json == ["desk", None, sorted(SCOPES)]


async def test_a_client_may_show_its_secret_by_http_basic(house: House) -> None:
    only = {"grant_type": "client_credentials"}
    for header, form in (
        (house.basic(), only),
        (house.basic().replace("Basic", "basic"), {**only, "client_id": house.client_id}),
        (house.basic(house.client_id.replace("-", "%2D"), house.secret.replace("_", "%5F")), only),
        (house.basic(house.client_id.upper()), only),
    ):
        assert (await house.post(form, Authorization=header)).status == 200, header


async def test_whoever_is_not_believed_learns_nothing(house: House) -> None:
    first = house.application
    over = await house.add_secret(not_after=now())
    await house.add("other")
    other, secret = house.client_id, house.secret
    revoked = await house.add_secret()

    def revoke(tx: Tx) -> None:
        found = tx.credentials.presented(CredentialKind.SECRET, client_secret.fingerprint(revoked))
        assert found is not None
        principals.revoke(tx, local_operator(tx), found)

    await house.kade.catalog.write(revoke)
    unknown = "01890000-0000-7000-8000-000000000000"
    pairs = [
        (other, "wrong"),
        (other, secret + "x"),
        (other, secret[:-1]),
        (other, client_secret.fingerprint(secret)),
        (unknown, secret),
        (unknown, "wrong"),
        (dashed(first.id), secret),
        (dashed(first.id), over),
        (other, revoked),
        (other.replace("-", ""), secret),
        ("other", secret),
        (secret, other),
    ]
    bodies = set()
    for client_id, shown in pairs:
        form = {**house.form, "client_id": client_id, "client_secret": shown}
        answer = await house.post(form)
        assert answer.error == (401, "invalid_client")
        assert "www-authenticate" not in answer.headers
        bodies.add(answer.body)
        by_header = await house.post(
            {"grant_type": "client_credentials"}, Authorization=house.basic(client_id, shown)
        )
        assert by_header.error == (401, "invalid_client")
        assert by_header.headers["www-authenticate"].startswith("Basic realm=")
        bodies.add(by_header.body)
    assert bodies == {b'{"error": "invalid_client"}'}


async def test_requests_that_are_no_token_requests(house: House) -> None:
    form, encoded = house.form, urlencode(house.form)
    without = {name: {key: each for key, each in form.items() if key != name} for name in form}
    cases: list[tuple[Mapping[str, str] | str | bytes, dict[str, str], tuple[int, str]]] = [
        (without["grant_type"], {}, (400, "invalid_request")),
        ({**form, "grant_type": ""}, {}, (400, "invalid_request")),
        ({**form, "grant_type": "password"}, {}, (400, "unsupported_grant_type")),
        ({**form, "grant_type": "Client_Credentials"}, {}, (400, "unsupported_grant_type")),
        (without["client_id"], {}, (401, "invalid_client")),
        (without["client_secret"], {}, (401, "invalid_client")),
        (b"", {}, (400, "invalid_request")),
        (encoded + "&client_id=" + house.client_id, {}, (400, "invalid_request")),
        (encoded + "&scope=a&scope=a", {}, (400, "invalid_request")),
        (encoded + "&x=1&x=", {}, (400, "invalid_request")),
        (encoded + "&" + "&".join(f"x{n}=1" for n in range(100)), {}, (400, "invalid_request")),
        (encoded + "&tenant_id=%ff", {}, (400, "invalid_request")),
        (encoded.encode() + b"&tenant_id=\xc3\xb6", {}, (400, "invalid_request")),
        (encoded + "&x=" + "x" * 20_000, {}, (400, "invalid_request")),
        (encoded, {"Content_Type": "application/json"}, (400, "invalid_request")),
        (json.dumps(form), {"Content_Type": "application/json"}, (400, "invalid_request")),
        (encoded, {"Content_Type": "text/plain"}, (400, "invalid_request")),
        (encoded, {"Authorization": house.basic()}, (400, "invalid_request")),
        (
            {"grant_type": "client_credentials", "client_id": "another"},
            {"Authorization": house.basic()},
            (400, "invalid_request"),
        ),
        (without["client_secret"], {"Authorization": "Basic !!!"}, (401, "invalid_client")),
        (without["client_secret"], {"Authorization": "Basic " + "YQ=="}, (401, "invalid_client")),
        (without["client_secret"], {"Authorization": "Basic /w=="}, (401, "invalid_client")),
        (without["client_secret"], {"Authorization": "Bearer x"}, (401, "invalid_client")),
        ({**form, "scope": "files:list files:burn"}, {}, (400, "invalid_scope")),
        ({**form, "scope": 'files"list'}, {}, (400, "invalid_scope")),
        ({**form, "scope": " files:list"}, {}, (400, "invalid_scope")),
        ({**form, "scope": "files:list  files:upload"}, {}, (400, "invalid_scope")),
        ({**form, "scope": "é"}, {}, (400, "invalid_scope")),
        ({**form, "tenant_id": "nobody's"}, {}, (400, "unauthorized_client")),
        ({**form, "tenant_id": "unknown"}, {}, (400, "invalid_request")),
        ({**form, "tenant_id": "broken"}, {}, (500, "server_error")),
    ]
    for body, headers, expected in cases:
        answer = await house.post(body, **headers)
        assert answer.error == expected, (body, headers)
        assert ("www-authenticate" in answer.headers) == (expected[0] == 401 and "Authorization" in headers)
        assert set(answer.json) <= {"error", "error_description"}
        assert house.secret not in answer.body.decode()
    assert (await house.post(f"{encoded}&scope", Content_Type=f"{FORM}; charset=UTF-8")).status == 200


async def test_other_methods(house: House) -> None:
    for method, path, allow in (
        ("GET", "/door/token", "POST"),
        ("PUT", "/door/token", "POST"),
        ("POST", "/door/jwks", "GET, HEAD"),
        ("DELETE", "/door/metadata", "GET, HEAD"),
    ):
        answer = await house.call(method, path)
        assert (answer.error, answer.headers["allow"]) == ((405, "invalid_request"), allow)
    # Nothing is taken from the address, which ends up in logs.
    address = "/door/token?" + "&".join(f"{key}={value}" for key, value in house.form.items())
    assert (await house.post(b"", address)).error == (400, "invalid_request")


async def test_guessing_is_slowed_down_for_whoever_guesses(house: House) -> None:
    wrong = {**house.form, "client_secret": "wrong"}
    for _ in range(GUESSES):
        assert (await house.post(wrong)).error == (401, "invalid_client")
    answer = await house.post(wrong)
    assert answer.error == (429, "temporarily_unavailable")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await house.post(house.form)).status == 429  # not heard at all
    await house.add("other")
    assert (await house.post(house.form)).status == 200
    # Names that nobody has share one count, however many there are.
    for number in range(GUESSES):
        unknown = {**wrong, "client_id": f"guess {number}"}
        assert (await house.post(unknown)).error == (401, "invalid_client")
    assert (await house.post({**wrong, "client_id": "one more"})).error == (429, "temporarily_unavailable")
    # Being right never counts.
    for _ in range(GUESSES + 5):
        assert (await house.post(house.form)).status == 200


async def test_a_client_may_be_let_in_from_some_networks_only(house: House) -> None:
    token = await house.token()
    for networks, status in (("192.0.2.0/24", 400), ("127.0.0.0/8", 200)):
        await house.kade.catalog.write(
            lambda tx, kept: tx.principals.set_networks(house.application.id, kept), networks
        )
        answer = await house.post(house.form)
        assert answer.status == status
        assert status == 200 or answer.error == (400, "unauthorized_client")
        assert (await house.me(token)).status == status
    reasons = {entry.reason for entry in await house.journal()}
    assert "access.address_not_allowed" in reasons


async def test_a_revoked_secret_ends_its_tokens_at_once(house: House) -> None:
    token = await house.token()
    assert (await house.me(token)).status == 200
    await house.kade.catalog.write(lambda tx: principals.remove(tx, local_operator(tx), house.application))
    assert (await house.me(token)).error == (401, "invalid_client")
    assert (await house.post(house.form)).error == (401, "invalid_client")


async def test_a_token_comes_in_its_header_alone(house: House) -> None:
    token = await house.token()
    for headers, query in (
        ({}, ""),
        ({}, f"?access_token={token}"),
        ({"Authorization": token}, ""),
        ({"Authorization": "Bearer"}, ""),
        ({"Authorization": f"Basic {token}"}, ""),
        ({"Authorization": f"Bearer {house.secret}"}, ""),
        ({"Authorization": f"Bearer {token}, Bearer {token}"}, ""),
    ):
        assert (await house.call("GET", f"/door/me{query}", headers=headers)).status == 401
    twice = [("Authorization", f"Bearer {token}")] * 2
    assert (await house.call("GET", "/door/me", headers=twice)).status == 401
    answer = await house.call("GET", "/door/me", headers={"Authorization": f"bearer  {token}"})
    assert answer.status == 200


async def test_clients_find_everything_by_the_metadata(house: House) -> None:
    told = await house.call("GET", "/door/metadata")
    assert told.headers["cache-control"] == "public, max-age=300"
    assert told.json == {
        "issuer": house.base,
        "token_endpoint": f"{house.base}/door/token",
        "jwks_uri": f"{house.base}/door/jwks",
        "scopes_supported": ["files:list", "files:upload"],
        "protected_resources": [AUDIENCE],
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }
    token = await house.token()
    keys = await house.call("GET", "/door/jwks")
    assert keys.headers["content-type"] == "application/jwk-set+json"
    assert keys.headers["cache-control"] == "public, max-age=300"
    (key,) = keys.json["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    # As another library fetches and uses it.
    client = jwt.PyJWKClient(told.json["jwks_uri"])
    found = await asyncio.to_thread(client.get_signing_key_from_jwt, token)
    claims = jwt.decode(token, found, algorithms=["ES256"], audience=AUDIENCE, issuer=told.json["issuer"])
    assert claims["client_id"] == house.client_id
    head = await house.call("HEAD", "/door/jwks")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(keys.body)))


async def test_every_token_and_every_refusal_is_on_record(house: House) -> None:
    token = await house.token(scope="files:list", tenant_id="acme")
    await house.post({**house.form, "client_secret": "wrong"})
    await house.post({**house.form, "scope": "no such"})
    said = [each for each in await house.journal() if each.operation == "door.token"]
    issued = next(each for each in said if each.kind == "token.issued")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (issued.subject, issued.principal_id) == (claims["jti"], house.application.id)
    assert json.loads(issued.detail or "") == {
        "key": jwt.get_unverified_header(token)["kid"],
        "lifetime": 3600,
        "scope": "files:list",
        "tenant": "acme",
    }
    refused = [(each.reason, each.principal_id, each.subject) for each in said if each.outcome == "refused"]
    assert refused == [
        ("access.unknown_credential", None, house.application.id),
        ("token.scope_not_granted", house.application.id, ""),
    ]
    assert all(each.address == "127.0.0.1" and each.request_id for each in said)


async def test_secrets_reach_neither_log_nor_journal(house: House) -> None:
    secrets = [house.secret]
    with structlog.testing.capture_logs() as lines:
        secrets.append(await house.token())
        await house.me(secrets[1])
        await house.me(secrets[1][:-3])
        wrong = client_secret.new_secret()
        secrets += [wrong, wrong[:-1]]
        for form in (
            {**house.form, "client_secret": wrong},
            {**house.form, "client_id": wrong, "client_secret": house.secret},
            {**house.form, "client_id": house.secret},
            {**house.form, "grant_type": wrong},
            {**house.form, "scope": wrong},
            {**house.form, "tenant_id": "broken"},
        ):
            await house.post(form)
        await house.post("x", Authorization=house.basic(wrong[:-1], wrong))
        await house.call("GET", f"/door/token?client_secret={house.secret}&access_token={secrets[1]}")
    assert {line["event"] for line in lines} >= {"request", "internal error"}
    said = repr(lines) + repr(await house.journal())
    assert house.client_id.replace("-", "") in said
    for secret in secrets:
        for part in (secret, client_secret.fingerprint(secret), secret.rpartition(".")[2]):
            assert part not in said


async def test_a_signing_key_that_does_not_open_is_our_fault_and_explained_to_nobody(house: House) -> None:
    await house.token()
    broken = house.kade.key_ring.mint(now())._replace(sealed=b"not sealed by anybody")
    await house.kade.catalog.write(lambda tx: tx.signing_keys.add(broken))
    answer = await house.post(house.form)
    assert (answer.error, answer.json) == ((500, "server_error"), {"error": "server_error"})
    await house.kade.catalog.write(lambda tx: signing_keys.revoke(tx, local_operator(tx), broken.id, now()))
    assert (await house.post(house.form)).status == 200


STATUSES: dict[Code, tuple[int, str]] = {
    Code.INVALID: (400, "invalid_request"),
    Code.UNAUTHENTICATED: (401, "invalid_client"),
    Code.FORBIDDEN: (400, "unauthorized_client"),
    Code.NOT_FOUND: (400, "invalid_request"),
    Code.GONE: (400, "invalid_request"),
    Code.CONFLICT: (400, "invalid_request"),
    Code.OFFSET_MISMATCH: (400, "invalid_request"),
    Code.CHECKSUM_MISMATCH: (400, "invalid_request"),
    Code.LOCKED: (400, "invalid_request"),
    Code.TOO_SLOW: (408, "invalid_request"),
    Code.TOO_LARGE: (400, "invalid_request"),
    Code.RANGE: (400, "invalid_request"),
    Code.PRECONDITION: (400, "invalid_request"),
    Code.UNSUPPORTED: (400, "invalid_request"),
    Code.TOO_MANY: (429, "temporarily_unavailable"),
    Code.NO_SPACE: (503, "temporarily_unavailable"),
    Code.UNAVAILABLE: (503, "temporarily_unavailable"),
    Code.INTERNAL: (500, "server_error"),
}
OTHERS: dict[Reason, tuple[int, str]] = {
    TokenReason.UNSUPPORTED_GRANT: (400, "unsupported_grant_type"),
    TokenReason.SCOPE_NOT_GRANTED: (400, "invalid_scope"),
    RequestReason.METHOD_NOT_ALLOWED: (405, "invalid_request"),
    RequestReason.UNKNOWN_PATH: (404, "invalid_request"),
}


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_every_reason_has_its_answer(reason: Reason) -> None:
    request = Request({"type": "http", "headers": [(b"authorization", b"Basic x")], "path": "/"})
    error = KadeError(reason, "what somebody sent", allow="POST", retry_after=7)
    refusal = oauth.refuse(request, error)
    answer = Answer(refusal.status_code, dict(refusal.headers), bytes(refusal.body))
    assert answer.error == OTHERS.get(reason, STATUSES[reason.code])
    assert answer.json.get("error_description") == (str(reason) if answer.status == 400 else None)
    assert ("www-authenticate" in answer.headers) == (answer.status == 401)
    assert ("allow" in answer.headers) == (answer.status == 405)
    assert ("retry-after" in answer.headers) == (reason is RequestReason.RATE_LIMITED)


def test_every_code_is_listed() -> None:
    assert set(STATUSES) == set(Code)

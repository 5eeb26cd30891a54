"""Keys, scopes, rates: what every answer tells of them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.dialects.filerequests.house import ASKED, CUSTOMER, Application, Build, House

from kade.dialects.filerequests.door import Scope

BODIES: dict[str, dict[str, Any]] = {
    "requests": ASKED,
    "customers": CUSTOMER,
    "shares": {"content": []},
    "files": {"name": "directory"},
    "webhooks": {"url": "https://example.org/", "type": "customer-created"},
}
NOTHING = "frq_0000000000000000000000000"
CALLS: dict[tuple[str, str], Scope] = {
    ("GET", "/file-requests"): Scope.READ_REQUESTS,
    ("POST", "/file-requests"): Scope.WRITE_REQUESTS,
    ("GET", f"/file-requests/{NOTHING}"): Scope.READ_REQUESTS,
    ("DELETE", f"/file-requests/{NOTHING}"): Scope.WRITE_REQUESTS,
    ("GET", "/customers"): Scope.READ_CUSTOMERS,
    ("POST", "/customers"): Scope.WRITE_CUSTOMERS,
    ("GET", "/customers/cst_x"): Scope.READ_CUSTOMERS,
    ("PATCH", "/customers/cst_x"): Scope.WRITE_CUSTOMERS,
    ("DELETE", "/customers/cst_x"): Scope.WRITE_CUSTOMERS,
    ("GET", "/files"): Scope.READ_FILES,
    ("POST", "/files"): Scope.WRITE_FILES,
    ("GET", "/files/fsf_x"): Scope.READ_FILES,
    ("DELETE", "/files/fsf_x"): Scope.WRITE_FILES,
    ("GET", "/files/fsf_x/download"): Scope.READ_FILES,
    ("GET", "/file-shares"): Scope.READ_SHARES,
    ("POST", "/file-shares"): Scope.WRITE_SHARES,
    ("GET", "/file-shares/fss_x"): Scope.READ_SHARES,
    ("DELETE", "/file-shares/fss_x"): Scope.WRITE_SHARES,
    ("GET", "/webhooks"): Scope.READ_WEBHOOKS,
    ("POST", "/webhooks"): Scope.WRITE_WEBHOOKS,
    ("GET", "/webhooks/wbh_x"): Scope.READ_WEBHOOKS,
    ("DELETE", "/webhooks/wbh_x"): Scope.WRITE_WEBHOOKS,
}


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer kade_wrong", "kade_x"]
)
@pytest.mark.parametrize("path", ["/file-requests", "/nothing/here"])
async def test_nobody_comes_in_without_a_key(house: House, header: str | None, path: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await house.call("GET", house.api + path, headers=headers)
    assert (answer.status, answer.json) == (401, {"code": 401, "message": "Unauthenticated."})
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["X-RateLimit-Limit"] == "600"


async def test_a_revoked_key_is_no_key(house: House, desk: Application) -> None:
    file_id = await desk.file("a.txt", b"text")
    link = (await desk.call("GET", f"/files/{file_id}/download")).json["link"]
    await house.revoke(desk)
    assert (await desk.call("GET", "/file-requests")).status == 401
    assert (await house.call("GET", link)).status == 404


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_key_is_for_its_scopes_alone(house: House, scope: Scope) -> None:
    limited = await house.application("limited", scopes=(scope.value,))
    for (method, path), needed in CALLS.items():
        body = next(each for word, each in BODIES.items() if word in path)
        options = {"json": body} if method in ("POST", "PATCH") else {}
        answer = await limited.call(method, path, **options)
        if needed is scope:
            assert answer.status in (200, 201, 404, 422), (method, path)
        else:
            assert (answer.status, answer.json["code"]) == (403, 403), (method, path)
            assert needed in answer.json["message"]


async def test_a_key_with_scopes_is_for_this_api_alone(house: House) -> None:
    limited = await house.application("limited", scopes=("files.read",))
    headers = {"Authorization": f"Bearer {limited.key}"}
    answer = await house.call("GET", f"{house.base}/service/fileserver/rest/users", headers=headers)
    assert answer.status in (401, 403, 404)


async def test_every_answer_tells_how_many_calls_are_left(build: Build) -> None:
    async with build({"KADE_DIALECTS_FILEREQUESTS_CALLS_PER_MINUTE": "5"}) as house:
        desk, other = await house.application("desk"), await house.application("other")
        seen = []
        for path in ("/file-requests", "/nothing", "/customers/x", "/files", "/files"):
            answer = await desk.call("GET", path)
            assert answer.headers["X-RateLimit-Limit"] == "5"
            assert "X-RateLimit-Reset" not in answer.headers
            seen.append(int(answer.headers["X-RateLimit-Remaining"]))
        assert seen == [4, 3, 2, 1, 0]
        refused = await desk.call("GET", "/files")
        assert (refused.status, refused.json) == (429, {"code": 429, "message": "Too many requests."})
        assert 1 <= int(refused.headers["Retry-After"]) <= 12
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert time.time() - 1 <= int(refused.headers["X-RateLimit-Reset"]) <= time.time() + 13
        assert (await other.call("GET", "/files")).status == 200
        for _ in range(5):
            await house.call("GET", f"{house.api}/files")
        assert (await house.call("GET", f"{house.api}/files")).status == 429  # guesses are counted, too
        assert (await other.call("GET", "/files")).status == 200


async def test_paths_and_methods_that_are_not_served(desk: Application) -> None:
    for path in ("/", "/file-requests/", "/FILE-REQUESTS", "/file-requests/a/b", "/files/%2e%2e%2f"):
        answer = await desk.call("GET", path)
        assert (answer.status, answer.json["code"]) == (404, 404), path
    answer = await desk.call("PUT", "/file-requests")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")

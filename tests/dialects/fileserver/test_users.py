"""UserService as clients know it (spec 1.1), and what its users become."""

import base64
import io
from pathlib import Path

import pytest
from tests.dialects.fileserver.conftest import Build
from tests.dialects.fileserver.house import House, new_user

from kade.core.grants import Verb

UNEXPECTED = b'"A unexpected error occurred!"'


async def test_a_user_is_created_read_and_listed_by_name(house: House) -> None:
    identity = house.authority.issue_client("zoe")
    created = await house.call("POST", "/users", json=new_user("zoe", identity))
    assert (created.status, created.headers["Content-Type"], created.body) == (200, "application/json", b"0")
    await house.partner("adam")
    told = await house.call("GET", "/users/0")
    assert told.json == {"id": 0, "name": "zoe", "certificate": identity.base64_der}
    everybody = await house.call("GET", "/users")
    assert [(each["id"], each["name"]) for each in everybody.json] == [(1, "adam"), (0, "zoe")]


async def test_a_certificate_may_come_as_pem_and_goes_out_as_der(house: House) -> None:
    identity = house.authority.issue_client("pem")
    chain = identity.pem + house.authority.pem
    body = {"name": "pem", "certificate": base64.b64encode(chain).decode()}
    number = (await house.call("POST", "/users", json=body)).json
    assert (await house.call("GET", f"/users/{number}")).json["certificate"] == identity.base64_der


async def test_an_update_renames_and_replaces_the_certificate_that_is_shown(house: House) -> None:
    old, kept, new = (house.authority.issue_client("p") for _ in range(3))
    partner = await house.partner("before", kept)
    await house.register("before", old)  # newer than kept, so it is the one that is shown
    answer = await house.call("PUT", f"/users/{partner.id}", json=new_user("after", new))
    assert (answer.status, answer.body) == (204, b"")
    assert (await house.call("GET", f"/users/{partner.id}")).json == {
        "id": partner.id,
        "name": "after",
        "certificate": new.base64_der,
    }
    path = (await house.upload(partner.id, b"x")).text
    url = f"{house.exchange}/download/{path}"
    statuses = [
        (await house.call("GET", url, by=house.session(identity=each))).status for each in (kept, new, old)
    ]
    assert statuses == [200, 200, 401]


async def test_an_update_with_the_same_certificate_changes_nothing_about_it(house: House) -> None:
    partner = await house.partner("same")
    for _ in range(2):
        answer = await house.call("PUT", f"/users/{partner.id}", json=new_user("same", partner.identity))
        assert answer.status == 204
    path = (await house.upload(partner.id, b"x")).text
    assert (await house.download(partner, path)).status == 200


async def test_only_a_user_without_files_is_deleted(house: House) -> None:
    partner = await house.partner("leaving")
    path = (await house.upload(partner.id, b"x")).text
    refused = await house.call("DELETE", f"/users/{partner.id}")
    assert (refused.status, refused.body) == (500, UNEXPECTED)
    assert (await house.call("DELETE", f"/files/{path}")).status == 200
    assert (await house.call("DELETE", f"/users/{partner.id}")).status == 204
    gone = await house.call("GET", f"/users/{partner.id}")
    assert (gone.status, gone.body, gone.headers["Content-Type"]) == (404, b"", "application/json")
    assert (await house.call("GET", house.exchange + "/download/x", by=partner.session)).status == 401
    again = await house.partner("leaving")  # the name is free, the number is not used again
    assert again.id == partner.id + 1


async def test_a_refused_user_leaves_nothing(house: House) -> None:
    """Principal, certificate, box and number are made in one transaction."""
    partner = await house.partner("taken")
    other = house.authority.issue_client("other")
    for body in (
        new_user("taken", other),
        new_user("TAKEN", other),
        new_user("fresh", partner.identity),  # its certificate is somebody else's
        {"name": "fresh", "certificate": "AAAA"},
        {"name": "fresh", "certificate": "not base64!"},
        {"name": "fresh"},
        {"name": "fresh", "certificate": other.base64_der, "role": "admin"},
        {"name": None, "certificate": other.base64_der},
    ):
        answer = await house.call("POST", "/users", json=body)
        assert (answer.status, answer.body) == (500, UNEXPECTED), body
    assert [each["name"] for each in (await house.call("GET", "/users")).json] == ["taken"]
    spaces = await house.kade.catalog.read(lambda tx: tx.spaces.of_tenant(tx.tenants.all()[0].id))
    assert sorted(each.name for each in spaces) == ["root", "taken"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("abc", 200),
        ("a" * 32, 200),
        ("with-hyphen_and.dot", 200),
        ("me@example.org", 200),
        ("[x];<y>=^z?", 200),
        ("ab", 500),
        ("a" * 33, 500),
        ("with space", 500),
        ("naïve", 500),
        ("...", 200),
        ("../up", 500),
        ("c:\\x", 500),
        ("line\nbreak", 500),
    ],
)
async def test_names_of_users(house: House, name: str, status: int) -> None:
    answer = await house.call("POST", "/users", json=new_user(name, house.authority.issue_client("n")))
    assert answer.status == status


@pytest.mark.parametrize("number", ["7", "x", "-1", "00", "1.0", "99999999999999999999", "%20", "0%00"])
async def test_users_that_are_not_there(house: House, number: str) -> None:
    await house.partner("somebody")
    body = new_user("somebody", house.authority.issue_client("n"))
    answers = [
        await house.call("GET", f"/users/{number}"),
        await house.call("PUT", f"/users/{number}", json=body),
        await house.call("DELETE", f"/users/{number}"),
    ]
    assert {(each.status, each.body) for each in answers} == {(404, b"")}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 10_000])
async def test_bodies_that_are_no_user(house: House, body: bytes) -> None:
    answer = await house.call("POST", "/users", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.body) == (500, UNEXPECTED)


async def test_a_body_has_a_limit(house: House) -> None:
    answer = await house.call(
        "POST", "/users", data=io.BytesIO(b" " * (2 << 20)), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 413


async def test_media_types_and_methods(house: House) -> None:
    partner = await house.partner("types")
    body = new_user("types2", house.authority.issue_client("n"))
    assert (await house.call("POST", "/users", data=b"x", headers={"Content-Type": "text/xml"})).status == 415
    charset = {"Content-Type": "application/json; charset=utf-8"}
    assert (await house.call("PUT", f"/users/{partner.id}", json=body, headers=charset)).status == 204
    not_acceptable = await house.call("GET", "/users", headers={"Accept": "text/html"})
    assert (not_acceptable.status, not_acceptable.body) == (406, b"")
    assert (await house.call("GET", "/users", headers={"Accept": "application/*;q=0.1"})).status == 200
    assert (await house.call("GET", "/users", headers={"Accept": "application/json;q=0, */*"})).status == 406
    wrong = await house.call("PATCH", "/users")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, HEAD, POST")
    head = await house.call("HEAD", f"/users/{partner.id}")
    assert (head.status, head.body) == (200, b"")
    assert (await house.call("GET", "/nothing")).status == 404


async def test_who_may_come_in(house: House) -> None:
    partner = await house.partner("outsider")
    nobody = await house.call("GET", "/users", by=house.session())
    assert (nobody.status, nobody.headers["WWW-Authenticate"]) == (401, 'Basic realm="Realm"')
    wrong = [
        {"Authorization": "Bearer kade_wrong"},
        {"Authorization": "Basic AAAA"},
        {"Authorization": "Basic YWRtaW46d3Jvbmc="},
        {"Authorization": "Digest x"},
    ]
    for headers in wrong:
        for path in ("/users", "/nothing", "/users/openapi.json"):
            assert (await house.call("GET", path, by=house.session(headers))).status == 401
    reader = await house.application("reader", (Verb.LIST, Verb.READ))
    assert (await house.call("GET", "/users", by=reader)).status == 200
    body = new_user("third", house.authority.issue_client("n"))
    denied = await house.call("POST", "/users", json=body, by=reader)
    assert (denied.status, denied.body) == (403, b"")
    stranger = await house.application("stranger")
    assert (await house.call("GET", "/users", by=stranger)).status == 403
    path = (await house.upload(partner.id, b"x")).text
    assert (await house.call("GET", f"/files/{path}", by=stranger)).status == 404
    assert (await house.call("GET", "/files", by=stranger)).json == []
    assert (await house.call("DELETE", f"/files/{path}", by=reader)).status == 404
    assert (await house.call("GET", f"/files/{path}", by=reader)).status == 200


async def test_an_open_service_asks_for_nothing(build: Build) -> None:
    async with build({"KADE_DIALECTS_FILESERVER_OPEN_SERVICE": "true"}) as house:
        answer = await house.call("GET", "/users", by=house.session())
        assert (answer.status, answer.json) == (200, [])
        rows = [each for each in await house.journal() if each.operation == "fileserver.service.getUsers"]
        assert rows and all(row.address == "127.0.0.1" for row in rows)


async def test_certificates_at_the_service(build: Build, tmp_path: Path) -> None:
    """With TLS on the web listener an application's certificate counts, a partner's does not."""
    tls = {
        "KADE_WEB_TLS": "true",
        "KADE_WEB_CERTIFICATE": f"{tmp_path}/pki/server.crt",
        "KADE_WEB_KEY": f"{tmp_path}/pki/server.key",
        "KADE_WEB_CLIENT_CA": f"{tmp_path}/pki/ca.crt",
        "KADE_WEB_CLIENT_CERTIFICATES": "optional",
    }
    async with build(tls) as house:
        partner = await house.partner("partner")
        assert (await house.call("GET", "/users", by=partner.session)).status == 401
        await house.application("accounting", (Verb.LIST,))
        identity = house.authority.issue_client("accounting")
        await house.register("accounting", identity)
        assert (await house.call("GET", "/users", by=house.session(identity=identity))).status == 200

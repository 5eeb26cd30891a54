"""Whatever anybody does, or is refused, stands in the journal under the operation's name."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession as Session
from tests.dialects.fileserver.forms import body_of, content_type, file_part
from tests.dialects.fileserver.house import Answer, House, Partner, new_user
from tests.dialects.fileserver.soap import TEXT_XML, enveloped, upload_file, wrapped
from tests.dialects.fileserver.test_gb_messages import GOOD as REQUEST

from kade.core.events import JournalEntry, Outcome

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}


@dataclass
class Act:
    """One operation: as it is done, and as it is refused."""

    method: str
    done: str
    refused: str
    options: dict[str, Any] = field(default_factory=dict)


async def service_acts(house: House, partner: Partner, share: Path) -> dict[str, Act]:
    (share / "a").write_bytes(b"a")
    one, two = [(await house.upload(partner.id, b"x")).text for _ in range(2)]
    user = {"json": new_user("third", house.authority.issue_client("third"))}
    same = {"json": new_user("second", house.authority.issue_client("second"))}
    removable = await house.partner("removable")
    form = {"data": body_of([file_part(b"x")]), "headers": content_type()}
    acts = {
        "getUsers": Act("GET", "/users", ""),
        "createUser": Act("POST", "/users", "/users", user),
        "getUser": Act("GET", f"/users/{partner.id}", "/users/99"),
        "updateUser": Act("PUT", f"/users/{partner.id}", "/users/99", same),
        "deleteUser": Act("DELETE", f"/users/{removable.id}", f"/users/{partner.id}"),
        "getFiles": Act("GET", "/files", ""),
        "uploadFile": Act("POST", f"/files/user/{partner.id}", "/files/user/99", form),
        "uploadFileFromFs": Act(
            "POST", f"/files/fs/user/{partner.id}", "/files/fs/user/99", {"json": {"name": "a"}}
        ),
        "downloadFileToFs": Act("GET", f"/files/fs/{one}/b", "/files/fs/unknown/b"),
        "getFileInfo": Act("GET", f"/files/{one}/info", "/files/unknown/info"),
        "downloadFile": Act("GET", f"/files/{one}", "/files/unknown"),
        "deleteFile": Act("DELETE", f"/files/{two}", "/files/unknown"),
        "getExternalDataReference": Act(
            "GET", f"/gb/externalDataReference/{one}", "/gb/externalDataReference/unknown"
        ),
        "judgeExternalDataReferences": Act(
            "POST",
            f"/gb/user/{partner.id}/externalDataReferenceRequest",
            "/gb/user/99/externalDataReferenceRequest",
            {"data": REQUEST, "headers": {"Content-Type": "application/xml"}},
        ),
        "getServices": Act("GET", house.service, ""),
        "unknown": Act("GET", "", "/nothing"),
        "other": Act("PATCH", "", "/users"),
    }
    for name in ("users", "files", "gb"):
        for suffix in ("json", "yaml", "html"):
            acts[f"{name}.openapi.{suffix}"] = Act("GET", f"/{name}/openapi.{suffix}", "")
    return acts


async def test_every_operation_of_applications_is_in_the_journal(house: House, tmp_path: Path) -> None:
    partner = await house.partner("partner")
    acts = await service_acts(house, partner, tmp_path / "in")
    await _drive(house, "service", acts, house.operator, house.session())


async def test_every_operation_by_soap_is_in_the_journal(house: House, tmp_path: Path) -> None:
    partner, removable = [await house.partner(name) for name in ("partner", "removable")]
    (tmp_path / "in" / "a").write_bytes(b"a")
    one, two = [(await house.upload(partner.id, b"x")).text for _ in range(2)]
    certificates = [house.authority.issue_client(name).base64_der for name in ("third", "fourth")]
    new, changed = [f"<certificate>{each}</certificate>" for each in certificates]
    share, copy = "<file><name>a</name></file>", "<filename>b</filename>"
    inner = {
        "getUsers": ("user", "", ""),
        "createUser": ("user", f"<user><name>third</name>{new}</user>", f"<user><name>3</name>{new}</user>"),
        "getUser": ("user", f"<id>{partner.id}</id>", "<id>99</id>"),
        "updateUser": (
            "user",
            f"<user><id>{partner.id}</id><name>second</name>{changed}</user>",
            f"<user><id>99</id><name>second</name>{changed}</user>",
        ),
        "deleteUser": ("user", f"<id>{removable.id}</id>", f"<id>{partner.id}</id>"),
        "getFiles": ("file", "", ""),
        "uploadFile": ("file", upload_file(partner.id, "QQ=="), upload_file(99, "QQ==")),
        "uploadFileFromFs": ("file", f"<userId>{partner.id}</userId>{share}", f"<userId>99</userId>{share}"),
        "downloadFileToFs": ("file", f"<path>{one}</path>{copy}", f"<path>unknown</path>{copy}"),
        "getFileInfo": ("file", f"<path>{one}</path>", "<path>unknown</path>"),
        "downloadFile": ("file", f"<path>{one}</path>", "<path>unknown</path>"),
        "deleteFile": ("file", f"<path>{two}</path>", "<path>unknown</path>"),
        "getExternalDataReference": ("gb", f"<path>{one}</path>", "<path>unknown</path>"),
    }
    for name, (service, done, refused) in inner.items():
        operation, url = f"fileserver.soap.{name}", f"{house.service}/{service}"
        for members, outcome in ((done, Outcome.DONE), (refused, Outcome.REFUSED)):
            if outcome == Outcome.REFUSED and not refused:
                continue
            options = {"data": enveloped(wrapped(service, name, members)), "headers": TEXT_XML}
            act = Act("POST", url, url, options)
            rows, answer = await _rows(house, operation, act, url, house.operator)
            assert (answer.status == 200) == (outcome == Outcome.DONE), (name, answer)
            assert rows and rows[-1].outcome == outcome, (name, rows)
            assert rows[-1].principal_id and rows[-1].request_id == answer.headers["X-Request-ID"]
    for name, method, known in (
        ("unknown", "POST", house.operator),
        ("unknown", "POST", house.session()),
        ("wsdl", "GET", house.operator),
        ("wsdl", "GET", house.session()),
        ("other", "PUT", house.operator),
    ):
        url = f"{house.service}/file"
        rows, _ = await _rows(house, f"fileserver.soap.{name}", Act(method, url, url), url, known)
        assert [row.outcome for row in rows] == [Outcome.REFUSED], (name, rows)
    assert await _named(house, "soap") == {
        f"fileserver.soap.{name}" for name in (*inner, "unknown", "wsdl", "other")
    }


async def test_every_operation_of_partners_is_in_the_journal(house: House) -> None:
    partner, stranger = await house.partner("partner"), house.authority.issue_client("stranger")
    path = (await house.upload(partner.id, b"x")).text
    upload = f"{house.exchange}/upload"
    created = await house.call("POST", upload, by=partner.session, headers={**TUS, "Upload-Length": "1"})
    target = f"{upload}/{created.headers['Location'].rpartition('/')[2]}"
    acts = {
        "upload.options": Act("OPTIONS", upload, ""),
        "upload.create": Act("POST", upload, "", {"headers": {**TUS, "Upload-Length": "1"}}),
        "upload.inspect": Act("HEAD", target, f"{upload}/unknown", {"headers": TUS}),
        "upload.append": Act("PATCH", target, f"{upload}/unknown", {"headers": BYTES, "data": b"x"}),
        "upload.terminate": Act("DELETE", target, f"{upload}/unknown", {"headers": TUS}),
        "upload.other": Act("PUT", "", upload, {"headers": TUS}),
        "put": Act("PUT", f"{house.exchange}/gb/0/a", f"{house.exchange}/gb/99/a", {"data": b"x"}),
        "download": Act("GET", f"{house.exchange}/download/{path}", f"{house.exchange}/download/unknown"),
    }
    await _drive(house, "exchange", acts, partner.session, house.session(identity=stranger))


async def test_an_unknown_version_of_tus_is_a_refusal_in_the_journal(house: House) -> None:
    partner = await house.partner("partner")
    headers = {"Tus-Resumable": "0.2.2", "Upload-Length": "1"}
    act = Act("POST", f"{house.exchange}/upload", "", {"headers": headers})
    rows, answer = await _rows(house, "fileserver.exchange.upload.create", act, act.done, partner.session)
    assert (answer.status, answer.headers["Tus-Version"]) == (412, "1.0.0")
    assert [(row.outcome, row.reason) for row in rows] == [(Outcome.REFUSED, "request.version_unsupported")]


async def _drive(house: House, side: str, acts: dict[str, Act], known: Session, unknown: Session) -> None:
    """Do each act, have it refused, and have it refused to somebody who may not come in."""
    for name, act in acts.items():
        operation = f"fileserver.{side}.{name}"
        if act.done:
            rows, answer = await _rows(house, operation, act, act.done, known)
            done = [row for row in rows if row.outcome == Outcome.DONE]
            assert answer.status < 300 and done, (name, answer, rows)
            assert all(row.request_id == answer.headers["X-Request-ID"] for row in done)
            assert all(row.credential_id is not None and row.address == "127.0.0.1" for row in done)
        refusals = [(act.refused, known)] if act.refused else []
        for target, by in [*refusals, (act.done or act.refused, unknown)]:
            rows, answer = await _rows(house, operation, act, target, by)
            assert answer.status >= 400, (name, answer)
            assert [row.outcome for row in rows] == [Outcome.REFUSED], (name, answer, rows)
            assert rows[0].reason and rows[0].request_id == answer.headers["X-Request-ID"]
    assert {f"fileserver.{side}.{name}" for name in acts} == await _named(house, side)


async def _rows(
    house: House, operation: str, act: Act, target: str, by: Session
) -> tuple[list[JournalEntry], Answer]:
    """What the act leaves under the operation's name, and its answer."""
    before = len(await house.journal())
    answer = await house.call(act.method, target, by=by, **act.options)
    rows = (await house.journal())[before:]
    return [row for row in rows if row.operation == operation], answer


async def _named(house: House, side: str) -> set[str]:
    """The operations that the server counted: the table above names them all."""
    metrics = await house.call("GET", house.server.bases["web"] + "/metrics")
    return set(re.findall(rf'operation="(fileserver\.{side}\.[^"]+)"', metrics.text))

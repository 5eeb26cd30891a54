"""Whatever anybody does, or is refused, stands in the journal under the operation's name."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.dialects.fileserver.forms import body_of, content_type, file_part
from tests.dialects.fileserver.house import House, Partner, new_user

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
    nobody = house.session()
    for name, act in acts.items():
        if act.refused:
            await _expect_refused(
                house, f"service.{name}", lambda a=act: house.call(a.method, a.refused, **a.options)
            )
        target = act.done or act.refused
        await _expect_refused(
            house, f"service.{name}", lambda a=act, t=target: house.call(a.method, t, by=nobody, **a.options)
        )
        if act.done:
            row = await _expect_done(
                house, f"service.{name}", lambda a=act: house.call(a.method, a.done, **a.options)
            )
            assert row.credential_id is not None, name
    assert {f"fileserver.service.{name}" for name in acts} == _named(house, "service")


async def test_every_operation_of_partners_is_in_the_journal(house: House) -> None:
    partner, stranger = await house.partner("partner"), house.authority.issue_client("stranger")
    unknown = house.session(identity=stranger)
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
        "download": Act("GET", f"{house.exchange}/download/{path}", f"{house.exchange}/download/unknown"),
    }
    for name, act in acts.items():
        if act.refused:
            await _expect_refused(
                house,
                f"exchange.{name}",
                lambda a=act: house.call(a.method, a.refused, by=partner.session, **a.options),
            )
        there = act.done or act.refused
        await _expect_refused(
            house, f"exchange.{name}", lambda a=act, t=there: house.call(a.method, t, by=unknown, **a.options)
        )
        if act.done:
            row = await _expect_done(
                house,
                f"exchange.{name}",
                lambda a=act: house.call(a.method, a.done, by=partner.session, **a.options),
            )
            assert row.credential_id is not None and row.address == "127.0.0.1"
    assert {f"fileserver.exchange.{name}" for name in acts} == _named(house, "exchange")


async def _expect_done(house: House, name: str, act: Callable[[], Awaitable[Any]]) -> JournalEntry:
    rows, answer = await _rows(house, name, act)
    assert answer.status < 300, (name, answer)
    done = [row for row in rows if row.outcome == Outcome.DONE]
    assert done, name
    assert {row.request_id for row in done} == {answer.headers["X-Request-ID"]}
    return done[-1]


async def _expect_refused(house: House, name: str, act: Callable[[], Awaitable[Any]]) -> None:
    rows, answer = await _rows(house, name, act)
    assert answer.status >= 400, (name, answer)
    refused = [row for row in rows if row.outcome == Outcome.REFUSED]
    assert len(refused) == 1 and refused[0].reason, (name, rows)


async def _rows(house: House, name: str, act: Callable[[], Awaitable[Any]]) -> tuple[list[JournalEntry], Any]:
    """What *act* leaves under the operation's name, and its answer."""
    before = len(await house.journal())
    answer = await act()
    rows = (await house.journal())[before:]
    return [row for row in rows if row.operation == f"fileserver.{name}"], answer


def _named(house: House, side: str) -> set[str]:
    """The operations that the server counted: none was forgotten by the table above."""
    from prometheus_client import generate_latest

    metrics = house.server._metrics
    text = generate_latest(metrics.registry).decode()
    return set(re.findall(rf'operation="(fileserver\.{side}\.[^"]+)"', text))

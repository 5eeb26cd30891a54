"""One contract, two faces: every operation by REST and by SOAP leaves the same in the catalog."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from tests.client.servers import running
from tests.dialects.fileclient.house import ClientHouse, environment, running_client
from tests.dialects.fileclient.soap import Soap
from tests.dialects.fileserver.forms import Part
from tests.support.upstream import Upstream

from kade.core.events import Outcome
from kade.core.ports import Tx
from kade.core.tasks import Task
from kade.dialects.fileclient import tasks
from kade.dialects.fileclient.requests import DOWNLOAD, UPLOAD
from kade.dialects.fileclient.service import Services
from kade.dialects.fileclient.settings import Settings
from kade.services.installing import local_operator
from kade.web.dialect import Kit

DATA = bytes(range(256)) * 100
SHA256 = hashlib.sha256(DATA).hexdigest().upper()
LATER, END = "2036-01-02T03:04:05.678Z", "2040-01-02T03:04:05Z"
KINDS = ("Download", "Upload")
MOVING = {
    *("timestamp", "statusTime", "scheduleTime", "lastModified"),
    *("state", "bytes", "length", "bytesPerSecond", "retries", "lastError"),
}
ACTIONS = ("pause", "resume", "pause", "cancel")
DRIVEN = {
    "downloadFile",
    "uploadFile",
    "uploadFileFromFs",
    "downloadFileToFs",
    "getFileInfo",
    "getFiles",
    "getExternalDataReference",
    *(f"{verb}{kind}Task" for verb in ("get", "delete", *ACTIONS) for kind in KINDS),
    *(f"get{kind}Tasks" for kind in KINDS),
}


class ByRest:
    """The operations by REST; what they answer as texts, as SOAP's are read too."""

    def __init__(self, house: ClientHouse) -> None:
        self._house = house
        self.done: set[str] = set()

    async def fetch(self, url: str, **members: str) -> dict[str, str]:
        return texts(await self._house.fetch(url, **members))

    async def send(self, url: str, **members: str) -> dict[str, str]:
        return texts(await self._house.send(url, DATA, "a.bin", **members))

    async def send_from_fs(self, url: str, name: str) -> dict[str, str]:
        parts = [Part("creationUrl", url.encode()), Part("filename", name.encode())]
        return texts((await self._house.post_form("/upload/fs", parts)).json)

    async def task(self, kind: str, number: str) -> dict[str, str]:
        return texts((await self._house.call("GET", f"/{kind.lower()}/{number}")).json)

    async def all(self, kind: str, status: str) -> list[dict[str, str]]:
        listed = await self._house.call("GET", f"/{kind.lower()}?status={status}")
        return [texts(each) for each in listed.json]

    async def act(self, kind: str, number: str, verb: str) -> dict[str, str]:
        return texts((await self._house.call("POST", f"/{kind.lower()}/{number}/{verb}")).json)

    async def delete(self, kind: str, number: str) -> None:
        await self._house.call("DELETE", f"/{kind.lower()}/{number}")

    async def infos(self, number: str) -> list[dict[str, str]]:
        one = (await self._house.call("GET", f"/files/{number}/info")).json
        return [texts(each) for each in (one, *(await self._house.call("GET", "/files")).json)]

    async def content(self, number: str) -> bytes:
        return await self._house.file(int(number))

    async def to_fs(self, number: str, name: str) -> dict[str, str]:
        return texts((await self._house.call("GET", f"/files/fs/{number}/{name}")).json)

    async def reference(self, number: str) -> str:
        told = (await self._house.call("GET", f"/gb/externalDataReference/{number}")).json
        return str(told["dataReference"][0]["content"]["checksum"]["value"])


class BySoap:
    """The same by SOAP."""

    def __init__(self, house: ClientHouse) -> None:
        self._soap = Soap(house)
        self.done: set[str] = set()

    async def _call(self, service: str, operation: str, inner: str = "") -> Any:
        self.done.add(operation)
        reply = await self._soap.call(service, operation, inner, {"Accept": "text/xml"})
        return reply.body

    async def _one(self, service: str, operation: str, inner: str) -> dict[str, str]:
        found = [members(each) for each in await self._call(service, operation, inner)]
        return found[0] if found else {}

    async def fetch(self, url: str, **more: str) -> dict[str, str]:
        return await self._one("download", "downloadFile", written({"url": url, **more}))

    async def send(self, url: str, **more: str) -> dict[str, str]:
        self.done.add("uploadFile")
        profile = more.pop("profile", None)
        after = written({"profile": profile}) if profile else ""
        reply = await self._soap.send(url, DATA, "a.bin", written(more), after)
        return members(reply.body[0]) if len(reply.body) else {}

    async def send_from_fs(self, url: str, name: str) -> dict[str, str]:
        inner = f"{written({'creationUrl': url})}<file>{written({'name': name})}</file>"
        return await self._one("upload", "uploadFileFromFs", inner)

    async def task(self, kind: str, number: str) -> dict[str, str]:
        return await self._one(kind.lower(), f"get{kind}Task", written({"fileId": number}))

    async def all(self, kind: str, status: str) -> list[dict[str, str]]:
        found = await self._call(kind.lower(), f"get{kind}Tasks", written({"status": status}))
        return [members(each) for each in found]

    async def act(self, kind: str, number: str, verb: str) -> dict[str, str]:
        return await self._one(kind.lower(), f"{verb}{kind}Task", written({"fileId": number}))

    async def delete(self, kind: str, number: str) -> None:
        await self._call(kind.lower(), f"delete{kind}Task", written({"fileId": number}))

    async def infos(self, number: str) -> list[dict[str, str]]:
        one = await self._call("file", "getFileInfo", written({"id": number}))
        return [members(each) for each in (*one, *await self._call("file", "getFiles"))]

    async def content(self, number: str) -> bytes:
        body = await self._call("file", "downloadFile", written({"id": number}))
        return base64.b64decode(body.findtext("file/content"))

    async def to_fs(self, number: str, name: str) -> dict[str, str]:
        return await self._one("file", "downloadFileToFs", written({"id": number, "filename": name}))

    async def reference(self, number: str) -> str:
        body = await self._call("gb", "getExternalDataReference", written({"id": number}))
        (checksum,) = body.iter("{http://www.logius.nl/digikoppeling/gb/2010/10}checksum")
        return str(checksum.text)


Face = ByRest | BySoap
FACES: tuple[type[Face], ...] = (ByRest, BySoap)


def test_the_parity_test_drives_every_operation() -> None:
    """Its list is the contract's."""
    services = Services(cast(Kit, None), Settings()).soap()
    assert {each.name for service in services.values() for each in service.operations} == DRIVEN


def texts(row: dict[str, Any]) -> dict[str, str]:
    """Members as XML Schema writes them."""
    return {key: json.dumps(value) if isinstance(value, bool) else str(value) for key, value in row.items()}


def members(element: Any) -> dict[str, str]:
    return {each.tag: each.text or "" for each in element}


def written(row: dict[str, str]) -> str:
    return "".join(f"<{key}>{value}</{key}>" for key, value in row.items())


async def test_both_faces_leave_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "share.txt").write_bytes(DATA)
    found = []
    for number, kind in enumerate(FACES):
        out = tmp_path / f"out{number}"
        out.mkdir()
        shares = {"upload_share": tmp_path / "in", "download_share": out}
        async with (
            running(Upstream(DATA)) as base,
            running_client(environment(tmp_path / f"data{number}", **shares)) as house,
        ):
            face = kind(house)
            told = await drive(face, house, base)
            found.append((told, (out / "copy").read_bytes(), await state(house, base)))
            assert kind is ByRest or face.done == DRIVEN
    by_rest, by_soap = found
    for one, other in zip(by_rest[0], by_soap[0], strict=True):
        assert one == other
    assert by_rest == by_soap


async def drive(face: Face, house: ClientHouse, base: str) -> list[Any]:
    """Do everything, and collect what was told, without moments."""
    files = f"{base}/files"
    fetched = await face.fetch(f"{files}/download/a", sha256Checksum=SHA256)
    sent = await face.send(f"{files}/upload", sha256Checksum=SHA256)
    shared = await face.send_from_fs(f"{files}/upload", "share.txt")
    resting = {
        "Download": await face.fetch(f"{files}/download/b", startDate=LATER, endDate=END),
        "Upload": await face.send("http://localhost:9/closed", profile="push"),
    }
    told: list[Any] = [fetched, sent, shared, *resting.values()]
    for kind, each in resting.items():
        told += [await face.act(kind, each["fileId"], verb) for verb in ACTIONS]
    for kind, each in (("Download", fetched), ("Upload", sent), ("Upload", shared)):
        await house.over(kind.lower(), int(each["fileId"]))
    number = fetched["fileId"]
    told += [await face.task("Download", number), await face.task("Upload", sent["fileId"])]
    told += [*await face.infos(number), await face.to_fs(number, "copy")]
    told += [await face.content(number), await face.reference(sent["fileId"])]
    for kind in KINDS:
        told += await face.all(kind, "SUCCEEDED")
    await face.delete("Download", number)
    await face.delete("Upload", shared["fileId"])
    return [still(each, base) if isinstance(each, dict) else each for each in told]


def still(row: dict[str, str], base: str) -> dict[str, str]:
    """What does not depend on the moment, nor on the port."""
    kept = {key: value for key, value in row.items() if key not in MOVING}
    return {key: value.replace(".000Z", "Z").replace(base, "") for key, value in kept.items()}


async def state(house: ClientHouse, base: str) -> dict[str, Any]:
    """What the catalog and the journal say, without ids and moments."""

    def read(tx: Tx) -> dict[str, Any]:
        caller = local_operator(tx)
        quota = tx.quotas.get(caller.tenant_id)
        rows = [each for kind in (DOWNLOAD, UPLOAD) for each in tasks.of_kind(tx, caller, kind)]
        return {
            "tasks": [(each.number, plain_task(each.task, base)) for each in rows],
            "quota": None if quota is None else (quota.used, quota.reserved),
        }

    journal = [
        (each.kind, each.outcome, each.reason, plain(each.operation))
        for each in await house.journal()
        if each.kind != "task.put_off" and each.operation not in (DOWNLOAD, UPLOAD)
    ]
    return {**await house.kade.catalog.read(read), "journal": sorted(map(str, journal))}


def plain_task(task: Task, base: str) -> tuple[object, ...]:
    request = task.request.replace(base, "")
    return (task.kind, task.lane.replace(base, ""), request, task.state, task.max_attempts)


def plain(operation: str) -> str:
    """An operation's name without its face."""
    named = operation.replace("fileclient.soap.", "").replace("fileclient.service.", "")
    for kind in KINDS:
        for verb in ACTIONS:
            named = named.replace(f"{verb}{kind}Task", f"change{kind}Task")
    return named


Act = Callable[[Face], Awaitable[Any]]
REFUSED: tuple[Act, ...] = (
    lambda face: face.send("http://localhost:9/x", sha256Checksum="0" * 64),
    lambda face: face.to_fs("77", "x"),
    lambda face: face.reference("77"),
)


async def test_both_faces_note_the_same_refusals(tmp_path: Path) -> None:
    """REST and SOAP answer differently, and mean the same."""
    found = []
    for number, kind in enumerate(FACES):
        async with running_client(environment(tmp_path / f"data{number}")) as house:
            for act in REFUSED:
                with contextlib.suppress(AssertionError, ValueError):
                    await act(kind(house))
            rows = [each for each in await house.journal() if each.outcome == Outcome.REFUSED]
            found.append([(each.kind, each.reason, plain(each.operation)) for each in rows])
    assert found[0] == found[1] and len(found[0]) == len(REFUSED)

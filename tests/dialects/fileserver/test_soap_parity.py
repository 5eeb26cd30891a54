"""One contract, two faces: every operation by REST and by SOAP leaves the same in the catalog."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from tests.dialects.fileserver.conftest import Build
from tests.dialects.fileserver.house import House, new_user
from tests.dialects.fileserver.soap import Soap
from tests.support.pki import Authority, Identity

from kade.core.bindings import Noun
from kade.core.events import Outcome
from kade.core.files import File
from kade.core.ports import Tx
from kade.dialects.fileserver import soap
from kade.dialects.fileserver.settings import Settings
from kade.web.dialect import Kit

DATA = bytes(range(256)) * 100
SHA256 = hashlib.sha256(DATA).hexdigest()
START, END = "2020-01-02T03:04:05.678Z", "2040-01-02T03:04:05Z"


class ByRest:
    """The operations by REST; what they answer, in the shape in which SOAP's is read too."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.done: set[str] = set()

    async def create_user(self, name: str, identity: Identity) -> int:
        return int((await self._house.call("POST", "/users", json=new_user(name, identity))).json)

    async def update_user(self, number: int, name: str, identity: Identity) -> None:
        await self._house.call("PUT", f"/users/{number}", json=new_user(name, identity))

    async def delete_user(self, number: int) -> None:
        await self._house.call("DELETE", f"/users/{number}")

    async def users(self, number: int) -> list[list[str]]:
        one = (await self._house.call("GET", f"/users/{number}")).json
        everybody = (await self._house.call("GET", "/users")).json
        return [[str(value) for value in each.values()] for each in (one, *everybody)]

    async def upload(self, number: int, name: str, **members: str) -> str:
        return (await self._house.upload(number, DATA, name, **members)).text

    async def upload_from_fs(self, number: int, name: str) -> str:
        body = {"name": name, "sha256Checksum": SHA256, "startDate": START}
        return (await self._house.call("POST", f"/files/fs/user/{number}", json=body)).text

    async def paths(self) -> list[str]:
        return list((await self._house.call("GET", "/files")).json)

    async def info(self, path: str) -> dict[str, str]:
        told = (await self._house.call("GET", f"/files/{path}/info")).json
        return {key: str(value) for key, value in told.items()}

    async def content(self, path: str) -> bytes:
        body = (await self._house.call("GET", f"/files/{path}")).body
        return body.split(b"Content-ID: <file>\r\n\r\n")[1].rpartition(b"\r\n--")[0]

    async def to_fs(self, path: str, name: str) -> str:
        return (await self._house.call("GET", f"/files/fs/{path}/{name}")).text

    async def delete(self, path: str, force: bool) -> bool:
        answer = await self._house.call("DELETE", f"/files/{path}?force={json.dumps(force)}")
        return bool(answer.json)

    async def reference(self, path: str) -> str:
        told = (await self._house.call("GET", f"/gb/externalDataReference/{path}")).json
        return str(told["dataReference"][0]["content"]["checksum"]["value"])


class BySoap:
    """The same by SOAP."""

    def __init__(self, house: House) -> None:
        self._soap = Soap(house)
        self.done: set[str] = set()

    async def _call(self, service: str, operation: str, inner: str = "") -> Any:
        self.done.add(operation)
        return await self._soap.call(service, operation, inner)

    async def create_user(self, name: str, identity: Identity) -> int:
        inner = f"<user><name>{name}</name><certificate>{identity.base64_der}</certificate></user>"
        return int((await self._call("user", "createUser", inner)).text("id"))

    async def update_user(self, number: int, name: str, identity: Identity) -> None:
        certificate = f"<certificate>{identity.base64_der}</certificate>"
        inner = f"<user><id>{number}</id><name>{name}</name>{certificate}</user>"
        await self._call("user", "updateUser", inner)

    async def delete_user(self, number: int) -> None:
        await self._call("user", "deleteUser", f"<id>{number}</id>")

    async def users(self, number: int) -> list[list[str]]:
        one = await self._call("user", "getUser", f"<id>{number}</id>")
        everybody = await self._call("user", "getUsers")
        return [[each.text or "" for each in user] for user in (*one.body, *everybody.body)]

    async def upload(self, number: int, name: str, **members: str) -> str:
        self.done.add("uploadFile")
        return (await self._soap.upload(number, DATA, name, **members)).text("path")

    async def upload_from_fs(self, number: int, name: str) -> str:
        members = f"<sha256Checksum>{SHA256}</sha256Checksum><startDate>{START}</startDate>"
        inner = f"<userId>{number}</userId><file>{members}<name>{name}</name></file>"
        reply = await self._call("file", "uploadFileFromFs", inner)
        return str(reply.text("path"))

    async def paths(self) -> list[str]:
        return list((await self._call("file", "getFiles")).texts("path"))

    async def info(self, path: str) -> dict[str, str]:
        (told,) = (await self._call("file", "getFileInfo", f"<path>{path}</path>")).body
        return {each.tag: each.text for each in told}

    async def content(self, path: str) -> bytes:
        reply = await self._call("file", "downloadFile", f"<path>{path}</path>")
        return base64.b64decode(reply.text("file/content"))

    async def to_fs(self, path: str, name: str) -> str:
        inner = f"<path>{path}</path><filename>{name}</filename>"
        return str((await self._call("file", "downloadFileToFs", inner)).text("sha256Checksum"))

    async def delete(self, path: str, force: bool) -> bool:
        inner = f"<path>{path}</path><force>{json.dumps(force)}</force>"
        return bool((await self._call("file", "deleteFile", inner)).text("return") == "true")

    async def reference(self, path: str) -> str:
        reply = await self._call("gb", "getExternalDataReference", f"<path>{path}</path>")
        gb = "{http://www.logius.nl/digikoppeling/gb/2010/10}"
        (checksum,) = reply.body.iter(f"{gb}checksum")
        return str(checksum.text)


def test_the_parity_test_drives_every_operation() -> None:
    """Its list is the contract's."""
    operations = {
        each.name
        for service in soap.services(cast(Kit, None), Settings()).values()
        for each in service.operations
    }
    assert operations == DRIVEN


DRIVEN = {
    "getUser",
    "getUsers",
    "createUser",
    "updateUser",
    "deleteUser",
    "uploadFile",
    "uploadFileFromFs",
    "downloadFile",
    "downloadFileToFs",
    "getFiles",
    "getFileInfo",
    "deleteFile",
    "getExternalDataReference",
}


FACES: tuple[type[ByRest | BySoap], ...] = (ByRest, BySoap)


async def test_both_faces_leave_the_same(build: Build, authority: Authority, tmp_path: Path) -> None:
    identities = [authority.issue_client(f"user{number}") for number in range(3)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "share.txt").write_bytes(DATA)
    settings = {"KADE_DIALECTS_FILESERVER_UPLOAD_SHARE": str(tmp_path / "in")}
    found = []
    for number, kind in enumerate(FACES):
        out, data = tmp_path / f"out{number}", tmp_path / f"data{number}"
        out.mkdir()
        shares = {**settings, "KADE_DIALECTS_FILESERVER_DOWNLOAD_SHARE": str(out)}
        folder = {"KADE_DATA_FOLDER": str(data)}
        async with build({**shares, **folder}) as house:
            face = kind(house)
            told = await drive(face, identities)
            found.append((told, (out / "copy").read_bytes(), await state(house)))
            assert kind is ByRest or face.done == DRIVEN
    by_rest, by_soap = found
    assert by_soap == by_rest


async def drive(face: ByRest | BySoap, identities: list[Identity]) -> list[Any]:
    """Do everything, and collect what was told, with names in place of paths and without moments."""
    first, second = [await face.create_user(f"user{n}", identities[n]) for n in range(2)]
    await face.update_user(second, "renamed", identities[2])
    told: list[Any] = [first, second, await face.users(second)]
    one = await face.upload(first, "one.bin", sha256Checksum=SHA256.upper(), startDate=START, endDate=END)
    two = await face.upload(first, "two.txt")
    three = await face.upload_from_fs(second, "share.txt")
    names = {one: "one", two: "two", three: "three"}
    told.append(sorted(names[path] for path in await face.paths()))
    for path in names:
        info = await face.info(path)
        info |= {"path": names[info["path"]], "timestamp": "", "lastModified": ""}
        told += [{key: value.replace(".000Z", "Z") for key, value in info.items()}, await face.content(path)]
    told += [await face.to_fs(one, "copy"), await face.reference(one)]
    told += [await face.delete(two, False), await face.delete(three, True)]
    await face.delete_user(second)
    told.append(await face.users(first))
    return told


async def state(house: House) -> dict[str, Any]:
    """What the catalog and the journal say, without ids and moments."""

    def read(tx: Tx) -> dict[str, Any]:
        tenant = tx.tenants.all()[0]
        people = tx.principals.of_tenant(tenant.id)
        numbers = tx.bindings.keys_of("fileserver", Noun.PRINCIPAL, [each.id for each in people])
        quota = tx.quotas.get(tenant.id)
        return {
            "people": [(each.name, each.kind, numbers.get(each.id)) for each in people],
            "credentials": [
                [
                    (each.kind, each.fingerprint, each.revoked_at is None)
                    for each in tx.credentials.of_principal(person.id)
                    if person.id in numbers
                ]
                for person in people
            ],
            "quota": None if quota is None else (quota.used, quota.reserved),
            "files": sorted(_file(tx, each) for each in tx.files.page(None, 1000)),
        }

    rows = await house.journal()
    journal = sorted((each.kind, each.outcome, each.reason, plain(each.operation)) for each in rows)
    return {**await house.kade.catalog.read(read), "journal": journal}


def _file(tx: Tx, file: File) -> str:
    """A file's row with its space, its name in the dialect and its content, as text."""
    space = tx.spaces.get(file.space_id)
    path = tx.bindings.key_of("fileserver", Noun.FILE, file.id)
    content = tx.contents.get(file.content_id) if file.content_id is not None else None
    extents = tx.contents.extents(content.id) if content is not None else []
    row = (file.name, file.media_type, file.state, file.length, file.annotations, file.version)
    frame = (file.valid_from, file.valid_until)
    bytes_ = (content.state, content.length, content.sha256) if content is not None else None
    return repr(
        (
            row,
            frame,
            space.name if space else None,
            len(path or ""),
            bytes_,
            [each.length for each in extents],
        )
    )


def plain(operation: str) -> str:
    """An operation's name without its face."""
    return operation.replace("fileserver.soap.", "").replace("fileserver.service.", "")


Act = Callable[[ByRest | BySoap], Awaitable[Any]]

REFUSED: tuple[Act, ...] = (
    lambda face: face.upload(9, "x"),
    lambda face: face.upload(0, "x", sha256Checksum="0" * 64),
    lambda face: face.upload(0, "x", startDate=END, endDate=START),
    lambda face: face.to_fs("unknown", "x"),
)


async def test_both_faces_note_the_same_refusals(build: Build, tmp_path: Path) -> None:
    found = []
    for number, kind in enumerate(FACES):
        async with build({"KADE_DATA_FOLDER": str(tmp_path / f"data{number}")}) as house:
            await house.partner("partner")
            for act in REFUSED:
                await act(kind(house))
            found.append((await state(house))["journal"])
            assert (await house.call("GET", "/files")).json == []
    assert found[0] == found[1]
    assert [row[1] for row in found[0]].count(Outcome.REFUSED) == len(REFUSED)

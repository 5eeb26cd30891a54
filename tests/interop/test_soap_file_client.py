"""The File Client's SOAP, called by zeep, suds-community and npm's soap, each by what its WSDL says."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import requests
from suds import WebFault
from suds.client import Client as SudsClient
from tests.client.servers import running
from tests.dialects.fileclient.house import ClientHouse, environment, running_client
from tests.interop.test_soap_clients import Bearer
from tests.support.upstream import Upstream
from zeep import Client as ZeepClient
from zeep.exceptions import Fault
from zeep.transports import Transport

SCRIPT = Path(__file__).parent / "node" / "soap_client.mjs"
DATA = b"K" + os.urandom(300_000) + b"e"  # zeep takes line ends off both ends of binary content
SHA256 = hashlib.sha256(DATA).hexdigest().upper()
NAMES = ("download", "upload", "file", "gb")


@pytest.fixture
async def base() -> AsyncIterator[str]:
    """Somebody else's file server, where everything is well."""
    async with running(Upstream(DATA)) as url:
        yield f"{url}/files"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[ClientHouse]:
    """A File Client with both shares, and one file in the upload share."""
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "in" / "share.txt").write_bytes(DATA)
    shares = {"upload_share": tmp_path / "in", "download_share": tmp_path / "out"}
    async with running_client(environment(tmp_path / "data", **shares)) as made:
        yield made


async def settled(client: ClientHouse, kind: str, number: int) -> None:
    assert (await client.over(kind, number))["status"] == "SUCCEEDED"


class Zeep:
    """Each service as zeep makes it of its WSDL; calls run beside the server's own loop."""

    def __init__(self, client: ClientHouse) -> None:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {client.key}"
        self._transport = Transport(session=session)  # type: ignore[no-untyped-call]
        self._service = client.service
        self._made: dict[str, Any] = {}

    async def __call__(self, name: str, operation: str, **members: Any) -> Any:
        return await asyncio.to_thread(self._call, name, operation, members)

    def _call(self, name: str, operation: str, members: dict[str, Any]) -> Any:
        if name not in self._made:
            url = f"{self._service}/{name}?wsdl"
            self._made[name] = ZeepClient(url, transport=self._transport).service  # type: ignore[no-untyped-call]
        return self._made[name][operation](**members)


async def test_zeep_calls_every_operation(client: ClientHouse, base: str) -> None:
    call = Zeep(client)
    fetched = await call("download", "downloadFile", url=f"{base}/download/a", sha256Checksum=SHA256)
    sent = await call("upload", "uploadFile", creationUrl=f"{base}/upload", file={"content": DATA})
    shared = await call(
        "upload", "uploadFileFromFs", creationUrl=f"{base}/upload", file={"name": "share.txt"}, profile="tus"
    )
    assert (fetched.status, sent.status, fetched.maxAttempts) == ("CREATED", "CREATED", 10)
    for kind, task in (("download", fetched), ("upload", sent), ("upload", shared)):
        await settled(client, kind, task.fileId)
    told = await call("download", "getDownloadTask", fileId=fetched.fileId)
    assert (told.status, told.state, told.bytes) == ("SUCCEEDED", "succeeded", len(DATA))
    assert (await call("upload", "getUploadTask", fileId=sent.fileId)).creationUrl == f"{base}/upload"
    assert len(await call("upload", "getUploadTasks", status=["SUCCEEDED"])) == 2
    file = await call("file", "downloadFile", id=fetched.fileId)
    assert (bytes(file.content), file.id, file.sha256Checksum) == (DATA, fetched.fileId, SHA256)
    info = await call("file", "getFileInfo", id=sent.fileId)
    assert (info.name, info.length, info.completed, info.startDate) == ("unnamed", len(DATA), True, None)
    assert len(await call("file", "getFiles")) == 3
    copied = await call("file", "downloadFileToFs", id=shared.fileId, filename="zeep.txt")
    assert copied.sha256Checksum == SHA256
    reference = await call("gb", "getExternalDataReference", id=[sent.fileId, fetched.fileId])
    places = [each.transport.location for each in reference["data-reference"]]
    assert places[0].receiverUrl["_value_1"].startswith(f"{base}/upload/")
    assert places[1].senderUrl["_value_1"] == f"{base}/download/a"
    later = await call("download", "downloadFile", url=f"{base}/download/b", startDate="2036-01-02T03:04:05Z")
    closed = await call(
        "upload", "uploadFile", creationUrl="http://localhost:9/a", file={"content": b"x"}, profile="push"
    )
    for name, kind, task in (("download", "Download", later), ("upload", "Upload", closed)):
        for verb, states in (
            ("pause", {"paused"}),
            ("resume", {"waiting", "running"}),
            ("cancel", {"cancelled"}),
        ):
            assert (await call(name, f"{verb}{kind}Task", fileId=task.fileId)).state in states
        await call(name, f"delete{kind}Task", fileId=task.fileId)
        with pytest.raises(Fault, match="Task not found!") as caught:
            await call(name, f"get{kind}Task", fileId=task.fileId)
        assert "ServiceException" in str(caught.value.detail[0].tag)
    assert len(await call("download", "getDownloadTasks")) == 1
    with pytest.raises(Fault, match="File not found!"):
        await call("gb", "getExternalDataReference", id=[77])


async def test_suds_calls_every_operation_that_answers_without_a_file(client: ClientHouse, base: str) -> None:
    made: dict[str, Any] = {}

    def run(name: str, operation: str, *members: Any) -> Any:
        if name not in made:
            url = f"{client.service}/{name}?wsdl"
            made[name] = SudsClient(url, transport=Bearer(client.key), cache=None).service
        return getattr(made[name], operation)(*members)

    async def call(*arguments: Any) -> Any:
        return await asyncio.to_thread(run, *arguments)

    fetched = await call("download", "downloadFile", f"{base}/download/a", None, None, SHA256)
    content = base64.b64encode(DATA).decode()
    sent = await call(
        "upload", "uploadFile", f"{base}/upload", {"content": content, "sha256Checksum": SHA256}
    )
    shared = await call("upload", "uploadFileFromFs", f"{base}/upload", {"name": "share.txt"})
    for kind, task in (("download", fetched), ("upload", sent), ("upload", shared)):
        await settled(client, kind, task.fileId)
    assert (await call("download", "getDownloadTask", fetched.fileId)).status == "SUCCEEDED"
    assert [each.fileId for each in await call("download", "getDownloadTasks", ["SUCCEEDED"])] == [0]
    assert (await call("upload", "getUploadTask", sent.fileId)).bytes == len(DATA)
    assert len(await call("upload", "getUploadTasks")) == 2
    assert (await call("file", "getFileInfo", fetched.fileId)).sha256Checksum == SHA256
    assert len(await call("file", "getFiles")) == 3
    assert (await call("file", "downloadFileToFs", fetched.fileId, "suds")).length == len(DATA)
    reference = await call("gb", "getExternalDataReference", [sent.fileId, fetched.fileId])
    assert len(reference["data-reference"]) == 2
    later = await call("download", "downloadFile", f"{base}/download/b", "2036-01-02T03:04:05Z")
    closed = await call("upload", "uploadFile", "http://localhost:9/a", {"content": "QQ=="}, "push")
    for name, kind, task in (("download", "Download", later), ("upload", "Upload", closed)):
        for verb in ("pause", "resume", "cancel"):
            assert (await call(name, f"{verb}{kind}Task", task.fileId)).fileId == task.fileId
        await call(name, f"delete{kind}Task", task.fileId)
        with pytest.raises(WebFault, match="Task not found!"):
            await call(name, f"get{kind}Task", task.fileId)


@pytest.mark.needs("node")
async def test_npm_soap(client: ClientHouse, base: str) -> None:
    """A download and an upload inline, their states, the file back, a reference, a fault."""
    given = {"key": client.key, "content": base64.b64encode(DATA).decode(), "base": base}
    result = await asyncio.to_thread(
        subprocess.run,
        ["node", str(SCRIPT), client.service],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["statuses"] == ["SUCCEEDED", "SUCCEEDED"]
    assert told["inline"] == hashlib.sha256(DATA).hexdigest()
    assert (told["name"], told["reference"]) == ("unnamed", "digikoppeling-gb-1.0")
    assert "Task not found!" in told["fault"]

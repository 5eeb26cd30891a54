"""zeep, suds-community and npm's soap, each by what it reads in the WSDL and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from suds import WebFault
from suds.client import Client as SudsClient
from suds.transport.http import HttpTransport
from tests.support.kade_server import KadeServer
from tests.support.pki import Authority
from zeep import Client as ZeepClient
from zeep.exceptions import Fault
from zeep.transports import Transport

SCRIPT = Path(__file__).parent / "node" / "soap.mjs"
DATA = b"K" + os.urandom(300_000) + b"e"  # zeep takes line ends off both ends of binary content
SHA256 = hashlib.sha256(DATA).hexdigest().upper()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KadeServer]:
    """A server with both shares, and one file in the upload share."""
    folder = tmp_path_factory.mktemp("soap")
    for name in ("in", "out"):
        (folder / name).mkdir()
    (folder / "in" / "share.txt").write_bytes(DATA)
    environment = {
        "KADE_DIALECTS_FILESERVER_UPLOAD_SHARE": str(folder / "in"),
        "KADE_DIALECTS_FILESERVER_DOWNLOAD_SHARE": str(folder / "out"),
    }
    with KadeServer(folder / "data", environment=environment) as running:
        yield running


@pytest.fixture
def authority() -> Authority:
    return Authority.create("Partners' authority")


def zeep_services(server: KadeServer) -> dict[str, Any]:
    """Each service as zeep makes it of its WSDL."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {server.admin_key}"
    made = {}
    for name in ("user", "file", "gb"):
        transport = Transport(session=session)  # type: ignore[no-untyped-call]
        url = f"{server.web_url}/service/{name}?wsdl"
        made[name] = ZeepClient(url, transport=transport).service  # type: ignore[no-untyped-call]
    return made


def test_zeep_calls_every_operation(server: KadeServer, authority: Authority) -> None:
    services = zeep_services(server)
    users, files, references = services["user"], services["file"], services["gb"]
    one, two = [authority.issue_client(name) for name in ("zeep1", "zeep2")]
    number = users.createUser(user={"name": "zeep1", "certificate": one.der})
    users.updateUser(user={"id": number, "name": "zeep2", "certificate": two.pem})
    told = users.getUser(id=number)
    assert (told.id, told.name, told.certificate) == (number, "zeep2", two.der)
    assert "zeep2" in [each.name for each in users.getUsers()]
    inline = files.uploadFile(
        userId=number, file={"content": DATA, "sha256Checksum": SHA256, "startDate": "2020-01-02T03:04:05Z"}
    )
    shared = files.uploadFileFromFs(userId=number, file={"name": "share.txt", "sha256Checksum": SHA256})
    assert {inline, shared} <= set(files.getFiles())
    told = files.getFileInfo(path=inline)
    assert (told.name, told.length, told.sha256Checksum, told.userId) == (
        "unnamed",
        len(DATA),
        SHA256,
        number,
    )
    assert told.startDate.isoformat() == "2020-01-02T03:04:05+00:00" and told.endDate is None
    fetched = files.downloadFile(path=shared)
    assert (bytes(fetched.content), fetched.sha256Checksum) == (DATA, SHA256)
    assert files.downloadFileToFs(path=shared, filename="zeep.txt") == SHA256
    reference = references.getExternalDataReference(path=[inline, shared])
    assert [each.content.filename for each in reference["data-reference"]] == ["unnamed", "share.txt"]
    assert files.deleteFile(path=inline, force=True) is True
    files.deleteFile(path=shared)
    users.deleteUser(id=number)
    with pytest.raises(Fault, match="User not found!") as caught:
        users.getUser(id=number)
    assert "ServiceException" in str(caught.value.detail[0].tag)
    with pytest.raises(Fault, match="File not found!"):
        files.getFileInfo(path=inline)


class Bearer(HttpTransport):  # type: ignore[misc]
    """suds knows passwords only; this one adds the key to whatever it fetches or sends."""

    def __init__(self, key: str) -> None:
        super().__init__(timeout=30)
        self._headers = {"Authorization": f"Bearer {key}"}

    def open(self, request: Any) -> Any:
        request.headers.update(self._headers)
        return super().open(request)

    def send(self, request: Any) -> Any:
        request.headers.update(self._headers)
        return super().send(request)


def suds_client(server: KadeServer, name: str) -> Any:
    url = f"{server.web_url}/service/{name}?wsdl"
    return SudsClient(url, transport=Bearer(server.admin_key), cache=None)


def test_suds_calls_every_operation_that_answers_without_a_file(
    server: KadeServer, authority: Authority
) -> None:
    users, files, references = [suds_client(server, name).service for name in ("user", "file", "gb")]
    one, two = [authority.issue_client(name) for name in ("suds1", "suds2")]
    number = users.createUser({"name": "suds1", "certificate": one.base64_der})
    users.updateUser({"id": number, "name": "suds2", "certificate": two.base64_der})
    told = users.getUser(number)
    assert (told.id, told.name, told.certificate) == (number, "suds2", two.base64_der)
    assert "suds2" in [each.name for each in users.getUsers()]
    content = base64.b64encode(DATA).decode()
    inline = files.uploadFile(number, {"content": content, "sha256Checksum": SHA256})
    shared = files.uploadFileFromFs(number, {"name": "share.txt"})
    assert {inline, shared} <= set(files.getFiles())
    told = files.getFileInfo(inline)
    assert (told.length, told.sha256Checksum, told.userId) == (len(DATA), SHA256, number)
    assert files.downloadFileToFs(shared, "suds.txt") == SHA256
    reference = references.getExternalDataReference([inline, shared])
    assert len(reference["data-reference"]) == 2
    assert files.deleteFile(inline, True) is True
    files.deleteFile(shared)
    users.deleteUser(number)
    with pytest.raises(WebFault, match="User not found!"):
        users.getUser(number)


@pytest.mark.needs("node")
def test_npm_soap(server: KadeServer, authority: Authority) -> None:
    """Users, an upload inline, the file back as an attachment and inline, a reference, a fault."""
    told = json.loads(
        run_node(server, authority.issue_client("node1").base64_der, base64.b64encode(DATA).decode())
    )
    assert told["name"] == "node1" and told["names"].count("node1") == 1
    assert (told["length"], told["sha256"]) == (len(DATA), SHA256)
    assert told["attached"] == hashlib.sha256(DATA).hexdigest()
    assert told["inline"] == hashlib.sha256(DATA).hexdigest()
    assert told["reference"] == "digikoppeling-gb-1.0"
    assert told["deleted"] is True
    assert "File not found!" in told["fault"]


def run_node(server: KadeServer, certificate: str, content: str) -> str:
    result = subprocess.run(
        ["node", str(SCRIPT), f"{server.web_url}/service"],
        input=json.dumps({"key": server.admin_key, "certificate": certificate, "content": content}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout

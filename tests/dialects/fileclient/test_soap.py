"""Every operation by SOAP: contracts as clients know them, both ways in and out of content (spec 2.2)."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from lxml import etree
from tests.dialects.fileclient.conftest import BuildClient, Quays
from tests.dialects.fileclient.house import ClientHouse
from tests.dialects.fileclient.soap import FILE, GB, SPEECH, Soap
from tests.dialects.soap import MTOM, Reply, enveloped, include, related

from kade.dialects.fileclient.service import Services
from kade.dialects.fileclient.settings import Settings
from kade.web.dialect import Kit

DATA = bytes(range(256)) * 100
SHA256 = hashlib.sha256(DATA).hexdigest().upper()
NOWHERE = "http://localhost:9/files/upload"
NAMES = {
    "download": "DownloadService",
    "upload": "UploadService",
    "file": "FileService",
    "gb": "GBService",
}
BOUND = "http://luin.dev/digikoppeling/client/gb/1.0"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
XSD = "{http://www.w3.org/2001/XMLSchema}"
REFERENCE = "{http://www.logius.nl/digikoppeling/gb/2010/10}"


@pytest.fixture
async def client(build_client: BuildClient) -> AsyncIterator[ClientHouse]:
    """A File Client alone."""
    async with build_client() as made:
        yield made


def operations(name: str) -> set[str]:
    return {each.name for each in Services(cast(Kit, None), Settings()).soap()[name].operations}


def tag(reply: Reply) -> str:
    return str(etree.QName(reply.body).localname)


async def test_contracts_name_what_upstream_names(client: ClientHouse) -> None:
    for name, service in NAMES.items():
        address = f"{client.service}/{name}"
        bound = etree.fromstring((await client.call("GET", f"{address}?wsdl")).body)
        assert bound.get("targetNamespace") == (BOUND if name == "gb" else FILE)
        assert [each.get("name") for each in bound.findall(f"{WSDL}service/{WSDL}port")] == [f"{service}Port"]
        assert [each.get("name") for each in bound.findall(f"{WSDL}service")] == [service]
        assert [each.get("name") for each in bound.findall(f"{WSDL}binding")] == [f"{service}SoapBinding"]
        assert [each.get("location") for each in bound.iter(f"{SOAP}address")] == [address]
        called = bound
        if name == "gb":
            (link,) = bound.findall(f"{WSDL}import")
            assert (link.get("namespace"), link.get("location")) == (GB, f"{address}?wsdl=GBService.wsdl")
            called = etree.fromstring((await client.call("GET", link.get("location", ""))).body)
            assert called.get("targetNamespace") == GB
        assert [each.get("name") for each in called.findall(f"{WSDL}portType")] == [service]
        for root, kind in ((called, "portType"), (bound, "binding")):
            described = [each.get("name") for each in root.findall(f"{WSDL}{kind}/{WSDL}operation")]
            assert len(described) == len(operations(name)) and set(described) == operations(name)
        assert {each.get("soapAction") for each in bound.iter(f"{SOAP}operation")} == {""}
        elements = {each.get("name"): each for each in called.iter(f"{XSD}element")}
        for operation in operations(name):
            assert {operation, f"{operation}Response"} <= set(elements)
        if name == "download":
            (start,) = elements["downloadFile"].findall(f".//{XSD}element[@name='startDate']")
            assert start.get("type") == "xs:string"
            enumerated = called.find(f".//{XSD}simpleType[@name='DownloadStatusStatus']")
            assert enumerated is not None
            values = [each.get("value") for each in enumerated.iter(f"{XSD}enumeration")]
            assert values == ["CREATED", "SUCCEEDED", "FAILED"]


async def test_schemas_stand_beside_the_contracts(client: ClientHouse) -> None:
    for name in NAMES:
        address = f"{client.service}/{name}"
        served = etree.parse(
            io.BytesIO((await client.call("GET", f"{address}?xsd={name}.xsd")).body)
        ).getroot()
        for link in served.iter(f"{XSD}import"):
            assert link.get("schemaLocation") == f"{address}?xsd=gb-2010-10.xsd"
            assert (await client.call("GET", link.get("schemaLocation", ""))).status == 200
        for unknown in ("xsd=nothing.xsd", "wsdl=nothing.wsdl", "wsdl=../settings.py"):
            assert (await client.call("GET", f"{address}?{unknown}")).status == 500
        assert SPEECH.schema(name) is not None


async def test_behind_a_proxy_the_address_is_the_configured_one(build_client: BuildClient) -> None:
    async with build_client(service_url="https://files.example/service/") as client:
        told = (await client.call("GET", f"{client.service}/gb?wsdl")).text
        assert 'location="https://files.example/service/gb"' in told
        assert 'location="https://files.example/service/gb?wsdl=GBService.wsdl"' in told


async def test_a_file_goes_out_and_comes_back(quays: Quays) -> None:
    """Every operation that ends well, as an application would use them."""
    soap = Soap(quays.client)
    sent = await soap.send(f"{quays.server.exchange}/upload", DATA, "été.pdf")
    number = sent.text("uploadTask/fileId")
    assert (tag(sent), sent.text("uploadTask/status")) == ("uploadFileResponse", "CREATED")
    await quays.client.over("upload", int(number))
    told = await soap.call("upload", "getUploadTask", f"<fileId>{number}</fileId>")
    assert (told.text("uploadTask/status"), told.text("uploadTask/state")) == ("SUCCEEDED", "succeeded")
    assert (told.text("uploadTask/bytes"), told.text("uploadTask/retries")) == (str(len(DATA)), "0")
    (path,) = (await quays.server.call("GET", "/files")).json
    reference = await soap.call("gb", "getExternalDataReference", f"<id>{number}</id>")
    (url,) = [each.text for each in reference.body.iter(f"{REFERENCE}receiverUrl")]
    assert url == f"{quays.server.exchange}/upload/{path}"

    inner = f"<url>{quays.server.exchange}/download/{path}</url><sha256Checksum>{SHA256}</sha256Checksum>"
    fetched = await soap.call("download", "downloadFile", inner)
    other = fetched.text("downloadTask/fileId")
    await quays.client.over("download", int(other))
    for name in ("downloadFile", "getFile"):
        text = f'<n:{name} xmlns:n="{FILE}"><id>{other}</id></n:{name}>'
        answer = await quays.client.call(
            "POST", f"{quays.client.service}/file", data=enveloped(text), headers={"Content-Type": "text/xml"}
        )
        assert f"{name}Response".encode() in answer.body and DATA in answer.body
    reply = await soap.call("file", "downloadFile", f"<id>{other}</id>", {"Accept": "text/xml"})
    assert base64.b64decode(reply.text("file/content")) == DATA
    assert (reply.text("file/id"), reply.text("file/sha256Checksum")) == (other, SHA256)
    info = await soap.call("file", "getFileInfo", f"<id>{other}</id>")
    assert (info.text("fileInfo/name"), info.text("fileInfo/completed")) == ("été.pdf", "true")
    files = await soap.call("file", "getFiles")
    assert sorted(files.texts("fileInfo/id")) == sorted([number, other])
    copied = await soap.call("file", "downloadFileToFs", f"<id>{other}</id><filename>copy</filename>")
    assert copied.text("file/sha256Checksum") == SHA256
    for service, kind, which in (("download", "Download", other), ("upload", "Upload", number)):
        status = "<status>SUCCEEDED</status><status>FAILED</status>"
        listed = await soap.call(service, f"get{kind}Tasks", status)
        assert listed.texts(f"{service}Task/fileId") == [which]
        await soap.call(service, f"delete{kind}Task", f"<fileId>{which}</fileId>")
        gone = await soap.call(service, f"get{kind}Task", f"<fileId>{which}</fileId>")
        assert gone.fault == ("soap:Server", "Task not found!")
    assert (await soap.call("file", "getFiles")).texts("fileInfo") == []


async def test_tasks_are_steered(client: ClientHouse, tmp_path: Path) -> None:
    soap = Soap(client)
    future = "<startDate>2036-02-05T08:00:00.000+01:00</startDate><endDate>2036-03-05T08:00:00Z</endDate>"
    asked = await soap.call("download", "downloadFile", f"<url>{NOWHERE}</url>{future}")
    assert asked.text("downloadTask/startDate") == "2036-02-05T07:00:00Z"
    sent = await soap.send(NOWHERE, DATA, after="<profile>push</profile>")
    for service, kind, reply in (("download", "Download", asked), ("upload", "Upload", sent)):
        which = f"<fileId>{reply.text(f'{service}Task/fileId')}</fileId>"
        for verb, state, status in (
            ("pause", "paused", "CREATED"),
            ("resume", "waiting", "CREATED"),
            ("cancel", "cancelled", "FAILED"),
        ):
            told = await soap.call(service, f"{verb}{kind}Task", which)
            found = told.text(f"{service}Task/state").replace("running", "waiting")
            assert (found, told.text(f"{service}Task/status")) == (state, status)
        fault = (await soap.call(service, f"pause{kind}Task", which)).fault
        assert fault == ("soap:Server", "A unexpected error occurred!")


async def test_inline_content_gets_a_name_and_what_stands_behind_it_counts(client: ClientHouse) -> None:
    soap = Soap(client)
    for data in (b"", b"abc", DATA):
        content = base64.encodebytes(data).decode()
        digest = hashlib.sha256(data).hexdigest()
        inner = (
            f"<creationUrl>{NOWHERE}</creationUrl><file><content>{content}</content>"
            f"<sha256Checksum>{digest}</sha256Checksum></file><profile>push</profile>"
        )
        reply = await soap.post("upload", enveloped(SPEECH.wrapped("upload", "uploadFile", inner)))
        number = reply.text("uploadTask/fileId")
        assert await client.file(int(number)) == data
        info = await soap.call("file", "getFileInfo", f"<id>{number}</id>")
        assert (info.text("fileInfo/name"), info.text("fileInfo/url")) == ("unnamed", "")


UPLOAD = "<creationUrl>{}</creationUrl><file>{}<content>QQ==</content></file>{}"
REFUSED = {
    "no URL": ("download", "downloadFile", "", "url"),
    "a file of this machine": ("download", "downloadFile", "<url>file:///etc/passwd</url>", "url"),
    "another scheme": ("download", "downloadFile", "<url>ftp://localhost/x</url>", "target_refused"),
    "a closed network": (
        "download",
        "downloadFile",
        "<url>http://10.0.0.1/x</url>",
        "target_refused",
    ),
    "no instant": ("download", "downloadFile", f"<url>{NOWHERE}</url><endDate>soon</endDate>", "endDate"),
    "an instant that nobody could be told": (
        "download",
        "downloadFile",
        f"<url>{NOWHERE}</url><endDate>9999-12-31T23:59:59-01:00</endDate>",
        "endDate",
    ),
    "a short checksum": (
        "download",
        "downloadFile",
        f"<url>{NOWHERE}</url><sha256Checksum>{'0' * 40}</sha256Checksum>",
        "sha256Checksum",
    ),
    "no status": ("download", "getDownloadTasks", "<status>DONE</status>", "bad_value"),
    "no task": ("download", "getDownloadTask", "<fileId>77</fileId>", "Task not found!"),
    "no number": ("upload", "getUploadTask", "<fileId>x</fileId>", "bad_value"),
    "no creation URL": ("upload", "uploadFile", "<file><content>QQ==</content></file>", "creationUrl"),
    "an empty URL": ("upload", "uploadFile", UPLOAD.format("", "", ""), "creationUrl"),
    "no content": ("upload", "uploadFile", f"<creationUrl>{NOWHERE}</creationUrl><file/>", "file/content"),
    "no profile": ("upload", "uploadFile", UPLOAD.format(NOWHERE, "", "<profile>ftp</profile>"), "profile"),
    "another checksum": (
        "upload",
        "uploadFile",
        UPLOAD.format(NOWHERE, f"<sha256Checksum>{'0' * 64}</sha256Checksum>", ""),
        "A unexpected error occurred!",
    ),
    "a task of the other kind": ("download", "deleteDownloadTask", "<fileId>0</fileId>", "Task not found!"),
    "a path out of the share": (
        "upload",
        "uploadFileFromFs",
        f"<creationUrl>{NOWHERE}</creationUrl><file><name>../x</name></file>",
        "",
    ),
    "no file": ("file", "getFileInfo", "<id>77</id>", "File not found!"),
    "not sent yet": ("gb", "getExternalDataReference", "<id>0</id>", "File not found!"),
    "too many": ("gb", "getExternalDataReference", "<id>0</id>" * 101, "File not found!"),
    "a bomb": ("file", "getFiles", '<!DOCTYPE x [<!ENTITY a "a">]>', ""),
}


async def test_what_is_wrong_is_a_fault_and_leaves_nothing(client: ClientHouse) -> None:
    soap = Soap(client)
    (kept,) = [(await soap.send(NOWHERE, b"x")).text("uploadTask/fileId")]
    assert kept == "0"
    for name, (service, operation, inner, told) in REFUSED.items():
        reply = await soap.post(service, enveloped(SPEECH.wrapped(service, operation, inner)))
        code, text = reply.fault
        assert code.startswith("soap:") and told in text, (name, code, text)
        assert reply.answer.status == 500, name
        exception = "GBServiceException" if service == "gb" else "ServiceException"
        (detail,) = reply.body.findall("detail/*")
        assert etree.QName(detail).localname == exception
    body = related(
        enveloped(
            SPEECH.wrapped(
                "upload", "uploadFile", UPLOAD.format(NOWHERE, "", "").replace("QQ==", include("nowhere"))
            )
        )
    )
    assert (await soap.post("upload", body, {"Content-Type": MTOM})).fault[0] == "soap:Client"
    files = await soap.call("file", "getFiles")
    assert files.texts("fileInfo/id") == ["0"]
    quota = await client.kade.catalog.read(lambda tx: tx.quotas.get(tx.tenants.all()[0].id))
    assert quota is not None and (quota.used, quota.reserved) == (1, 0)


async def test_nobody_calls_or_reads_without_a_credential(client: ClientHouse) -> None:
    for method, query in (("GET", "?wsdl"), ("POST", "")):
        answer = await client.call(
            method, f"{client.service}/download{query}", headers={"Authorization": "Bearer no"}
        )
        assert answer.status == 401

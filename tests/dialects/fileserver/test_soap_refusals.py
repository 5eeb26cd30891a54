"""What SOAP refuses: odd input, attacks, limits, rights. Each is a fault, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.dialects.fileserver.conftest import Build
from tests.dialects.fileserver.house import House
from tests.dialects.fileserver.soap import (
    BOUNDARY,
    FILE,
    MTOM,
    Soap,
    enveloped,
    file_part,
    include,
    part,
    related,
    upload_file,
    wrapped,
)
from tests.support.processes import peak_resident_bytes, reset_peak

from kade.core.grants import Verb
from kade.web.soap.envelope import ENVELOPE

REFERENCE = include("content%40client")
UPLOAD = wrapped("file", "uploadFile", upload_file(0, REFERENCE))
INLINE = enveloped(wrapped("file", "uploadFile", upload_file(0, "QUJD" * 20_000)))
OPEN = f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body><n:getFileInfo xmlns:n="{FILE}"><path>'
BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


async def nothing_is_left(house: House) -> None:
    """No file, no quota, and the server answers."""
    await until_there_are(house, 0)
    quota = await house.kade.catalog.read(lambda tx: tx.quotas.get(tx.tenants.all()[0].id))
    assert quota is not None and (quota.used, quota.reserved) == (0, 0)


async def until_there_are(house: House, count: int) -> None:
    """That many files, complete or not."""
    async with asyncio.timeout(10):
        while True:
            if len((await house.call("GET", "/files")).json) == count:
                return
            await asyncio.sleep(0.02)


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    """*data* again and again, until *size* bytes."""
    for _ in range(size // len(data)):
        yield data


async def endless(first: bytes, block: bytes, size: int = 64 << 20) -> AsyncIterator[bytes]:
    """A beginning that never gets anywhere."""
    yield first
    for data in blocks(block, size):
        yield data


MIXED = {
    "nothing": (b"", "malformed"),
    "no XML": (b"Hello", "malformed"),
    "no envelope": (b"<a/>", "not a SOAP envelope"),
    "cut": (INLINE[:-30], "malformed"),
    "cut in the content": (INLINE[:5000], "malformed"),
    "something behind": (INLINE + b"<a/>", "malformed"),
    "an empty Body": (enveloped(""), "missing_value"),
    "two operations": (enveloped(UPLOAD + UPLOAD), "more than one element"),
    "an unknown operation": (enveloped(f'<n:nothing xmlns:n="{FILE}"/>'), "no operation"),
    "another namespace": (enveloped('<n:getFiles xmlns:n="http://x/"/>'), "no operation"),
    "no namespace": (enveloped("<getFiles/>"), "no operation"),
    "no parameter": (enveloped(wrapped("file", "getFileInfo")), "missing_value): path"),
    "no user": (enveloped(wrapped("file", "uploadFile", "<file><content/></file>")), "userId"),
    "no content": (enveloped(wrapped("file", "uploadFile", "<userId>0</userId><file/>")), "file/content"),
    "the user behind the content": (
        enveloped(wrapped("file", "uploadFile", "<file><content/></file><userId>0</userId>")),
        "userId",
    ),
    "an unknown member": (
        enveloped(wrapped("file", "uploadFile", upload_file(0, "QQ==", "<x>1</x>"))),
        "element x",
    ),
    "a qualified member": (
        enveloped(f'<n:getFileInfo xmlns:n="{FILE}"><n:path>a</n:path></n:getFileInfo>'),
        "unexpected element",
    ),
    "a repeated member": (
        enveloped(wrapped("file", "getFileInfo", "<path>a</path><path>b</path>")),
        "repeated",
    ),
    "text beside members": (enveloped(wrapped("file", "getFileInfo", "x<path>a</path>")), "text in element"),
    "a member in a text": (enveloped(wrapped("file", "getFileInfo", "<path><b/></path>")), "element b"),
    "no number": (enveloped(wrapped("file", "uploadFile", upload_file("x", "QQ=="))), "bad_value"),
    "no boolean": (
        enveloped(wrapped("file", "deleteFile", "<path>a</path><force>maybe</force>")),
        "bad_value",
    ),
    "no date": (
        enveloped(wrapped("file", "uploadFile", upload_file(0, "QQ==", "<endDate>now</endDate>"))),
        "endDate",
    ),
    "bad base64": (
        INLINE.replace(b"</content>", b"!!!!</content>"),
        "base64",
    ),
    "base64 in Greek": (enveloped(wrapped("file", "uploadFile", upload_file(0, "QUJDα"))), "base64"),
    "base64 that is cut": (enveloped(wrapped("file", "uploadFile", upload_file(0, "QUJDQ"))), "base64"),
    "base64 after its end": (enveloped(wrapped("file", "uploadFile", upload_file(0, "QQ==QQ=="))), "base64"),
    "an element in the content": (
        enveloped(wrapped("file", "uploadFile", upload_file(0, "QUJD<a/>"))),
        "element a",
    ),
    "two contents": (
        enveloped(
            wrapped("file", "uploadFile", "<userId>0</userId><file><content/><content>QQ==</content></file>")
        ),
        "more than one content",
    ),
    "a reference without attachments": (enveloped(UPLOAD), "without attachments"),
    "SoapUI's without attachments": (
        enveloped(wrapped("file", "uploadFile", upload_file(0, "cid:x"))),
        "without attachments",
    ),
    "a member behind the content": (
        enveloped(
            wrapped("file", "uploadFile", upload_file(0, "QQ==").replace("</file>", "<x>1</x></file>"))
        ),
        "element x",
    ),
    "text in Body": (enveloped(UPLOAD + "text"), "text where"),
    "a header behind": (
        enveloped(wrapped("file", "getFiles")).replace(b"</soap:Body>", b"</soap:Body><soap:Header/>"),
        "unexpected element Header",
    ),
}


async def test_odd_envelopes(house: House) -> None:
    await house.partner("partner")
    for name, (body, told) in MIXED.items():
        reply = await Soap(house).post("file", body)
        code, text = reply.fault
        assert reply.answer.status == 500, name
        assert code == "soap:Client" and told in text, (name, text)
        assert reply.text("detail/*/message") == text, name
        await nothing_is_left(house)


ROOT_AS_ATTACHMENT = include("root.message%40cxf.apache.org")
RELATED = {
    "no attachment": (related(enveloped(UPLOAD)), "no attachment"),
    "a wrong cid": (related(enveloped(UPLOAD), part("other@client", b"x")), "no attachment"),
    "the envelope itself": (
        related(enveloped(UPLOAD.replace(REFERENCE, ROOT_AS_ATTACHMENT)), file_part(b"x")),
        "the envelope is no attachment",
    ),
    "text before the Include": (
        related(enveloped(UPLOAD.replace(REFERENCE, "QUJD" + REFERENCE)), file_part(b"x")),
        "not alone",
    ),
    "text behind the Include": (
        related(enveloped(UPLOAD.replace(REFERENCE, REFERENCE + "QUJD")), file_part(b"x")),
        "text where",
    ),
    "text in the Include": (
        related(enveloped(UPLOAD.replace("/></content>", ">x</i></content>")), file_part(b"x")),
        "malformed",
    ),
    "two Includes": (
        related(enveloped(UPLOAD.replace(REFERENCE, REFERENCE * 2)), file_part(b"x")),
        "not alone",
    ),
    "an address": (
        related(enveloped(UPLOAD.replace("cid:", "http://127.0.0.1/")), file_part(b"x")),
        "cid:",
    ),
    "a file": (related(enveloped(UPLOAD.replace("cid:", "file:///etc/")), file_part(b"x")), "cid:"),
    "no href": (related(enveloped(UPLOAD.replace("href=", "ref=")), file_part(b"x")), "cid:"),
    "the same attachment twice": (
        related(enveloped(UPLOAD), file_part(b"x"), file_part(b"y")),
        "same Content-ID",
    ),
    "an attachment for a member and the content": (
        related(
            enveloped(
                wrapped(
                    "file",
                    "uploadFile",
                    upload_file(0, REFERENCE, f"<sha256Checksum>{REFERENCE}</sha256Checksum>"),
                )
            ),
            file_part(b"x"),
        ),
        "referred to twice",
    ),
    "the envelope is not first": (
        related(enveloped(UPLOAD), file_part(b"x"), root="another@cxf"),
        "not the first part",
    ),
    "no end": (related(enveloped(UPLOAD), file_part(b"x" * 70_000))[:-2], "no end"),
    "cut in the attachment": (related(enveloped(UPLOAD), file_part(b"x" * 70_000))[:-30_000], "no end"),
    "an envelope that is cut": (related(enveloped(UPLOAD)[:-20], file_part(b"x")), "malformed"),
    "no parts": (f"--{BOUNDARY}--".encode(), "Envelope"),
    "no envelope": (b"Hello", "malformed"),
    "an unknown encoding": (
        related(enveloped(UPLOAD), part("content@client", b"x", "Content-Transfer-Encoding: rot13")),
        "bad_value",
    ),
    "many parts": (related(enveloped(UPLOAD), *(part(f"{n}@x", b"x") for n in range(40))), "too_large"),
}


async def test_odd_attachments(house: House) -> None:
    await house.partner("partner")
    for name, (body, told) in RELATED.items():
        code, text = (await Soap(house).post("file", body, {"Content-Type": MTOM})).fault
        assert code == "soap:Client" and told in text, (name, text)
        await nothing_is_left(house)


async def test_a_large_attachment_for_a_small_member_is_refused(house: House) -> None:
    inner = f"<user><name>user</name><certificate>{include('c')}</certificate></user>"
    body = related(enveloped(wrapped("user", "createUser", inner)), part("c", b"x" * (2 << 20)))
    reply = await Soap(house).post("user", io.BytesIO(body), {"Content-Type": MTOM})
    assert "body_too_large" in reply.fault[1]


ATTACKS = {
    "an entity bomb": [f'<!DOCTYPE a [<!ENTITY a0 "ha">{BOMB}]>{OPEN}&a9;'.encode()],
    "an external entity": [f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>{OPEN}&x;'.encode()],
    "an external DTD": [f'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">{OPEN}'.encode()],
    "a parameter entity": [b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]>', OPEN.encode()],
    "an endless DTD": [b"<!DOCTYPE a [", b"<!ENTITY a 'x'>" * 5000],
    "a DTD in UTF-16": [f'<!DOCTYPE a [<!ENTITY a0 "ha">{BOMB}]>{OPEN}&a9;'.encode("utf-16")],
    "an undeclared entity": [f"{OPEN}&x;".encode()],
    "deep nesting": [OPEN.encode(), b"<a>" * 100_000],
    "many elements": [OPEN.encode(), b"<a/>" * 100_000],
    "a huge attribute": [OPEN.encode(), b'<a b="', b"x" * 65536],
    "a long attribute": [OPEN.encode(), b'<a b="' + b"x" * 100_000 + b'">'],
    "many attributes": [
        OPEN.encode() + b"<a " + b" ".join(b"a%d=''" % n for n in range(10_000)) + b">",
        b"x" * 65536,
    ],
    "attributes without an end": [OPEN.encode(), b"<a ", b"a='' " * 10_000],
    "a long name": [OPEN.encode(), b"<" + b"a" * 60_000 + b">"],
    "a name without an end": [OPEN.encode(), b"<", b"a" * 65536],
    "many namespaces": [
        OPEN.encode() + b"<a " + b" ".join(b"xmlns:a%d='u'" % n for n in range(3000)) + b"/>",
        b"x" * 65536,
    ],
    "text without an end": [OPEN.encode(), b"x" * 65536],
    "white space in Body": [OPEN.partition("<n:")[0].encode(), b" " * 65536],
    "white space before the envelope": [b"", b" \n" * 32768],
    "a comment without an end": [OPEN.encode() + b"<!--", b"x" * 65536],
    "comments without an end": [OPEN.encode(), b"<!--x-->" * 8192],
    "an instruction without an end": [OPEN.encode() + b"<?x ", b"x" * 65536],
    "white space without an end in a tag": [OPEN.encode() + b"<a", b" " * 65536],
}


async def test_attacks_cost_little(house: House) -> None:
    """A fault within a second, for less than 50 MB; the last block of each comes for ever."""
    soap = Soap(house)
    await soap.call("file", "getFiles")
    for name, (*first, block) in ATTACKS.items():
        reset_peak(os.getpid())
        before, began = peak_resident_bytes(os.getpid()), time.perf_counter()
        reply = await soap.post("file", endless(b"".join(first), block, 16 << 20))
        took, more = time.perf_counter() - began, peak_resident_bytes(os.getpid()) - before
        assert reply.fault[0] == "soap:Client", name
        assert took < 1 and more < 50 << 20, (name, took, more)
    await nothing_is_left(house)


async def test_an_endless_preamble_of_attachments(house: House) -> None:
    reply = await Soap(house).post("file", endless(b"", b"\r\n" * 32768, 16 << 20), {"Content-Type": MTOM})
    assert "does not begin" in reply.fault[1]


async def test_what_looks_like_a_message_in_an_attachment_is_never_parsed(house: House) -> None:
    """An attachment that includes itself, or the envelope, is only bytes."""
    partner = await house.partner("partner")
    loop = enveloped(UPLOAD)
    body = related(loop, file_part(loop))
    path = (await Soap(house).post("file", body, {"Content-Type": MTOM})).text("path")
    assert (await house.download(partner, path)).body == loop


MEDIA_TYPES = [
    ("application/json", 415, "soap:Client", "unsupported_media_type"),
    ("", 415, "soap:Client", "unsupported_media_type"),
    ("text/plain", 415, "soap:Client", "unsupported_media_type"),
    ("multipart/form-data; boundary=x", 415, "soap:Client", "unsupported_media_type"),
    ("text/xml; charset=klingon", 415, "soap:Client", "unsupported_media_type"),
    ('multipart/related; type="text/html"; boundary=x', 415, "soap:Client", "text/html"),
    ("multipart/related", 500, "soap:Client", "no boundary"),
    ("application/soap+xml; charset=utf-8", 500, "soap:VersionMismatch", "SOAP 1.1"),
    (
        MTOM.replace('="text/xml"', '="application/soap+xml"'),
        500,
        "soap:VersionMismatch",
        "",
    ),
]


async def test_media_types(house: House) -> None:
    body = enveloped(wrapped("file", "getFiles"))
    for media_type, status, code, text in MEDIA_TYPES:
        reply = await Soap(house).post("file", body, {"Content-Type": media_type})
        assert (reply.answer.status, reply.fault[0]) == (status, code), media_type
        assert text in reply.fault[1], reply.fault


async def test_soap_1_2_is_another_version(house: House) -> None:
    body = enveloped(wrapped("file", "getFiles")).replace(
        ENVELOPE.encode(), b"http://www.w3.org/2003/05/soap-envelope"
    )
    reply = await Soap(house).post("file", body)
    assert reply.fault[0] == "soap:VersionMismatch" and reply.body.find("detail") is None


async def test_methods(house: House) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await house.call(method, f"{house.service}/file")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST"), method
        assert method == "HEAD" or "/service/file?wsdl" in answer.text


async def test_who_may_come_in(house: House) -> None:
    stranger, reader = house.session(), await house.application("reader", [Verb.READ])
    refused = await Soap(house, stranger).call("file", "getFiles")
    assert refused.answer.status == 401
    assert refused.answer.headers["WWW-Authenticate"] == 'Basic realm="Realm"'
    assert refused.fault[0] == "soap:Client"
    for query in ("", "?wsdl", "?xsd=file.xsd"):
        answer = await house.call("GET", f"{house.service}/file{query}", by=stranger)
        assert answer.status == 401
    reply = await Soap(house, reader).call("user", "getUsers")
    assert reply.answer.status == 500
    assert reply.fault == ("soap:Client", "This is not allowed (access.verb_not_granted)")


async def test_what_the_store_refuses(house: House, build: Build) -> None:
    await house.partner("partner")
    soap = Soap(house)
    for reply, fault in (
        (await soap.upload(7, b"x"), "User not found!"),
        (await soap.upload(0, b"x" * 70_000, sha256Checksum="0" * 64), "A unexpected error occurred!"),
        (await soap.upload(0, b"x", startDate="2030-01-01Z"), "The request is not valid"),
        (await soap.upload(0, b"x", "a\x7f"), "The request is not valid (file.bad_name)"),
        (await soap.call("file", "downloadFile", "<path>x</path>"), "File not found!"),
        (await soap.call("file", "deleteFile", "<path>x</path>"), "File not found!"),
        (await soap.call("gb", "getExternalDataReference", "<path>x</path>"), "File not found!"),
        (await soap.call("gb", "getExternalDataReference", "<path>x</path>" * 101), "File not found!"),
        (await soap.call("user", "deleteUser", "<id>-1</id>"), "User not found!"),
    ):
        assert reply.fault[1].startswith(fault), reply.fault
        assert reply.answer.status == 500
        assert reply.text("detail/*/message") == reply.fault[1]
    await nothing_is_left(house)


async def test_quota_is_a_fault(build: Build) -> None:
    async with build({"KADE_UPLOADS_QUOTA": "100KiB"}) as house:
        await house.partner("partner")
        reply = await Soap(house).upload(0, b"x" * 300_000)
        assert reply.fault == ("soap:Server", "There is no space left (quota.exceeded)")
        await nothing_is_left(house)


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (MTOM, related(enveloped(UPLOAD), file_part(b"x" * 400_000))),
        (
            "text/xml",
            INLINE.replace(b"QUJD", b"QUJD" * 5),
        ),
    ],
    ids=["attached", "inline"],
)
async def test_a_line_that_breaks_leaves_nothing(house: House, media_type: str, body: bytes) -> None:
    await house.partner("partner")
    with connected(house, media_type, len(body)) as connection:
        connection.sendall(body[:300_000])
        await until_there_are(house, 1)
    await nothing_is_left(house)


async def test_a_body_that_is_too_slow_is_a_fault(build: Build) -> None:
    """In the file; the envelope itself has half a minute, as a form has."""
    settings = {"KADE_LIMITS_SLOW_AFTER": "1s", "KADE_LIMITS_MIN_RATE": "1MiB"}
    async with build(settings) as house:
        await house.partner("partner")
        body = related(enveloped(UPLOAD), file_part(b"x" * 70_000))
        with connected(house, MTOM, len(body)) as connection:
            connection.sendall(body[:-50])
            connection.settimeout(10)
            answer = await asyncio.to_thread(read_to_end, connection)
        assert answer.startswith(b"HTTP/1.1 500") and b"The request came too slowly" in answer, answer
        await nothing_is_left(house)


def read_to_end(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


@contextlib.contextmanager
def connected(house: House, media_type: str, length: int) -> Iterator[socket.socket]:
    """A connection that has sent its head."""
    host, port = house.server.bases["web"].removeprefix("http://").split(":")
    head = (
        f"POST /service/file HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n"
        f"Authorization: Bearer {house.key}\r\nContent-Type: {media_type}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
        yield connection


async def test_a_share_that_is_not_there(build: Build) -> None:
    async with build({}) as house:
        await house.partner("partner")
        inner = "<userId>0</userId><file><name>a</name></file>"
        reply = await Soap(house).call("file", "uploadFileFromFs", inner)
        assert reply.fault == ("soap:Server", "The service is not available now (link.not_configured)")

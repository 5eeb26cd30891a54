"""Every operation by SOAP: names, members, both ways in and out of a file's content (spec 1.4)."""

import base64
import hashlib
from pathlib import Path

from lxml import etree
from tests.dialects.fileserver.house import House
from tests.dialects.fileserver.soap import (
    FILE,
    MTOM,
    Reply,
    Soap,
    enveloped,
    include,
    part,
    related,
    upload_file,
    wrapped,
)

DATA = bytes(range(256)) * 300  # more than is kept inline, with every byte
SHA256 = hashlib.sha256(DATA).hexdigest().upper()


def tag(reply: Reply) -> str:
    return str(etree.QName(reply.body).localname)


async def content(soap: Soap, path: str) -> bytes:
    reply = await soap.call("file", "downloadFile", f"<path>{path}</path>")
    assert tag(reply) == "downloadFileResponse"
    data = base64.b64decode(reply.text("file/content"))
    assert reply.text("file/sha256Checksum") == hashlib.sha256(data).hexdigest().upper()
    return data


async def info(soap: Soap, path: str) -> Reply:
    return await soap.call("file", "getFileInfo", f"<path>{path}</path>")


async def test_users(house: House) -> None:
    soap = Soap(house)
    identity, other = house.authority.issue_client("first"), house.authority.issue_client("second")
    user = f"<name>first</name><certificate>{identity.base64_der}</certificate>"
    created = await soap.call("user", "createUser", f"<user>{user}</user>")
    assert (tag(created), created.text("id")) == ("createUserResponse", "0")
    pem = base64.b64encode(other.pem).decode()
    changed = f"<user><id>0</id><name>second</name><certificate>{pem}</certificate></user>"
    updated = await soap.call("user", "updateUser", changed)
    assert (tag(updated), len(updated.body)) == ("updateUserResponse", 0)
    told = await soap.call("user", "getUser", "<id>0</id>")
    assert [told.text(f"user/{name}") for name in ("id", "name", "certificate")] == [
        "0",
        "second",
        other.base64_der,
    ]
    everybody = await soap.call("user", "getUsers")
    assert everybody.texts("users/name") == ["second"]
    assert tag(await soap.call("user", "deleteUser", "<id>0</id>")) == "deleteUserResponse"
    assert (await soap.call("user", "getUser", "<id>0</id>")).fault == ("soap:Server", "User not found!")
    assert (await soap.call("user", "getUsers")).texts("users") == []


async def test_a_file_as_java_sends_it(house: House) -> None:
    soap = Soap(house)
    partner = await house.partner("partner")
    uploaded = await soap.upload(
        partner.id, DATA, "été.png", sha256Checksum=SHA256.lower(), startDate="2020-01-02T03:04:05.678+01:00"
    )
    path = uploaded.text("path")
    assert (await house.download(partner, path)).body == DATA
    assert await content(soap, path) == DATA
    told = await info(soap, path)
    assert told.text("fileInfo/name") == "été.png"
    assert told.text("fileInfo/sha256Checksum") == SHA256
    assert told.text("fileInfo/startDate") == "2020-01-02T02:04:05.678Z"
    assert told.text("fileInfo/userId") == str(partner.id)
    assert [each.tag for each in told.body[0]] == [
        "path",
        "name",
        "contentType",
        "md5Checksum",
        "sha256Checksum",
        "timestamp",
        "startDate",
        "userId",
        "length",
        "lastModified",
    ]
    assert (await soap.call("file", "getFiles")).texts("path") == [path]
    gone = await soap.call("file", "deleteFile", f"<path>{path}</path><force>1</force>")
    assert (tag(gone), gone.text("return")) == ("deleteFileResponse", "true")
    assert (await info(soap, path)).fault == ("soap:Server", "File not found!")


async def test_whole_seconds_and_dates_without_a_zone(house: House) -> None:
    await house.partner("partner")
    soap = Soap(house)
    dates = {"startDate": "2020-01-02T03:04:05", "endDate": " 2030-01-02T03:04:05Z "}
    told = await info(soap, (await soap.upload(0, b"x", **dates)).text("path"))
    assert told.text("fileInfo/startDate") == "2020-01-02T03:04:05Z"
    assert told.text("fileInfo/endDate") == "2030-01-02T03:04:05Z"


async def test_inline_content_gets_a_name(house: House) -> None:
    """Whatever stands behind the content counts as well."""
    await house.partner("partner")
    soap = Soap(house)
    for data in (b"", b"a", b"ab", b"abc", DATA):
        sha256 = hashlib.sha256(data).hexdigest()
        lines = base64.encodebytes(data).decode().replace("\n", "&#13;\n")
        inner = (
            f"<userId> 0 </userId><file><content>{lines}</content>"
            f"<sha256Checksum>{sha256}</sha256Checksum></file>"
        )
        path = (await soap.post("file", enveloped(wrapped("file", "uploadFile", inner)))).text("path")
        assert await content(soap, path) == data
        told = await info(soap, path)
        assert told.text("fileInfo/name") == "unnamed"
        assert told.text("fileInfo/length") == str(len(data))


async def test_content_in_cdata_with_comments(house: House) -> None:
    await house.partner("partner")
    soap = Soap(house)
    encoded = base64.b64encode(b"hello world").decode()
    split = f"\n <![CDATA[{encoded[:3]}]]><!-- c -->{encoded[3:6]}<?p i?>{encoded[6:]}\n"
    reply = await soap.post("file", enveloped(wrapped("file", "uploadFile", upload_file(0, split))))
    assert await content(soap, reply.text("path")) == b"hello world"


async def test_a_file_as_soapui_sends_it(house: House) -> None:
    """The element's text names the attachment; the attachment may be encoded as in a mail."""
    await house.partner("partner")
    soap = Soap(house)
    data = b"a = b\r\n\r\n--uuid\r\n" * 10
    envelope = enveloped(wrapped("file", "uploadFile", upload_file(0, " cid:file.txt ")))
    unused = part("unused", b"<!DOCTYPE x>" * 1000)
    for root_type, encoding, encoded in (
        ("text/xml", "binary", data),
        ("text/xml", "base64", base64.encodebytes(data)),
        ("application/xop+xml", "quoted-printable", data.replace(b"=", b"=3D")),
        ("application/xop+xml", "", data),
    ):
        attachment = part(
            "file.txt",
            encoded,
            "Content-Type: text/plain; name=file.txt",
            *([f"Content-Transfer-Encoding: {encoding}"] if encoding else []),
            'Content-Disposition: attachment; name="file.txt"; filename="C:\\docs\\file.txt"',
        )
        media_type = MTOM.replace("application/xop+xml", root_type)
        reply = await soap.post("file", related(envelope, unused, attachment), {"Content-Type": media_type})
        assert await content(soap, reply.text("path")) == data
        told = await info(soap, reply.text("path"))
        assert (told.text("fileInfo/name"), told.text("fileInfo/contentType")) == ("file.txt", "text/plain")


async def test_inline_content_within_a_message_with_attachments(house: House) -> None:
    await house.partner("partner")
    soap = Soap(house)
    envelope = enveloped(wrapped("file", "uploadFile", upload_file(0, base64.b64encode(DATA).decode())))
    reply = await soap.post("file", related(envelope, part("unused", b"x")), {"Content-Type": MTOM})
    assert await content(soap, reply.text("path")) == DATA


async def test_a_certificate_may_be_an_attachment(house: House) -> None:
    soap = Soap(house)
    for number, reference in enumerate((include("one%40x"), "cid:one@x")):
        identity = house.authority.issue_client(f"user{number}")
        inner = f"<user><name>user{number}</name><certificate>{reference}</certificate></user>"
        body = related(enveloped(wrapped("user", "createUser", inner)), part("one@x", identity.pem))
        reply = await soap.post("user", body, {"Content-Type": MTOM})
        assert reply.text("id") == str(number)
        assert (await house.call("GET", f"/users/{number}")).json["certificate"] == identity.base64_der


async def test_the_client_chooses_how_a_file_comes(house: House) -> None:
    partner = await house.partner("partner")
    soap = Soap(house)
    for size in (0, 1, 2, 3, 70_000):
        path = (await house.upload(partner.id, DATA[:size], "naïve.bin")).text
        for accept, attached in (
            (None, True),
            ("*/*", True),
            ("multipart/related, text/xml", True),
            ("text/xml, multipart/related", True),
            ("text/xml", False),
            ("text/xml, multipart/related;q=0.5, */*;q=0.1", False),
        ):
            headers = {"Accept": accept} if accept else {}
            reply = await soap.call("file", "downloadFile", f"<path>{path}</path>", headers)
            media_type = reply.answer.headers["Content-Type"]
            assert base64.b64decode(reply.text("file/content")) == DATA[:size]
            assert media_type.startswith("multipart/related" if attached else "text/xml"), accept
            assert int(reply.answer.headers["Content-Length"]) == len(reply.answer.body)
            assert (b"filename*=UTF-8''na%C3%AFve.bin" in reply.answer.body) == attached


async def test_a_file_that_is_acceptable_in_no_way_is_refused(house: House) -> None:
    partner = await house.partner("partner")
    path = (await house.upload(partner.id, b"x")).text
    inner = f"<path>{path}</path>"
    reply = await Soap(house).call("file", "downloadFile", inner, {"Accept": "application/json"})
    assert reply.fault[0] == "soap:Client" and "not_acceptable" in reply.fault[1]


async def test_the_share(house: House, tmp_path: Path) -> None:
    await house.partner("partner")
    (tmp_path / "in" / "sub").mkdir()
    (tmp_path / "in" / "sub" / "a.txt").write_bytes(DATA)
    soap = Soap(house)
    inner = f"<userId>0</userId><file><sha256Checksum>{SHA256}</sha256Checksum><name>sub/a.txt</name></file>"
    path = (await soap.call("file", "uploadFileFromFs", inner)).text("path")
    assert (await info(soap, path)).text("fileInfo/name") == "a.txt"
    inner = f"<path>{path}</path><filename>b.txt</filename>"
    reply = await soap.call("file", "downloadFileToFs", inner)
    assert reply.text("sha256Checksum") == SHA256
    assert (tmp_path / "out" / "b.txt").read_bytes() == DATA


async def test_names_of_the_manual_and_of_earlier_versions(house: House, tmp_path: Path) -> None:
    partner = await house.partner("partner")
    path = (await house.upload(partner.id, DATA)).text
    for name, inner, answered in (
        ("getFile", "", "file/content"),
        ("downloadFileFromFs", "<filename>c</filename>", "sha256Checksum"),
    ):
        text = f'<n:{name} xmlns:n="{FILE}"><path>{path}</path>{inner}</n:{name}>'
        answer = await house.call(
            "POST", f"{house.service}/file", data=enveloped(text), headers={"Content-Type": "text/xml"}
        )
        assert answer.status == 200 and f"{name}Response".encode() in answer.body, answer
        assert answered.rpartition("/")[2].encode() in answer.body
    assert (tmp_path / "out" / "c").read_bytes() == DATA


async def test_references(house: House) -> None:
    partner = await house.partner("partner")
    paths = [(await house.upload(partner.id, data, name)).text for data, name in ((b"a", "a b"), (b"b", "b"))]
    inner = "".join(f"<path>{path}</path>" for path in paths)
    reply = await Soap(house).call("gb", "getExternalDataReference", inner)
    gb = "{http://www.logius.nl/digikoppeling/gb/2010/10}"
    assert tag(reply) == "getExternalDataReferenceResponse"
    way = f"{gb}external-data-reference/{gb}data-reference/{gb}"
    assert reply.texts(f"{way}content/{gb}filename") == ["a_b", "b"]
    urls = reply.texts(f"{way}transport/{gb}location/{gb}senderUrl")
    assert [url.rpartition("/")[2] for url in urls] == paths


async def test_encodings_of_the_envelope(house: House) -> None:
    """Declared in the document, or by the Content-Type."""
    partner = await house.partner("partner")
    path = (await house.upload(partner.id, b"x")).text
    text = enveloped(wrapped("file", "getFileInfo", f"<path>{path}</path><!-- é -->")).decode()
    text = text.partition("?>")[2]
    for encoding in ("utf-8", "utf-16", "iso-8859-1"):
        declared = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
        for document, media_type in ((declared, "text/xml"), (text, f"text/xml; charset={encoding}")):
            body = document.encode(encoding)
            reply = await Soap(house).post("file", body, {"Content-Type": media_type})
            assert reply.text("fileInfo/path") == path, etree.tostring(reply.body)


async def test_nil_is_nothing_and_children_come_in_any_order(house: House) -> None:
    await house.partner("partner")
    soap = Soap(house)
    nil = '<startDate xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:nil="true"/>'
    path = (
        await soap.post("file", enveloped(wrapped("file", "uploadFile", upload_file(0, "QQ==", nil))))
    ).text("path")
    assert (await info(soap, path)).body.find("fileInfo/startDate") is None
    inner = f"<filename>x</filename><path>{path}</path>"
    reply = await soap.post("file", enveloped(wrapped("file", "downloadFileToFs", inner)))
    assert tag(reply) == "downloadFileToFsResponse"


async def test_headers_that_nobody_must_understand(house: House) -> None:
    soap = Soap(house)
    env = "http://schemas.xmlsoap.org/soap/envelope/"
    passed = (
        f'<soap:Header><a xmlns="x">t<b/></a><c xmlns="x" xmlns:e="{env}" e:mustUnderstand="0"/>'
        f'<d xmlns="x" xmlns:e="{env}" e:mustUnderstand="1" e:actor="http://else.example"/></soap:Header>'
    )
    body = wrapped("user", "getUsers")
    assert tag(await soap.post("user", enveloped(body, passed))) == "getUsersResponse"
    refused = f'<soap:Header><a xmlns="x" xmlns:e="{env}" e:mustUnderstand="1"/></soap:Header>'
    reply = await soap.post("user", enveloped(body, refused))
    assert reply.fault[0] == "soap:MustUnderstand" and reply.body.find("detail") is None

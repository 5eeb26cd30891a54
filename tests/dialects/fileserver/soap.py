"""SOAP calls written byte by byte, and answers that are held against the schemas first."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
from lxml import etree
from tests.dialects.fileserver.house import Answer, House

from kade.dialects import fileserver
from kade.web.soap.envelope import ENVELOPE, XOP

FILE = "http://luin.dev/file/server/1.0"
GB = "http://luin.dev/digikoppeling/gb/server/1.0"
NAMESPACES = {"user": FILE, "file": FILE, "gb": GB}
TEXT_XML = {"Content-Type": "text/xml; charset=UTF-8"}
BOUNDARY = "uuid:0b6f8d3e-limit"
ROOT = "root.message@cxf.apache.org"

# As Java CXF sends them.
MTOM = (
    f'multipart/related; type="application/xop+xml"; boundary="{BOUNDARY}"; '
    f'start="<{ROOT}>"; start-info="text/xml"'
)


class Attached(Exception):
    """An answer refers to an attachment that it does not have, or has one that nobody refers to."""


@dataclass(frozen=True)
class Reply:
    """An answer that is valid by its schema: what is in Body, with attachments put in their places."""

    answer: Answer
    body: etree._Element

    @property
    def fault(self) -> tuple[str, str]:
        """Code and text of a fault."""
        assert self.body.tag == f"{{{ENVELOPE}}}Fault", etree.tostring(self.body)
        return self.text("faultcode"), self.text("faultstring")

    def text(self, path: str) -> str:
        """The text of the element at that path."""
        return self.body.findtext(path) or ""

    def texts(self, path: str) -> list[str]:
        """The text of every element at that path."""
        return [each.text or "" for each in self.body.findall(path)]


@cache
def schema(service: str) -> etree.XMLSchema:
    """The schema of a service, as the file says it."""
    folder = Path(fileserver.__file__).parent / "schema"
    return etree.XMLSchema(etree.parse(str(folder / f"{service}.xsd")))


def enveloped(inner: str, headers: str = "") -> bytes:
    """An envelope around what is in Body."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="{ENVELOPE}">{headers}'
        f"<soap:Body>{inner}</soap:Body></soap:Envelope>"
    ).encode()


def wrapped(service: str, operation: str, inner: str = "") -> str:
    """An operation's element around its children, valid by the schema."""
    return f'<ns:{operation} xmlns:ns="{NAMESPACES[service]}">{inner}</ns:{operation}>'


def valid(service: str, operation: str, inner: str = "") -> bytes:
    """An envelope whose operation is valid by the schema."""
    text = wrapped(service, operation, inner)
    schema(service).assertValid(etree.fromstring(text))
    return enveloped(text)


def include(cid: str) -> str:
    """A reference to an attachment."""
    return f'<xop:Include xmlns:xop="{XOP}" href="cid:{cid}"/>'


def upload_file(user_id: int | str, content: str, before: str = "") -> str:
    """What uploadFile has below its element."""
    return f"<userId>{user_id}</userId><file>{before}<content>{content}</content></file>"


def part(cid: str, data: bytes, *headers: str) -> bytes:
    """An attachment as CXF writes it."""
    lines = [*headers, f"Content-ID: <{cid}>"]
    return f"\r\n--{BOUNDARY}\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def related(envelope: bytes, *attachments: bytes, root: str = ROOT) -> bytes:
    """An envelope with attachments as the body of a request."""
    head = (
        'Content-Type: application/xop+xml; charset=UTF-8; type="text/xml"',
        "Content-Transfer-Encoding: binary",
    )
    return part(root, envelope, *head)[2:] + b"".join(attachments) + f"\r\n--{BOUNDARY}--".encode()


def file_part(data: bytes, name: str = "a.bin", media_type: str = "application/octet-stream") -> bytes:
    """The attachment ``content`` with a file's name and type."""
    return part(
        "content@client",
        data,
        f"Content-Type: {media_type}",
        "Content-Transfer-Encoding: binary",
        f'Content-Disposition: attachment; filename="{name}"',
    )


class Soap:
    """Somebody who speaks SOAP to a house; *by* is another session than the operator's."""

    def __init__(self, house: House, by: aiohttp.ClientSession | None = None) -> None:
        self._house = house
        self._by = by

    async def call(
        self, service: str, operation: str, inner: str = "", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """A call that is valid by the schema."""
        return await self.post(service, valid(service, operation, inner), headers or {})

    async def upload(self, user_id: int, data: bytes, name: str = "a.bin", **before: str) -> Reply:
        """A file as an attachment, as CXF sends it; *before* are members of ``file``."""
        members = "".join(f"<{key}>{value}</{key}>" for key, value in before.items())
        inner = upload_file(user_id, include("content%40client"), members)
        envelope = enveloped(wrapped("file", "uploadFile", inner))
        return await self.post("file", related(envelope, file_part(data, name)), {"Content-Type": MTOM})

    async def post(self, service: str, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
        """Any body, as text/xml unless *headers* say something else."""
        answer = await self._house.call(
            "POST",
            f"{self._house.service}/{service}",
            by=self._by,
            data=body,
            headers={**TEXT_XML, **(headers or {})},
        )
        return reply_of(service, answer)


def reply_of(service: str, answer: Answer) -> Reply:
    """An answer, once it is valid by the schema of its service."""
    envelope, attachments = parts_of(answer)
    root = etree.fromstring(envelope)
    assert root.tag == f"{{{ENVELOPE}}}Envelope"
    (body,) = root.findall(f"{{{ENVELOPE}}}Body/*")
    for reference in list(body.iter(f"{{{XOP}}}Include")):
        place = reference.getparent()
        assert place is not None
        place.remove(reference)
        place.text = base64.b64encode(attachments.pop(reference.get("href", ""))).decode()
    if attachments:
        raise Attached(attachments)
    detail: Sequence[etree._Element] = body.findall("detail/*")
    for each in detail if body.tag == f"{{{ENVELOPE}}}Fault" else (body,):
        schema(service).assertValid(etree.fromstring(etree.tostring(each)))
    return Reply(answer, body)


def parts_of(answer: Answer) -> tuple[bytes, dict[str, bytes]]:
    """The envelope, and the attachments by ``cid:`` URL."""
    media_type = answer.headers["Content-Type"]
    if media_type.startswith("text/xml"):
        return answer.body, {}
    assert media_type.startswith('multipart/related; type="application/xop+xml"'), media_type
    boundary = media_type.partition('boundary="')[2].partition('"')[0].encode()
    first, *others, end = answer.body.split(b"--" + boundary)[1:]
    assert end == b"--\r\n"
    attachments = {}
    for each in others:
        head, _, data = each.removesuffix(b"\r\n").partition(b"\r\n\r\n")
        attachments["cid:" + head.partition(b"Content-ID: <")[2].partition(b">")[0].decode()] = data
    return first.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"), attachments

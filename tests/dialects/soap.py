"""SOAP calls written byte by byte, and answers that are held against the schemas first."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from lxml import etree
from tests.dialects.fileserver.house import Answer

from kade.web.soap.envelope import ENVELOPE, XOP

TEXT_XML = {"Content-Type": "text/xml; charset=UTF-8"}
BOUNDARY = "uuid:0b6f8d3e-limit"
ROOT = "root.message@cxf.apache.org"

# As Java CXF sends them.
MTOM = (
    f'multipart/related; type="application/xop+xml"; boundary="{BOUNDARY}"; '
    f'start="<{ROOT}>"; start-info="text/xml"'
)


class Served(Protocol):
    """A running house."""

    service: str

    async def call(self, method: str, path: str, **options: Any) -> Answer: ...


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


@dataclass(frozen=True)
class Speech:
    """How one interface is spoken to: the namespace of each service, and the folder of the schemas."""

    namespaces: Mapping[str, str]
    folder: Path

    def schema(self, service: str) -> etree.XMLSchema:
        """The schema of a service, as the file says it."""
        return _schema(self.folder / f"{service}.xsd")

    def wrapped(self, service: str, operation: str, inner: str = "") -> str:
        """An operation's element around its children."""
        return f'<ns:{operation} xmlns:ns="{self.namespaces[service]}">{inner}</ns:{operation}>'

    def valid(self, service: str, operation: str, inner: str = "") -> bytes:
        """An envelope whose operation is valid by the schema."""
        text = self.wrapped(service, operation, inner)
        self.schema(service).assertValid(etree.fromstring(text))
        return enveloped(text)

    def reply_of(self, service: str, answer: Answer) -> Reply:
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
            self.schema(service).assertValid(etree.fromstring(etree.tostring(each)))
        return Reply(answer, body)


class Speaker:
    """Somebody who speaks SOAP to a house; *options* are those of every request, such as whose it is."""

    def __init__(self, house: Served, speech: Speech, **options: Any) -> None:
        self.house = house
        self.speech = speech
        self._options = options

    async def call(
        self, service: str, operation: str, inner: str = "", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """A call that is valid by the schema."""
        return await self.post(service, self.speech.valid(service, operation, inner), headers or {})

    async def post(self, service: str, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
        """Any body, as text/xml unless *headers* say something else."""
        url, merged = f"{self.house.service}/{service}", {**TEXT_XML, **(headers or {})}
        answer = await self.house.call("POST", url, data=body, headers=merged, **self._options)
        return self.speech.reply_of(service, answer)


@cache
def _schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(path)))


def enveloped(inner: str, headers: str = "") -> bytes:
    """An envelope around what is in Body."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="{ENVELOPE}">{headers}'
        f"<soap:Body>{inner}</soap:Body></soap:Envelope>"
    ).encode()


def include(cid: str) -> str:
    """A reference to an attachment."""
    return f'<xop:Include xmlns:xop="{XOP}" href="cid:{cid}"/>'


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

"""The messages of push (schema gb/2020/09): a request names what was put, the response judges it.

A request comes from somebody else, so it is read with a parser that knows no document types, no entities and
no network, and judged by the schema before anything in it counts.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from kade.core.errors import KadeError, RequestReason

NAMESPACE = "http://www.logius.nl/digikoppeling/gb/2020/09"
LIMIT = 1 << 20  # bytes of a request
MOST_FILES = 1000  # files and parts together
_SCHEMA = Path(__file__).parents[1] / "schema" / "gb-2020-09.xsd"
_ROOT = "digikoppeling-external-data-references-{}"
_TYPE_OF_URL = "xs:anyURI"


class Compression(StrEnum):
    NONE = "NONE"
    ZIP4J = "ZIP4J"


class Status(StrEnum):
    """How it went with a file or a part; only after ``UNKNOWN_ERROR`` it makes no sense to put it again."""

    OK = "OK"
    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    CHECKSUM_TYPE_NOT_SUPPORTED = "CHECKSUM_TYPE_NOT_SUPPORTED"
    CHECKSUM_ERROR = "CHECKSUM_ERROR"
    INCORRECT_FILE_SIZE = "INCORRECT_FILE_SIZE"
    COMPRESSION_NOT_SUPPORTED = "COMPRESSION_NOT_SUPPORTED"
    DECOMPRESSION_ERROR = "DECOMPRESSION_ERROR"
    UNKNOWN_ERROR = "UNKNOWN_ERROR"


class Claim(NamedTuple):
    """What is said of a file or a part: *checksum* in hex, by the algorithm *kind*; *size* in bytes."""

    name: str
    kind: str
    checksum: str
    size: int


class Reference(NamedTuple):
    """One file of a request; without *parts* it was put as it is, or as an archive, at *url*."""

    context_id: str | None
    compression: Compression
    media_type: str
    whole: Claim
    url: str
    parts: tuple[Claim, ...]


class Verdict(NamedTuple):
    """A status; *reason* says more where the status says nothing."""

    status: Status
    reason: str = ""


OK = Verdict(Status.OK)


class Judged(NamedTuple):
    """A reference with what became of it and of each part."""

    reference: Reference
    verdict: Verdict
    parts: tuple[Verdict, ...]


class Message(NamedTuple):
    """A request as it came."""

    profile: str | None
    references: tuple[Reference, ...]


def read(data: bytes) -> Message:
    """The request.

    Raises:
        KadeError: ``RequestReason.NOT_VALID`` when it is no XML, has a document type, is not valid by the
            schema, or names more than a thousand files and parts.
    """
    try:
        # A parser keeps state: each request gets its own.
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise KadeError(RequestReason.NOT_VALID, ascii(str(error))[:200]) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise KadeError(RequestReason.NOT_VALID, "document type")
    try:
        _schema().assertValid(root)
    except etree.DocumentInvalid as error:
        raise KadeError(RequestReason.NOT_VALID, ascii(str(error))[:200]) from error
    if root.tag != _qualified(_ROOT.format("request")):
        raise KadeError(RequestReason.NOT_VALID, "no request")
    references = tuple(_reference(each) for each in root.iterchildren(_qualified("data-reference-request")))
    if sum(1 + len(each.parts) for each in references) > MOST_FILES:
        raise KadeError(RequestReason.NOT_VALID, "too many files")
    return Message(root.get("profile"), references)


def response(message: Message, judged: Sequence[Judged]) -> bytes:
    """The response, valid by the schema; it repeats what the request said."""
    root = etree.Element(_qualified(_ROOT.format("response")), nsmap={"gb": NAMESPACE})
    if message.profile is not None:
        root.set("profile", message.profile)
    for each in judged:
        _add(root, each)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(_SCHEMA)))


def _reference(element: etree._Element) -> Reference:
    content = _one(element, "content")
    transport = _one(content, "transport")
    return Reference(
        element.get("contextId"),
        Compression(_text(element, "compression")),
        content.get("contentType", ""),
        _claim(content),
        _text(_one(transport, "location"), "receiverUrl").strip(),
        tuple(_claim(each) for each in transport.iterchildren(_qualified("part"))),
    )


def _claim(element: etree._Element) -> Claim:
    checksum = _one(element, "checksum")
    size = int(_text(element, "size"))
    return Claim(_text(element, "filename"), checksum.get("type", ""), checksum.text or "", size)


def _add(root: etree._Element, judged: Judged) -> None:
    reference = judged.reference
    answer = _child(root, "data-reference-response")
    if reference.context_id is not None:
        answer.set("contextId", reference.context_id)
    _child(answer, "compression", reference.compression)
    content = _child(answer, "content")
    content.set("contentType", reference.media_type)
    _add_claim(content, reference.whole, judged.verdict)
    transport = _child(content, "transport")
    url = _child(_child(transport, "location"), "receiverUrl", reference.url)
    url.set("type", _TYPE_OF_URL)
    for claim, verdict in zip(reference.parts, judged.parts, strict=True):
        _add_claim(_child(transport, "part"), claim, verdict)


def _add_claim(parent: etree._Element, claim: Claim, verdict: Verdict) -> None:
    _child(parent, "filename", claim.name)
    _child(parent, "checksum", claim.checksum).set("type", claim.kind)
    _child(parent, "size", str(claim.size))
    _child(parent, "status", verdict.status)
    if verdict.reason:
        _child(parent, "reason", verdict.reason)


def _child(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, _qualified(name))
    child.text = text
    return child


def _one(parent: etree._Element, name: str) -> etree._Element:
    """The child that the schema demands."""
    children: Iterator[etree._Element] = parent.iterchildren(_qualified(name))
    return next(children)


def _text(parent: etree._Element, name: str) -> str:
    return _one(parent, name).text or ""


def _qualified(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"

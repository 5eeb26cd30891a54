"""The messages of push (schema gb/2020/09): a request names what was put, the response judges it."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from lxml import etree

from kade.core.errors import KadeError, RequestReason
from kade.web.grote_berichten.documents import MOST_FILES, parsed, require_valid

NAMESPACE = "http://www.logius.nl/digikoppeling/gb/2020/09"
PROFILE = "digikoppeling-gb-4.0"
_SCHEMA = "gb-2020-09"
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
    """A request."""

    profile: str | None
    references: tuple[Reference, ...]


def read_request(data: bytes) -> Message:
    """A request that came.

    Raises:
        KadeError: ``RequestReason.NOT_VALID`` when it is no XML, has a document type, is not valid by the
            schema, or names more than a thousand files and parts.
    """
    root = _read(data, "request")
    references = tuple(_reference(each) for each in root)
    return Message(root.get("profile"), references)


def read_response(data: bytes) -> tuple[Judged, ...]:
    """What a response that came says of each reference. Raises as ``read_request`` does."""
    return tuple(_judged(each) for each in _read(data, "response"))


def request(message: Message) -> bytes:
    """The request, valid by the schema."""
    root = _root("request", message)
    for reference in message.references:
        _add(_child(root, "data-reference-request"), reference)
    return _written(root)


def response(message: Message, judged: Sequence[Judged]) -> bytes:
    """The response, valid by the schema; it repeats what the request said."""
    root = _root("response", message)
    for each in judged:
        _add(_child(root, "data-reference-response"), each.reference, each)
    return _written(root)


def _read(data: bytes, kind: str) -> etree._Element:
    root = parsed(data)
    require_valid(root, _SCHEMA)
    if root.tag != _qualified(_ROOT.format(kind)):
        raise KadeError(RequestReason.NOT_VALID, f"no {kind}")
    if len(root) + sum(1 for _ in root.iter(_qualified("part"))) > MOST_FILES:
        raise KadeError(RequestReason.NOT_VALID, "too many files")
    return root


def _root(kind: str, message: Message) -> etree._Element:
    root = etree.Element(_qualified(_ROOT.format(kind)), nsmap={"gb": NAMESPACE})
    if message.profile is not None:
        root.set("profile", message.profile)
    return root


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


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


def _judged(element: etree._Element) -> Judged:
    content = _one(element, "content")
    parts = _one(content, "transport").iterchildren(_qualified("part"))
    return Judged(_reference(element), _verdict(content), tuple(_verdict(each) for each in parts))


def _verdict(element: etree._Element) -> Verdict:
    reason = element.findtext(_qualified("reason"))
    return Verdict(Status(_text(element, "status")), reason or "")


def _add(element: etree._Element, reference: Reference, judged: Judged | None = None) -> None:
    if reference.context_id is not None:
        element.set("contextId", reference.context_id)
    _child(element, "compression", reference.compression)
    content = _child(element, "content")
    content.set("contentType", reference.media_type)
    _add_claim(content, reference.whole, judged.verdict if judged else None)
    transport = _child(content, "transport")
    url = _child(_child(transport, "location"), "receiverUrl", reference.url)
    url.set("type", _TYPE_OF_URL)
    verdicts = judged.parts if judged else (None,) * len(reference.parts)
    for claim, verdict in zip(reference.parts, verdicts, strict=True):
        _add_claim(_child(transport, "part"), claim, verdict)


def _add_claim(parent: etree._Element, claim: Claim, verdict: Verdict | None) -> None:
    _child(parent, "filename", claim.name)
    _child(parent, "checksum", claim.checksum).set("type", claim.kind)
    _child(parent, "size", str(claim.size))
    if verdict is not None:
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

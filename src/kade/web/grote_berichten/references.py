"""The external-data-reference (schema gb/2010/10, spec 3), pull: written as JSON and as XML, read as XML.

A file name in a reference is an NCName of at most 200 letters, digits, ``.``, ``_`` and ``-`` (MD007). One
that is none is rewritten: accents are dropped, every run of other characters becomes ``_``, a name that does
not begin with a letter or ``_`` gets a ``_`` in front, and what is too long loses its middle, so that the
extension stays.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from lxml import etree

from kade.core.clock import Millis, from_datetime, to_iso
from kade.core.errors import KadeError, RequestReason
from kade.web.grote_berichten.checksums import HEX_LENGTHS
from kade.web.grote_berichten.documents import MOST_FILES, parsed, require_valid

NAMESPACE = "http://www.logius.nl/digikoppeling/gb/2010/10"
PROFILE = "digikoppeling-gb-1.0"
_JSON_PROFILE = "DIGIKOPPELING_GB_1_0"
_NAME_LIMIT = 200
_EXTENSION_LIMIT = 20
_REPLACED = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_START = re.compile(r"[A-Za-z_]")


_SCHEMA = "gb-2010-10"
_NAMES = ("digikoppeling-external-data-references", "external-data-reference")


class Location(StrEnum):
    """Whose the URL is: the sender's, to fetch a file from, or the receiver's, to which it was sent."""

    SENDER = "senderUrl"
    RECEIVER = "receiverUrl"


class Reference(NamedTuple):
    """One file, at *url*: *checksum* in upper-case hex, of the type that *checksum_type* names."""

    name: str
    media_type: str
    length: int
    checksum_type: str
    checksum: str
    start: Millis | None
    end: Millis | None
    url: str
    location: Location = Location.SENDER


def file_name(name: str) -> str:
    """*name* as a reference may carry it; itself when it may."""
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = _REPLACED.sub("_", plain)
    if not _NAME_START.match(plain):
        plain = f"_{plain}"
    if len(plain) <= _NAME_LIMIT:
        return plain
    stem, dot, extension = plain.rpartition(".")
    if not dot or len(extension) > _EXTENSION_LIMIT:
        return plain[:_NAME_LIMIT]
    return stem[: _NAME_LIMIT - len(extension) - 1] + dot + extension


def read(data: bytes) -> list[Reference]:
    """The references of a document: of a whole one, or of one that is embedded below another root.

    Below another root may stand a whole reference, under either of its names, or single data-references.

    Raises:
        KadeError: ``RequestReason.NOT_VALID`` when it is no XML, has a document type, is not valid by
            the schema, has a checksum of another length than its type's, or names no file or too many.
    """
    root = parsed(data)
    found = list(root.iter(*(_qualified(name) for name in _NAMES)))
    if not found:
        found = [_whole(list(root.iter(_qualified("data-reference"))))]
    for each in found:
        require_valid(each, _SCHEMA)
    references = [_reference(one) for each in found for one in each]
    if len(references) > MOST_FILES:
        raise KadeError(RequestReason.NOT_VALID, "too many files")
    return references


def as_json(references: Sequence[Reference]) -> dict[str, object]:
    """The members that upstream's classes have (spec 3.4)."""
    return {"profile": _JSON_PROFILE, "dataReference": [_member(each) for each in references]}


def as_xml(references: Sequence[Reference]) -> bytes:
    """A document valid by ``schema/gb-2010-10.xsd`` (spec 3.1)."""
    root = as_element(references, _NAMES[0])
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def as_element(references: Sequence[Reference], name: str) -> etree._Element:
    """What ``as_xml`` gives, as an element of that name: upstream has its own within SOAP (spec 3.1)."""
    root = etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={"gb": NAMESPACE}, profile=PROFILE)
    for each in references:
        _add(root, each)
    return root


def _member(one: Reference) -> dict[str, object]:
    lifetime = {
        name: {"value": to_iso(moment).replace("Z", "+00:00"), "type": "xs:dateTime"}
        for name, moment in (("creationTime", one.start), ("expirationTime", one.end))
        if moment is not None
    }
    return {
        "contextId": one.checksum,
        "lifetime": lifetime,
        "content": {
            "filename": file_name(one.name),
            "checksum": {"value": one.checksum, "type": one.checksum_type},
            "size": one.length,
            "contentType": one.media_type,
        },
        "transport": {"location": {one.location.value: {"value": one.url, "type": "xs:anyURI"}}},
    }


def _add(root: etree._Element, one: Reference) -> None:
    reference = _child(root, "data-reference", contextId=one.checksum)
    lifetime = _child(reference, "lifetime")
    for name, moment in (("creationTime", one.start), ("expirationTime", one.end)):
        if moment is not None:
            _child(lifetime, name, to_iso(moment), type="xs:dateTime")
    content = _child(reference, "content", contentType=one.media_type)
    _child(content, "filename", file_name(one.name))
    _child(content, "checksum", one.checksum, type=one.checksum_type)
    _child(content, "size", str(one.length))
    location = _child(_child(reference, "transport"), "location")
    _child(location, one.location.value, one.url, type="xs:anyURI")


def _whole(single: Sequence[etree._Element]) -> etree._Element:
    root = etree.Element(_qualified(_NAMES[0]))
    root.extend(single)
    return root


def _reference(element: etree._Element) -> Reference:
    content, lifetime = _one(element, "content"), _one(element, "lifetime")
    checksum = _one(content, "checksum")
    kind, digits = checksum.get("type", ""), (checksum.text or "").strip()
    if len(digits) != HEX_LENGTHS[kind]:
        raise KadeError(RequestReason.NOT_VALID, f"{len(digits)} digits are no {kind}")
    (url,) = _one(_one(element, "transport"), "location")
    return Reference(
        _text(content, "filename"),
        content.get("contentType", ""),
        int(_text(content, "size")),
        kind,
        digits.upper(),
        _moment(lifetime, "creationTime"),
        _moment(lifetime, "expirationTime"),
        (url.text or "").strip(),
        Location(etree.QName(url).localname),
    )


def _moment(lifetime: etree._Element, name: str) -> Millis | None:
    """Without a zone in UTC. Python knows fewer moments than XML Schema: no year 10000, and no hour 24."""
    text = (lifetime.findtext(_qualified(name)) or "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise KadeError(RequestReason.NOT_VALID, name) from error


def _one(parent: etree._Element, name: str) -> etree._Element:
    """The child that the schema demands."""
    children: Iterator[etree._Element] = parent.iterchildren(_qualified(name))
    return next(children)


def _text(parent: etree._Element, name: str) -> str:
    return (_one(parent, name).text or "").strip()


def _qualified(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _child(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
    child.text = text
    return child

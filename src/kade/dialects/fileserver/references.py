"""The external-data-reference of Digikoppeling Grote Berichten 3.8 (spec 3), pull: as JSON and as XML.

A file name in a reference is an NCName of at most 200 letters, digits, ``.``, ``_`` and ``-`` (MD007). One
that is none is rewritten: accents are dropped, every run of other characters becomes ``_``, a name that does
not begin with a letter or ``_`` gets a ``_`` in front, and what is too long loses its middle, so that the
extension stays.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from lxml import etree

from kade.core.clock import Millis, to_iso

NAMESPACE = "http://www.logius.nl/digikoppeling/gb/2010/10"
PROFILE = "digikoppeling-gb-1.0"
_JSON_PROFILE = "DIGIKOPPELING_GB_1_0"
_NAME_LIMIT = 200
_EXTENSION_LIMIT = 20
_REPLACED = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_START = re.compile(r"[A-Za-z_]")


class Reference(NamedTuple):
    """One file: *checksum* in upper-case hex, of the type that *checksum_type* names; *url* to fetch it."""

    name: str
    media_type: str
    length: int
    checksum_type: str
    checksum: str
    start: Millis | None
    end: Millis | None
    url: str


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


def as_json(references: Sequence[Reference]) -> dict[str, object]:
    """The members that upstream's classes have (spec 3.4)."""
    return {"profile": _JSON_PROFILE, "dataReference": [_member(each) for each in references]}


def as_xml(references: Sequence[Reference]) -> bytes:
    """A document valid by ``schema/gb-2010-10.xsd`` (spec 3.1)."""
    root = as_element(references, "digikoppeling-external-data-references")
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
        "transport": {"location": {"senderUrl": {"value": one.url, "type": "xs:anyURI"}}},
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
    _child(location, "senderUrl", one.url, type="xs:anyURI")


def _child(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
    child.text = text
    return child

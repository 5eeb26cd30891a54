"""XML documents that somebody else wrote.

They are read with a parser that knows no document types, no entities and no network, and judged by a schema
before anything in them counts.
"""

from functools import cache
from pathlib import Path

from lxml import etree

from kade.core.errors import KadeError, RequestReason

LIMIT = 1 << 20  # bytes of a document
MOST_FILES = 1000  # files and parts together
XML = ("application/xml", "text/xml")
_FOLDER = Path(__file__).parent / "schema"


def parsed(data: bytes) -> etree._Element:
    """The root of a document.

    Raises:
        KadeError: ``RequestReason.NOT_VALID`` when it is no XML or has a document type.
    """
    try:
        # A parser keeps state: each document gets its own.
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
    return root


def require_valid(element: etree._Element, schema: str) -> None:
    """See that it is valid by ``schema/<schema>.xsd``. Raises KadeError(``RequestReason.NOT_VALID``)."""
    try:
        _schema(schema).assertValid(element)
    except etree.DocumentInvalid as error:
        raise KadeError(RequestReason.NOT_VALID, ascii(str(error))[:200]) from error


@cache
def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(_FOLDER / f"{name}.xsd")))

"""WSDL 1.1 contracts: files that people can read, served so that one fetch is enough.

A file names its schemas by ``xsd:import`` in ``types``, wherever they lie; the last part of the path is their
NAME. What is served at ``?wsdl`` has them inside, and the address that it was asked at; each of them stands
at ``?xsd=NAME`` as well. A WSDL of another namespace that it imports stands at ``?wsdl=NAME``.
"""

from copy import deepcopy
from pathlib import Path

from lxml import etree

from kade.core.errors import KadeError, RequestReason

_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
_XSD = "{http://www.w3.org/2001/XMLSchema}"
_LOCATION = "schemaLocation"


class Contract:
    """One WSDL with its schemas, from files."""

    def __init__(self, path: Path) -> None:
        self._parser = etree.XMLParser(remove_blank_text=True, no_network=True, resolve_entities=False)
        self._wsdl = self._parsed(path)
        self._schemas: dict[str, etree._Element] = {}
        self._imported = {
            _named(link.get("location", "")): self._parsed(path.parent / link.get("location", ""))
            for link in self._wsdl.iterfind(f"{_WSDL}import")
        }
        for wsdl in (self._wsdl, *self._imported.values()):
            self._load(path.parent, wsdl)

    @property
    def schemas(self) -> tuple[str, ...]:
        """The names at which its schemas stand."""
        return tuple(self._schemas)

    def wsdl(self, address: str, name: str = "") -> bytes:
        """The contract, for the service at that address; with a name, the WSDL that it imports by that.

        Raises:
            KadeError: ``RequestReason.UNKNOWN_PATH`` when it imports none of that name.
        """
        if name and name not in self._imported:
            raise KadeError(RequestReason.UNKNOWN_PATH, name[:80])
        root = deepcopy(self._imported[name] if name else self._wsdl)
        for link in root.iterfind(f"{_WSDL}import"):
            link.set("location", f"{address}?wsdl={_named(link.get('location', ''))}")
        for types in root.iterfind(f"{_WSDL}types"):
            self._inline(types)
        for place in root.iter(f"{_SOAP}address"):
            place.set("location", address)
        return _written(root)

    def schema(self, name: str, address: str) -> bytes:
        """One schema; what it imports is found below the same address.

        Raises:
            KadeError: ``RequestReason.UNKNOWN_PATH`` when the contract has none of that name.
        """
        if name not in self._schemas:
            raise KadeError(RequestReason.UNKNOWN_PATH, name[:80])
        root = deepcopy(self._schemas[name])
        for link in root.iterfind(f"{_XSD}import"):
            if _LOCATION in link.attrib:
                link.set(_LOCATION, f"{address}?xsd={_named(link.get(_LOCATION, ''))}")
        return _written(root)

    def _inline(self, types: etree._Element) -> None:
        for each in list(types):
            types.remove(each)
        for schema in self._schemas.values():
            inlined = deepcopy(schema)
            for link in inlined.iterfind(f"{_XSD}import"):
                if _LOCATION in link.attrib:
                    del link.attrib[_LOCATION]
            types.append(inlined)

    def _load(self, folder: Path, root: etree._Element) -> None:
        for link in root.iter(f"{_XSD}import"):
            place = link.get(_LOCATION)
            if place is not None and _named(place) not in self._schemas:
                path = folder / place
                schema = self._parsed(path)
                self._load(path.parent, schema)  # what is imported comes first
                self._schemas[_named(place)] = schema

    def _parsed(self, path: Path) -> etree._Element:
        return etree.parse(str(path), self._parser).getroot()


def _named(place: str) -> str:
    """The name of what lies at a place beside a contract."""
    return place.rpartition("/")[2]


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)

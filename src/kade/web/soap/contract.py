"""WSDL 1.1 contracts: files that people can read, served so that one fetch is enough.

A file names its schemas by ``xsd:import`` in ``types``. What is served at ``?wsdl`` has them inside, and the
address that it was asked at; each of them stands at ``?xsd=NAME`` as well.
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
    """One WSDL with its schemas, from files of one folder."""

    def __init__(self, path: Path) -> None:
        parser = etree.XMLParser(remove_blank_text=True, no_network=True, resolve_entities=False)
        self._wsdl = etree.parse(str(path), parser).getroot()
        self._schemas: dict[str, etree._Element] = {}
        self._load(path.parent, self._wsdl, parser)

    @property
    def schemas(self) -> tuple[str, ...]:
        """The names at which its schemas stand."""
        return tuple(self._schemas)

    def wsdl(self, address: str) -> bytes:
        """The whole contract, for the service at that address."""
        root = deepcopy(self._wsdl)
        types = root.find(f"{_WSDL}types")
        assert types is not None
        for each in list(types):
            types.remove(each)
        for schema in self._schemas.values():
            inlined = deepcopy(schema)
            for link in inlined.iterfind(f"{_XSD}import"):
                if _LOCATION in link.attrib:
                    del link.attrib[_LOCATION]
            types.append(inlined)
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
                link.set(_LOCATION, f"{address}?xsd={link.get(_LOCATION)}")
        return _written(root)

    def _load(self, folder: Path, root: etree._Element, parser: etree.XMLParser) -> None:
        for link in root.iter(f"{_XSD}import"):
            name = link.get(_LOCATION)
            if name is not None and name not in self._schemas:
                schema = etree.parse(str(folder / name), parser).getroot()
                self._load(folder, schema, parser)  # what is imported comes first
                self._schemas[name] = schema


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)

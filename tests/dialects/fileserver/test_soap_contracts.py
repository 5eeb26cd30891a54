"""The WSDLs: what they describe is what is served, both ways; one fetch is enough."""

import io
from pathlib import Path
from typing import cast

import pytest
from lxml import etree
from tests.dialects.fileserver.conftest import Build
from tests.dialects.fileserver.house import House
from tests.dialects.fileserver.soap import NAMESPACES, schema

from kade.dialects import fileserver
from kade.dialects.fileserver import soap
from kade.dialects.fileserver.settings import Settings
from kade.web.dialect import Kit

NAMES = {"user": "UserService", "file": "FileService", "gb": "GBService"}
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
XSD = "{http://www.w3.org/2001/XMLSchema}"
FOLDER = Path(fileserver.__file__).parent / "schema"


def operations(name: str) -> set[str]:
    service = soap.services(cast(Kit, None), Settings())[name]
    return {each.name for each in service.operations}


@pytest.mark.parametrize("name", NAMESPACES)
async def test_a_contract_names_what_upstream_names(house: House, name: str) -> None:
    address = f"{house.service}/{name}"
    answer = await house.call("GET", f"{address}?wsdl")
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    root, service = etree.fromstring(answer.body), NAMES[name]
    assert root.get("targetNamespace") == NAMESPACES[name]
    for element, told in (
        ("service", service),
        ("portType", service),
        ("binding", f"{service}SoapBinding"),
        (f"service/{WSDL}port", f"{service}Port"),
    ):
        assert [each.get("name") for each in root.findall(f"{WSDL}{element}")] == [told]
    assert [each.get("location") for each in root.iter(f"{SOAP}address")] == [address]
    for kind in ("portType", "binding"):
        described = [each.get("name") for each in root.findall(f"{WSDL}{kind}/{WSDL}operation")]
        assert len(described) == len(operations(name)) and set(described) == operations(name)
    assert {each.get("soapAction") for each in root.iter(f"{SOAP}operation")} == {""}
    parts = {each.get("name") for each in root.findall(f"{WSDL}message/{WSDL}part")}
    assert parts == {"parameters", "GBServiceException" if name == "gb" else "ServiceException"}
    elements = {each.get("name") for each in root.iter(f"{XSD}element")}
    for operation in operations(name):
        assert {operation, f"{operation}Response"} <= elements


@pytest.mark.parametrize("name", NAMESPACES)
async def test_schemas_are_within_and_beside_the_contract(house: House, name: str) -> None:
    address = f"{house.service}/{name}"
    root = etree.fromstring((await house.call("GET", f"{address}?WSDL")).body)
    assert not [each for each in root.iter(f"{XSD}import") if each.get("schemaLocation")]
    namespaces = {each.get("targetNamespace") for each in root.findall(f"{WSDL}types/{XSD}schema")}
    names = [f"{name}.xsd", *(["gb-2010-10.xsd"] if name == "gb" else [])]
    for file_name in names:
        answer = await house.call("GET", f"{address}?xsd={file_name}")
        served = etree.parse(io.BytesIO(answer.body)).getroot()
        assert served.get("targetNamespace") in namespaces
        for link in served.iter(f"{XSD}import"):
            location = link.get("schemaLocation")
            assert location == f"{address}?xsd=gb-2010-10.xsd"
            assert (await house.call("GET", location)).status == 200
    head = await house.call("HEAD", f"{address}?wsdl")
    assert (head.status, head.body) == (200, b"") and int(head.headers["Content-Length"]) > 1000
    for unknown in ("nothing.xsd", "../settings.py", ""):
        assert (await house.call("GET", f"{address}?xsd={unknown}")).status == 500


async def test_behind_a_proxy_the_address_is_the_configured_one(build: Build) -> None:
    async with build({"KADE_DIALECTS_FILESERVER_SERVICE_URL": "https://files.example/service/"}) as house:
        told = (await house.call("GET", f"{house.service}/user?wsdl")).text
        assert 'location="https://files.example/service/user"' in told


def test_files_are_whole() -> None:
    """Each schema stands for itself, and nothing lies beside them."""
    for name in NAMESPACES:
        assert schema(name) is not None
    assert {each.name for each in FOLDER.iterdir()} == {
        *(f"{name}.wsdl" for name in NAMESPACES),
        *(f"{name}.xsd" for name in NAMESPACES),
    }

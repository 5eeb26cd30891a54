"""The contracts as OpenAPI documents, a page over each, and the list of services."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.web import openapi
from kade.web.openapi import Document
from kade.web.rest import JSON, Operation, acceptable
from kade.web.service_api.values import json_of

REST = "/rest/v1"
_YAML = "application/yaml"
_HTML = "text/html"


class Documents:
    """One document for each service, from ``<name>.yaml`` in a folder.

    *soap_names* gives each service's name in the URL of its SOAP face.
    """

    def __init__(self, folder: Path, soap_names: Mapping[str, str], service_path: str) -> None:
        self._service_path = service_path
        self._soap_names = soap_names
        self._base = service_path + REST
        self.documents = {name: Document.load(folder / f"{name}.yaml", self._base) for name in soap_names}

    def operations(self) -> Sequence[Operation]:
        """Where the documents stand, below the services' prefix."""
        return [each for name in self.documents for each in self._of(name)]

    def overview(self) -> Operation:
        """The list of services, at the service path itself."""
        return Operation("getServices", "GET", "", self._services, (_HTML, JSON), reads="contract.listed")

    def _of(self, name: str) -> Sequence[Operation]:
        forms = {"json": JSON, "yaml": _YAML, "html": _HTML}
        return [
            Operation(
                f"{name}.openapi.{suffix}",
                "GET",
                f"/{name}/openapi.{suffix}",
                partial(self._document, name, suffix),
                (media_type,),
                reads="contract.read",
            )
            for suffix, media_type in forms.items()
        ]

    async def _document(self, name: str, suffix: str, _request: Request, _caller: Caller) -> Response:
        document = self.documents[name]
        if suffix == "json":
            return Response(document.as_json(), media_type=JSON)
        if suffix == "yaml":
            return Response(document.as_yaml(), media_type=_YAML)
        return openapi.page(document)

    async def _services(self, request: Request, _caller: Caller) -> Response:
        links = {
            name: {
                "title": document.title,
                "page": f"{self._base}/{name}/openapi.html",
                "json": f"{self._base}/{name}/openapi.json",
                "yaml": f"{self._base}/{name}/openapi.yaml",
            }
            for name, document in self.documents.items()
        }
        for document_name, name in self._soap_names.items():
            links[document_name]["wsdl"] = f"{self._service_path}/{name}?wsdl"
        if acceptable(request, (_HTML, JSON)) == JSON:
            return json_of({"services": [{"name": name, **each} for name, each in links.items()]})
        return openapi.overview("Services", list(links.values()))

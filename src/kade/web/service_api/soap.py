"""The services by SOAP: a URL for each, with the faults that its clients know (spec 1.4, 2.2)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.routing import Route

from kade.core.principals import Caller
from kade.services.audit import Audit
from kade.web.operation import AnyMethod
from kade.web.service_api.refusals import SoapRefusals
from kade.web.soap import Contract, SoapEndpoint, SoapOperation, SoapService


class Contracts:
    """Services by the contracts of one folder, at *service_url*; empty: where the request finds them."""

    def __init__(self, folder: Path, service_url: str) -> None:
        self._folder = folder
        self._base = service_url.rstrip("/")

    def service(self, name: str, namespace: str, operations: Sequence[SoapOperation]) -> SoapService:
        """The service of that name in the URL, as ``<name>.wsdl`` describes it."""
        url = f"{self._base}/{name}" if self._base else ""
        return SoapService(namespace, Contract(self._folder / f"{name}.wsdl"), operations, url)


class SoapFace:
    """All services of one interface; *exceptions* are the names of their faults' elements, by namespace."""

    def __init__(
        self, name: str, exceptions: Mapping[str, str], authenticate: Callable[[Request], Awaitable[Caller]]
    ) -> None:
        self._name = name
        self._exceptions = exceptions
        self._authenticate = authenticate

    def routes(self, prefix: str, services: Mapping[str, SoapService], audit: Audit) -> Sequence[Route]:
        """A URL for each service, below the prefix."""
        made = []
        for name, service in services.items():
            refuse = SoapRefusals(service.namespace, self._exceptions[service.namespace])
            endpoint = SoapEndpoint(self._name, service, self._authenticate, refuse, audit)
            made.append(Route(f"{prefix}/{name}", AnyMethod(endpoint.handle)))
        return made

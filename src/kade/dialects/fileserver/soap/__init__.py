"""The service by SOAP (spec 1.4): what stands where, and the contracts."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.routing import Route

from kade.core.principals import Caller
from kade.dialects.fileserver.namer import INSTANCE
from kade.dialects.fileserver.settings import Settings
from kade.dialects.fileserver.soap.files import FileService
from kade.dialects.fileserver.soap.references import GbService
from kade.dialects.fileserver.soap.users import UserService
from kade.web.dialect import Kit
from kade.web.operation import AnyMethod
from kade.web.service_api.refusals import SoapRefusals
from kade.web.soap import Contract, SoapEndpoint, SoapOperation, SoapService

_FOLDER = Path(__file__).parents[1] / "schema"
_NAMESPACE = "http://luin.dev/file/server/1.0"
_GB_NAMESPACE = "http://luin.dev/digikoppeling/gb/server/1.0"

_EXCEPTIONS = {_NAMESPACE: "ServiceException", _GB_NAMESPACE: "GBServiceException"}


def services(kit: Kit, settings: Settings) -> dict[str, SoapService]:
    """What the contracts describe, by the name in the URL."""
    return {
        "user": _service("user", _NAMESPACE, UserService(kit).operations(), settings),
        "file": _service("file", _NAMESPACE, FileService(kit, settings).operations(), settings),
        "gb": _service("gb", _GB_NAMESPACE, GbService(kit, settings).operations(), settings),
    }


def routes(
    kit: Kit, settings: Settings, authenticate: Callable[[Request], Awaitable[Caller]]
) -> Sequence[Route]:
    """A URL for each service, below the service path."""
    made = []
    for name, service in services(kit, settings).items():
        refuse = SoapRefusals(service.namespace, _EXCEPTIONS[service.namespace])
        endpoint = SoapEndpoint(f"{INSTANCE}.soap", service, authenticate, refuse, kit.audit)
        made.append(Route(f"{settings.service_path}/{name}", AnyMethod(endpoint.handle)))
    return made


def _service(
    name: str, namespace: str, operations: Sequence[SoapOperation], settings: Settings
) -> SoapService:
    base = settings.service_url.rstrip("/")
    contract = Contract(_FOLDER / f"{name}.wsdl")
    return SoapService(namespace, contract, operations, f"{base}/{name}" if base else "")

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
from kade.web.service_api.soap import Contracts, SoapFace
from kade.web.soap import SoapService

_FOLDER = Path(__file__).parents[1] / "schema"
_NAMESPACE = "http://luin.dev/file/server/1.0"
_GB_NAMESPACE = "http://luin.dev/digikoppeling/gb/server/1.0"

_EXCEPTIONS = {_NAMESPACE: "ServiceException", _GB_NAMESPACE: "GBServiceException"}


def services(kit: Kit, settings: Settings) -> dict[str, SoapService]:
    """What the contracts describe, by the name in the URL."""
    of = Contracts(_FOLDER, settings.service_url).service
    return {
        "user": of("user", _NAMESPACE, UserService(kit).operations()),
        "file": of("file", _NAMESPACE, FileService(kit, settings).operations()),
        "gb": of("gb", _GB_NAMESPACE, GbService(kit, settings).operations()),
    }


def routes(
    kit: Kit, settings: Settings, authenticate: Callable[[Request], Awaitable[Caller]]
) -> Sequence[Route]:
    """A URL for each service, below the service path."""
    face = SoapFace(f"{INSTANCE}.soap", _EXCEPTIONS, authenticate)
    return face.routes(settings.service_path, services(kit, settings), kit.audit)

"""The applications' side: who may come in, and what stands where below the service path (spec 1.1)."""

from dataclasses import replace
from pathlib import Path

from starlette.routing import Router

from kade.dialects.fileserver import soap
from kade.dialects.fileserver.namer import INSTANCE
from kade.dialects.fileserver.rest.files import FileService
from kade.dialects.fileserver.rest.push import PushService
from kade.dialects.fileserver.rest.references import GbService
from kade.dialects.fileserver.rest.users import UserService
from kade.dialects.fileserver.settings import Settings
from kade.web.dialect import Kit
from kade.web.rest import Operation, RestRouter
from kade.web.service_api.documents import REST, Documents
from kade.web.service_api.door import ServiceDoor
from kade.web.service_api.refusals import refuse_service

SOAP_NAMES = {"users": "user", "files": "file", "gb": "gb"}  # of each service, at the service path
_FOLDER = Path(__file__).parent / "openapi"


def rest_operations(kit: Kit, settings: Settings) -> list[Operation]:
    """What the contracts describe, below ``<service_path>/rest/v1``."""
    return [
        *UserService(kit).operations(),
        *FileService(kit, settings).operations(),
        *GbService(kit, settings).operations(),
        *PushService(kit, settings).operations(),
    ]


def service(kit: Kit, settings: Settings) -> Router:
    """Everything below the service path."""
    documents = Documents(_FOLDER, SOAP_NAMES, settings.service_path)
    # The documents come first: /users/openapi.json is no user.
    below = [*documents.operations(), *rest_operations(kit, settings)]
    operations = [documents.overview(), *(replace(each, path=REST + each.path) for each in below)]
    door = ServiceDoor(kit.catalog, kit.authentication, is_open=settings.open_service)
    rest = RestRouter(
        f"{INSTANCE}.service", settings.service_path, operations, door.caller, refuse_service, kit.audit
    )
    by_soap = soap.routes(kit, settings, door.caller)
    return Router(by_soap, redirect_slashes=False, default=rest.app)

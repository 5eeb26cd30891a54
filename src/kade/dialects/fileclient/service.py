"""The applications' side: what stands where below the service path (spec 2.1, 2.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from starlette.routing import Router

from kade.dialects.fileclient import soap
from kade.dialects.fileclient.box import INSTANCE
from kade.dialects.fileclient.flows import FileFlows, TaskFlows
from kade.dialects.fileclient.references import ReferenceFlows
from kade.dialects.fileclient.rest.downloads import DownloadService
from kade.dialects.fileclient.rest.files import FileService
from kade.dialects.fileclient.rest.references import GbService
from kade.dialects.fileclient.rest.uploads import UploadService
from kade.dialects.fileclient.settings import Settings
from kade.web.dialect import Kit
from kade.web.rest import Operation, RestRouter
from kade.web.service_api.documents import REST, Documents
from kade.web.service_api.door import ServiceDoor
from kade.web.service_api.refusals import refuse_service
from kade.web.soap import SoapService

SOAP_NAMES = {"download": "download", "upload": "upload", "files": "file", "gb": "gb"}
_FOLDER = Path(__file__).parent / "openapi"


class Services:
    """What the applications are offered, by either face."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._tasks = TaskFlows(kit, settings)
        self._files = FileFlows(kit, settings)
        self._references = ReferenceFlows(kit, settings, self._tasks)
        self._service_url = settings.service_url

    def rest(self) -> Sequence[Operation]:
        """What the OpenAPI documents describe, below ``<service_path>/rest/v1``."""
        return [
            *DownloadService(self._tasks).operations(),
            *UploadService(self._tasks).operations(),
            *FileService(self._files).operations(),
            *GbService(self._references).operations(),
        ]

    def soap(self) -> Mapping[str, SoapService]:
        """What the WSDLs describe, by the name below ``<service_path>``."""
        return soap.services(self._tasks, self._files, self._references, self._service_url)


def service(kit: Kit, settings: Settings) -> Router:
    """Everything below the service path."""
    services = Services(kit, settings)
    documents = Documents(_FOLDER, SOAP_NAMES, settings.service_path)
    # The documents come first: /download/openapi.json is no task.
    below = [*documents.operations(), *services.rest()]
    operations = [documents.overview(), *(replace(each, path=REST + each.path) for each in below)]
    door = ServiceDoor(kit.catalog, kit.authentication, is_open=settings.open_service)
    rest = RestRouter(
        f"{INSTANCE}.service", settings.service_path, operations, door.caller, refuse_service, kit.audit
    )
    by_soap = soap.face(door.caller).routes(settings.service_path, services.soap(), kit.audit)
    return Router(by_soap, redirect_slashes=False, default=rest.app)

"""The applications' side: what stands where below the service path (spec 2.1, 2.2)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from starlette.routing import Router

from kade.dialects.fileclient.box import INSTANCE
from kade.dialects.fileclient.flows import FileFlows, TaskFlows
from kade.dialects.fileclient.peers import Peers
from kade.dialects.fileclient.rest.downloads import DownloadService
from kade.dialects.fileclient.rest.files import FileService
from kade.dialects.fileclient.rest.uploads import UploadService
from kade.dialects.fileclient.settings import Settings
from kade.web.dialect import Kit
from kade.web.rest import Operation, RestRouter
from kade.web.service_api.documents import REST, Documents
from kade.web.service_api.door import ServiceDoor
from kade.web.service_api.refusals import refuse_service

SOAP_NAMES = {"download": "download", "upload": "upload", "files": "file"}
_FOLDER = Path(__file__).parent / "openapi"


def rest_operations(kit: Kit, settings: Settings) -> Sequence[Operation]:
    """What the contracts describe, below ``<service_path>/rest/v1``."""
    flows = TaskFlows(kit, settings, Peers(settings))
    return [
        *DownloadService(flows, settings).operations(),
        *UploadService(flows).operations(),
        *FileService(FileFlows(kit, settings)).operations(),
    ]


def service(kit: Kit, settings: Settings) -> Router:
    """Everything below the service path."""
    documents = Documents(_FOLDER, SOAP_NAMES, settings.service_path)
    # The documents come first: /download/openapi.json is no task.
    below = [*documents.operations(), *rest_operations(kit, settings)]
    operations = [documents.overview(), *(replace(each, path=REST + each.path) for each in below)]
    door = ServiceDoor(kit.catalog, kit.authentication, is_open=settings.open_service)
    rest = RestRouter(
        f"{INSTANCE}.service", settings.service_path, operations, door.caller, refuse_service, kit.audit
    )
    return rest.app

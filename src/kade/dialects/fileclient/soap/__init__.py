"""The services by SOAP (spec 2.2): what stands where, and the contracts."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.requests import Request

from kade.core.principals import Caller
from kade.dialects.fileclient.box import INSTANCE
from kade.dialects.fileclient.flows import FileFlows, TaskFlows
from kade.dialects.fileclient.references import ReferenceFlows
from kade.dialects.fileclient.soap.downloads import DownloadService
from kade.dialects.fileclient.soap.files import FileService
from kade.dialects.fileclient.soap.references import GbService
from kade.dialects.fileclient.soap.uploads import UploadService
from kade.web.service_api.soap import Contracts, SoapFace
from kade.web.soap import SoapService

_FOLDER = Path(__file__).parents[1] / "schema"
_NAMESPACE = "http://luin.dev/file/client/1.0"
_GB_NAMESPACE = "http://luin.dev/digikoppeling/gb/client/1.0"
_EXCEPTIONS = {_NAMESPACE: "ServiceException", _GB_NAMESPACE: "GBServiceException"}


def services(
    flows: TaskFlows, files: FileFlows, references: ReferenceFlows, service_url: str
) -> Mapping[str, SoapService]:
    """What the contracts describe, by the name in the URL."""
    of = Contracts(_FOLDER, service_url).service
    return {
        "download": of("download", _NAMESPACE, DownloadService(flows).operations()),
        "upload": of("upload", _NAMESPACE, UploadService(flows).operations()),
        "file": of("file", _NAMESPACE, FileService(files).operations()),
        "gb": of("gb", _GB_NAMESPACE, GbService(references).operations()),
    }


def face(authenticate: Callable[[Request], Awaitable[Caller]]) -> SoapFace:
    """How they are spoken to, and how they refuse."""
    return SoapFace(f"{INSTANCE}.soap", _EXCEPTIONS, authenticate)

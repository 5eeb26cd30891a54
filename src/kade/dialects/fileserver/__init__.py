"""The mTLS file server: tus uploads and ranged downloads for partners, REST for applications (seed 000)."""

from collections.abc import Mapping, Sequence

from starlette.routing import Route, Router

from kade.core.ports import Namer
from kade.dialects.fileserver.exchange import Downloads, PartnerDoor
from kade.dialects.fileserver.gb.put import ROUTE, Putting
from kade.dialects.fileserver.namer import INSTANCE, FileServerNamer
from kade.dialects.fileserver.service import service
from kade.dialects.fileserver.settings import Settings
from kade.tasks import Handler
from kade.web.dialect import Kit
from kade.web.mounts import Mount
from kade.web.operation import AnyMethod, operation
from kade.web.tus import TusEndpoint
from kade.web.tus.endpoint import TusParts


class FileServer:
    """Implements ``web.dialect.Dialect``."""

    name = INSTANCE
    settings = Settings

    def namers(self, settings: Settings) -> Sequence[Namer]:
        return [FileServerNamer(settings.virtual_path_length)]

    def mounts(self, kit: Kit, settings: Settings) -> Sequence[Mount]:
        return [
            Mount(INSTANCE, "exchange", settings.path, _exchange(kit, settings)),
            Mount(INSTANCE, "web", settings.service_path, service(kit, settings)),
        ]

    def handlers(self, kit: Kit, settings: Settings) -> Mapping[str, Handler]:
        return {}


def _exchange(kit: Kit, settings: Settings) -> Router:
    door = PartnerDoor(kit, settings)
    tus = TusEndpoint(TusParts(door, kit.appending, kit.namers, kit.rules, kit.metadata_limit), kit.audit)
    download = operation(f"{INSTANCE}.exchange.download", Downloads(kit, door).handle, door.refuse, kit.audit)
    put = operation(f"{INSTANCE}.exchange.put", Putting(kit, door).handle, door.refuse, kit.audit)
    routes = [
        Route(f"{settings.path}{ROUTE}", AnyMethod(put)),
        Route(door.path, AnyMethod(tus.handle)),
        Route(f"{door.path}/{{rest:path}}", AnyMethod(tus.handle)),
        Route(f"{settings.path}/download/{{path:path}}", AnyMethod(download)),
    ]
    return Router(routes, redirect_slashes=False)


DIALECT = FileServer()

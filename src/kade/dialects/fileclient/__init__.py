"""The File Client: fetches from and sends to somebody else's file server, for one's own applications."""

from collections.abc import Mapping, Sequence

from kade.core.ports import Namer
from kade.dialects.fileclient.box import INSTANCE
from kade.dialects.fileclient.handlers import handlers
from kade.dialects.fileclient.service import service
from kade.dialects.fileclient.settings import Settings
from kade.tasks import Handler
from kade.web.dialect import Kit
from kade.web.mounts import Mount


class FileClient:
    """Implements ``web.dialect.Dialect``."""

    name = INSTANCE
    settings = Settings

    def namers(self, settings: Settings) -> Sequence[Namer]:
        return []

    def mounts(self, kit: Kit, settings: Settings) -> Sequence[Mount]:
        return [Mount(INSTANCE, "client", settings.service_path, service(kit, settings))]

    def handlers(self, kit: Kit, settings: Settings) -> Mapping[str, Handler]:
        return handlers(kit, settings)


DIALECT = FileClient()

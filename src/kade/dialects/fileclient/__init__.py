"""The File Client: fetches from and sends to somebody else's file server, for one's own applications."""

from collections.abc import Mapping, Sequence

from kade.core.ports import Namer
from kade.dialects.fileclient.box import INSTANCE
from kade.dialects.fileclient.settings import Settings
from kade.tasks import Handler
from kade.web.dialect import Kit
from kade.web.mounts import Mount

_LISTENER = "client"


class FileClient:
    """Implements ``web.dialect.Dialect``."""

    name = INSTANCE
    settings = Settings

    def namers(self, settings: Settings) -> Sequence[Namer]:
        return []

    def mounts(self, kit: Kit, settings: Settings) -> Sequence[Mount]:
        if _LISTENER not in kit.listeners:
            return []
        from kade.dialects.fileclient.service import service  # brings an HTTP client, which others need not

        return [Mount(INSTANCE, _LISTENER, settings.service_path, service(kit, settings))]

    def handlers(self, kit: Kit, settings: Settings) -> Mapping[str, Handler]:
        from kade.dialects.fileclient.handlers import handlers

        return handlers(kit, settings)


DIALECT = FileClient()

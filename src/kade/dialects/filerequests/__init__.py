"""File requests: applications ask a customer for files, by the wire of Mijn Klantportaal (seed 003)."""

from collections.abc import Mapping, Sequence

from kade.core.ports import Namer
from kade.dialects.filerequests.settings import Settings
from kade.services import telling
from kade.tasks import Handler
from kade.web.dialect import Kit
from kade.web.mounts import Mount


class FileRequestsDialect:
    """Implements ``web.dialect.Dialect``. Its names are made of ids, so that nothing has to be minted."""

    name = "filerequests"
    settings = Settings

    def namers(self, settings: Settings) -> Sequence[Namer]:
        return []

    def mounts(self, kit: Kit, settings: Settings) -> Sequence[Mount]:
        if "web" not in kit.listeners:
            return []
        from kade.dialects.filerequests.api import FileRequestsApi  # not needed where it is not served

        return FileRequestsApi(kit, settings).mounts()

    def handlers(self, kit: Kit, settings: Settings) -> Mapping[str, Handler]:
        from kade.dialects.filerequests.api import wire_of
        from kade.dialects.filerequests.webhooks import Calls

        calls = Calls(kit.catalog, wire_of(kit, settings), kit.sealer, settings)
        return {telling.calls_of(self.name): calls}


DIALECT = FileRequestsDialect()

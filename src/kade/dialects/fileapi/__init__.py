"""The File API: publishers and subscribers of files by tenant and business type (seed 001)."""

from collections.abc import Mapping, Sequence

from kade.core.ports import Namer
from kade.dialects.fileapi.namer import INSTANCE, FileApiNamer
from kade.dialects.fileapi.settings import Settings
from kade.tasks import Handler
from kade.web.dialect import Kit
from kade.web.mounts import Mount


class FileApiDialect:
    """Implements ``web.dialect.Dialect``."""

    name = INSTANCE
    settings = Settings

    def namers(self, settings: Settings) -> Sequence[Namer]:
        return [FileApiNamer()]

    def mounts(self, kit: Kit, settings: Settings) -> Sequence[Mount]:
        if "web" not in kit.listeners:
            return []
        from kade.dialects.fileapi.api import FileApi  # not needed where it is not served

        return FileApi(kit, settings).mounts()

    def handlers(self, kit: Kit, settings: Settings) -> Mapping[str, Handler]:
        return {}


DIALECT = FileApiDialect()

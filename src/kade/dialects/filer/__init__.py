"""Filer: applications add, find, read and manage files in file groups (seed 002)."""

from collections.abc import Mapping, Sequence

from kade.core.ports import Namer
from kade.dialects.filer.namer import INSTANCE, FilerNamer
from kade.dialects.filer.settings import Settings
from kade.tasks import Handler
from kade.web.dialect import Kit
from kade.web.mounts import Mount


class FilerDialect:
    """Implements ``web.dialect.Dialect``."""

    name = INSTANCE
    settings = Settings

    def namers(self, settings: Settings) -> Sequence[Namer]:
        return [FilerNamer()]

    def mounts(self, kit: Kit, settings: Settings) -> Sequence[Mount]:
        if "web" not in kit.listeners:
            return []
        from kade.dialects.filer.api import Filer  # not needed where it is not served

        return Filer(kit, settings).mounts()

    def handlers(self, kit: Kit, settings: Settings) -> Mapping[str, Handler]:
        return {}


DIALECT = FilerDialect()

"""The portal: pages for people. Today the one on which somebody sends the files that they were asked for."""

from collections.abc import Mapping, Sequence

from kade.core.ports import Namer
from kade.portal.settings import Settings
from kade.services import telling
from kade.tasks import Handler
from kade.web.dialect import Kit
from kade.web.mounts import Mount


class Portal:
    """Implements ``web.dialect.Dialect``: it is mounted as they are."""

    name = "portal"
    settings = Settings

    def namers(self, settings: Settings) -> Sequence[Namer]:
        return []

    def mounts(self, kit: Kit, settings: Settings) -> Sequence[Mount]:
        if "web" not in kit.listeners:
            return []
        from kade.portal.routes import mounts  # templates and forms are not needed where no page is served

        return mounts(kit, settings)

    def handlers(self, kit: Kit, settings: Settings) -> Mapping[str, Handler]:
        from kade.portal.mails import Mails

        return {telling.MAIL: Mails(kit, settings)}


PORTAL = Portal()

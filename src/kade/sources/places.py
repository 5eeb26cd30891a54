"""Opens places of every kind. What a kind needs is imported when the first place of it is opened."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from kade.core.errors import KadeError, SourceReason
from kade.core.ports.sources import Place
from kade.core.sources import Service, ServiceKind
from kade.sources.settings import FolderSettings, MailboxSettings, WebsiteSettings, decode

if TYPE_CHECKING:
    from kade.client import Policy, Proxy

OpenSecret = Callable[[Service], bytes]
"""The password of a mailbox; called in the event loop, once for each place of one that is opened. What it
raises comes out of ``open``."""


class LocalPlaces:
    """Implements ``core.ports.Places``: folders, mailboxes and websites as this machine reaches them.

    *policy* says where websites may lead (None: global addresses only), *proxy* goes between for them.
    """

    def __init__(
        self, open_secret: OpenSecret, policy: "Policy | None" = None, proxy: "Proxy | None" = None
    ) -> None:
        self._open_secret = open_secret
        self._policy = policy
        self._proxy = proxy

    async def open(self, service: Service, path: str) -> Place:
        if service.kind == ServiceKind.FOLDER:
            from kade.sources.folder import FolderPlace

            return await FolderPlace.open(service.location, path, decode(service.settings, FolderSettings))
        if service.kind == ServiceKind.MAILBOX:
            from kade.sources.mailbox import MailboxPlace

            settings = decode(service.settings, MailboxSettings)
            return await MailboxPlace.open(service.location, path, settings, self._open_secret(service))
        if service.kind == ServiceKind.WEBSITE:
            from kade.sources.website import WebsitePlace

            site = decode(service.settings, WebsiteSettings)
            return await WebsitePlace.open(service.location, path, site, self._policy, self._proxy)
        raise KadeError(SourceReason.BAD_LOCATION, f"{service.kind}: no kind of service")


def check_location(kind: str, location: str, settings: str = "") -> None:
    """Judge what can be judged without connecting.

    Raises:
        KadeError: ``SourceReason.BAD_LOCATION``, with what is wrong; never with a password.
    """
    if kind == ServiceKind.FOLDER:
        from kade.sources import folder

        decode(settings, FolderSettings)
        folder.check(location)
    elif kind == ServiceKind.MAILBOX:
        from kade.sources import imap

        decode(settings, MailboxSettings)
        imap.parse(location)
    elif kind == ServiceKind.WEBSITE:
        from kade.sources import website

        website.check(location, decode(settings, WebsiteSettings))
    else:
        raise KadeError(SourceReason.BAD_LOCATION, f"{kind}: no kind of service")

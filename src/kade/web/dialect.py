"""What a dialect is made of, and what it is given."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from kade.auth.sealing import Sealer
from kade.core.ports import Catalog, Extractor, Mailer, Namer, SearchIndex, SegmentStore
from kade.services.appending import Appending
from kade.services.audit import Audit
from kade.services.digesting import Digesting
from kade.services.items import ItemKeeper
from kade.services.naming import Namers
from kade.services.signing_keys import KeyRing
from kade.services.spooling import Spool
from kade.services.transfers import Transfers
from kade.services.uploads import Rules
from kade.tasks import Handler, Runner
from kade.web.authentication import Authentication
from kade.web.mounts import Mount


@dataclass(frozen=True, slots=True)
class Kit:
    """The house as a dialect sees it: ports and services, nothing concrete.

    *bases* are the listeners' own base URLs, by name, for links in answers; *listeners* are the names of
    those that this process opens: a dialect need not load what nobody is served. *folder* is the data
    folder; *ceiling* is the quota in bytes of a new space, None for no limit. *behind* tells how many entries
    of the journal the rules have not followed yet. Access tokens are signed by the keys of *key_ring*, whose
    private halves *sealer* opens. *index* finds files, *extractor* reads them where *spool* lends them, and
    *keeper* writes what is synchronised, *mailer* hands over mail.
    """

    catalog: Catalog
    store: SegmentStore
    appending: Appending
    digesting: Digesting
    transfers: Transfers
    audit: Audit
    namers: Namers
    rules: Rules
    authentication: Authentication
    bases: dict[str, str]
    folder: Path
    ceiling: int | None
    metadata_limit: int
    ranges: int
    runner: Runner
    behind: Callable[[], Awaitable[int]]
    listeners: frozenset[str]
    sealer: Sealer
    key_ring: KeyRing
    index: SearchIndex
    extractor: Extractor
    spool: Spool
    keeper: ItemKeeper
    mailer: Mailer


class Dialect(Protocol):
    """One API. Its folder below ``kade.dialects`` exports one of these as ``DIALECT``."""

    @property
    def name(self) -> str:
        """The folder's name; also the instance's name in bindings."""
        ...

    @property
    def settings(self) -> type[msgspec.Struct]:
        """Its section ``dialects.<name>`` of the configuration."""
        ...

    def namers(self, settings: Any) -> Sequence[Namer]:
        """What mints its names."""
        ...

    def mounts(self, kit: Kit, settings: Any) -> Sequence[Mount]:
        """What it serves."""
        ...

    def handlers(self, kit: Kit, settings: Any) -> Mapping[str, Handler]:
        """What does its tasks, by their kinds; only where one of its mounts is served."""
        ...

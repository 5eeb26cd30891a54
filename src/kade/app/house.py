"""The house without listeners: adapters are chosen here, and wired to services and dialects."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import msgspec

from kade.auth.sealing import SERVICE_SECRET, Sealer
from kade.auth.tokens import mint
from kade.catalog.sqlite import SqliteCatalog
from kade.config import Config
from kade.core.ports import Catalog, Places, SearchIndex
from kade.core.sources import Service
from kade.dialects import discover
from kade.mail.smtp import SmtpMailer, SmtpServer
from kade.portal import PORTAL
from kade.search.extract.extractor import ChildExtractor
from kade.search.extract.limits import Limits
from kade.search.lazy import LazyIndex
from kade.services.appending import Appending
from kade.services.audit import Audit
from kade.services.digesting import Digesting
from kade.services.indexing import Indexing
from kade.services.items import ItemKeeper
from kade.services.leasing import Leasing
from kade.services.naming import Namers
from kade.services.receiving import Pace, Tools
from kade.services.signing_keys import KeyRing
from kade.services.spooling import Spool
from kade.services.sweeping import Sweeping
from kade.services.transfers import Transfers
from kade.services.uploads import Rules
from kade.sources.lazy import LazyPlaces
from kade.storage.detection import detect
from kade.storage.digests import RunningDigests
from kade.storage.local import LocalSegmentStore
from kade.web.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Kade:
    """The wired house, without listeners: what the command line and the server have in common."""

    config: Config
    catalog: Catalog
    store: LocalSegmentStore
    namers: Namers
    rules: Rules
    leasing: Leasing
    transfers: Transfers
    appending: Appending
    digesting: Digesting
    audit: Audit
    sweeping: Sweeping
    sealer: Sealer
    key_ring: KeyRing
    index: LazyIndex
    indexing: Indexing
    extractor: ChildExtractor
    places: LazyPlaces
    spool: Spool
    keeper: ItemKeeper
    mailer: SmtpMailer
    dialects: tuple[tuple[Dialect, msgspec.Struct], ...]


def sections() -> Mapping[str, type[msgspec.Struct]]:
    """The sections of the configuration that the dialects and the portal bring."""
    found = {f"dialects.{name}": dialect.settings for name, dialect in discover().items()}
    return {**found, PORTAL.name: PORTAL.settings}


def build(config: Config, dialects: Mapping[str, Dialect] | None = None) -> Kade:
    """Wire everything, the portal too unless *dialects* are named; nothing is opened yet."""
    found = discover() if dialects is None else dialects
    configured = [(each, config.section(f"dialects.{name}")) for name, each in found.items()]
    if dialects is None:
        configured.append((PORTAL, config.section(PORTAL.name)))
    catalog = _catalog(config)
    store = LocalSegmentStore(config.data.folder / "segments")
    namers = Namers()
    for dialect, settings in configured:
        for namer in dialect.namers(settings):
            namers.register(namer)
    rules = Rules(config.uploads.max_size, round(config.uploads.expire_after * 1000))
    transfers = Transfers()
    sealer = Sealer(config.data.sealing_key)
    leasing = Leasing(catalog, config.uploads.lock_timeout)
    digesting = Digesting(catalog, store, RunningDigests)
    places = LazyPlaces(partial(_places, config, sealer))
    index = LazyIndex(partial(_index, config))
    tools = Tools(catalog, store, leasing, transfers, digesting, RunningDigests, detect, rules, _pace(config))
    return Kade(
        config=config,
        catalog=catalog,
        store=store,
        namers=namers,
        rules=rules,
        leasing=leasing,
        transfers=transfers,
        appending=Appending(tools),
        digesting=digesting,
        audit=Audit(catalog),
        sweeping=Sweeping(catalog, store, rules, round(config.storage.grace * 1000)),
        sealer=sealer,
        key_ring=KeyRing(catalog, partial(mint, sealer, round(config.tokens.rotate_after * 1000))),
        index=index,
        indexing=Indexing(catalog, index),
        extractor=ChildExtractor(_extraction_limits(config)),
        places=places,
        spool=Spool(store, places, config.data.folder / "spool"),
        keeper=ItemKeeper(namers),
        mailer=_mailer(config),
        dialects=tuple(configured),
    )


@asynccontextmanager
async def opened(kade: Kade) -> AsyncIterator[Kade]:
    """The house with its catalog and its store open: enough for a command."""
    kade.config.data.folder.mkdir(parents=True, exist_ok=True)
    await kade.catalog.open()
    try:
        await asyncio.to_thread(kade.store.prepare)
        yield kade
        await kade.audit.flush()
    finally:
        await kade.digesting.close()
        await kade.extractor.close()
        await kade.index.close()
        kade.store.close()
        await kade.catalog.close()


def _mailer(config: Config) -> SmtpMailer:
    mail = config.mail
    return SmtpMailer(
        SmtpServer(
            host=mail.host,
            port=mail.port,
            security=mail.security,
            user=mail.user,
            password_file=mail.password_file,
            authority=mail.authority,
            sender=mail.sender,
            sender_name=mail.sender_name,
            timeout_s=float(mail.timeout),
        )
    )


def _catalog(config: Config) -> Catalog:
    url = config.catalog.url
    if not url:
        return SqliteCatalog(config.data.folder / "catalog.sqlite", config.catalog.readers)
    from kade.catalog.postgres import PostgresCatalog  # heavy, and not needed on SQLite

    return PostgresCatalog(asyncpg_url(url))


def _index(config: Config) -> SearchIndex:
    engine = config.search.engine
    if engine == "postgresql" or (engine == "auto" and config.catalog.url):
        from kade.search.postgres_index import PostgresIndex

        return PostgresIndex(asyncpg_url(config.catalog.url))
    from kade.search.tantivy_index import TantivyIndex

    return TantivyIndex(config.data.folder / "index")


def _extraction_limits(config: Config) -> Limits:
    search = config.search
    return Limits(
        memory=int(search.memory),
        cpu=math.ceil(float(search.time)),
        wall=math.ceil(float(search.time)) * 2,
        characters=search.characters,
        ocr=search.ocr,
        languages=search.ocr_languages,
    )


def _places(config: Config, sealer: Sealer) -> Places:
    from ipaddress import ip_network

    from kade.client.policy import Policy
    from kade.sources.places import LocalPlaces

    networks = tuple(ip_network(each, strict=False) for each in config.sources.networks)
    return LocalPlaces(_password_opener(sealer), Policy(config.sources.hosts, networks))


def _password_opener(sealer: Sealer) -> Callable[[Service], bytes]:
    def opened(service: Service) -> bytes:
        return sealer.open(service.secret, SERVICE_SECRET) if service.secret else b""

    return opened


def migrate(config: Config) -> tuple[str | None, str]:
    """Bring the catalog to this version's schema; the revisions before (None: it was empty) and after.

    Raises:
        SchemaError: when a later version wrote it.
    """
    from kade.catalog.migrations import head, migrate_postgres, migrate_sqlite

    if config.catalog.url:
        return migrate_postgres(asyncpg_url(config.catalog.url)), head()
    config.data.folder.mkdir(parents=True, exist_ok=True)
    return migrate_sqlite(config.data.folder / "catalog.sqlite"), head()


def asyncpg_url(url: str) -> str:
    """A ``postgresql://`` address for the driver that Kade uses."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def _pace(config: Config) -> Pace:
    storage, limits = config.storage, config.limits
    return Pace(
        flush_bytes=storage.flush_bytes,
        flush_s=storage.flush_interval,
        min_rate=limits.min_rate,
        slow_after_s=limits.slow_after,
        inline_limit=storage.inline_limit,
    )

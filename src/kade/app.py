"""The composition root: configuration → wired objects → server; it alone names concrete adapters."""

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from kade.auth.password import Passwords
from kade.auth.sealing import Sealer
from kade.auth.tokens import mint
from kade.catalog.sqlite import SqliteCatalog
from kade.config import Config
from kade.config import Listener as ListenerSettings
from kade.core.events import Event, JournalEntry, Outcome
from kade.core.ids import Id
from kade.core.ports import Catalog, Tx
from kade.core.principals import CredentialKind, Origin
from kade.dialects import discover
from kade.services.appending import Appending
from kade.services.audit import Audit
from kade.services.digesting import Digesting
from kade.services.examining import Examining
from kade.services.leasing import Leasing
from kade.services.naming import Namers
from kade.services.receiving import Pace, Tools
from kade.services.signing_keys import KeyRing
from kade.services.sweeping import Sweeping
from kade.services.transfers import Transfers
from kade.services.uploads import Rules
from kade.services.watching import Watching
from kade.storage.detection import detect
from kade.storage.digests import RunningDigests
from kade.storage.local import LocalSegmentStore
from kade.tasks.runner import Capacity, Runner
from kade.web.authentication import Authentication, certificate_headers, client_authorities
from kade.web.buffers import BufferPool
from kade.web.dialect import Dialect, Kit
from kade.web.metrics import Metrics
from kade.web.middleware.observe import Observed
from kade.web.mounts import Mount, MountRouter
from kade.web.protocol import ConnectionLimits
from kade.web.revocation import RevocationWatch, watched
from kade.web.server import Address, Listener
from kade.web.trust import Trust
from kade.web.windows import ReceiveWindows

_log = structlog.get_logger("kade.app")
_WINDOWS_SHARE = 6  # of the pool: what connections hold costs about twice that in TLS buffers
_CUT_S = 5.0  # how long broken-off transfers may take to store what they have


class AlreadyServing(Exception):
    """Another `kade serve` has this data folder."""


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
    dialects: tuple[tuple[Dialect, msgspec.Struct], ...]


def sections() -> Mapping[str, type[msgspec.Struct]]:
    """The sections of the configuration that the dialects bring."""
    return {f"dialects.{name}": dialect.settings for name, dialect in discover().items()}


def build(config: Config, dialects: Mapping[str, Dialect] | None = None) -> Kade:
    """Wire everything; nothing is opened yet."""
    found = discover() if dialects is None else dialects
    configured = tuple((each, config.section(f"dialects.{name}")) for name, each in found.items())
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
        dialects=configured,
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
        kade.store.close()
        await kade.catalog.close()


def serve(config: Config, listeners: Sequence[str]) -> None:
    """Serve these listeners until SIGTERM or SIGINT; then finish what is running.

    The folder's lock shows that whoever held leases in an embedded catalog is dead: nobody waits for them.

    Raises:
        AlreadyServing: when another process serves this data folder.
        OSError: when an address or a key file cannot be had.
    """
    import uvloop

    configure_logging(config)
    gc.freeze()  # what was imported stays; and the rest is seldom cyclic
    gc.set_threshold(50_000, 20, 100)
    with _folder_lock(config.data.folder), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, listeners))


async def _serve(config: Config, listeners: Sequence[str]) -> None:
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    kade = build(config)
    if not config.catalog.url:
        async with opened(kade):
            await kade.catalog.write(_release_leases)
        kade = build(config)
    async with running(kade, listeners):
        await stopping.wait()
        _log.info("stopping")


@asynccontextmanager
async def running(kade: Kade, listeners: Sequence[str] = ("web", "exchange")) -> AsyncIterator["Server"]:
    """The house with its listeners and everything that goes on in the background."""
    async with opened(kade):
        server = Server(kade, listeners)
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


class Server:
    """The listeners of one process, and what keeps them up to date."""

    def __init__(self, kade: Kade, listeners: Sequence[str]) -> None:
        config = kade.config
        self._kade = kade
        self._ready = False
        self._pool = BufferPool(config.storage.buffer_pool)
        self._windows = ReceiveWindows(config.storage.buffer_pool // _WINDOWS_SHARE)
        self._metrics = Metrics(dropped_notes=lambda: kade.audit.dropped)
        self._watching = Watching(kade.catalog)
        self._examining = Examining(kade.catalog, kade.store, detect)
        self._background: list[asyncio.Task[None]] = []
        self._reactions: set[asyncio.Task[None]] = set()
        self.bases: dict[str, str] = {}
        self._runner = Runner(kade.catalog, Capacity(config.tasks.at_once, config.tasks.per_lane))
        known = {"web": config.web, "exchange": config.exchange, "client": config.client}
        settings = {name: known[name] for name in listeners}
        self._authorities = client_authorities(settings)
        self._watched = watched(settings, self._authorities)
        self._revocations = RevocationWatch(self._watched, kade.catalog, kade.transfers)
        mounts = self._mounts(settings)
        self.listeners = {
            name: self._listener(name, each, MountRouter(name, mounts)) for name, each in settings.items()
        }

    async def start(self) -> None:
        """Bind every listener and begin the work in the background. Raises OSError."""
        kade = self._kade
        kade.audit.start()
        self._watching.react(self._on_change)
        await self._watching.start()
        await self._renew_trust()
        await self._revocations.refresh_all()
        for name, listener in self.listeners.items():
            await listener.start()
            scheme = "https" if listener.trust else "http"
            host = f"[{listener.address.host}]" if ":" in listener.address.host else listener.address.host
            self.bases[name] = f"{scheme}://{host.replace('0.0.0.0', 'localhost')}:{listener.address.port}"
        kade.digesting.begin_all_pending()
        self._runner.start()
        self._background = [
            asyncio.create_task(self._sweep_forever()),
            asyncio.create_task(self._examining.run()),
            asyncio.create_task(self._revocations.run()),
        ]
        self._ready = True

    async def stop(self) -> None:
        """Finish what is running, within the configured time; then let transfers store what they have."""
        self._ready = False
        await self._runner.close()
        listeners = self.listeners.values()
        await asyncio.gather(*(each.stop_accepting() for each in listeners))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._kade.config.limits.shutdown):
                await asyncio.gather(*(each.finished() for each in listeners))
        self._kade.transfers.stop_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CUT_S):
                await asyncio.gather(*(each.finished() for each in listeners))
        await asyncio.gather(*(each.abort() for each in listeners))
        await self._watching.close()
        others = [*self._background, *self._reactions]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._kade.audit.close()

    def _mounts(self, settings: Mapping[str, ListenerSettings]) -> list[Mount]:
        kade = self._kade
        kit = Kit(
            catalog=kade.catalog,
            store=kade.store,
            appending=kade.appending,
            digesting=kade.digesting,
            transfers=kade.transfers,
            audit=kade.audit,
            namers=kade.namers,
            rules=kade.rules,
            authentication=Authentication(
                kade.catalog,
                Passwords(kade.catalog),
                certificate_headers(settings),
                self._authorities,
                {name: each.lists for name, each in self._watched.items()},
            ),
            bases=self.bases,
            folder=kade.config.data.folder,
            ceiling=kade.config.uploads.quota or None,
            metadata_limit=kade.config.uploads.metadata_limit,
            ranges=kade.config.limits.ranges,
            runner=self._runner,
            listeners=frozenset(settings),
            sealer=kade.sealer,
            key_ring=kade.key_ring,
        )
        health = Router(
            [
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics.page),
            ]
        )
        mounts = [
            Mount("kade", name, prefix, health)
            for name in settings
            if name != "exchange"  # partners are told nothing of the house
            for prefix in ("/healthz", "/readyz", "/metrics")
        ]
        for dialect, each in kade.dialects:
            served = [mount for mount in dialect.mounts(kit, each) if mount.listener in settings]
            if served:
                self._runner.handle(dialect.handlers(kit, each))
            mounts += served
        return mounts

    def _listener(self, name: str, settings: ListenerSettings, app: ASGIApp) -> Listener:
        limits = self._kade.config.limits
        trust = None
        if settings.tls:
            assert settings.certificate and settings.key
            trust = Trust(
                settings.certificate, settings.key, settings.client_ca, settings.client_certificates
            )
        return Listener(
            name,
            Address(settings.host, settings.port),
            Observed(app, name, self._metrics),
            trust=trust,
            pool=self._pool,
            windows=self._windows,
            limits=ConnectionLimits(
                limits.header_timeout, limits.header_size, limits.drain, limits.slow_after
            ),
            keep_alive=limits.keep_alive,
            handshake_timeout=limits.handshake_timeout,
            connections=limits.connections,
            refused=lambda peer, reason: self._connection_refused(name, peer, reason),
        )

    def _connection_refused(self, listener: str, peer: str, reason: str) -> None:
        self._metrics.connection_refused(listener)
        _log.info("connection refused", listener=listener, client=peer, reason=reason)
        self._kade.audit.note(
            Event(
                "connection.refused",
                outcome=Outcome.REFUSED,
                reason=reason,
                origin=Origin(f"{listener}.handshake", "", peer),
            )
        )

    def _on_change(self, entry: JournalEntry) -> None:
        """Somebody changed something, here or in another process."""
        if entry.kind in ("credential.registered", "credential.revoked"):
            self._begin(self._renew_trust())
        if entry.kind in ("credential.revoked", "principal.removed"):
            self._kade.transfers.stop_of(entry.subject)
        if entry.kind in ("task.created", "task.resumed", "task.restarted"):
            self._runner.wake()
        if entry.kind in ("task.paused", "task.cancelled", "task.removed"):
            self._runner.stop(Id(entry.subject))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._reactions.add(task)
        task.add_done_callback(self._reacted)

    def _reacted(self, task: asyncio.Task[None]) -> None:
        self._reactions.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("a change was not taken over", exc_info=error)

    async def _renew_trust(self) -> None:
        registered = await self._kade.catalog.read(_registered_certificates)
        for listener in self.listeners.values():
            if listener.trust is not None and listener.trust.asks_for_certificates:
                await asyncio.to_thread(listener.trust.register, registered)

    async def _sweep_forever(self) -> None:
        orphans_dropped = False
        while True:
            try:
                if not orphans_dropped:
                    await self._kade.sweeping.drop_orphans()
                    orphans_dropped = True
                await self._kade.sweeping.sweep()
            except Exception:
                _log.exception("the sweep failed; the next one tries again")
            await asyncio.sleep(self._kade.config.storage.sweep_interval)

    async def _healthz(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _readyz(self, _request: Request) -> Response:
        try:
            await self._kade.catalog.read(lambda tx: tx.journal.last_position())
        except Exception:
            return PlainTextResponse("the catalog does not answer\n", 503)
        return PlainTextResponse("ready\n") if self._ready else PlainTextResponse("stopping\n", 503)


def _release_leases(tx: Tx) -> None:
    tx.uploads.release_all()
    tx.tasks.release_all()


def configure_logging(config: Config) -> None:
    """Log lines to standard error: JSON objects, or text for people."""
    level = getattr(logging, config.log.level.upper())
    as_json = config.log.format == "json"
    renderer = (
        structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event))
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what it refuses, we tell ourselves
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=(
            structlog.BytesLoggerFactory(sys.stderr.buffer)
            if as_json
            else structlog.PrintLoggerFactory(sys.stderr)
        ),
        cache_logger_on_first_use=True,
    )


def _catalog(config: Config) -> Catalog:
    url = config.catalog.url
    if not url:
        return SqliteCatalog(config.data.folder / "catalog.sqlite", config.catalog.readers)
    from kade.catalog.postgres import PostgresCatalog  # heavy, and not needed on SQLite

    return PostgresCatalog(asyncpg_url(url))


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


def _registered_certificates(tx: Tx) -> list[bytes]:
    found = tx.credentials.in_force(CredentialKind.CERTIFICATE)
    return [each.material for each in found if each.material is not None]


@contextlib.contextmanager
def _folder_lock(folder: Path) -> Iterator[IO[str]]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "serve.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyServing(f"another `kade serve` has the data folder {folder}") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock

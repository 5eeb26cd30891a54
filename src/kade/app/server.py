"""The listeners of one process, and what goes on in the background."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from kade.app.house import Kade, opened
from kade.auth.password import Passwords
from kade.config import Listener as ListenerSettings
from kade.core.events import Event, JournalEntry, Outcome
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import CredentialKind, Origin
from kade.services import rules, telling
from kade.services.examining import Examining
from kade.services.reacting import Reacting
from kade.services.watching import Watching
from kade.storage.detection import detect
from kade.tasks.runner import Capacity, Runner
from kade.web.authentication import Authentication, certificate_headers, client_authorities
from kade.web.buffers import BufferPool
from kade.web.dialect import Kit
from kade.web.metrics import Metrics
from kade.web.middleware.forwarded import Forwarded
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
        self._rules = Reacting(
            kade.catalog,
            "rules",
            lambda tx, entry: rules.apply(tx, kade.namers, entry),
            needed=lambda tx: tx.rules.exist(),
        )
        self._telling = Reacting(
            kade.catalog,
            "telling",
            telling.follow,
            needed=lambda tx: kade.mailer.ready or tx.webhooks.exist(),
        )
        known = {"web": config.web, "exchange": config.exchange, "client": config.client}
        settings = {name: known[name] for name in listeners}
        self._public_urls = {name: each.public_url.rstrip("/") for name, each in settings.items()}
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
            own = f"{scheme}://{host.replace('0.0.0.0', 'localhost')}:{listener.address.port}"
            self.bases[name] = self._public_urls[name] or own
        kade.digesting.begin_all_pending()
        self._runner.start()
        self._background = [
            asyncio.create_task(self._sweep_forever()),
            asyncio.create_task(self._examining.run()),
            asyncio.create_task(self._revocations.run()),
            asyncio.create_task(self._rules.run()),
            asyncio.create_task(self._telling.run()),
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
            behind=self._rules.lag,
            listeners=frozenset(settings),
            sealer=kade.sealer,
            key_ring=kade.key_ring,
            index=kade.index,
            extractor=kade.extractor,
            spool=kade.spool,
            keeper=kade.keeper,
            mailer=kade.mailer,
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
            Forwarded(Observed(app, name, self._metrics), settings.trusted_proxies),
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
        if entry.kind in ("file.created", "file.published"):
            self._rules.wake()
        if entry.kind.startswith(("request.", "contact.", "file.")):
            self._telling.wake()
        if entry.kind in ("credential.revoked", "principal.removed", "grant.revoked"):
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


def _registered_certificates(tx: Tx) -> list[bytes]:
    found = tx.credentials.in_force(CredentialKind.CERTIFICATE)
    return [each.material for each in found if each.material is not None]

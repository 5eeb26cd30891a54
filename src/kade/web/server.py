"""Listeners: sockets, TLS handshakes and connections; several in one process and one event loop.

Connections are accepted here and not by asyncio's server, so that a handshake that fails is seen with its
peer and its reason, and so that a connection too many is refused before it costs anything.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

import structlog
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from kade.web.buffers import BufferPool
from kade.web.protocol import ConnectionLimits, KadeHttpProtocol
from kade.web.trust import Trust
from kade.web.windows import ReceiveWindows

_log = structlog.get_logger("kade.web.server")
_BACKLOG = 2048
_GOODBYE_S = 3.0  # how long a client may take to end TLS when we have closed

Refused = Callable[[str, str], None]  # called with the peer's address and the reason


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener listens; port 0 takes a free one."""

    host: str
    port: int


class Listener:
    """One address with its application."""

    def __init__(
        self,
        name: str,
        address: Address,
        app: ASGIApp,
        *,
        trust: Trust | None,
        pool: BufferPool,
        windows: ReceiveWindows,
        limits: ConnectionLimits,
        keep_alive: float,
        handshake_timeout: float,
        connections: int,
        refused: Refused,
    ) -> None:
        self.name = name
        self.address = address
        self.trust = trust
        self._pool = pool
        self._windows = windows
        self._limits = limits
        self._handshake_timeout = handshake_timeout
        self._most = connections
        self._refused = refused
        self._state = ServerState()
        self._config = _uvicorn_config(app, keep_alive)
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._greeting = 0

    async def start(self) -> None:
        """Bind and accept. Raises OSError when the address cannot be had."""
        self._sockets = await _bound(self.address)
        self.address = Address(self.address.host, self._sockets[0].getsockname()[1])
        self._tasks = {asyncio.create_task(self._accept_forever(each)) for each in self._sockets}
        self._tasks.add(asyncio.create_task(self._keep_date()))
        _log.info("listening", listener=self.name, host=self.address.host, port=self.address.port)

    async def stop_accepting(self) -> None:
        """Refuse new connections, close idle ones; running requests go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._sockets:
            each.close()
        for connection in list(self._state.connections):
            connection.shutdown()

    async def finished(self) -> None:
        """Return once no request is running."""
        while self._state.tasks:
            await asyncio.wait(list(self._state.tasks))

    async def abort(self) -> None:
        """End what is still running."""
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._state.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def _accept_forever(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError as error:  # too many open files: others must end first
                _log.warning("cannot accept", listener=self.name, error=str(error))
                await asyncio.sleep(0.1)
                continue
            if len(self._state.connections) + self._greeting >= self._most:
                self._refused(str(peer[0]), "too many connections")
                connection.close()
                continue
            self._greeting += 1
            task = asyncio.create_task(self._greet(connection, str(peer[0])))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _greet(self, connection: socket.socket, peer: str) -> None:
        """Shake hands and hand the connection to HTTP."""
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self.trust.context if self.trust else None,
                ssl_handshake_timeout=self._handshake_timeout if self.trust else None,
                ssl_shutdown_timeout=_GOODBYE_S if self.trust else None,
            )
        except (OSError, ssl.SSLError) as error:
            self._refused(peer, _reason(error))
            connection.close()
        finally:
            self._greeting -= 1

    def _protocol(self) -> KadeHttpProtocol:
        return KadeHttpProtocol(self._config, self._state, self._pool, self._windows, self._limits)

    async def _keep_date(self) -> None:
        while True:
            self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
            await asyncio.sleep(1)


def _uvicorn_config(app: ASGIApp, keep_alive: float) -> Config:
    config = Config(
        app,
        http=KadeHttpProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=max(round(keep_alive), 1),
    )
    config.load()
    return config


async def _bound(address: Address) -> list[socket.socket]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _name, where in dict.fromkeys(found):
            each = socket.socket(family, kind, protocol)
            sockets.append(each)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.setblocking(False)
            each.bind(where)
            each.listen(_BACKLOG)
            if address.port == 0:
                break  # a second address would get another port
    except OSError as error:
        for each in sockets:
            with contextlib.suppress(OSError):
                each.close()
        asked = f"cannot listen on {address.host} port {address.port}"
        raise OSError(error.errno, error.strerror, asked) from error
    return sockets


def _reason(error: OSError) -> str:
    """Why a handshake failed, in a few words for the audit trail."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or "handshake failed").lower().replace("_", " ")
    return str(error) or "connection lost in the handshake"

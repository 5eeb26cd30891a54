"""A TCP proxy on loopback that fails on purpose: it cuts, resets, stalls, throttles or plays dead.

It sits in front of a plain or TLS port and counts the bytes that pass it (with TLS: the encrypted ones).
Each connection follows a `Plan`; `FaultProxy` is for asynchronous tests, `ThreadedFaultProxy` for the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

_PIECE = 65536

T = TypeVar("T")


class Fault(Enum):
    """What happens to a connection once a flow has passed its bytes."""

    CUT = "cut"
    """Both sides are closed in the ordinary way (FIN, or RST to a side whose bytes were left unread)."""
    RESET = "reset"
    """Both sides are closed by a TCP RST (SO_LINGER 0)."""
    STALL = "stall"
    """This flow stops for `Flow.stall_seconds` and then goes on."""
    HALF_DEAD = "half-dead"
    """Nothing is forwarded any more, either way, but both connections stay open."""


@dataclass(frozen=True)
class Flow:
    """What happens to one direction: at most `bytes_per_second`, and `fault` after `after` bytes."""

    fault: Fault | None = None
    after: int = 0
    stall_seconds: float = 0.0
    bytes_per_second: float | None = None


@dataclass(frozen=True)
class Plan:
    """What happens to one connection; without arguments everything passes."""

    to_server: Flow = Flow()
    to_client: Flow = Flow()


@dataclass
class Connection:
    """What has happened to one connection (bytes that were forwarded, the fault that struck)."""

    plan: Plan
    to_server: int = 0
    to_client: int = 0
    struck: Fault | None = None
    _task: asyncio.Task[None] | None = field(default=None, repr=False)
    _forwarding: asyncio.Task[None] | None = field(default=None, repr=False)


class FaultProxy:
    """Listens on 127.0.0.1 and forwards to a port; `async with` starts and stops it.

    Connections take their plan from `plan_next` in the order they are accepted, and `default` after that.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", default: Plan | None = None) -> None:
        self.target = (host, port)
        self.default = default or Plan()
        self.connections: list[Connection] = []
        self.port = 0
        self._plans: deque[Plan] = deque()
        self._listener: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    async def __aenter__(self) -> FaultProxy:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self._listener = asyncio.create_task(self._accept(self._socket))
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [self._listener, *(connection._task for connection in self.connections)]
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    def plan_next(self, *plans: Plan) -> None:
        """Give the next connections these plans, one each."""
        self._plans.extend(plans)

    async def strike(self, fault: Fault) -> None:
        """Let a fault (CUT, RESET or HALF_DEAD) strike every connection that is open now."""
        if fault is Fault.STALL:
            raise ValueError("a stall is part of a plan")
        for connection in self.connections:
            forwarding, task = connection._forwarding, connection._task
            if forwarding is None or task is None or forwarding.done():
                continue
            connection.struck = fault
            forwarding.cancel()
            await asyncio.wait([forwarding if fault is Fault.HALF_DEAD else task])

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            connection = Connection(self._plans.popleft() if self._plans else self.default)
            self.connections.append(connection)
            connection._task = asyncio.create_task(self._serve(connection, client))

    async def _serve(self, connection: Connection, client: socket.socket) -> None:
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sockets = (client, server)
        try:
            for sock in sockets:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(server, self.target)
            connection._forwarding = asyncio.create_task(_forward_both(connection, client, server))
            await asyncio.wait([connection._forwarding])
            if connection.struck is Fault.HALF_DEAD:
                await asyncio.Event().wait()  # until the proxy stops
            if connection.struck is Fault.RESET:
                _linger_zero(sockets)
        except ConnectionError:
            pass  # nobody listens behind the proxy: the client sees its connection closed
        finally:
            if connection._forwarding is not None:
                await _cancel([connection._forwarding])
            for sock in sockets:
                sock.close()


class ThreadedFaultProxy:
    """A `FaultProxy` with a thread and event loop of its own, for synchronous tests."""

    def __init__(self, port: int, host: str = "127.0.0.1", default: Plan | None = None) -> None:
        self._proxy = FaultProxy(port, host, default)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> ThreadedFaultProxy:
        self._thread.start()
        self._run(self._proxy.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._proxy.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self._proxy.port

    @property
    def connections(self) -> list[Connection]:
        """Every connection so far, in the order they were accepted."""
        return list(self._proxy.connections)

    def plan_next(self, *plans: Plan) -> None:
        """Give the next connections these plans, one each."""
        self._run(_call(lambda: self._proxy.plan_next(*plans)))

    def strike(self, fault: Fault) -> None:
        """Let a fault strike every connection that is open now."""
        self._run(self._proxy.strike(fault))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)


class _Struck(Exception):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault


async def _forward_both(connection: Connection, client: socket.socket, server: socket.socket) -> None:
    def count_up(size: int) -> None:
        connection.to_server += size

    def count_down(size: int) -> None:
        connection.to_client += size

    flows = [
        asyncio.create_task(_forward(client, server, connection.plan.to_server, count_up)),
        asyncio.create_task(_forward(server, client, connection.plan.to_client, count_down)),
    ]
    try:
        done, _ = await asyncio.wait(flows, return_when=asyncio.FIRST_EXCEPTION)
        for flow in done:
            flow.result()
    except _Struck as struck:
        connection.struck = struck.fault
    except ConnectionError:
        pass  # one side is gone; closing tells the other
    finally:
        await _cancel(flows)


async def _forward(
    source: socket.socket, sink: socket.socket, flow: Flow, count: Callable[[int], None]
) -> None:
    loop = asyncio.get_running_loop()
    passed = 0
    fault = flow.fault
    while True:
        if fault is not None and passed >= flow.after:
            if fault is not Fault.STALL:
                raise _Struck(fault)
            await asyncio.sleep(flow.stall_seconds)
            fault = None
        piece = await loop.sock_recv(source, _piece_size(flow, fault, passed))
        if not piece:
            _finish_sending(sink)
            return
        await loop.sock_sendall(sink, piece)
        passed += len(piece)
        count(len(piece))
        if flow.bytes_per_second is not None:
            await asyncio.sleep(len(piece) / flow.bytes_per_second)


def _piece_size(flow: Flow, fault: Fault | None, passed: int) -> int:
    # A throttled flow moves in tenths of a second, so that slow does not mean in bursts.
    size = _PIECE if flow.bytes_per_second is None else max(1, int(flow.bytes_per_second / 10))
    size = min(size, _PIECE)
    return size if fault is None else min(size, flow.after - passed)


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _call(action: Callable[[], None]) -> None:
    action()


def _finish_sending(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side may be gone already
        sock.shutdown(socket.SHUT_WR)


def _linger_zero(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

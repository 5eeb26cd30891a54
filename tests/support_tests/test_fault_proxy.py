"""Each fault must do what its name says, at the byte it was told."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.fault_proxy import Fault, FaultProxy, Flow, Plan, ThreadedFaultProxy


class Echo:
    """Sends back what it gets and remembers it, and how the connection ended."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ends: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.received += data
                writer.write(data)
                await writer.drain()
            self.ends.append("fin")
        except ConnectionResetError:
            self.ends.append("rst")
        finally:
            writer.close()

    async def end(self) -> str:
        for _ in range(500):
            if self.ends:
                return self.ends[0]
            await asyncio.sleep(0.01)
        raise TimeoutError("the connection did not end")


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    async with server:
        yield echo


async def _send_and_read(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if writer.can_write_eof():
        writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


async def test_without_a_plan_everything_passes(echo: Echo) -> None:
    data = bytes(range(256)) * 4000
    async with FaultProxy(echo.port) as proxy:
        assert await _send_and_read(proxy.port, data) == data
        assert proxy.connections[0].to_server == len(data)
        assert proxy.connections[0].to_client == len(data)
        assert proxy.connections[0].struck is None
        assert await echo.end() == "fin"


async def test_cut_to_the_server(echo: Echo) -> None:
    async with FaultProxy(echo.port, default=Plan(to_server=Flow(Fault.CUT, after=1000))) as proxy:
        with pytest.raises(ConnectionResetError):
            # The unread rest of what the client sent turns its FIN into a RST.
            await _send_and_read(proxy.port, b"x" * 5_000_000)
        assert await echo.end() in ("fin", "rst")
        assert len(echo.received) == 1000
        assert proxy.connections[0].struck is Fault.CUT


async def test_cut_to_the_client(echo: Echo) -> None:
    async with FaultProxy(echo.port, default=Plan(to_client=Flow(Fault.CUT, after=10))) as proxy:
        assert await _send_and_read(proxy.port, b"0123456789abcdef") == b"0123456789"


async def test_reset_reaches_both_sides(echo: Echo) -> None:
    async with FaultProxy(echo.port, default=Plan(to_server=Flow(Fault.RESET, after=5))) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"12345")
        with pytest.raises(ConnectionResetError):
            while await asyncio.wait_for(reader.read(10), 5):
                pass
        writer.close()
        assert await echo.end() == "rst"


async def test_a_stall_ends(echo: Echo) -> None:
    plan = Plan(to_server=Flow(Fault.STALL, after=3, stall_seconds=0.3))
    async with FaultProxy(echo.port, default=plan) as proxy:
        started = time.monotonic()
        assert await _send_and_read(proxy.port, b"abcdef") == b"abcdef"
        assert time.monotonic() - started >= 0.3
        assert proxy.connections[0].struck is None


async def test_half_dead_keeps_both_sides_open(echo: Echo) -> None:
    async with FaultProxy(echo.port, default=Plan(to_server=Flow(Fault.HALF_DEAD, after=3))) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"abcdef")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(4), 0.3)
        assert bytes(echo.received) == b"abc"
        assert echo.ends == []
        assert proxy.connections[0].struck is Fault.HALF_DEAD
    assert await echo.end() in ("fin", "rst")
    writer.close()


async def test_throttle_keeps_the_rate(echo: Echo) -> None:
    plan = Plan(to_server=Flow(bytes_per_second=10_000))
    async with FaultProxy(echo.port, default=plan) as proxy:
        started = time.monotonic()
        assert await _send_and_read(proxy.port, b"x" * 5000) == b"x" * 5000
        assert 0.4 <= time.monotonic() - started < 3


async def test_plans_are_used_in_order(echo: Echo) -> None:
    async with FaultProxy(echo.port) as proxy:
        proxy.plan_next(Plan(to_client=Flow(Fault.CUT, after=1)), Plan(to_client=Flow(Fault.CUT, after=2)))
        assert [await _send_and_read(proxy.port, b"abc") for _ in range(3)] == [b"a", b"ab", b"abc"]


async def test_a_closed_port_closes_the_client() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with FaultProxy(unused.getsockname()[1]) as proxy:
            assert await _send_and_read(proxy.port, b"") == b""


@pytest.fixture
def blocking_echo() -> Iterator[int]:
    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
            except ConnectionError:
                pass  # the fault under test

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.RESET, Fault.HALF_DEAD])
def test_strike_from_a_thread(blocking_echo: int, fault: Fault) -> None:
    with ThreadedFaultProxy(blocking_echo) as proxy:
        proxy.plan_next(Plan())
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
            client.sendall(b"hello")
            assert client.recv(5) == b"hello"
            proxy.strike(fault)
            assert proxy.connections[0].struck is fault
            client.settimeout(0.3)
            if fault is Fault.CUT:
                assert client.recv(1) == b""
            else:
                expected = ConnectionResetError if fault is Fault.RESET else TimeoutError
                with pytest.raises(expected):
                    client.recv(1)


def test_a_stall_cannot_strike() -> None:
    with ThreadedFaultProxy(1) as proxy, pytest.raises(ValueError, match="plan"):
        proxy.strike(Fault.STALL)

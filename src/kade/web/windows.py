"""TCP receive windows, shared among the bodies that are being received.

What the kernel holds for a connection is read at once, and a TLS layer keeps buffers of that size as long as
the connection lives. So the windows of all bodies together get a budget: few uploads have windows as large
as they like, many share it, and each keeps enough for its line.
"""

import contextlib
import socket
from typing import Protocol

_SMALLEST = 64 << 10


class TcpSocket(Protocol):
    """What a transport gives as its socket."""

    def setsockopt(self, level: int, name: int, value: int, /) -> None: ...


class ReceiveWindows:
    """Divides *budget* bytes among the sockets that receive a body."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._sockets: set[TcpSocket] = set()
        self._share = budget

    def enter(self, connection: TcpSocket) -> None:
        """A body begins on *connection*."""
        self._sockets.add(connection)
        self._divide()
        _clamp(connection, self._share)

    def leave(self, connection: TcpSocket) -> None:
        """The body on *connection* is over."""
        self._sockets.discard(connection)

    def _divide(self) -> None:
        """Give everybody a new share when their number has doubled or halved."""
        fair = max(self._budget // (1 << len(self._sockets).bit_length()), _SMALLEST)
        if fair != self._share:
            self._share = fair
            for each in self._sockets:
                _clamp(each, fair)


def _clamp(connection: TcpSocket, window: int) -> None:
    with contextlib.suppress(OSError):  # the connection may be gone already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)

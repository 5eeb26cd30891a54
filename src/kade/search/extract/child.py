"""The process that reads files: ``python -I -m kade.search.extract.child``, started by ``ChildExtractor``.

Its only link to the world is the socket that is its standard input. It is told its limits, gives up what it
does not need, and then reads one file after the other, until the other end is closed.
"""

import os
import resource
import socket
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

import msgspec

from kade.core.extraction import Extracted, Remark, RemarkKind
from kade.search.extract import reading, sandbox
from kade.search.extract.limits import Limits
from kade.search.extract.wire import HEAD, Ready, Reply, Request, Start, frame

_LONGEST_REQUEST = 16 << 20
_GRACE = 5  # seconds after which a child ends itself that nobody ended in time


def main() -> None:
    """Serve the socket at descriptor 0."""
    line = socket.socket(fileno=os.dup(0))
    body, _ = _receive(line)
    start = msgspec.msgpack.decode(body, type=Start)
    folder = Path(start.folder)
    tempfile.tempdir = str(folder)
    os.chdir(folder)
    refused = sandbox.enter(start.limits, folder)
    reading.prepare()
    line.sendall(frame(Ready(refused)))
    served = 0
    while True:
        body, descriptors = _receive(line)
        if not body:
            return
        served += 1
        request = msgspec.msgpack.decode(body, type=Request)
        with os.fdopen(descriptors[0], "rb", closefd=True) as file:
            reply = _serve(file, request, start.limits, folder)
        sandbox.allow_seconds(start.limits.cpu, 0)
        spent = reply.spent or served >= start.limits.files or _held() > start.limits.grown
        line.sendall(frame(Reply(reply.found, reply.written, spent)))


def _serve(file: BinaryIO, request: Request, limits: Limits, folder: Path) -> Reply:
    sandbox.allow_seconds(limits.cpu, limits.wall + _GRACE)
    try:
        return Reply(*reading.read(file, request.name, limits, request.wanted, folder))
    except MemoryError:  # what holds the memory is in the traceback; the next file gets a new process
        return Reply(Extracted(remarks=(Remark(RemarkKind.OUT_OF_MEMORY),)), {}, spent=True)


def _receive(line: socket.socket) -> tuple[bytes, list[int]]:
    """The next message, and the descriptors that came with it; empty when the other end is closed."""
    head, descriptors, _flags, _address = socket.recv_fds(line, HEAD.size, 1)
    if not head:
        return b"", []
    head += _exactly(line, HEAD.size - len(head))
    (length,) = HEAD.unpack(head)
    if length > _LONGEST_REQUEST:
        sys.exit("a message that is too long")
    return _exactly(line, length), list(descriptors)


def _exactly(line: socket.socket, length: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < length:
        piece = line.recv(length - len(pieces))
        if not piece:
            sys.exit("a message that ends too soon")
        pieces += piece
    return bytes(pieces)


def _held() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()

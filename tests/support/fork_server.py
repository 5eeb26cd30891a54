"""`kade` commands in processes that are forked from one that has imported everything already.

An import of Kade takes longer than most of what a test asks of it. A command started here is a real process:
with its own pid, its own memory, files and environment, the default answers to signals, and an end by SIGKILL
that nothing outlives. What it shares with its siblings is the code that was loaded, and a parent, which tells
how it ended. What is not tested here is the start of the interpreter itself and the program's own file;
`KadeServer(command=…)` does that.

The parent is `python -m tests.support.fork_server SOCKET`; it has one thread and imports nothing but Kade. It
ends when the pipe on its standard input does, so it never outlives the tests.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TypedDict


class ForkedProcess:
    """A command that runs in *folder* (None: here): what of ``subprocess.Popen`` the tests use."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        stdout: IO[bytes],
        stderr: IO[bytes],
        folder: Path | None = None,
    ) -> None:
        self.args = list(arguments)
        self.returncode: int | None = None
        self._channel = _server().connect()
        request = {
            "arguments": self.args,
            "environment": dict(environment),
            "folder": str(folder or Path.cwd()),
        }
        message = json.dumps(request).encode()
        socket.send_fds(self._channel, [len(message).to_bytes(4, "big")], [stdout.fileno(), stderr.fileno()])
        self._channel.sendall(message)
        self.pid = int.from_bytes(_exactly(self._channel, 4), "big")

    def poll(self) -> int | None:
        """The exit status, minus the signal's number if one ended it; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._channel, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            self.returncode = int.from_bytes(_exactly(self._channel, 4), "big", signed=True)
            self._channel.close()
        return self.returncode


def run_forked(
    arguments: Sequence[str], environment: Mapping[str, str], timeout: float, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as ``subprocess.run`` does. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = ForkedProcess(arguments, environment, stdout, stderr, folder)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            raise
        printed = []
        for file in (stdout, stderr):
            file.seek(0)
            printed.append(file.read().decode())
    return subprocess.CompletedProcess(process.args, process.wait(), *printed)


class _Server:
    """The parent, as the tests see it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kade-fork-")
        self._address = str(Path(self._folder.name) / "socket")
        command = [sys.executable, "-m", "tests.support.fork_server", self._address]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("the fork server did not start")
        atexit.register(self.close)

    def connect(self) -> socket.socket:
        channel = socket.socket(socket.AF_UNIX)
        channel.connect(self._address)
        return channel

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


_lock = threading.Lock()
_running: list[_Server] = []


def _server() -> _Server:
    with _lock:
        if not _running:
            _running.append(_Server())
        return _running[0]


def _exactly(channel: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        piece = channel.recv(count - len(received))
        if not piece:
            raise RuntimeError("the fork server is gone")
        received += piece
    return received


# The parent itself, in its own process


class _Request(TypedDict):
    arguments: list[str]
    environment: dict[str, str]
    folder: str


def _serve(address: str) -> tuple[_Request, list[int]] | None:
    """Fork for each request; in a child, what it is asked and its outputs, in the parent None at the end."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    wake_reader, wake_writer = socket.socketpair()
    wake_writer.setblocking(False)
    signal.set_wakeup_fd(wake_writer.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    channels: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for source in (listener, wake_reader, sys.stdin):
            selector.register(source, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            sources = [key.fileobj for key, _ in selector.select()]
            if sys.stdin in sources:
                return None
            if wake_reader in sources:
                wake_reader.recv(4096)
                _tell_ends(channels)
            if listener in sources:
                channel, _ = listener.accept()
                request, outputs = _receive(channel)
                pid = os.fork()
                if pid == 0:
                    return request, outputs
                for output in outputs:
                    os.close(output)
                channels[pid] = channel
                channel.sendall(pid.to_bytes(4, "big"))


def _import_everything() -> None:
    import kade

    for module in pkgutil.walk_packages(kade.__path__, "kade."):
        # Migrations are run by alembic, which loads them by their paths.
        if not module.name.endswith(".__main__") and ".migrations." not in module.name:
            importlib.import_module(module.name)


def _receive(channel: socket.socket) -> tuple[_Request, list[int]]:
    length, outputs, _, _ = socket.recv_fds(channel, 4, 2)
    request: _Request = json.loads(_exactly(channel, int.from_bytes(length, "big")))
    return request, outputs


def _tell_ends(channels: dict[int, socket.socket]) -> None:
    while channels:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with channels.pop(pid) as channel, contextlib.suppress(OSError):
            channel.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _become(request: _Request, outputs: list[int]) -> None:
    """In the child: keep nothing of the parent but its modules."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for target, output in zip((1, 2), outputs, strict=True):
        os.dup2(output, target)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if descriptor > 2:
            with contextlib.suppress(OSError):  # the listing's own is closed already
                os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["kade", *request["arguments"]]


def _main(address: str) -> int:
    from kade.cli import main

    _import_everything()
    assert threading.active_count() == 1, "a fork copies one thread only"
    gc.freeze()  # what is shared stays shared
    asked = _serve(address)
    if asked is None:
        return 0
    _become(*asked)
    return main(asked[0]["arguments"])


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))

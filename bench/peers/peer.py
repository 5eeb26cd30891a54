"""What the benchmarks ask of a server, and what the peers share."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol

from tests.support import pki
from tests.support.kade_server import ServerFailed

from bench.jobs import Protocol as Wire
from bench.jobs import Target


class Security(Enum):
    """How the client and the server talk."""

    PLAIN = "plain"
    MTLS = "mtls"


class Capability(Enum):
    """What a server can be asked to do."""

    UPLOAD = "upload"
    CREATE = "create"
    SMALL_UPLOAD = "small-upload"
    HEAD = "head"
    DOWNLOAD = "download"
    RANGE = "range"


class PeerMissing(Exception):
    """The peer is not installed; the message says what to install."""


class Peer(Protocol):
    """A server under measurement."""

    name: str
    durable: bool
    """Whether an acknowledged byte survives a power cut."""
    capabilities: frozenset[Capability]

    @property
    def pid(self) -> int:
        """The process whose tree is the server."""

    def version(self) -> str:
        """Give the version, for the report; raises `PeerMissing`."""

    def start(self, security: Security, folder: Path) -> Target:
        """Start in an empty folder and wait until it answers."""

    def stop(self) -> None:
        """End it; harmless when it does not run."""


class ServerProcess:
    """A server process that writes its log into a file and is ended by SIGTERM."""

    def __init__(self, command: Sequence[str], log: Path, port: int) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            self._wait_for_port(port, log)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL when it has not ended after ten seconds."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_for_port(self, port: int, log: Path) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise ServerFailed(f"not listening on {port}:\n{log.read_text(errors='replace')}")


class Certificates:
    """A test authority with a server and a client certificate, written below a folder."""

    def __init__(self, folder: Path) -> None:
        authority = pki.Authority.create("Benchmark authority")
        self.authority = authority.identity.write(folder, "ca").certificate
        self.server = authority.issue_server().write(folder, "server")
        self.client = authority.issue_client("bench").write(folder, "client")

    def target(self, security: Security, port: int, protocol: Wire) -> Target:
        """Describe a server that uses these certificates and keeps its files below /files."""
        secure = security is Security.MTLS
        return Target(
            port=port,
            protocol=protocol,
            uploads="/files",
            downloads="/files",
            authority=str(self.authority) if secure else None,
            certificate=str(self.client.certificate) if secure else None,
            key=str(self.client.key) if secure else None,
        )


def first_line(command: Sequence[str], missing: str) -> str:
    """Run a command that prints a version and give its first line; raises `PeerMissing(missing)`."""
    try:
        result = subprocess.run(command, capture_output=True, check=False, text=True)
    except FileNotFoundError:
        raise PeerMissing(missing) from None
    if result.returncode != 0:
        raise PeerMissing(missing)
    return (result.stdout + result.stderr).strip().splitlines()[0]

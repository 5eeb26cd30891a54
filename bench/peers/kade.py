"""Kade itself, run as its users run it: `kade init`, `kade serve`, one user with a client certificate."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from tests.support import pki
from tests.support.kade_server import KadeServer

from bench.jobs import Target
from bench.peers.peer import Capability, PeerMissing, Security, first_line

_CERTIFICATE_HEADER = "X-Client-Cert"

_PLAIN = {
    # As behind a proxy that ends TLS: the certificate comes in a header, from a trusted address.
    "KADE_EXCHANGE_TLS": "false",
    "KADE_EXCHANGE_CLIENT_CERTIFICATE_HEADER": _CERTIFICATE_HEADER,
    "KADE_EXCHANGE_TRUSTED_PROXIES": "127.0.0.1",
}

_EATMYDATA = "libeatmydata.so"


class KadePeer:
    """Kade; with `synchronise` off its syncs are no-ops (eatmydata), which is how the others acknowledge.

    `command` is the program with its first arguments (default: the `kade` beside this Python).
    """

    capabilities = frozenset(Capability)

    def __init__(self, synchronise: bool = True, command: Sequence[str] | None = None) -> None:
        self.name = "kade" if synchronise else "kade-nosync"
        self.durable = synchronise
        self._command = list(command or [str(Path(sys.executable).parent / "kade")])
        self._server: KadeServer | None = None

    @property
    def pid(self) -> int:
        if self._server is None:
            raise RuntimeError("kade does not run")
        return self._server.pid

    def version(self) -> str:
        if not self.durable and shutil.which("eatmydata") is None:
            raise PeerMissing("eatmydata (Debian: eatmydata)")
        return first_line([*self._command, "--version"], "the kade command")

    def start(self, security: Security, folder: Path) -> Target:
        environment = dict(_PLAIN) if security is Security.PLAIN else {}
        if not self.durable:
            environment["LD_PRELOAD"] = _EATMYDATA
        server = KadeServer(folder, command=self._command, environment=environment)
        self._server = server
        server.initialise()
        server.start()
        return _target(server, security, folder)

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def _target(server: KadeServer, security: Security, folder: Path) -> Target:
    identity = server.register_user("bench").identity
    files = identity.write(folder / "bench", "client")
    secure = security is Security.MTLS
    return Target(
        port=server.exchange_port,
        protocol="tus",
        uploads="/files/upload",
        downloads="/files/download",
        headers={} if secure else {_CERTIFICATE_HEADER: _header_value(identity)},
        authority=str(folder / "pki" / "ca.crt") if secure else None,
        certificate=str(files.certificate) if secure else None,
        key=str(files.key) if secure else None,
    )


def _header_value(identity: pki.Identity) -> str:
    return quote(identity.pem.decode("ascii"), safe="")

"""@tus/server with @tus/file-store on node, one process; it acknowledges without a sync."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.kade_server import free_ports

from bench.jobs import Target
from bench.peers.peer import Capability, Certificates, PeerMissing, Security, ServerProcess, first_line

_FOLDER = Path(__file__).parent.parent.parent / "tests" / "interop" / "node"
_PACKAGE = _FOLDER / "node_modules" / "@tus" / "server" / "package.json"


class TusNodePeer:
    """The tus reference server on node. It serves whole downloads only."""

    name = "tus-node"
    durable = False
    capabilities = frozenset(Capability) - {Capability.RANGE}

    def __init__(self) -> None:
        self._process: ServerProcess | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("@tus/server does not run")
        return self._process.pid

    def version(self) -> str:
        node = first_line(["node", "--version"], "node (Debian: nodejs)")
        if not _PACKAGE.exists():
            raise PeerMissing("@tus/server (npm ci in tests/interop/node)")
        return f"@tus/server {json.loads(_PACKAGE.read_text())['version']}, node {node}"

    def start(self, security: Security, folder: Path) -> Target:
        certificates = Certificates(folder / "pki")
        port = free_ports(1)[0]
        store = folder / "store"
        store.mkdir()
        command = ["node", str(_FOLDER / "tus_server.mjs"), str(port), str(store)]
        if security is Security.MTLS:
            files = (certificates.server.certificate, certificates.server.key, certificates.authority)
            command += [str(file) for file in files]
        self._process = ServerProcess(command, folder / "node.log", port)
        return certificates.target(security, port, "tus")

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

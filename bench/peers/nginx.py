"""nginx of Debian: PUT by its dav module, downloads as static files; it acknowledges without a sync."""

from __future__ import annotations

import getpass
import shutil
from pathlib import Path

from tests.support.kade_server import free_ports

from bench.jobs import Target
from bench.peers.peer import Capability, Certificates, PeerMissing, Security, ServerProcess, first_line

_MISSING = "nginx with its dav module (Debian: nginx-light)"

_CONFIGURATION = """\
user {user};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_processes auto;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port}{tls};
        root {folder}/root;
        location /files/ {{
            dav_methods PUT;
            create_full_put_path on;
        }}
{tls_lines}
    }}
}}
"""

_TLS_LINES = """\
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_client_certificate {authority};
        ssl_verify_client on;
        ssl_protocols TLSv1.2 TLSv1.3;
"""


class NginxPeer:
    """nginx with one worker for each core."""

    name = "nginx"
    durable = False
    capabilities = frozenset(Capability) - {Capability.CREATE}

    def __init__(self) -> None:
        self._process: ServerProcess | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("nginx does not run")
        return self._process.pid

    def version(self) -> str:
        return first_line([_program(), "-v"], _MISSING).removeprefix("nginx version: ")

    def start(self, security: Security, folder: Path) -> Target:
        program = _program()
        (folder / "root" / "files").mkdir(parents=True)
        certificates = Certificates(folder / "pki")
        port = free_ports(1)[0]
        tls_lines = _TLS_LINES.format(
            certificate=certificates.server.certificate,
            key=certificates.server.key,
            authority=certificates.authority,
        )
        secure = security is Security.MTLS
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                user=getpass.getuser(),
                folder=folder,
                port=port,
                tls=" ssl" if secure else "",
                tls_lines=tls_lines if secure else "",
            )
        )
        command = [program, "-c", str(configuration), "-e", str(folder / "error.log"), "-p", str(folder)]
        self._process = ServerProcess(command, folder / "nginx.log", port)
        return certificates.target(security, port, "put")

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None


def _program() -> str:
    # Debian keeps it in /usr/sbin, which is not on every user's path.
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        raise PeerMissing(_MISSING)
    return found

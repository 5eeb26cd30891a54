"""A tiny stand-in for the `kade` command: enough of its contract to test the test tools, kept on disk.

`init FOLDER`, `--config FILE serve`, `--config FILE cert issue NAME --out FOLDER`; the web listener answers
/readyz and POST /service/rest/v1/users, the exchange listener (mutual TLS, or plain when KADE_EXCHANGE_TLS is
false) creates, appends, tells and downloads uploads. Its log is one JSON line per request.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import secrets
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from tests.support import pki


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: ClassVar[Path]

    def log_message(self, format: str, *arguments: object) -> None:
        # One write for the whole line: requests are served by several threads.
        sys.stderr.write(json.dumps({"event": format % arguments}) + "\n")

    def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204 and "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def read_body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = bytearray()
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers are of no interest here
        return bytes(body)


class _Web(_Handler):
    _ids = itertools.count()

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/readyz" else 404)

    def do_POST(self) -> None:
        user = json.loads(self.read_body())
        key = (self.folder / "admin.key").read_text()
        if self.headers["Authorization"] != f"Bearer {key}":
            self.answer(401)
        elif not base64.b64decode(user["certificate"]):
            self.answer(500)
        else:
            self.answer(200, {"Content-Type": "application/json"}, str(next(self._ids)).encode())


class _Exchange(_Handler):
    def do_POST(self) -> None:
        body = self.read_body()
        if self.headers["X-HTTP-Method-Override"] == "PATCH":
            self._append(body)
            return
        name = secrets.token_hex(8)
        (self.folder / name).touch()
        (self.folder / f"{name}.json").write_text(
            json.dumps([self.headers["Upload-Length"], self.headers["Upload-Metadata"]])
        )
        self.answer(201, {"Location": f"/files/upload/{name}", "Upload-Offset": "0"})

    def do_PATCH(self) -> None:
        self._append(self.read_body())

    def do_HEAD(self) -> None:
        data = self._file()
        if data is None:
            self.answer(404)
        elif self.path.startswith("/files/upload/"):
            self.answer(200, {"Upload-Offset": str(data.stat().st_size)})
        else:
            headers = {
                "Content-Length": str(data.stat().st_size),
                "Content-Type": "text/plain",
                "Content-Disposition": 'attachment; filename="stand in.txt"',
            }
            self.answer(200, headers)

    def do_GET(self) -> None:
        data = self._file()
        if data is None:
            self.answer(404)
            return
        body, size = data.read_bytes(), data.stat().st_size
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or "")
        if wanted is None:
            self.answer(200, {}, body)
            return
        start, end = int(wanted[1]), min(int(wanted[2]), size - 1)
        self.answer(206, {"Content-Range": f"bytes {start}-{end}/{size}"}, body[start : end + 1])

    def _append(self, body: bytes) -> None:
        data = self._file()
        if data is None:
            self.answer(404)
        elif self.headers["Upload-Offset"] != str(data.stat().st_size):
            self.answer(409)
        else:
            with data.open("ab") as output:
                output.write(body)
            self.answer(204, {"Upload-Offset": str(data.stat().st_size)})

    def _file(self) -> Path | None:
        name = re.fullmatch(r"/files/(?:upload|download)/([0-9a-f]{16})", self.path)
        return self.folder / name[1] if name and (self.folder / name[1]).exists() else None


def _initialise(folder: Path) -> None:
    authority = pki.Authority.create("Stand-in authority")
    authority.identity.write(folder / "pki", "ca")
    authority.issue_server("localhost", "127.0.0.1").write(folder / "pki", "server")
    (folder / "kade.toml").write_text("")
    key = secrets.token_hex(16)
    (folder / "admin.key").write_text(key)
    print(json.dumps({"admin_key": key}))


def _serve(folder: Path) -> None:
    _Handler.folder = folder
    web = ThreadingHTTPServer(("127.0.0.1", int(os.environ["KADE_WEB_PORT"])), _Web)
    exchange = ThreadingHTTPServer(("127.0.0.1", int(os.environ["KADE_EXCHANGE_PORT"])), _Exchange)
    if os.environ.get("KADE_EXCHANGE_TLS") != "false":
        certificate, key = folder / "pki" / "server.crt", folder / "pki" / "server.key"
        authority = (folder / "pki" / "ca.crt").read_bytes()
        context = pki.server_context(pki.Authority.load(certificate, key).identity, [authority])
        exchange.socket = context.wrap_socket(exchange.socket, server_side=True)
    if os.environ.get("STAND_IN_IGNORES_TERM"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    for server in (web, exchange):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()


def main(arguments: list[str]) -> None:
    """Obey one command line."""
    if arguments[0] == "init":
        _initialise(Path(arguments[1]))
        return
    folder = Path(arguments[1]).parent
    match arguments[2:]:
        case ["serve"]:
            _serve(folder)
        case ["cert", "issue", name, "--out", out]:
            authority = pki.Authority.load(folder / "pki" / "ca.crt", folder / "pki" / "ca.key")
            authority.issue_client(name).write(Path(out), name)
        case unknown:
            raise SystemExit(f"unknown command: {unknown}")


if __name__ == "__main__":
    main(sys.argv[1:])

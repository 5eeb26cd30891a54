"""A real `kade serve` process on free loopback ports, in a folder of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from tests.support import pki
from tests.support.fork_server import ForkedProcess, run_forked
from tests.support.processes import MemorySampler, cpu_seconds, process_tree
from tests.support.raw_http import RawConnection

PROGRAM = (str(Path(sys.executable).parent / "kade"),)
"""The program as people start it."""

START_TIMEOUT = 30.0
"""Seconds until the server must be ready."""


class ServerFailed(Exception):
    """The server or a command did not do what it should; the message ends with what it wrote."""


@dataclass(frozen=True)
class User:
    """A user that the server knows, with the certificate it was registered with."""

    id: int
    name: str
    identity: pki.Identity


class KadeServer:
    """Makes a folder with `kade init`, serves it, and can be killed and started again on the same data.

    `command` is the program with its first arguments (default: `kade`, in processes that `fork_server`
    gives, which have imported everything; `PROGRAM` is the `kade` beside this Python);
    `environment` is added to the process's own, e.g. `{"KADE_EXCHANGE_TLS": "false"}`;
    `wrapper` goes before the serve command, e.g. `["strace", "-f", "-o", path]`;
    `stop_timeout` is how many seconds it may take to end after SIGTERM.
    As a context manager it initialises, starts and stops. The ports stay the same over a restart.
    """

    served: tuple[str, ...] = ("serve",)
    """What serves, as arguments of the program."""

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
        stop_timeout: float = 30.0,
    ) -> None:
        self.folder = folder
        self.stop_timeout = stop_timeout
        # The loader and the interpreter look at these when a program starts, and a fork starts none.
        needs_start = any(name.startswith(("LD_", "PYTHON")) for name in environment or ())
        self.forked = command is None and not needs_start
        self.command = list(command or PROGRAM)
        self.environment = dict(environment or {})
        self.wrapper = list(wrapper)
        self.web_port, self.exchange_port = free_ports(2)
        self.admin_key = ""
        self.log_file = folder / "serve.log"
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None

    def __enter__(self) -> Self:
        self.initialise()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Life

    def initialise(self) -> None:
        """Run `kade init`, which makes configuration, keys and store, and keep the admin key it prints."""
        printed = self._run_command("init", str(self.folder), "--host", "localhost", "--json")
        self.admin_key = str(json.loads(printed)["admin_key"])

    def start(self) -> None:
        """Start `kade serve` and wait until it is ready."""
        if self._process is not None:
            raise ServerFailed("it runs already")
        with self.log_file.open("ab") as log:
            self._process = self._spawn(["--config", str(self.config), *self.served], log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def stop(self) -> int:
        """Send SIGTERM, wait for the end and give the exit status."""
        process = self._running()
        os.kill(self.pid, signal.SIGTERM)
        try:
            return process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"it did not end within {self.stop_timeout} s\n{self.log_tail()}") from None
        finally:
            self._process = None

    def kill(self) -> None:
        """Send SIGKILL to the server and its children, and wait: nothing of it runs afterwards."""
        process = self._running()
        descendants = [*_descendants(process.pid), process.pid]
        for pid in descendants:
            _kill_if_alive(pid)
        process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop when it runs, and start again on the same data and ports."""
        if self._process is not None:
            self.stop()
        self.start()

    def close(self) -> None:
        """End the process in whatever state it is; harmless when it does not run."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            try:
                self.stop()
            except ServerFailed:
                return  # killed already; the test has its own verdict
        self._process = None

    # What it is

    @property
    def config(self) -> Path:
        return self.folder / "kade.toml"

    @property
    def authority(self) -> pki.Authority:
        """The development authority: tests can sign good and bad certificates with it."""
        return pki.Authority.load(self.folder / "pki" / "ca.crt", self.folder / "pki" / "ca.key")

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def exchange_url(self) -> str:
        return f"https://localhost:{self.exchange_port}"

    @property
    def pid(self) -> int:
        """The process id of the server itself, also when it runs inside a wrapper."""
        pid = self._running().pid
        if not self.wrapper:
            return pid
        children = _descendants(pid)
        return children[0] if children else pid

    @property
    def cpu_seconds(self) -> float:
        """User and system seconds that the server has used since it started."""
        return cpu_seconds(self.pid)

    def sample_memory(self) -> MemorySampler:
        """Sample the server's memory every 100 ms as long as the returned context is open."""
        return MemorySampler(self.pid)

    def log_lines(self) -> list[str]:
        """Everything the server has written since the folder was made, over restarts."""
        return self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()

    def log_events(self) -> list[dict[str, Any]]:
        """The log as JSON objects; raises ValueError when a line is not one."""
        return [json.loads(line) for line in self.log_lines()]

    def log_tail(self, lines: int = 20) -> str:
        return "\n".join(self.log_lines()[-lines:]) if self.log_file.exists() else ""

    # What one can do with it

    def run(self, *arguments: str) -> str:
        """Run `kade --config … <arguments>` to its end and give what it printed."""
        return self._run_command("--config", str(self.config), *arguments)

    def issue_certificate(self, name: str, out: Path) -> pki.IdentityFiles:
        """Run `kade cert issue`; it writes certificate, key and PKCS#12 file into `out`."""
        self.run("cert", "issue", name, "--out", str(out))
        return pki.IdentityFiles(out / f"{name}.crt", out / f"{name}.key")

    def register_user(self, name: str, identity: pki.Identity | None = None) -> User:
        """Register a user over REST, with a new certificate of the development authority if none is given."""
        chosen = identity or self.authority.issue_client(name)
        body = {"name": name, "certificate": chosen.base64_der}
        status, answer = self.service("POST", "/users", body)
        if status != 200:
            raise ServerFailed(f"user {name}: {status} {answer!r}\n{self.log_tail()}")
        return User(int(json.loads(answer)), name, chosen)

    def service(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Call the file server's REST API (below /service/rest/v1) with the admin key."""
        headers = {"Authorization": f"Bearer {self.admin_key}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode("utf-8")
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=30)
        try:
            connection.request(method, f"/service/rest/v1{path}", data, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def tls(self, identity: pki.Identity | None, *, file_client_suite: bool = False) -> ssl.SSLContext:
        """Make a client context that trusts this server and presents `identity` (None: no certificate)."""
        trust = (self.folder / "pki" / "ca.crt").read_bytes()
        return pki.client_context(trust, identity, file_client_suite=file_client_suite)

    def connect(self, identity: pki.Identity | None, timeout: float = 10.0) -> RawConnection:
        """Open a raw connection to the exchange listener as this partner."""
        return RawConnection.open("127.0.0.1", self.exchange_port, self.tls(identity), timeout=timeout)

    # Inside

    def _spawn(self, arguments: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes] | ForkedProcess:
        if self.forked and not self.wrapper:
            return ForkedProcess(arguments, self._environment(), log, log)
        command = [*self.wrapper, *self.command, *arguments]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment()
        )

    def _running(self) -> subprocess.Popen[bytes] | ForkedProcess:
        if self._process is None:
            raise ServerFailed("it does not run")
        return self._process

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._ports(), **self.environment}

    def _ports(self) -> dict[str, str]:
        return {"KADE_WEB_PORT": str(self.web_port), "KADE_EXCHANGE_PORT": str(self.exchange_port)}

    def _run_command(self, *arguments: str) -> str:
        if self.forked:
            result = run_forked(arguments, self._environment(), timeout=60)
        else:
            result = subprocess.run(
                [*self.command, *arguments],
                capture_output=True,
                check=False,
                text=True,
                timeout=60,
                env=self._environment(),
            )
        if result.returncode != 0:
            raise ServerFailed(f"{' '.join(arguments)}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def _wait_until_ready(self) -> None:
        process = self._running()
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerFailed(f"it ended with {process.returncode}\n{self.log_tail()}")
            if _answers_ready(self.web_port):
                return
            time.sleep(0.02)
        raise ServerFailed(f"it was not ready within {START_TIMEOUT} s\n{self.log_tail()}")


class ClientDaemon(KadeServer):
    """The same for `kade client serve`, whose one listener stands at `web_url`."""

    served = ("client", "serve")

    def _ports(self) -> dict[str, str]:
        return {"KADE_CLIENT_PORT": str(self.web_port)}


def free_ports(count: int) -> list[int]:
    """Give free loopback ports, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def _answers_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _descendants(pid: int) -> list[int]:
    return [process.pid for process in process_tree(pid)[1:]]


def _kill_if_alive(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended in between
        os.kill(pid, signal.SIGKILL)

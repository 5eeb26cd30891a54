"""The Kade of the demonstration: a folder, a real server process, and commands on it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_START_S = 60.0
_STOP_S = 60.0


class Unexpected(Exception):
    """A step did not go as it must; the message says what was expected and what came instead."""


def expect(what: str, actual: object, wanted: object) -> None:
    """Raises Unexpected unless both are equal."""
    if actual != wanted:
        raise Unexpected(f"{what}: expected {wanted!r}, got {actual!r}")


def require(what: str, holds: object) -> None:
    """Raises Unexpected unless it holds."""
    if not holds:
        raise Unexpected(f"expected that {what}, but it is not so")


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, as files."""

    certificate: Path
    key: Path


class Quay:
    """A folder made by `kade init`, served on free loopback ports by `kade serve` or another such command."""

    def __init__(
        self,
        folder: Path,
        command: tuple[str, ...] = ("serve",),
        listeners: tuple[str, ...] = ("web", "exchange"),
    ) -> None:
        self._command = command
        self._listeners = listeners
        self.folder = folder
        self.config = folder / "kade.toml"
        self.log = folder / "serve.log"
        self.ports: dict[str, int] = {}
        self.key = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def web(self) -> str:
        """Base URL for applications."""
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def exchange(self) -> str:
        """Base URL for partners."""
        return f"https://localhost:{self.ports['exchange']}"

    @property
    def authority(self) -> Path:
        """The certificate that the server's is signed by."""
        return self.folder / "pki" / "ca.crt"

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    async def initialise(self) -> None:
        """`kade init`."""
        made = await self._json("init", str(self.folder))
        self.key = str(made["admin_key"])

    async def start(self) -> None:
        """Serve in a process of its own; returns when it is listening."""
        ports = {f"KADE_{name.upper()}_PORT": "0" for name in self._listeners}
        environ = {**os.environ, **ports, "KADE_LOG_FORMAT": "json"}
        self.ports = {}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - starting it takes no time worth a thread
                [sys.executable, "-m", "kade", "--config", str(self.config), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environ,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_S
        while set(self._listeners) - self.ports.keys():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Unexpected(f"the server did not start:\n{self.log_tail()}")
            await asyncio.sleep(0.1)
            self.ports = _ports(self.log)

    async def kill(self) -> None:
        """End the server as a power cut would."""
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait, _STOP_S)

    async def command(self, *arguments: str) -> Any:
        """What `kade … --json` on this folder prints. Raises Unexpected when it fails."""
        return await self._json("--config", str(self.config), *arguments)

    async def lines(self, *arguments: str) -> list[Any]:
        """What a command prints as one JSON object per line."""
        printed = await asyncio.to_thread(_run, ["--config", str(self.config), *arguments, "--json"])
        return [json.loads(line) for line in printed.splitlines()]

    async def issue(self, name: str) -> Identity:
        """`kade cert issue`."""
        made = await self.command("cert", "issue", name, "--out", str(self.folder / "certificates"))
        return Identity(Path(made["crt"]), Path(made["key"]))

    async def stop(self) -> int:
        """End the server politely; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, _STOP_S)

    def abandon(self) -> None:
        """End the server whatever it takes, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def log_tail(self) -> str:
        """The last lines of the server's log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return ""

    async def _json(self, *arguments: str) -> Any:
        return json.loads(await asyncio.to_thread(_run, [*arguments, "--json"]))


def _run(arguments: list[str]) -> str:
    """The same as a process of its own would print, without the time to start one."""
    from kade.cli import main

    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(printed):
        code = main(arguments)
    expect(f"exit code of `kade {' '.join(arguments)}`", code, 0)
    printed.seek(0)
    return printed.read()


def _ports(log: Path) -> dict[str, int]:
    """Where the server says that it listens."""
    found = {}
    for line in log.read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            said = json.loads(line)
            if isinstance(said, dict) and said.get("event") == "listening":
                found[str(said["listener"])] = int(said["port"])
    return found

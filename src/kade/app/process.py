"""`kade serve` as a process: its signals, its log, its folder."""

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec
import structlog

from kade.app.companion import Companion
from kade.app.house import build, opened
from kade.app.server import running
from kade.app.worker import working
from kade.config import Config
from kade.core.ports import Tx

_log = structlog.get_logger("kade.app")


class AlreadyServing(Exception):
    """Another `kade serve`, or worker, has this data folder."""


def serve(config: Config, listeners: Sequence[str]) -> None:
    """Serve these listeners until SIGTERM or SIGINT; then finish what is running.

    The folder's lock shows that whoever held leases in an embedded catalog is dead: nobody waits for them.

    Raises:
        AlreadyServing: when another process serves this data folder.
        OSError: when an address or a key file cannot be had.
    """
    import uvloop

    configure_logging(config)
    gc.freeze()  # what was imported stays; and the rest is seldom cyclic
    gc.set_threshold(50_000, 20, 100)
    with _folder_lock(config.data.folder), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, listeners))


async def _serve(config: Config, listeners: Sequence[str]) -> None:
    stopping = _asked_to_stop()
    kade = build(config)
    if not config.catalog.url:
        async with opened(kade):
            await kade.catalog.write(_release_leases)
        kade = build(config)
    async with running(kade, listeners):
        companion = Companion(kade.catalog, config.path)
        if config.worker.beside_serve and "web" in listeners:
            companion.start()
        await stopping.wait()
        _log.info("stopping")
        await companion.stop()


def work(config: Config, *, until_input_ends: bool = False) -> None:
    """Work until SIGTERM or SIGINT; with *until_input_ends* also no longer than standard input is open.

    Raises:
        AlreadyServing: when another process works for this data folder.
    """
    import uvloop

    configure_logging(config)
    with (
        _folder_lock(config.data.folder, "worker"),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_work(config, until_input_ends))


async def _work(config: Config, until_input_ends: bool) -> None:
    stopping = _asked_to_stop()
    if until_input_ends:
        await asyncio.get_running_loop().connect_read_pipe(lambda: _EndOfInput(stopping), sys.stdin)
    async with working(build(config)):
        await stopping.wait()
        _log.info("the worker is stopping")


class _EndOfInput(asyncio.Protocol):
    """Tells when whoever has the other end of a pipe is gone, however it ended."""

    def __init__(self, gone: asyncio.Event) -> None:
        self._gone = gone

    def connection_lost(self, _error: Exception | None) -> None:
        self._gone.set()


def _asked_to_stop() -> asyncio.Event:
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    return stopping


def _release_leases(tx: Tx) -> None:
    tx.uploads.release_all()
    tx.tasks.release_all()


def configure_logging(config: Config) -> None:
    """Log lines to standard error: JSON objects, or text for people."""
    level = getattr(logging, config.log.level.upper())
    as_json = config.log.format == "json"
    renderer = (
        structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event))
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what it refuses, we tell ourselves
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=(
            structlog.BytesLoggerFactory(sys.stderr.buffer)
            if as_json
            else structlog.PrintLoggerFactory(sys.stderr)
        ),
        cache_logger_on_first_use=True,
    )


@contextlib.contextmanager
def _folder_lock(folder: Path, what: str = "serve") -> Iterator[IO[str]]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{what}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyServing(f"another `kade {what}` has the data folder {folder}") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock

"""The composition root: configuration → wired objects → server; it alone names concrete adapters."""

from kade.app.house import Kade, asyncpg_url, build, migrate, opened, sections
from kade.app.process import AlreadyServing, configure_logging, serve, work
from kade.app.server import Server, running
from kade.app.sources import check_location
from kade.app.worker import Worker, working

__all__ = [
    "AlreadyServing",
    "Kade",
    "Server",
    "Worker",
    "asyncpg_url",
    "build",
    "check_location",
    "configure_logging",
    "migrate",
    "opened",
    "running",
    "sections",
    "serve",
    "work",
    "working",
]

"""How commands find the daemon: by its address, else by the configuration of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from kade.cli import remote
from kade.cli.context import Context

if TYPE_CHECKING:
    from kade.client.task_service import TaskService

T = TypeVar("T")

Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The File Client; the one of this configuration."),
]
Number = Annotated[int, typer.Argument(min=0, metavar="TASK", help="The task's number.")]


def inside(
    context: typer.Context,
    server: str | None,
    bearer: str | None,
    cacert: Path | None,
    work: Callable[[TaskService], Awaitable[T]],
) -> T:
    """What *work* returns, with a connection to the daemon."""
    from kade.client.task_service import TaskService

    url = server or _configured(context.obj)

    async def run() -> T:
        async with remote.peer(url, None, None, None, cacert, bearer, attempts=1) as peer:
            return await work(TaskService(peer, url))

    return asyncio.run(run())


def _configured(context: Context) -> str:
    listener = context.config.client
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listener.host, listener.host)
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if listener.tls else 'http'}://{shown}:{listener.port}"

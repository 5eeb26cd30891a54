"""`kade client pause`, `resume`, `cancel` and `remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from kade.cli import remote
from kade.cli.client import daemon

if TYPE_CHECKING:
    from kade.client.task_service import TaskService


def pause(
    context: typer.Context,
    number: daemon.Number,
    server: daemon.Server = None,
    bearer: remote.Bearer = None,
    cacert: remote.Authorities = None,
) -> None:
    """Let a task rest; what was transferred is kept."""
    _act(context, number, "pause", server, bearer, cacert)


def resume(
    context: typer.Context,
    number: daemon.Number,
    server: daemon.Server = None,
    bearer: remote.Bearer = None,
    cacert: remote.Authorities = None,
) -> None:
    """Let a task go on now, also one that failed."""
    _act(context, number, "resume", server, bearer, cacert)


def cancel(
    context: typer.Context,
    number: daemon.Number,
    server: daemon.Server = None,
    bearer: remote.Bearer = None,
    cacert: remote.Authorities = None,
) -> None:
    """End a task; it stays in the list."""
    _act(context, number, "cancel", server, bearer, cacert)


def remove(
    context: typer.Context,
    number: daemon.Number,
    server: daemon.Server = None,
    bearer: remote.Bearer = None,
    cacert: remote.Authorities = None,
) -> None:
    """Forget a task and remove its file."""

    async def run(service: TaskService) -> None:
        kind, _ = await service.find(number)
        await service.remove(kind, number)

    daemon.inside(context, server, bearer, cacert, run)


def _act(
    context: typer.Context,
    number: int,
    action: str,
    server: str | None,
    bearer: str | None,
    cacert: remote.Authorities,
) -> None:
    async def run(service: TaskService) -> str:
        kind, _ = await service.find(number)
        return str((await service.act(kind, number, action))["state"])

    typer.echo(daemon.inside(context, server, bearer, cacert, run))

"""`kade client download` and `upload`: new tasks, watched until they are over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kade.cli import remote
from kade.cli.client import daemon
from kade.cli.client.watch import follow
from kade.cli.errors import CommandError

if TYPE_CHECKING:
    from kade.client.task_service import Row, TaskService

Detach = Annotated[
    bool, typer.Option("--detach", "-d", help="Print the task's number and do not wait for its end.")
]
Sha256 = Annotated[
    str | None, typer.Option("--sha256", metavar="HEX", help="What the file's SHA-256 must be.")
]


def download(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The file at the other side.")],
    sha256: Sha256 = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="TIME", help="Not before this time, ISO 8601.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--end", metavar="TIME", help="No attempt from this time on, ISO 8601.")
    ] = None,
    detach: Detach = False,
    server: daemon.Server = None,
    bearer: remote.Bearer = None,
    cacert: remote.Authorities = None,
    as_json: remote.Json = False,
    quiet: remote.Quiet = False,
) -> None:
    """Have the File Client fetch the file at URL.

    The task goes on without this command, also after Ctrl-C.
    """
    given = {"sha256Checksum": sha256, "startDate": start, "endDate": end}
    fields = {name: value for name, value in given.items() if value}

    async def run(service: TaskService) -> Row:
        task = await service.download(url, fields)
        return task if detach else await follow(service, "download", task, quiet=quiet or as_json)

    _tell(daemon.inside(context, server, bearer, cacert, run), as_json=as_json, detached=detach)


def upload(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to send.")],
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where uploads are created, https://host:8443/files/upload.")
    ],
    push: Annotated[
        bool, typer.Option("--push", help="Send by one PUT to URL (Digikoppeling Grote Berichten).")
    ] = False,
    sha256: Sha256 = None,
    detach: Detach = False,
    server: daemon.Server = None,
    bearer: remote.Bearer = None,
    cacert: remote.Authorities = None,
    as_json: remote.Json = False,
    quiet: remote.Quiet = False,
) -> None:
    """Hand FILE over to the File Client and have it sent to URL.

    The task goes on without this command, also after Ctrl-C.
    """
    if not file.is_file():
        raise CommandError(f"{file} is not there, or is no file")
    given = {"sha256Checksum": sha256, "profile": "push" if push else None}
    fields = {name: value for name, value in given.items() if value}

    async def run(service: TaskService) -> Row:
        task = await service.upload(url, file, fields)
        return task if detach else await follow(service, "upload", task, quiet=quiet or as_json)

    _tell(daemon.inside(context, server, bearer, cacert, run), as_json=as_json, detached=detach)


def _tell(task: Row, *, as_json: bool, detached: bool) -> None:
    if as_json:
        remote.print_json(task)
    else:
        typer.echo(task["fileId"])
    if not detached and task["status"] != "SUCCEEDED":
        raise CommandError(
            f"task {task['fileId']} {task['state']}: {task.get('lastError', 'no reason given')}"
        )

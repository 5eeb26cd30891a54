"""`kade put`: send a file to a tus endpoint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from kade.cli import remote
from kade.cli.errors import USAGE, CommandError


def put(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to send.")],
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where uploads are made, https://host:8443/files/upload.")
    ],
    cert: remote.Certificate = None,
    key: remote.Key = None,
    password: remote.Password = None,
    cacert: remote.Authorities = None,
    bearer: remote.Bearer = None,
    name: Annotated[str | None, typer.Option(help="Name to give the file; its own.")] = None,
    media_type: Annotated[str | None, typer.Option("--type", help="Media type; by the name.")] = None,
    part_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Send requests of this size, such as 64MiB; all in one."),
    ] = None,
    retries: remote.Retries = 8,
    as_json: remote.Json = False,
    quiet: remote.Quiet = False,
) -> None:
    """Send FILE to the tus endpoint URL.

    The address of the upload is printed. The same command again goes on with what was interrupted.
    """
    import asyncio

    from kade.client import files
    from kade.client.tus_upload import Uploaded
    from kade.client.upload_states import UploadStates

    part = _size(part_size)

    async def send(bar: remote.Bar) -> Uploaded:
        async with remote.peer(url, cert, key, password, cacert, bearer, retries) as peer:
            return await files.send(
                peer,
                url,
                file,
                states=UploadStates(state_folder() / "uploads"),
                name=name,
                media_type=media_type,
                part_size=part,
                progress=bar,
            )

    with remote.Bar(file.name, quiet=quiet) as bar:
        done = asyncio.run(send(bar))
    if as_json:
        remote.print_json({"url": done.url, "size": done.size, "sha256": done.sha256, "seconds": bar.seconds})
        return
    verified = ", SHA-256 compared" if done.sha256 else ""
    remote.summary(f"sent {remote.human_size(done.size)} in {bar.seconds:.1f} s{verified}", quiet=quiet)
    typer.echo(done.url)


def state_folder() -> Path:
    """Where commands remember what is unfinished: kade in the user's state folder (XDG base directories)."""
    given = os.environ.get("XDG_STATE_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".local/state"
    return base / "kade"


def _size(text: str | None) -> int | None:
    from kade.config import Size

    try:
        size = None if text is None else int(Size(text))
    except ValueError:
        size = 0
    if size == 0:
        raise CommandError(f"--part-size is {text!r}, but must be a size such as 64MiB", USAGE)
    return size

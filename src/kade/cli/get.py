"""`kade get`: fetch a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kade.cli import remote
from kade.cli.errors import CommandError


def get(
    url: Annotated[str, typer.Argument(metavar="URL", help="The file, https://host:8443/files/download/….")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File or folder to write; the server's name here."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    cert: remote.Certificate = None,
    key: remote.Key = None,
    password: remote.Password = None,
    cacert: remote.Authorities = None,
    bearer: remote.Bearer = None,
    retries: remote.Retries = 8,
    as_json: remote.Json = False,
    quiet: remote.Quiet = False,
) -> None:
    """Fetch the file at URL.

    Its name is printed. It appears when it is complete and its digest, where the server offers one, is
    right; until then its bytes are in NAME.part, and the same command goes on with them.
    """
    import asyncio

    from kade.client.download import remote_name
    from kade.client.files import Fetched, fetch

    async def run() -> tuple[Fetched, float]:
        async with remote.peer(url, cert, key, password, cacert, bearer, retries) as peer:
            target = output or Path()
            if target.is_dir():
                target = target / await remote_name(peer, url)
            if target.exists() and not force:
                raise CommandError(f"{target} is there already; --force replaces it")
            with remote.Bar(target.name, quiet=quiet) as bar:
                return await fetch(peer, url, target, progress=bar), bar.seconds

    done, seconds = asyncio.run(run())
    if as_json:
        result = {"path": str(done.path), "size": done.size, "sha256": done.sha256, "seconds": seconds}
        remote.print_json(result)
        return
    verified = ", SHA-256 compared" if done.sha256 else ""
    remote.summary(f"fetched {remote.human_size(done.size)} in {seconds:.1f} s{verified}", quiet=quiet)
    typer.echo(done.path)

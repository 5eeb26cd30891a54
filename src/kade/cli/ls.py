"""`kade ls`: what files a server has."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kade.cli import remote
from kade.cli.errors import printable

_COLUMNS = ("path", "userId", "length", "timestamp", "contentType", "name")


def ls(
    url: Annotated[str, typer.Argument(metavar="URL", help="The server, http://host:8080.")],
    paths: Annotated[bool, typer.Option("--paths", help="List the paths alone, one per line.")] = False,
    cert: remote.Certificate = None,
    key: remote.Key = None,
    password: remote.Password = None,
    cacert: remote.Authorities = None,
    bearer: remote.Bearer = None,
    as_json: remote.Json = False,
) -> None:
    """List the files of the server at URL.

    Those of all users, through its service API.
    """
    import asyncio

    from kade.client.listing import file_infos, file_paths

    async def ask() -> list[dict[str, Any]]:
        async with remote.peer(url, cert, key, password, cacert, bearer) as peer:
            found = await file_paths(peer, url)
            return [{"path": path} for path in found] if paths else await file_infos(peer, url, found)

    files = asyncio.run(ask())
    if as_json:
        remote.print_json([file["path"] for file in files] if paths else files)
    elif paths:
        for file in files:
            typer.echo(printable(file["path"]))
    else:
        _print_table(files)


def _print_table(files: list[dict[str, Any]]) -> None:
    rows = [[_cell(file, column) for column in _COLUMNS] for file in files]
    rows.insert(0, ["PATH", "USER", "SIZE", "TIME", "TYPE", "NAME"])
    widths = [max(len(row[index]) for row in rows) for index in range(len(_COLUMNS))]
    for row in rows:
        cells = [
            cell.rjust(width) if column == "length" else cell.ljust(width)
            for column, cell, width in zip(_COLUMNS, row, widths, strict=True)
        ]
        typer.echo("  ".join(cells).rstrip())


def _cell(file: dict[str, Any], column: str) -> str:
    value = file.get(column)
    if column == "length" and isinstance(value, int):
        return remote.human_size(value)
    return "-" if value is None else printable(str(value))

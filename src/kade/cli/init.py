"""`kade init`: a data folder with everything that a first start needs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kade.cli.errors import CommandError

if TYPE_CHECKING:
    from kade.config import Config

_CONFIG = """\
# Kade's configuration. Every key, its meaning and its default: `kade config --reference`.

[data]
folder = "."

[web]
host = "127.0.0.1"
port = 8080

[exchange]
host = "127.0.0.1"
port = 8443
certificate = "pki/server.crt"
key = "pki/server.key"
client_ca = "pki/ca.crt"
"""


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder to make.")] = Path("quay"),
    hosts: Annotated[
        list[str] | None, typer.Option("--host", help="Names and addresses of this server; repeatable.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Name of the organisation.")] = "main",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a data folder: configuration, a development CA, a server certificate and one admin key."""
    path = folder / "kade.toml"
    if path.exists():
        raise CommandError(f"{path} is there already: this folder has been initialised")
    _make_pki(folder / "pki", hosts or ["localhost", "127.0.0.1", "::1"])
    path.write_text(_CONFIG)
    context.obj.path = path
    key = asyncio.run(_install(context.obj.config, tenant))
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "config": str(path), "admin_key": key}))
        return
    typer.echo(f"made {folder}: kade.toml, pki/, catalog.sqlite, segments/")
    typer.echo(f"admin key: {key}")
    typer.echo("This key is shown only now. Keep it safe; `kade key add` makes another.")
    typer.echo(f"Start the server: kade --config {path} serve")


def _make_pki(folder: Path, hosts: list[str]) -> None:
    from kade.auth.authority import create_authority, issue_server

    folder.mkdir(parents=True, exist_ok=True)
    authority = create_authority("Kade development CA")
    authority.save(folder / "ca.crt", folder / "ca.key")
    issue_server(authority, hosts).save(folder / "server.crt", folder / "server.key")


async def _install(config: Config, tenant: str) -> str:
    from kade.app import build, opened
    from kade.auth import bearer
    from kade.services.installing import install

    key = bearer.new_key()
    async with opened(build(config)) as kade:
        await kade.catalog.write(install, kade.namers, tenant, bearer.fingerprint(key))
    return key

"""`kade migrate`: bring the catalog to this version."""

from __future__ import annotations

import typer

from kade.cli import house
from kade.cli.remote import Json, print_json


def migrate(context: typer.Context, as_json: Json = False) -> None:
    """Bring the catalog's schema to this version of Kade.

    SQLite does so by itself when it is opened, after a backup beside it; PostgreSQL needs this command.
    """
    from kade.app import migrate as bring

    before, after = bring(house.settings(context))
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        typer.echo(f"the catalog is at {after} already")
    else:
        typer.echo(f"the catalog went from {before or 'nothing'} to {after}")

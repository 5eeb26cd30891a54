"""`kade index`: what files are found by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from kade.cli import house, show
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade

app = typer.Typer(no_args_is_help=True, help="The index: what files are found by.")


@app.command()
def rebuild(context: typer.Context, as_json: Json = False) -> None:
    """Build the index anew beside the live one, and put it in its place; searches go on meanwhile."""

    async def work(kade: Kade) -> int:
        return await kade.indexing.rebuild()

    known = house.inside(context, work)
    if as_json:
        print_json({"files": known})
    else:
        typer.echo(f"the index was built anew: {known} files")


@app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """Show what waits to be read, and what the index was not told yet."""

    async def work(kade: Kade) -> dict[str, Any]:
        return await kade.catalog.read(
            lambda tx: {"to_read": tx.readings.waiting(), "to_index": tx.readings.untold()}
        )

    found = house.inside(context, work)
    if as_json:
        print_json(found)
    else:
        show.facts([("to be read", str(found["to_read"])), ("to be indexed", str(found["to_index"]))])

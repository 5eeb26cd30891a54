"""`kade search`: files by what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.errors import printable
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ids import Id
    from kade.core.ports import Tx
    from kade.services.searching import Entry


def search(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(metavar="WORDS", help='What to look for: word, "a phrase", -not, year:2024.'),
    ],
    space: Annotated[
        str | None, typer.Option("--space", metavar="PATH", help="In this space and no other.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=250, help="How many are shown.")] = 20,
    as_json: Json = False,
) -> None:
    """Find files by what is in them, best first, in every space that is indexed."""
    found = house.inside(context, lambda kade: _search(kade, context, " ".join(words), space, limit))
    if as_json:
        print_json(found)
        return
    for each in found["files"]:
        typer.echo(printable(f"{each['space']}  {each['path']}"))
        typer.echo(f"    {printable(each['snippet'])}")
    typer.echo(f"{found['count']} found")


async def _search(
    kade: Kade, context: typer.Context, text: str, space: str | None, limit: int
) -> dict[str, Any]:
    from kade.core.names import fold
    from kade.core.search import Search
    from kade.core.search_text import parse
    from kade.services import searching, spaces

    caller = await kade.catalog.read(lambda tx: house.operator(tx, context))

    def prepare(tx: Tx) -> tuple[Search, dict[Id, str]]:
        paths = spaces.paths(tx, caller)
        chosen = [spaces.at_path(tx, caller, space).id] if space else []
        named = {fold(path): space_id for space_id, path in paths.items()}
        term = searching.resolved(
            parse(text), lambda name: [named[fold(name)]] if fold(name) in named else []
        )
        asked = Search(term, chosen, trashed_in=(), size=limit)
        return searching.permitted(tx, caller, asked), paths

    asked, paths = await kade.catalog.read(prepare)
    found = await kade.index.search(asked)
    entries = await kade.catalog.read(lambda tx: searching.entries(tx, caller, found.hits, texts=True))
    return {"count": found.count, "files": [_told(kade, asked, paths, each) for each in entries]}


def _told(kade: Kade, asked: Any, paths: dict[Id, str], entry: Entry) -> dict[str, Any]:
    snippet = kade.index.snippet(asked.term, entry.text)
    folder = f"{entry.folder.path}/" if entry.folder is not None else ""
    return {
        "id": entry.file.id,
        "space": paths.get(entry.file.space_id, ""),
        "path": folder + entry.file.name,
        "size": entry.file.length,
        "modified": show.time(entry.file.modified_at or entry.file.arrived_at),
        "score": round(entry.score, 3),
        "snippet": " ".join(snippet.text.split()),
    }

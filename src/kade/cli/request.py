"""`kade request`: ask somebody for files, and see what has come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.errors import USAGE, CommandError
from kade.cli.remote import Json, human_size, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller
    from kade.services.requests import RequestWish, SlotWish, View

app = typer.Typer(no_args_is_help=True, help="Ask for files by a link; no account is needed to send them.")

Which = Annotated[str, typer.Argument(metavar="ID", help="Id of the request, or how it begins or ends.")]
_MANY = 1000  # requests that a command looks through


@app.command()
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called, for you and who is asked.")],
    required: Annotated[
        list[str] | None, typer.Option("--file", metavar="NAME", help="A file that is required; up to ten.")
    ] = None,
    optional: Annotated[
        list[str] | None, typer.Option("--optional", metavar="NAME", help="A file that may be left out.")
    ] = None,
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="Why; shown to who is asked.")
    ] = None,
    into: Annotated[
        str | None, typer.Option("--into", metavar="SPACE", help="Where the files are put; else the root.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option("--max-size", metavar="SIZE", help="Largest size of each, such as 10MB.")
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="TYPE", help="Media type that each may have, such as image/*."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="It can be filled for this time, such as 14d."),
    ] = None,
    language: Annotated[
        str, typer.Option("--language", metavar="nl|en", help="Of the page; else the browser's.")
    ] = "",
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password that the page asks for, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a request and print its link, to be handed to whoever has the files."""
    from kade.services import links, requests, spaces, tenants

    most = show.size(max_size, "--max-size") if max_size else None
    wish = _wish(
        name,
        _slots(required or [], optional or [], most, accept or []),
        description,
        show.duration_ms(expires, "--expires") if expires else None,
        language,
        _hash() if password else None,
    )

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        space = spaces.at_path(tx, caller, into) if into else tenants.root_of(tx, caller.tenant_id)
        secret = kade.sealer.derive(links.PURPOSE)
        return _described(requests.create(tx, caller, secret, space.id, wish), kade)

    made = house.change(context, verb)
    if as_json:
        print_json(made)
    else:
        typer.echo(made["link"])


@app.command("list")
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Those that were closed, too.")] = False,
    as_json: Json = False,
) -> None:
    """List requests, the newest first."""
    found = house.look(context, lambda tx, caller, kade: _all(tx, caller, kade, closed=every))
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["id"],
            each["name"],
            each["state"],
            each["ready"],
            each["created"][:10],
        ]
        for each in found
    ]
    show.table(["ID", "NAME", "STATE", "FILES", "SINCE"], rows)


@app.command("show")
def show_(context: typer.Context, which: Which, as_json: Json = False) -> None:
    """Show a request, its link, and what was put where."""
    found = house.look(context, lambda tx, caller, kade: _described(_one(tx, caller, which), kade))
    if as_json:
        print_json(found)
        return
    show.facts(
        [
            ("name", found["name"]),
            ("state", found["state"]),
            ("link", found["link"]),
            ("open until", found["expires"] or "it is completed or closed"),
            ("completed", found["completed"] or "no"),
        ]
    )
    rows = [
        [
            each["name"],
            "yes" if each["required"] else "no",
            each["file"] or "",
            human_size(each["size"]) if each["size"] is not None else "",
            each["sha256"] or "",
        ]
        for each in found["files"]
    ]
    show.table(["ASKED FOR", "REQUIRED", "FILE", "SIZE", "SHA-256"], rows, right=["SIZE"])


@app.command()
def close(context: typer.Context, which: Which, as_json: Json = False) -> None:
    """End a request: its link and what is on its way end at once; what was sent stays."""
    from kade.services import requests

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        view = _one(tx, caller, which)
        requests.close(tx, caller, view.request)
        return {"id": view.request.id, "name": view.request.name}

    closed = house.change(context, verb)
    if as_json:
        print_json(closed)
    else:
        typer.echo(f"closed {closed['name']}")


def _wish(
    name: str,
    slots: list[SlotWish],
    description: str | None,
    lasts_ms: int | None,
    language: str,
    password: str | None,
) -> RequestWish:
    from kade.core.clock import Millis, now
    from kade.services.requests import RequestWish

    if language not in ("", "nl", "en"):
        raise CommandError(f"--language is {language!r}, but must be nl or en", USAGE)
    until: Millis | None = Millis(now() + lasts_ms) if lasts_ms is not None else None
    return RequestWish(
        name, slots, description=description, expires_at=until, language=language, password=password
    )


def _slots(required: list[str], optional: list[str], most: int | None, accept: list[str]) -> list[SlotWish]:
    from kade.services.requests import SlotWish

    wanted = [(each, True) for each in required] + [(each, False) for each in optional]
    if not wanted:
        raise CommandError("say which files are wanted: --file NAME or --optional NAME", USAGE)
    return [SlotWish(each, None, needed, most, accept) for each, needed in wanted]


def _hash() -> str:
    from kade.auth.password import hashed

    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return hashed(asked)


def _all(tx: Tx, caller: Caller, kade: Kade, *, closed: bool) -> list[dict[str, Any]]:
    from kade.services import requests

    return [_described(each, kade) for each in requests.page(tx, caller, 0, _MANY, closed=closed)]


def _one(tx: Tx, caller: Caller, which: str) -> View:
    from kade.services import requests

    found = {each.request.id: each for each in requests.page(tx, caller, 0, _MANY, closed=True)}
    return house.one_of(found, which, "requests", "kade request list --all")


def _described(view: View, kade: Kade) -> dict[str, Any]:
    from kade.core.clock import now
    from kade.portal.settings import Settings
    from kade.services import links, requests

    request = view.request
    settings = kade.config.section("portal")
    assert isinstance(settings, Settings)
    token = requests.token(kade.sealer.derive(links.PURPOSE), request)
    files = []
    for slot in view.slots:
        placed = view.placed.get(slot.id)
        files.append(
            {
                "name": slot.name,
                "required": slot.required,
                "file": placed.file.name if placed else None,
                "size": placed.length if placed else None,
                "sha256": placed.sha256 if placed else None,
            }
        )
    return {
        "id": request.id,
        "name": request.name,
        "state": request.state(now()).value,
        "link": f"{house.public_url(kade)}{settings.request_path}/{token}",
        "created": show.time(request.created_at),
        "expires": show.time(request.expires_at),
        "completed": show.time(request.completed_at),
        "ready": f"{len(view.placed)}/{len(view.slots)}",
        "files": files,
    }

"""`kade group folder`: what fills a group, and how it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kade.cli import house, show
from kade.cli.errors import CommandError
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller
    from kade.core.sources import Service, Source

app = typer.Typer(no_args_is_help=True, help="Folders, mailboxes and websites that fill a group.")

Of = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name or number of the customer.")]
At = Annotated[str, typer.Argument(metavar="GROUP", help="Name of the group.")]
Place = Annotated[
    str, typer.Argument(metavar="PATH", help="Name of the service, and where in it: GOFSERV001/directory.")
]
MethodName = Annotated[
    Literal["automatic", "requested"] | None,
    typer.Option("--method", help="Walked by itself now and then, or only what is asked for."),
]
Interval = Annotated[
    str | None, typer.Option("--interval", metavar="TIME", help="From one walk to the next one; 90m.")
]
Shown = Annotated[str | None, typer.Option("--show", metavar="TEXT", help="What people are shown for it.")]


@app.command()
def add(
    context: typer.Context,
    customer: Of,
    group: At,
    place: Place,
    method: MethodName = None,
    interval: Interval = None,
    shown: Shown = None,
    as_json: Json = False,
) -> None:
    """Fill the group from a place from now on."""

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        from kade.core.sources import Method
        from kade.services import sources

        found = house.group(tx, caller, customer, group)
        service, path = _place(tx, caller, place)
        wish = sources.Wish(
            path,
            shown or "",
            Method(method or "automatic"),
            found.settings.copies,
            show.duration_ms(interval, "--interval") if interval else sources.INTERVAL_MS,
        )
        return described(tx, sources.add(tx, caller, kade.namers, found.space, service, wish))

    _report(house.change(context, verb), as_json)


@app.command("set")
def set_(
    context: typer.Context,
    customer: Of,
    group: At,
    place: Place,
    method: MethodName = None,
    interval: Interval = None,
    shown: Shown = None,
    again: Annotated[bool, typer.Option("--again", help="Read every file of it once more.")] = False,
    as_json: Json = False,
) -> None:
    """Change how the group is filled from a place."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.core.sources import Method
        from kade.services import sources

        found = house.group(tx, caller, customer, group)
        source = _source(tx, caller, found.space.id, place)
        wish = sources.Wish(
            source.path,
            source.shown if shown is None else shown,
            Method(method or source.method),
            found.settings.copies,
            show.duration_ms(interval, "--interval") if interval else source.interval_ms,
        )
        return described(tx, sources.change(tx, caller, source, wish, resynchronise=again))

    _report(house.change(context, verb), as_json)


@app.command()
def sync(context: typer.Context, customer: Of, group: At, place: Place, as_json: Json = False) -> None:
    """Have a place walked soon."""
    _on_source(context, customer, group, place, "request_run", as_json)


@app.command()
def remove(context: typer.Context, customer: Of, group: At, place: Place, as_json: Json = False) -> None:
    """Fill the group from a place no longer: what came from there goes."""
    _on_source(context, customer, group, place, "remove", as_json)


@app.command()
def runs(
    context: typer.Context,
    customer: Of,
    group: At,
    place: Place,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """List the last walks over a place, and what they found."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        found = house.group(tx, caller, customer, group)
        source = _source(tx, caller, found.space.id, place)
        return [
            {**each._asdict(), "started_at": show.time(each.started_at), "ended_at": show.time(each.ended_at)}
            for each in tx.sources.runs(source.id, limit)
        ]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    counts = ("seen", "added", "changed", "renamed", "removed", "restored", "failed")
    rows = [
        [
            each["started_at"],
            each["ended_at"] or "running",
            *(str(each[name]) for name in counts),
            each["error"],
        ]
        for each in found
    ]
    header = ["STARTED", "ENDED", *(name.upper() for name in counts), "ERROR"]
    show.table(header, rows, right=[name.upper() for name in counts])


def described(tx: Tx, source: Source) -> dict[str, Any]:
    """A place that fills a group, for JSON."""
    service = tx.sources.service(source.service_id)
    last = next((run for run in tx.sources.runs(source.id, 2) if run.ended_at is not None), None)
    return {
        "id": source.id,
        "path": "/".join(filter(None, (service.name if service else "", source.path))),
        "shown": source.shown,
        "method": source.method,
        "copies": source.copies,
        "interval_seconds": source.interval_ms // 1000,
        "next": show.time(source.due_at),
        "requested": source.requested_at is not None,
        "running": source.run_id is not None,
        "last_ended": show.time(last.ended_at) if last else None,
        "last_error": last.error if last else "",
    }


def _on_source(
    context: typer.Context, customer: str, group: str, place: str, verb_name: str, as_json: bool
) -> None:
    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import sources

        found = house.group(tx, caller, customer, group)
        source = _source(tx, caller, found.space.id, place)
        getattr(sources, verb_name)(tx, caller, source)
        return described(tx, tx.sources.get(source.id) or source)

    _report(house.change(context, verb), as_json)


def _place(tx: Tx, caller: Caller, text: str) -> tuple[Service, str]:
    from kade.services import sources

    first, _, rest = text.replace("\\", "/").lstrip("/").partition("/")
    return sources.service(tx, caller, first), rest


def _source(tx: Tx, caller: Caller, space_id: Any, text: str) -> Source:
    from kade.core.names import fold

    service, path = _place(tx, caller, text)
    for each in tx.sources.of_space(space_id):
        if each.service_id == service.id and each.path_folded == fold(path.strip("/")):
            return each
    raise CommandError(f"the group is not filled from {text!r}")


def _report(folder: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(folder)
        return
    show.facts(
        [
            ("path", folder["path"]),
            ("shown as", folder["shown"]),
            ("method", folder["method"]),
            ("bytes", "copied into the store" if folder["copies"] else "stay where they are"),
            ("interval", f"{folder['interval_seconds']} s"),
            ("next", "as soon as possible" if folder["requested"] else folder["next"] or ""),
            ("last ended", folder["last_ended"] or ""),
            ("last error", folder["last_error"]),
        ]
    )

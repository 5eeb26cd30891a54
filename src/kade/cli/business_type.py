"""`kade business-type`: kinds of exchange, the same for every tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kade.cli import house, policy, show
from kade.cli.errors import USAGE, CommandError
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.business_types import BusinessType
    from kade.core.ports import Tx
    from kade.core.principals import Caller

app = typer.Typer(
    no_args_is_help=True, help="Kinds of exchange, by number: their names, directions and rules."
)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the business type.")]
Direction = Annotated[
    Literal["publish", "subscribe", "both"] | None,
    typer.Option("--direction", help="What applications may do with files of the type; both."),
]
Name = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What it is called; its number.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the business types."""
    found = house.look(
        context, lambda tx, _caller, _kade: [_described(tx, each) for each in tx.business_types.all()]
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [str(each["number"]), each["name"], each["direction"], " ".join(each["tenants"])] for each in found
    ]
    show.table(["NUMBER", "NAME", "DIRECTION", "TENANTS"], rows, right=["NUMBER"])


@app.command("show")
def show_(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show a business type: its rules, and the tenants that have a space for it."""
    from kade.services import business_types

    found = house.look(context, lambda tx, _caller, _kade: _described(tx, business_types.find(tx, number)))
    _report(found, as_json)


@app.command()
def add(
    context: typer.Context,
    number: Number,
    name: Name = None,
    direction: Direction = None,
    names: policy.Names = None,
    refuse: policy.Refuse = "programs",
    max_size: policy.MaxSize = None,
    keep_content: policy.KeepContent = None,
    keep_record: policy.KeepRecord = None,
    as_json: Json = False,
) -> None:
    """Add a business type."""
    from kade.core.business_types import Direction as Way
    from kade.core.spaces import Policy
    from kade.services import business_types

    rules = policy.changed(
        Policy(),
        names=names,
        refuse=refuse,
        max_size=max_size,
        keep_content=keep_content,
        keep_record=keep_record,
    )

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        way = Way(direction or "both")
        return _described(tx, business_types.create(tx, caller, number, name or str(number), way, rules))

    _report(house.change(context, verb), as_json)


@app.command("set")
def set_(
    context: typer.Context,
    number: Number,
    name: Name = None,
    direction: Direction = None,
    names: policy.Names = None,
    refuse: policy.Refuse = None,
    max_size: policy.MaxSize = None,
    keep_content: policy.KeepContent = None,
    keep_record: policy.KeepRecord = None,
    as_json: Json = False,
) -> None:
    """Change a business type; in every tenant its rules hold for what comes in from now on."""
    from kade.services import business_types

    options = {
        "names": names,
        "refuse": refuse,
        "max_size": max_size,
        "keep_content": keep_content,
        "keep_record": keep_record,
    }
    if not name and not direction and not any(options.values()):
        raise CommandError("say what to change: see `kade business-type set --help`", USAGE)

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        found = business_types.find(tx, number)
        rules = policy.changed(found.policy, **options)
        changed = found._replace(
            name=name or found.name, direction=direction or found.direction, policy=rules
        )
        business_types.change(tx, caller, changed)
        return _described(tx, changed)

    _report(house.change(context, verb), as_json)


@app.command()
def offer(
    context: typer.Context,
    number: Number,
    space: Annotated[
        str | None,
        typer.Option("--space", metavar="SPACE", help="An existing space, such as a partner's box."),
    ] = None,
    quota: Annotated[
        str | None, typer.Option("--quota", metavar="SIZE", help="What a new space may hold, or none.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a tenant a space for a business type; rights and rules do so where there is none."""
    from kade.services import business_types, spaces

    ceiling = show.size(quota, "--quota") if quota else house.new_quota(house.settings(context))

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        existing = spaces.at_path(tx, caller, space) if space else None
        offered = business_types.offer(tx, caller, kade.namers, number, existing, ceiling)
        return {"id": offered.id, "path": spaces.paths(tx, caller)[offered.id], "business_type": number}

    made = house.change(context, verb)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"files of type {number} lie in {made['path']}")


@app.command()
def remove(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Remove a business type that no tenant has a space for."""
    from kade.services import business_types

    house.change(context, lambda tx, caller, _kade: business_types.remove(tx, caller, number))
    show.removed({"number": number}, "number", as_json=as_json)


def _described(tx: Tx, found: BusinessType) -> dict[str, Any]:
    tenants = (tx.tenants.get(space.tenant_id) for space in tx.spaces.of_number(found.number))
    return {
        "number": found.number,
        "name": found.name,
        "direction": found.direction,
        "tenants": sorted(tenant.name for tenant in tenants if tenant is not None),
        "created": show.time(found.created_at),
        **policy.described(found.policy),
    }


def _report(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    show.facts(
        [
            ("number", str(found["number"])),
            ("name", found["name"]),
            ("direction", found["direction"]),
            ("tenants", " ".join(found["tenants"])),
            ("since", found["created"]),
            *policy.facts(found),
        ]
    )

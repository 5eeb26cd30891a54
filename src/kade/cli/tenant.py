"""`kade tenant`: the organisations that are hosted here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.remote import Json, human_size, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller
    from kade.core.tenants import Tenant

app = typer.Typer(
    no_args_is_help=True,
    help="Organisations that are hosted here; `kade --tenant NAME …` acts in one.",
)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the tenants."""
    found = house.look(
        context, lambda tx, _caller, _kade: [_described(tx, each) for each in tx.tenants.all()]
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [each["name"], str(each["spaces"]), human_size(each["used"]), each["created"][:10]] for each in found
    ]
    show.table(["NAME", "SPACES", "USED", "SINCE"], rows, right=["SPACES", "USED"])


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new tenant.")],
    as_json: Json = False,
) -> None:
    """Add a tenant; whoever runs this installation manages it."""
    from kade.services import tenants

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        return _described(tx, tenants.add(tx, caller, name))

    made = house.change(context, verb)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"added {made['name']}")


def _described(tx: Tx, tenant: Tenant) -> dict[str, Any]:
    quota = tx.quotas.get(tenant.id)
    return {
        "id": tenant.id,
        "name": tenant.name,
        "spaces": sum(space.parent_id is not None for space in tx.spaces.of_tenant(tenant.id)),
        "used": quota.used if quota else 0,
        "created": show.time(tenant.created_at),
    }

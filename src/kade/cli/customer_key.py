"""`kade customer key`: what customers ask for their first handshake with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import credentials, house
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller

app = typer.Typer(no_args_is_help=True, help="Secret keys: several may be in force, so that they can change.")

Named = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name or number of the customer.")]


@app.command("list")
def list_(context: typer.Context, name: Named, as_json: Json = False) -> None:
    """List the keys of a customer, the revoked ones too; never the keys themselves."""
    from kade.services import customers

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        return [credentials.described(each) for each in customers.keys(tx, house.customer(tx, caller, name))]

    credentials.listed(house.look(context, verb), as_json=as_json)


@app.command()
def add(
    context: typer.Context,
    name: Named,
    label: credentials.Label = "",
    expires: credentials.Expires = None,
    as_json: Json = False,
) -> None:
    """Make one more key and print it, this once; those that there are stay in force."""
    from kade.services import customers

    key = customers.new_key()
    until = credentials.until(expires)

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        owner = house.customer(tx, caller, name)
        return credentials.described(customers.add_key(tx, caller, owner, key, label=label, until=until))

    made = house.change(context, verb)
    credentials.made(made, "secret_key", key, "This key", as_json=as_json)


@app.command()
def revoke(
    context: typer.Context,
    name: Named,
    which: Annotated[str, typer.Argument(metavar="ID", help="Id of the key, or how it begins or ends.")],
    as_json: Json = False,
) -> None:
    """Revoke a key: handshakes that began with it count no longer."""
    from kade.services import customers, principals

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        those = {each.id: each for each in customers.keys(tx, house.customer(tx, caller, name))}
        found = house.one_of(those, which, "keys", f"kade customer key list {name}")
        principals.revoke(tx, caller, found)
        return credentials.described(tx.credentials.get(found.id) or found)

    revoked = house.change(context, verb)
    if as_json:
        print_json(revoked)
    else:
        typer.echo(f"revoked {revoked['id']}")

"""`kade customer handshake`: the chains of handshakes that customers have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.customer_key import Named
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller
    from kade.services.handshakes import Held

app = typer.Typer(no_args_is_help=True, help="Chains of handshakes, one for each client of a customer.")


@app.command("list")
def list_(context: typer.Context, name: Named, as_json: Json = False) -> None:
    """List a customer's chains, longest unused first; never a handshake itself."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        from kade.services import handshakes

        found = handshakes.of_customer(tx, house.customer(tx, caller, name))
        return [_described(tx, each) for each in found]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["id"],
            " ".join(each["groups"]) if each["groups"] is not None else "all",
            str(each["uses"]),
            each["used"],
            each["address"],
            each["revoked"] or "",
        ]
        for each in found
    ]
    show.table(["ID", "GROUPS", "USES", "LAST USED", "ADDRESS", "REVOKED"], rows, right=["USES"])


@app.command()
def revoke(
    context: typer.Context,
    name: Named,
    which: Annotated[str, typer.Argument(metavar="ID", help="Id of the chain, or how it begins or ends.")],
    as_json: Json = False,
) -> None:
    """Revoke a chain: none of its handshakes counts any longer."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.core.ids import Id
        from kade.services import handshakes

        those = {Id(each.name): each for each in handshakes.of_customer(tx, house.customer(tx, caller, name))}
        found = house.one_of(those, which, "handshakes", f"kade customer handshake list {name}")
        handshakes.revoke(tx, caller, found)
        return {"id": found.name}

    revoked = house.change(context, verb)
    if as_json:
        print_json(revoked)
    else:
        typer.echo(f"revoked {revoked['id']}")


def _described(tx: Tx, held: Held) -> dict[str, Any]:
    from kade.services import groups

    chain = held.chain
    named = [groups.of_space(tx, each) for each in chain.spaces or ()]
    return {
        "id": held.name,
        "groups": [each.name for each in named if each is not None] if chain.spaces is not None else None,
        "uses": chain.link - 1,
        "began": show.time(chain.created_at),
        "used": show.time(chain.used_at),
        "address": chain.address,
        "revoked": show.time(chain.revoked_at),
    }

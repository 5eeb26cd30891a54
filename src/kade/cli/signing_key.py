"""`kade signing-key`: the keys that access tokens are signed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller
    from kade.core.signing_keys import SigningKey

app = typer.Typer(no_args_is_help=True, help="Keys that access tokens are signed with.")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List signing keys, the retired and revoked ones too."""
    found = house.look(
        context, lambda tx, _caller, _kade: [_described(each) for each in tx.signing_keys.all()]
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [each["id"], each["algorithm"], each["state"], each["created"][:10], each["retires"][:10]]
        for each in found
    ]
    show.table(["ID", "ALGORITHM", "STATE", "SINCE", "SIGNS UNTIL"], rows)


@app.command()
def rotate(context: typer.Context, as_json: Json = False) -> None:
    """Make a new key that signs from now on; tokens of the keys before it stay good."""
    from kade.core.clock import now
    from kade.services import signing_keys
    from kade.services.installing import local_operator

    async def work(kade: Kade) -> SigningKey:
        fresh = kade.key_ring.mint(now())
        await kade.catalog.write(lambda tx: signing_keys.rotate(tx, local_operator(tx), fresh))
        return fresh

    made = _described(house.inside(context, work))
    if as_json:
        print_json(made)
    else:
        typer.echo(f"tokens are signed by {made['id']} now, until {made['retires'][:10]}")


@app.command()
def revoke(
    context: typer.Context,
    which: Annotated[str, typer.Argument(metavar="ID", help="Id of the key, or how it begins or ends.")],
    as_json: Json = False,
) -> None:
    """Revoke a key: every token that it signed is refused from now on."""
    from kade.core.clock import now
    from kade.services import signing_keys

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        keys = {each.id: each for each in tx.signing_keys.all()}
        key = house.one_of(keys, which, "keys", "kade signing-key list")
        at = now()
        signing_keys.revoke(tx, caller, key.id, at)
        return _described(key._replace(revoked_at=at))

    revoked = house.change(context, verb)
    if as_json:
        print_json(revoked)
    else:
        typer.echo(f"revoked {revoked['id']}: clients have to ask for new tokens")


def _described(key: SigningKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "algorithm": key.algorithm,
        "state": _state(key),
        "created": show.time(key.created_at),
        "retires": show.time(key.retires_at),
        "revoked": show.time(key.revoked_at),
    }


def _state(key: SigningKey) -> str:
    from kade.core.clock import now

    at = now()
    if key.revoked_at is not None:
        return "revoked"
    if key.signs(at):
        return "signs"
    return "retired" if key.verifies(at) else "over"

"""`kade application secret`: what applications get their tokens with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller, Credential

app = typer.Typer(no_args_is_help=True, help="Secrets: several may be in force, so that they can be changed.")

Named = Annotated[str, typer.Argument(metavar="APPLICATION", help="Name or client id of the application.")]


@app.command("list")
def list_(context: typer.Context, name: Named, as_json: Json = False) -> None:
    """List the secrets of an application, the revoked ones too; never the secrets themselves."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        return [_described(each) for each in _secrets(tx, caller, name)]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    rows = [
        [each["id"], each["label"], each["created"][:10], each["until"] or "never", each["revoked"] or ""]
        for each in found
    ]
    show.table(["ID", "LABEL", "SINCE", "EXPIRES", "REVOKED"], rows)


@app.command()
def add(
    context: typer.Context,
    name: Named,
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="It ends after this time, such as 90d.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make one more secret and print it, this once; those that there are stay in force."""
    from kade.auth import client_secret
    from kade.core.clock import Millis, now
    from kade.core.principals import CredentialKind
    from kade.services import principals

    secret = client_secret.new_secret()
    until = Millis(now() + show.duration_ms(expires, "--expires")) if expires else None

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        owner = house.application(tx, caller, name)
        fingerprint = client_secret.fingerprint(secret)
        made = principals.register(
            tx, caller, owner, CredentialKind.SECRET, fingerprint, label=label, not_after=until
        )
        return _described(made)

    made = house.change(context, verb)
    if as_json:
        print_json({**made, "client_secret": secret})
        return
    typer.echo(secret)
    typer.echo(f"This secret is shown only now; its id is {made['id']}.", err=True)


@app.command()
def revoke(
    context: typer.Context,
    name: Named,
    which: Annotated[str, typer.Argument(metavar="ID", help="Id of the secret, or how it begins or ends.")],
    as_json: Json = False,
) -> None:
    """Revoke a secret: it gives no more tokens, and those that it gave count no longer."""
    from kade.services import principals

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        secrets = {each.id: each for each in _secrets(tx, caller, name)}
        found = house.one_of(secrets, which, "secrets", f"kade application secret list {name}")
        principals.revoke(tx, caller, found)
        return _described(tx.credentials.get(found.id) or found)

    revoked = house.change(context, verb)
    if as_json:
        print_json(revoked)
    else:
        typer.echo(f"revoked {revoked['id']}")


def _secrets(tx: Tx, caller: Caller, name: str) -> list[Credential]:
    from kade.core.principals import CredentialKind

    owner = house.application(tx, caller, name)
    return [each for each in tx.credentials.of_principal(owner.id) if each.kind == CredentialKind.SECRET]


def _described(secret: Credential) -> dict[str, Any]:
    return {
        "id": secret.id,
        "label": secret.label,
        "created": show.time(secret.created_at),
        "until": show.time(secret.not_after),
        "revoked": show.time(secret.revoked_at),
    }

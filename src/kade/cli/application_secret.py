"""`kade application secret`: what applications get their tokens with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import credentials, house
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
        return [credentials.described(each) for each in _secrets(tx, caller, name)]

    credentials.listed(house.look(context, verb), as_json=as_json)


@app.command()
def add(
    context: typer.Context,
    name: Named,
    label: credentials.Label = "",
    expires: credentials.Expires = None,
    as_json: Json = False,
) -> None:
    """Make one more secret and print it, this once; those that there are stay in force."""
    from kade.auth import client_secret
    from kade.core.principals import CredentialKind
    from kade.services import principals

    secret = client_secret.new_secret()
    until = credentials.until(expires)

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        owner = house.application(tx, caller, name)
        fingerprint = client_secret.fingerprint(secret)
        made = principals.register(
            tx, caller, owner, CredentialKind.SECRET, fingerprint, label=label, not_after=until
        )
        return credentials.described(made)

    made = house.change(context, verb)
    credentials.made(made, "client_secret", secret, "This secret", as_json=as_json)


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
        return credentials.described(tx.credentials.get(found.id) or found)

    revoked = house.change(context, verb)
    if as_json:
        print_json(revoked)
    else:
        typer.echo(f"revoked {revoked['id']}")


def _secrets(tx: Tx, caller: Caller, name: str) -> list[Credential]:
    from kade.core.principals import CredentialKind

    owner = house.application(tx, caller, name)
    return [each for each in tx.credentials.of_principal(owner.id) if each.kind == CredentialKind.SECRET]

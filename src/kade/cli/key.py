"""`kade key`: keys of the service API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import credentials, house, show
from kade.cli.errors import USAGE, CommandError
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller, Credential, Principal

app = typer.Typer(no_args_is_help=True, help="Keys by which programs prove who they are (bearer).")


@app.command("list")
def list_(
    context: typer.Context,
    user: Annotated[str | None, typer.Argument(metavar="[USER]", help="Those of this user alone.")] = None,
    as_json: Json = False,
) -> None:
    """List keys, the revoked ones too; never the keys themselves."""
    found = house.look(
        context,
        lambda tx, caller, _kade: [_described(each, owner) for owner, each in _keys(tx, caller, user)],
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["id"],
            each["user"],
            each["label"],
            " ".join(each["scopes"]) or "all",
            _state(each),
            each["created"][:10],
            each["until"] or "never",
        ]
        for each in found
    ]
    show.table(["ID", "USER", "LABEL", "SCOPES", "STATE", "SINCE", "EXPIRES"], rows)


@app.command()
def add(
    context: typer.Context,
    user: Annotated[
        str | None, typer.Argument(metavar="[USER]", help="Whose key it is; the operator's.")
    ] = None,
    label: credentials.Label = "",
    expires: credentials.Expires = None,
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", help="It is for this alone, such as files.read; several may be given."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once."""
    from kade.auth import bearer
    from kade.core.principals import CredentialKind
    from kade.services import principals

    secret = bearer.new_key()
    until = credentials.until(expires)

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        owner = house.user(tx, caller, user or caller.principal_id)
        key = principals.register(
            tx,
            caller,
            owner,
            CredentialKind.KEY,
            bearer.fingerprint(secret),
            label=label,
            not_after=until,
            scopes=_words(scopes or []),
        )
        return _described(key, owner)

    made = house.change(context, verb)
    credentials.made(made, "key", secret, f"This key of {made['user']}", as_json=as_json)


@app.command()
def revoke(
    context: typer.Context,
    which: Annotated[str, typer.Argument(metavar="ID", help="Id of the key, or how it begins or ends.")],
    as_json: Json = False,
) -> None:
    """Revoke a key: refused from now on."""
    from kade.services import principals

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        keys = {key.id: (owner, key) for owner, key in _keys(tx, caller)}
        owner, key = house.one_of(keys, which, "keys", "kade key list")
        principals.revoke(tx, caller, key)
        return _described(tx.credentials.get(key.id) or key, owner)

    revoked = house.change(context, verb)
    if as_json:
        print_json(revoked)
    else:
        typer.echo(f"revoked {revoked['id']} of {revoked['user']}")


def _words(scopes: list[str]) -> list[str]:
    """Scopes as they are kept. Raises CommandError for one that is no word."""
    for each in scopes:
        if not re.fullmatch(r"[!-~]+", each):
            raise CommandError(f"--scope is {each!r}, but must be a word such as files.read", USAGE)
    return list(dict.fromkeys(scopes))


def _keys(tx: Tx, caller: Caller, user: str | None = None) -> list[tuple[Principal, Credential]]:
    from kade.core.principals import CredentialKind

    return house.credentials(tx, caller, CredentialKind.KEY, user)


def _described(key: Credential, owner: Principal) -> dict[str, Any]:
    return {"user": owner.name, **credentials.described(key), "scopes": key.scopes.split()}


def _state(key: dict[str, Any]) -> str:
    from kade.core.clock import now

    if key["revoked"]:
        return "revoked"
    return "expired" if key["until"] and key["until"] <= (show.time(now()) or "") else "in force"

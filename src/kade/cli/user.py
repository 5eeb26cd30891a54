"""`kade user`: who may do something here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kade.cli import cert, house, show
from kade.cli.errors import USAGE, CommandError
from kade.cli.remote import Json, human_size, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller, Principal

app = typer.Typer(
    no_args_is_help=True, help="Who may do something here: partners, applications and operators."
)

Name = Annotated[str, typer.Argument(metavar="USER", help="Name or id of the user.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the users."""

    def verb(tx: Tx, caller: Caller, kade: Kade) -> list[dict[str, Any]]:
        return [described(tx, caller, kade, each) for each in tx.principals.of_tenant(caller.tenant_id)]

    users = house.look(context, verb)
    if as_json:
        print_json(users)
        return
    rows = [
        [
            user["name"],
            user["kind"],
            " ".join(user["names"].values()),
            str(sum(each["revoked"] is None for each in user["certificates"])),
            human_size(sum(space["used"] for space in user["spaces"])) if user["spaces"] else "",
            user["created"][:10],
        ]
        for user in users
    ]
    show.table(["NAME", "KIND", "NUMBER", "CERTIFICATES", "USED", "SINCE"], rows, right=["USED"])


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new user.")],
    kind: Annotated[
        Literal["partner", "application", "operator"],
        typer.Option(
            help="A partner has a box; an application works in all boxes; an operator manages users as well."
        ),
    ] = "partner",
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="Register this certificate.")
    ] = None,
    oin: Annotated[
        str | None, typer.Option("--oin", metavar="NUMBER", help="Register this organisation number.")
    ] = None,
    quota: Annotated[
        str | None,
        typer.Option("--quota", metavar="SIZE", help="What a partner's box may hold; as configured."),
    ] = None,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password (HTTP Basic), or read it from a pipe.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add a user."""
    from kade.core.principals import CredentialKind, PrincipalKind
    from kade.services import partners, principals

    der = cert.read(certificate) if certificate else None
    number = _oin(oin) if oin else None
    ceiling = show.size(quota, "--quota") if quota else house.new_quota(house.settings(context))
    secret = _hashed(_asked()) if password else None

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        user = partners.create(tx, caller, kade.namers, PrincipalKind(kind), name, ceiling)
        if der is not None:
            cert.register(tx, caller, user, der)
        if number is not None:
            principals.register(tx, caller, user, CredentialKind.OIN, number, label=f"OIN {number}")
        if secret is not None:
            _set_password(tx, caller, user, secret)
        return described(tx, caller, kade, user)

    user = house.change(context, verb)
    if as_json:
        print_json(user)
    else:
        _print(user)


@app.command("show")
def show_(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show a user: names, proofs, spaces."""
    user = house.look(
        context, lambda tx, caller, kade: described(tx, caller, kade, house.user(tx, caller, name))
    )
    if as_json:
        print_json(user)
    else:
        _print(user)


@app.command()
def rename(
    context: typer.Context,
    name: Name,
    new_name: Annotated[str, typer.Argument(metavar="NEW-NAME", help="The name from now on.")],
    as_json: Json = False,
) -> None:
    """Give a user, and its box, another name."""
    from kade.services import partners

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        user = house.user(tx, caller, name)
        partners.rename(tx, caller, kade.namers, user, new_name)
        return described(tx, caller, kade, house.user(tx, caller, user.id))

    user = house.change(context, verb)
    if as_json:
        print_json(user)
    else:
        typer.echo(f"{name} is called {user['name']} now")


@app.command()
def password(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Set a user's password, asked for or read from a pipe."""
    secret = _hashed(_asked())

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> str:
        user = house.user(tx, caller, name)
        _set_password(tx, caller, user, secret)
        return user.name

    done = house.change(context, verb)
    if as_json:
        print_json({"user": done})
    else:
        typer.echo(f"{done} has a new password")


@app.command()
def remove(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Remove a user and its empty box; refused while files are in it."""
    from kade.services import partners

    def verb(tx: Tx, caller: Caller, kade: Kade) -> Principal:
        user = house.user(tx, caller, name)
        if user.id == caller.principal_id:
            raise CommandError(f"{user.name!r} is the operator that this command acts as")
        partners.remove(tx, caller, kade.namers, user)
        return user

    user = house.change(context, verb)
    show.removed({"id": user.id, "name": user.name}, "name", as_json=as_json)


def described(tx: Tx, caller: Caller, kade: Kade, user: Principal) -> dict[str, Any]:
    """Everything that operators want to know of a user."""
    from kade.core.bindings import Noun
    from kade.core.principals import CredentialKind

    proofs = tx.credentials.of_principal(user.id)
    own = kade.namers.personal_spaces(tx, user.id)
    return {
        "id": user.id,
        "name": user.name,
        "kind": user.kind,
        "created": show.time(user.created_at),
        "names": {
            instance: tx.bindings.key_of(instance, Noun.PRINCIPAL, user.id)
            for instance in tx.bindings.instances_of(Noun.PRINCIPAL, user.id)
        },
        "certificates": [
            cert.described(each, user.name) for each in proofs if each.kind == CredentialKind.CERTIFICATE
        ],
        "oins": _in_force(proofs, CredentialKind.OIN),
        "keys": len(_in_force(proofs, CredentialKind.KEY)),
        "password": bool(_in_force(proofs, CredentialKind.PASSWORD)),
        "spaces": [_granted(tx, caller, grant, own) for grant in tx.grants.of_principal(user.id)],
    }


def _in_force(proofs: list[Any], kind: str) -> list[str]:
    return [each.fingerprint for each in proofs if each.kind == kind and each.revoked_at is None]


def _granted(tx: Tx, caller: Caller, grant: Any, own: list[Any]) -> dict[str, Any]:
    from kade.services import spaces

    quota = tx.quotas.get(grant.space_id)
    return {
        "id": grant.space_id,
        "path": spaces.paths(tx, caller).get(grant.space_id, "/"),
        "own": grant.space_id in own,
        "verbs": list(grant.verbs),
        "used": quota.used if quota else 0,
        "reserved": quota.reserved if quota else 0,
        "quota": quota.ceiling if quota else None,
    }


def _print(user: dict[str, Any]) -> None:
    pairs = [
        ("name", user["name"]),
        ("kind", user["kind"]),
        ("id", user["id"]),
        ("since", user["created"]),
        *((f"{instance} number", key) for instance, key in user["names"].items()),
        *(("OIN", number) for number in user["oins"]),
        *(("certificate", cert.line(each)) for each in user["certificates"]),
        ("keys", str(user["keys"])),
        ("password", "set" if user["password"] else "none"),
        *(("own space" if space["own"] else "space", _space_line(space)) for space in user["spaces"]),
    ]
    show.facts(pairs)


def _space_line(space: dict[str, Any]) -> str:
    return (
        f"{space['path']}: {' '.join(space['verbs'])}; {human_size(space['used'])} used, "
        f"{human_size(space['reserved'])} reserved, quota {show.limit(space['quota'])}"
    )


def _oin(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) == 20):
        raise CommandError(f"--oin is {text!r}, but an organisation number has twenty digits", USAGE)
    return text


def _asked() -> str:
    """The password: typed twice on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        given = sys.stdin.readline().rstrip("\n")
    if not given:
        raise CommandError("the password is empty", USAGE)
    return str(given)


def _hashed(given: str) -> str:
    from kade.auth import password

    return password.hashed(given)


def _set_password(tx: Tx, caller: Caller, user: Principal, secret: str) -> None:
    """The one password of the user: the one before is revoked."""
    from kade.auth import password
    from kade.core.principals import CredentialKind
    from kade.services import principals

    for old in tx.credentials.of_principal(user.id):
        if old.kind == CredentialKind.PASSWORD and old.revoked_at is None:
            principals.revoke(tx, caller, old)
    fingerprint = password.fingerprint(user.name)
    principals.register(
        tx, caller, user, CredentialKind.PASSWORD, fingerprint, label="password", secret=secret
    )

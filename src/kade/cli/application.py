"""`kade application`: programs that publish and subscribe, with their secrets, rights and networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kade.cli import application_secret, house, show
from kade.cli.application_secret import Named
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.grants import Verb
    from kade.core.ids import Id
    from kade.core.ports import Tx
    from kade.core.principals import Caller, Principal

app = typer.Typer(
    no_args_is_help=True, help="Programs that publish and subscribe: their secrets, rights and networks."
)
app.add_typer(application_secret.app, name="secret")

_ROLES = {"write": "publisher", "subscribe": "subscriber"}  # of the verbs of grants

Role = Annotated[
    Literal["publisher", "subscriber"], typer.Option("--as", help="Whether it brings files or gets them.")
]
TypeNumber = Annotated[int, typer.Option("--type", metavar="NUMBER", help="The business type.")]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="In which tenant; the first one.")
]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the applications."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        return [_described(tx, each) for each in house.applications(tx, caller)]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["name"],
            each["client_id"],
            str(len(each["rights"])),
            " ".join(each["networks"]),
            each["created"][:10],
        ]
        for each in found
    ]
    show.table(["NAME", "CLIENT ID", "RIGHTS", "NETWORKS", "SINCE"], rows, right=["RIGHTS"])


@app.command("show")
def show_(context: typer.Context, name: Named, as_json: Json = False) -> None:
    """Show an application: what it may do, from where, and with which secrets."""
    found = house.look(context, lambda tx, caller, _kade: _described(tx, house.application(tx, caller, name)))
    if as_json:
        print_json(found)
        return
    show.facts(
        [
            ("name", found["name"]),
            ("client id", found["client_id"]),
            ("since", found["created"]),
            ("networks", " ".join(found["networks"]) or "any"),
            ("secrets", str(found["secrets"])),
            *(
                (each["role"], f"{each['tenant']} {_place(each)}  since {each['since'][:10]}")
                for each in found["rights"]
            ),
        ]
    )


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new application.")],
    in_sandbox: Annotated[
        bool, typer.Option("--sandbox/--no-sandbox", help="Let it try things in the sandbox.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Add an application; its client id and its first secret are printed, the secret this once."""
    from kade.auth import client_secret
    from kade.core.principals import CredentialKind
    from kade.services import applications, principals, sandbox

    secret = client_secret.new_secret()

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        made = applications.create(tx, caller, kade.namers, name)
        principals.register(
            tx, caller, made, CredentialKind.SECRET, client_secret.fingerprint(secret), label="first secret"
        )
        if in_sandbox:
            sandbox.admit(tx, caller, kade.namers, kade.rules, made, ceiling=house.new_quota(kade.config))
        return _described(tx, made)

    made = house.change(context, verb)
    if as_json:
        print_json({**made, "client_secret": secret})
        return
    show.facts([("client id", made["client_id"]), ("client secret", secret)])
    typer.echo("The secret is shown only now.", err=True)


@app.command()
def grant(
    context: typer.Context,
    name: Named,
    business_type: TypeNumber,
    role: Role,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Let an application publish, or subscribe to what arrives from now on."""
    from kade.services import applications

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        found = house.application(tx, caller, name)
        here = house.acting(tx, caller, tenant)
        ceiling = house.new_quota(kade.config)
        applications.entitle(tx, here, kade.namers, found, business_type, _verb(role), ceiling=ceiling)
        return _described(tx, found)

    granted = house.change(context, verb)
    if as_json:
        print_json(granted)
    else:
        typer.echo(f"{name} is a {role} of type {business_type}")


@app.command()
def withdraw(
    context: typer.Context,
    name: Named,
    business_type: TypeNumber,
    role: Role,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Take a right away; tokens and transfers that use it end."""
    from kade.core.errors import GrantReason, KadeError
    from kade.services import applications

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        found = house.application(tx, caller, name)
        here = house.acting(tx, caller, tenant)
        grants = _grants(tx, found, here.tenant_id, business_type, _verb(role))
        if not grants:
            raise KadeError(GrantReason.UNKNOWN, name)
        for each in grants:
            applications.withdraw(tx, here, each)
        return _described(tx, found)

    left = house.change(context, verb)
    if as_json:
        print_json(left)
    else:
        typer.echo(f"{name} is no {role} of type {business_type} any longer")


@app.command()
def allow(
    context: typer.Context,
    name: Named,
    networks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NETWORK]...", help="From where, such as 192.0.2.0/24; none: from anywhere."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say from which networks an application may call."""
    from kade.services import applications

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> str:
        return applications.set_networks(tx, caller, house.application(tx, caller, name), networks or [])

    allowed = house.change(context, verb)
    if as_json:
        print_json({"name": name, "networks": allowed.split()})
    else:
        typer.echo(f"{name} may call from {allowed or 'anywhere'}")


@app.command()
def remove(context: typer.Context, name: Named, as_json: Json = False) -> None:
    """Remove an application: its secrets and rights end; what it published stays."""
    from kade.services import principals

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        found = house.application(tx, caller, name)
        described = _described(tx, found)
        principals.remove(tx, caller, found)
        return described

    show.removed(house.change(context, verb), "name", as_json=as_json)


def _place(right: dict[str, Any]) -> str:
    """For which business type a right holds, or in which other space."""
    return str(right["space"] if right["business_type"] is None else right["business_type"])


def _verb(role: str) -> Verb:
    from kade.core.grants import Verb

    return Verb.WRITE if role == "publisher" else Verb.SUBSCRIBE


def _grants(tx: Tx, found: Principal, tenant_id: Id, number: int, verb: Verb) -> list[Id]:
    spaces = {space.id for space in tx.spaces.of_number(number, tenant_id)}
    grants = tx.grants.of_principal(found.id)
    return [each.id for each in grants if each.space_id in spaces and verb in each.verbs]


def _described(tx: Tx, found: Principal) -> dict[str, Any]:
    from kade.core.ids import dashed
    from kade.core.principals import CredentialKind

    credentials = tx.credentials.of_principal(found.id)
    return {
        "name": found.name,
        "client_id": dashed(found.id),
        "created": show.time(found.created_at),
        "networks": found.networks.split(),
        "secrets": sum(
            each.kind == CredentialKind.SECRET and each.revoked_at is None for each in credentials
        ),
        "rights": _rights(tx, found.id),
    }


def _rights(tx: Tx, application_id: Id) -> list[dict[str, Any]]:
    """By tenant and type: ids, by which grants are sorted, do not tell which of one moment came first."""
    rights: list[dict[str, Any]] = []
    for each in tx.grants.of_principal(application_id):
        space = tx.spaces.get(each.space_id)
        if space is None or space.removed_at is not None:
            continue
        tenant = tx.tenants.get(space.tenant_id)
        assert tenant is not None
        rights += [
            {
                "role": _ROLES.get(verb.value, verb.value),
                "tenant": tenant.name,
                "business_type": space.number,
                "space": space.name if space.parent_id else "/",
                "since": show.time(each.created_at),
            }
            for verb in each.verbs
        ]
    return sorted(rights, key=lambda each: (each["tenant"], each["business_type"] or 0, each["role"]))

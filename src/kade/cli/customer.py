"""`kade customer`: whose files are filed in groups, with their keys and handshakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import customer_key, handshake, house, show
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.customers import Customer
    from kade.core.ids import Id
    from kade.core.ports import Tx
    from kade.core.principals import Caller

app = typer.Typer(no_args_is_help=True, help="Customers: whose files are filed in groups and found again.")
app.add_typer(customer_key.app, name="key")
app.add_typer(handshake.app, name="handshake")

Named = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name or number of the customer.")]
PageSize = Annotated[
    int | None, typer.Option("--page-size", help="Results of a search at once, 5 to 250; at first 25.")
]
Installations = Annotated[
    list[str] | None,
    typer.Option("--installation", metavar="NAME", help="Whose services it may use itself; repeatable."),
]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the customers."""
    from kade.services import customers

    found = house.look(
        context,
        lambda tx, caller, _kade: [_described(tx, each) for each in customers.of_tenant(tx, caller)],
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [str(each["number"]), each["name"], str(each["groups"]), "blocked" if each["blocked"] else ""]
        for each in found
    ]
    show.table(["NUMBER", "NAME", "GROUPS", "STATE"], rows, right=["NUMBER", "GROUPS"])


@app.command("show")
def show_(context: typer.Context, name: Named, as_json: Json = False) -> None:
    """Show a customer."""
    _report(
        house.look(context, lambda tx, caller, _kade: _described(tx, house.customer(tx, caller, name))),
        as_json,
    )


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    number: Annotated[int | None, typer.Option("--number", help="Its number; the next free one.")] = None,
    page_size: PageSize = None,
    installations: Installations = None,
    as_json: Json = False,
) -> None:
    """Add a customer, with a space of its name for its groups."""
    from kade.services import customers

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        made = customers.create(tx, caller, kade.namers, name, number)
        return _described(tx, _changed(tx, caller, made, page_size=page_size, installations=installations))

    _report(house.change(context, verb), as_json)


@app.command("set")
def set_(
    context: typer.Context,
    name: Named,
    page_size: PageSize = None,
    downloads: Annotated[
        bool | None, typer.Option("--downloads/--no-downloads", help="Whether it may fetch files.")
    ] = None,
    blocked: Annotated[
        bool | None, typer.Option("--block/--unblock", help="Whether everything is refused to it.")
    ] = None,
    installations: Installations = None,
    as_json: Json = False,
) -> None:
    """Change what holds for a customer."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        found = house.customer(tx, caller, name)
        return _described(
            tx,
            _changed(
                tx,
                caller,
                found,
                page_size=page_size,
                downloads=downloads,
                blocked=blocked,
                installations=installations,
            ),
        )

    _report(house.change(context, verb), as_json)


def _changed(
    tx: Tx,
    caller: Caller,
    customer: Customer,
    *,
    page_size: int | None = None,
    downloads: bool | None = None,
    blocked: bool | None = None,
    installations: list[str] | None = None,
) -> Customer:
    import msgspec

    from kade.services import customers

    values = {"page_size": page_size, "downloads": downloads, "blocked": blocked}
    given: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    if installations is not None:
        given["installations"] = _ids(tx, caller, installations)
    if not given:
        return customer
    return customers.change(tx, caller, customer, msgspec.structs.replace(customer.account, **given))


def _ids(tx: Tx, caller: Caller, names: list[str]) -> tuple[Id, ...]:
    from kade.services import sources

    return tuple(sources.installation(tx, caller, each).id for each in names)


def _described(tx: Tx, customer: Customer) -> dict[str, Any]:
    from kade.services import groups

    account = customer.account
    names = {each.id: each.name for each in tx.sources.installations(customer.principal.tenant_id)}
    return {
        "number": account.number,
        "name": customer.principal.name,
        "id": customer.principal.id,
        "page_size": account.page_size,
        "downloads": account.downloads,
        "blocked": account.blocked,
        "installations": [names[each] for each in account.installations if each in names],
        "groups": len(groups.of_customer(tx, customer)),
        "created": show.time(customer.principal.created_at),
    }


def _report(customer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(customer)
        return
    show.facts(
        [
            ("number", str(customer["number"])),
            ("name", customer["name"]),
            ("id", customer["id"]),
            ("since", customer["created"]),
            ("groups", str(customer["groups"])),
            ("page size", str(customer["page_size"])),
            ("downloads", "allowed" if customer["downloads"] else "not allowed"),
            ("state", "blocked" if customer["blocked"] else "active"),
            ("installations", " ".join(customer["installations"])),
        ]
    )

"""`kade delivery`: who was to get which file, and who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.remote import Json, human_size, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.deliveries import Delivery
    from kade.core.files import File
    from kade.core.ids import Id
    from kade.core.ports import Tx
    from kade.core.principals import Caller

app = typer.Typer(no_args_is_help=True, help="Who was to get which file, and who has it.")


@app.command("list")
def list_(
    context: typer.Context,
    application: Annotated[
        str | None, typer.Option("--application", metavar="NAME", help="Of this application alone.")
    ] = None,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="Waiting for longer than this, such as 2d.")
    ] = "0s",
    most: Annotated[
        int, typer.Option("--limit", metavar="NUMBER", min=1, max=100_000, help="At most so many.")
    ] = 100,
    as_json: Json = False,
) -> None:
    """List what nobody fetched yet, longest waiting first."""
    from kade.core.clock import Millis, now
    from kade.services import deliveries

    age = show.duration_ms(older_than, "--older-than")

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        owner = house.application(tx, caller, application).id if application else None
        before = Millis(now() - age)
        return [
            _described(tx, delivery, file)
            for delivery, file in deliveries.waiting(tx, caller, owner, before, most)
        ]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["arrived"],
            each["application"],
            each["tenant"],
            str(each["business_type"] or ""),
            human_size(each["size"]),
            each["name"],
        ]
        for each in found
    ]
    show.table(["WAITING SINCE", "APPLICATION", "TENANT", "TYPE", "SIZE", "FILE"], rows, right=["SIZE"])


@app.command("show")
def show_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Id of the file, with dashes or without.")],
    as_json: Json = False,
) -> None:
    """Show who was to get a file, and what became of it there."""
    from kade.core.ids import Id
    from kade.services import deliveries

    file_id = Id(file.replace("-", "").lower())

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        return [_described(tx, each, found) for each, found in deliveries.of_file(tx, caller, file_id)]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    rows = [
        [each["application"], each["state"], each["arrived"], each["fetched"] or "", each["dismissed"] or ""]
        for each in found
    ]
    show.table(["APPLICATION", "STATE", "DELIVERED", "FETCHED", "DISMISSED"], rows)


def _described(tx: Tx, delivery: Delivery, file: File) -> dict[str, Any]:
    from kade.core.deliveries import DeliveryState

    space, tenant = tx.spaces.get(delivery.space_id), tx.tenants.get(delivery.tenant_id)
    return {
        "file": file.id,
        "name": file.name,
        "size": file.length or 0,
        "application": _name(tx, delivery.subscriber_id),
        "tenant": tenant.name if tenant else None,
        "business_type": space.number if space else None,
        "state": DeliveryState(delivery.state).name.lower(),
        "arrived": show.time(delivery.arrived_at),
        "fetched": show.time(delivery.fetched_at),
        "dismissed": show.time(delivery.dismissed_at),
    }


def _name(tx: Tx, principal_id: Id) -> str:
    principal = tx.principals.get(principal_id)
    return principal.name if principal else principal_id

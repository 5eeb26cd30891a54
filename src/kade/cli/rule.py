"""`kade space rule`: what happens by itself to what arrives in a space."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kade.cli import house, show
from kade.cli.errors import USAGE, CommandError
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller
    from kade.core.rules import Rule
    from kade.core.spaces import Space

app = typer.Typer(no_args_is_help=True, help="What happens by itself to what arrives in a space.")

At = Annotated[str, typer.Argument(metavar="SPACE", help="Path of the space, such as partner or a/b.")]


@app.command("list")
def list_(context: typer.Context, path: At, as_json: Json = False) -> None:
    """List the rules of a space."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        from kade.services import rules, spaces

        space = spaces.at_path(tx, caller, path)
        return [_described(tx, caller, each, path) for each in rules.of_space(tx, caller, space)]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    rows = [
        [each["id"], each["action"], each["tenant"], each["target"], each["created"][:10]] for each in found
    ]
    show.table(["ID", "ACTION", "TENANT", "INTO", "SINCE"], rows)


@app.command()
def add(
    context: typer.Context,
    path: At,
    action: Annotated[
        Literal["publish"],
        typer.Argument(help="publish: what arrives is a file of the other space, too."),
    ],
    business_type: Annotated[
        int | None, typer.Option("--type", metavar="NUMBER", help="Into the space for this business type.")
    ] = None,
    into: Annotated[
        str | None, typer.Option("--into", metavar="SPACE", help="Into the space at this path.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="NAME", help="Whose space that is; the same tenant's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a rule: it holds for what arrives from now on."""
    if (business_type is None) == (into is None):
        raise CommandError("say where to: --type NUMBER or --into SPACE", USAGE)

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        from kade.core.rules import Action
        from kade.services import rules, spaces

        there = house.acting(tx, caller, tenant)
        space = spaces.at_path(tx, caller, path)
        target = _target(tx, there, kade, business_type, into)
        return _described(tx, caller, rules.create(tx, caller, space, Action(action), target), path)

    made = house.change(context, verb)
    if as_json:
        print_json(made)
    else:
        typer.echo(
            f"what arrives in {path} is published in {made['target']} of {made['tenant']}; id {made['id']}"
        )


@app.command()
def remove(
    context: typer.Context,
    path: At,
    which: Annotated[str, typer.Argument(metavar="ID", help="Id of the rule, or how it begins or ends.")],
    as_json: Json = False,
) -> None:
    """End a rule; what it published stays."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import rules, spaces

        space = spaces.at_path(tx, caller, path)
        those = {each.id: each for each in rules.of_space(tx, caller, space)}
        found = house.one_of(those, which, "rules", f"kade space rule list {path}")
        rules.remove(tx, caller, found)
        return _described(tx, caller, found, path)

    show.removed(house.change(context, verb), "id", as_json=as_json)


def _target(tx: Tx, there: Caller, kade: Kade, number: int | None, into: str | None) -> Space:
    from kade.services import business_types, spaces

    if number is not None:
        return business_types.offer(tx, there, kade.namers, number, ceiling=house.new_quota(kade.config))
    assert into is not None
    return spaces.at_path(tx, there, into)


def _described(tx: Tx, caller: Caller, rule: Rule, path: str) -> dict[str, Any]:
    from kade.services import spaces

    target = tx.spaces.get(rule.target_id)
    tenant = tx.tenants.get(target.tenant_id) if target else None
    there = replace(caller, tenant_id=tenant.id) if tenant else caller
    return {
        "id": rule.id,
        "space": path,
        "action": rule.action,
        "tenant": tenant.name if tenant else None,
        "target": spaces.paths(tx, there).get(rule.target_id),
        "created": show.time(rule.created_at),
    }

"""`kade space`: where files lie, and by which rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, policy, rule, show
from kade.cli.errors import USAGE, CommandError
from kade.cli.remote import Json, human_size, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller
    from kade.core.spaces import Space

app = typer.Typer(no_args_is_help=True, help="Spaces: where files lie, and by which rules.")

app.add_typer(rule.app, name="rule")

At = Annotated[str, typer.Argument(metavar="SPACE", help="Path of the space, such as partner or a/b.")]
Quota = Annotated[
    str | None, typer.Option("--quota", metavar="SIZE", help="What it may hold, such as 10GB, or none.")
]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the spaces."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        from kade.services import spaces

        living = {space.id: space for space in tx.spaces.of_tenant(caller.tenant_id)}
        return [_described(tx, living[each], path) for each, path in spaces.paths(tx, caller).items()]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    rows = [
        [each["path"], human_size(each["used"]), human_size(each["reserved"]), show.limit(each["quota"])]
        for each in found
    ]
    right = ["USED", "RESERVED", "QUOTA"]
    show.table(["PATH", *right], rows, right=right)


@app.command("show")
def show_(context: typer.Context, path: At, as_json: Json = False) -> None:
    """Show a space: its rules, its names, and what is in it."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import spaces

        return _described(tx, spaces.at_path(tx, caller, path), path)

    _report(house.look(context, verb), as_json)


@app.command()
def add(
    context: typer.Context,
    path: At,
    quota: Quota = None,
    trash: policy.Trash = None,
    max_size: policy.MaxSize = None,
    digests: policy.Digests = None,
    keep_content: policy.KeepContent = None,
    keep_record: policy.KeepRecord = None,
    names: policy.Names = None,
    refuse: policy.Refuse = None,
    index: policy.Index = None,
    as_json: Json = False,
) -> None:
    """Add a space below another one, or below the root."""
    from kade.core.spaces import Policy
    from kade.services import spaces, tenants

    rules = policy.changed(
        Policy(),
        trash=trash,
        max_size=max_size,
        digests=digests,
        keep_content=keep_content,
        keep_record=keep_record,
        names=names,
        refuse=refuse,
        index=index,
    )
    ceiling = show.size(quota, "--quota") if quota else house.new_quota(house.settings(context))

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        above, _, name = path.rpartition("/")
        parent = spaces.at_path(tx, caller, above) if above else tenants.root_of(tx, caller.tenant_id)
        space = spaces.create(tx, caller, kade.namers, parent.id, name, policy=rules, ceiling=ceiling)
        return _described(tx, space, path)

    _report(house.change(context, verb), as_json)


@app.command("set")
def set_(
    context: typer.Context,
    path: At,
    quota: Quota = None,
    trash: policy.Trash = None,
    max_size: policy.MaxSize = None,
    digests: policy.Digests = None,
    keep_content: policy.KeepContent = None,
    keep_record: policy.KeepRecord = None,
    names: policy.Names = None,
    refuse: policy.Refuse = None,
    index: policy.Index = None,
    as_json: Json = False,
) -> None:
    """Change a space's rules: they hold for what comes in from now on."""
    from kade.core.spaces import Policy
    from kade.services import spaces

    options = {
        "trash": trash,
        "max_size": max_size,
        "digests": digests,
        "keep_content": keep_content,
        "keep_record": keep_record,
        "names": names,
        "refuse": refuse,
        "index": index,
    }
    if not quota and not any(options.values()):
        raise CommandError("say what to change: see `kade space set --help`", USAGE)
    policy.changed(Policy(), **options)

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        space = spaces.at_path(tx, caller, path)
        if quota:
            spaces.set_ceiling(tx, caller, space, show.size(quota, "--quota"))
        changed = policy.changed(space.policy, **options)
        if changed != space.policy:
            spaces.set_policy(tx, caller, space, changed)
        return _described(tx, spaces.at_path(tx, caller, path), path)

    _report(house.change(context, verb), as_json)


@app.command()
def remove(context: typer.Context, path: At, as_json: Json = False) -> None:
    """Remove an empty space."""
    from kade.services import partners, spaces

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        space = spaces.at_path(tx, caller, path)
        owner = partners.owner_of(tx, kade.namers, space)
        if owner is not None:
            raise CommandError(
                f"{path} is the box of {owner.name}: `kade user remove {owner.name}` ends both"
            )
        spaces.remove(tx, caller, space)
        return {"id": space.id, "path": path}

    show.removed(house.change(context, verb), "path", as_json=as_json)


def _described(tx: Tx, space: Space, path: str) -> dict[str, Any]:
    from kade.core.bindings import Noun

    quota = tx.quotas.get(space.id)
    return {
        "id": space.id,
        "path": path,
        "created": show.time(space.created_at),
        "names": {
            instance: tx.bindings.key_of(instance, Noun.SPACE, space.id)
            for instance in tx.bindings.instances_of(Noun.SPACE, space.id)
        },
        "used": quota.used if quota else 0,
        "reserved": quota.reserved if quota else 0,
        "quota": quota.ceiling if quota else None,
        "business_type": space.number,
        **policy.described(space.policy),
    }


def _report(space: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(space)
        return
    show.facts(
        [
            ("path", space["path"]),
            ("id", space["id"]),
            ("since", space["created"]),
            *((f"{instance} number", key) for instance, key in space["names"].items()),
            ("used", human_size(space["used"])),
            ("reserved", human_size(space["reserved"])),
            ("quota", show.limit(space["quota"])),
            *policy.facts(space),
        ]
    )

"""`kade group`: file groups of customers, and the folders, mailboxes and sites that fill them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import group_folder, house, show
from kade.cli.group_folder import At, Of
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.customers import FileGroup
    from kade.core.ports import Tx
    from kade.core.principals import Caller

app = typer.Typer(no_args_is_help=True, help="File groups: spaces by the names that customers know.")
app.add_typer(group_folder.app, name="folder")

Installation = Annotated[
    str | None, typer.Option("--installation", metavar="NAME", help="The installation that it is linked to.")
]
KeepDeleted = Annotated[
    str | None,
    typer.Option("--keep-deleted", metavar="TIME", help="How long deleted files can be had; 0: not at all."),
]
Copy = Annotated[
    bool | None, typer.Option("--copy/--no-copy", help="Whether bytes are copied into the store.")
]


@app.command("list")
def list_(context: typer.Context, customer: Of, as_json: Json = False) -> None:
    """List the groups of a customer."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        from kade.services import groups

        found = groups.of_customer(tx, house.customer(tx, caller, customer))
        return [_described(tx, caller, each) for each in found]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["name"],
            each["installation"] or "",
            str(len(each["folders"])),
            "copied" if each["copies"] else "elsewhere",
            "active" if each["active"] else "disabled",
        ]
        for each in found
    ]
    show.table(["NAME", "INSTALLATION", "FOLDERS", "BYTES", "STATE"], rows, right=["FOLDERS"])


@app.command("show")
def show_(context: typer.Context, customer: Of, name: At, as_json: Json = False) -> None:
    """Show a group, with what fills it."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        return _described(tx, caller, house.group(tx, caller, customer, name))

    _report(house.look(context, verb), as_json)


@app.command()
def add(
    context: typer.Context,
    customer: Of,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    installation: Installation = None,
    keep_deleted: KeepDeleted = None,
    copy: Copy = True,
    space: Annotated[
        str | None, typer.Option("--space", metavar="PATH", help="Make this space the group; a new one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a group: what is in it is read, and can be searched."""

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        from kade.core.customers import GroupSettings
        from kade.services import groups, sources, spaces

        owner = house.customer(tx, caller, customer)
        linked = sources.installation(tx, caller, installation).id if installation else ""
        settings = GroupSettings(owner.principal.id, name, linked, copies=bool(copy))
        made = groups.create(
            tx,
            caller,
            kade.namers,
            owner,
            settings,
            keep_deleted_ms=show.duration_ms(keep_deleted, "--keep-deleted") if keep_deleted else 0,
            space=spaces.at_path(tx, caller, space) if space else None,
            ceiling=house.new_quota(kade.config),
        )
        return _described(tx, caller, made)

    _report(house.change(context, verb), as_json)


@app.command("set")
def set_(
    context: typer.Context,
    customer: Of,
    name: At,
    installation: Installation = None,
    keep_deleted: KeepDeleted = None,
    copy: Copy = None,
    active: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether the group can be used.")
    ] = None,
    downloads: Annotated[
        bool | None, typer.Option("--downloads/--no-downloads", help="Whether its files may be fetched.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change what holds for a group."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        import msgspec

        from kade.services import groups, sources

        found = house.group(tx, caller, customer, name)
        values = {"copies": copy, "active": active, "downloads": downloads}
        given: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
        if installation is not None:
            given["installation_id"] = (
                sources.installation(tx, caller, installation).id if installation else ""
            )
        kept = show.duration_ms(keep_deleted, "--keep-deleted") if keep_deleted is not None else None
        settings = msgspec.structs.replace(found.settings, **given)
        changed = groups.change(tx, caller, found, settings, keep_deleted_ms=kept)
        return _described(tx, caller, changed)

    _report(house.change(context, verb), as_json)


@app.command()
def remove(context: typer.Context, customer: Of, name: At, as_json: Json = False) -> None:
    """End a group: what came from elsewhere goes, the space stays."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import groups

        found = house.group(tx, caller, customer, name)
        groups.remove(tx, caller, found)
        return {"id": found.space.id, "name": found.name}

    show.removed(house.change(context, verb), "name", as_json=as_json)


def _described(tx: Tx, caller: Caller, group: FileGroup) -> dict[str, Any]:
    from kade.services import spaces

    settings = group.settings
    installations = {each.id: each.name for each in tx.sources.installations(group.space.tenant_id)}
    return {
        "name": group.name,
        "id": group.space.id,
        "space": spaces.paths(tx, caller).get(group.space.id),
        "installation": installations.get(settings.installation_id),  # type: ignore[call-overload]
        "copies": settings.copies,
        "downloads": settings.downloads,
        "active": settings.active,
        "keep_deleted_seconds": group.space.policy.trash_ms // 1000,
        "folders": [group_folder.described(tx, each) for each in tx.sources.of_space(group.space.id)],
    }


def _report(group: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(group)
        return
    kept = group["keep_deleted_seconds"]
    show.facts(
        [
            ("name", group["name"]),
            ("id", group["id"]),
            ("space", group["space"] or ""),
            ("installation", group["installation"] or ""),
            ("bytes", "copied into the store" if group["copies"] else "stay where they are"),
            ("downloads", "allowed" if group["downloads"] else "not allowed"),
            ("deleted files", f"kept for {kept // 86_400} days" if kept else "not kept"),
            ("state", "active" if group["active"] else "disabled"),
            *(("folder", f"{each['path']}  {each['method']}") for each in group["folders"]),
        ]
    )

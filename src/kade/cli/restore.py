"""`kade restore`: back from the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.errors import CommandError
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.files import File
    from kade.core.ports import Tx
    from kade.core.principals import Caller


def restore(
    context: typer.Context,
    path: Annotated[str, typer.Argument(metavar="SPACE", help="Path of the space, such as partner or a/b.")],
    which: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="Its id, how that begins or ends, or its path; none: list them."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring a removed file back as it was, or list those that can be."""

    def trashed(tx: Tx, caller: Caller) -> list[File]:
        from kade.core.files import FileState
        from kade.services import spaces

        space = spaces.at_path(tx, caller, path)
        return tx.files.of_space(space.id, (FileState.TRASHED,))

    if which is None:
        found = house.look(
            context, lambda tx, caller, _kade: [_described(tx, each) for each in trashed(tx, caller)]
        )
        if as_json:
            print_json(found)
        else:
            rows = [[each["id"], each["removed"], each["path"]] for each in found]
            show.table(["ID", "REMOVED", "PATH"], rows)
        return

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import files

        there = trashed(tx, caller)
        by_path = [each for each in there if files.path(tx, each) == which.strip("/").replace("\\", "/")]
        if len(by_path) > 1:
            raise CommandError(f"{len(by_path)} removed files were at {which!r}: name one by its id")
        by_id = {each.id: each for each in there}
        chosen = by_path[0] if by_path else house.one_of(by_id, which, "files", f"kade restore {path}")
        return _described(tx, files.restore(tx, caller, chosen))

    restored = house.change(context, verb)
    if as_json:
        print_json(restored)
    else:
        typer.echo(f"restored {restored['path']}")


def _described(tx: Tx, file: File) -> dict[str, Any]:
    from kade.services import files

    return {
        "id": file.id,
        "path": files.path(tx, file),
        "size": file.length,
        "state": file.state,
        "removed": show.time(file.changed_at),
    }

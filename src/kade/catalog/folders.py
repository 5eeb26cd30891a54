"""Folders in the catalog."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, exists, select

from kade.catalog.rows import select_rows
from kade.catalog.schema import files, folders
from kade.catalog.statements import Session, among, insert_if_absent, listed
from kade.core import names
from kade.core.folders import Folder, above
from kade.core.ids import Id, new_id

_ADD = insert_if_absent(folders, folders.c.space_id, folders.c.path_folded)
_AT = select_rows(folders).where(
    folders.c.space_id == bindparam("_space"), folders.c.path_folded == bindparam("_folded")
)
_GET_MANY = select_rows(folders).where(among(folders.c.id, "_ids"))
_BELOW = (
    select_rows(folders)
    .where(folders.c.space_id == bindparam("_space"), folders.c.parent_folded == bindparam("_parent"))
    .order_by(folders.c.path_folded)
)
_child = folders.alias("child")
_PRUNE = delete(folders).where(
    folders.c.space_id == bindparam("_space"),
    ~exists(
        select(files.c.id).where(files.c.space_id == folders.c.space_id, files.c.folder_id == folders.c.id)
    ),
    ~exists(
        select(_child.c.id).where(
            _child.c.space_id == folders.c.space_id, _child.c.parent_folded == folders.c.path_folded
        )
    ),
)


class FolderTable:
    """Implements ``core.ports.Folders``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ensure(self, space_id: Id, path: str) -> Folder:
        folded = names.fold(path)
        there = self.at(space_id, folded)
        if there is not None:
            return there
        if above(path):
            self.ensure(space_id, above(path))
        made = Folder(new_id(), space_id, path, folded, above(folded))
        self._session.run(_ADD, **made._asdict())
        found = self.at(space_id, folded)  # somebody else may have made it meanwhile
        assert found is not None
        return found

    def at(self, space_id: Id, path_folded: str) -> Folder | None:
        row = self._session.one(_AT, _space=space_id, _folded=path_folded)
        return Folder._make(row) if row else None

    def get_many(self, folder_ids: Sequence[Id]) -> dict[Id, Folder]:
        rows = self._session.all(_GET_MANY, _ids=listed(folder_ids)) if folder_ids else ()
        return {row[0]: Folder._make(row) for row in rows}

    def below(self, space_id: Id, parent_folded: str) -> list[Folder]:
        rows = self._session.all(_BELOW, _space=space_id, _parent=parent_folded)
        return [Folder._make(row) for row in rows]

    def prune(self, space_id: Id) -> int:
        pruned = 0
        while gone := self._session.run(_PRUNE, _space=space_id):  # a folder above may be empty then
            pruned += gone
        return pruned

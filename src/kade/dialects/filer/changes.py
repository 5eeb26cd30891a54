"""``POST /File/Add/``, ``PUT /File/Change/``, ``PUT /File/Rename/``, ``DELETE /File/Delete/`` (spec 2(c)).

A change that finds nothing is remarked on, not refused; it is carried out in every other group.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kade.core.annotations import Annotations
from kade.core.customers import FileGroup
from kade.core.errors import KadeError, SourceReason
from kade.core.files import FileState
from kade.core.names import fold
from kade.core.ports import Tx
from kade.core.sources import Installation, Method
from kade.dialects.filer import namer, paths, places
from kade.dialects.filer.codes import FilerReason, Remark, refusal
from kade.dialects.filer.door import Notes, Visit, group_or_all
from kade.dialects.filer.places import KNOWN, PRESENT, Found, Root
from kade.services import files
from kade.services.items import ItemKeeper

Reply = dict[str, Any]
_PRIORITIES = (0, 1000)


@dataclass(frozen=True, slots=True)
class _Addition:
    """What a request to add says; *named*: for one group that it names."""

    path: str
    custom_id: str
    said: Annotations
    priority: int
    named: bool


class Changes:
    """What changes files; each method is the work of one transaction."""

    def __init__(self, keeper: ItemKeeper) -> None:
        self._keeper = keeper

    def add(self, tx: Tx, visit: Visit, notes: Notes) -> Reply:
        """Queue a file to be read, in every group with a folder that it lies in."""
        parameters = visit.parameters
        path = parameters.path()
        if path is None:
            raise refusal(FilerReason.PATH_MISSING, "FilePath")
        custom_id, said = parameters.custom_id, parameters.annotations
        priority = parameters.number("Priority", *_PRIORITIES, FilerReason.OUT_OF_RANGE) or 0
        where, named = group_or_all(tx, visit)
        addition = _Addition(path, custom_id, said, priority, named)
        folder, _ = places.split(path)
        matching = [
            (group, root)
            for group in where
            if (root := places.root_of(places.roots(tx, group), folder)) is not None
        ]
        if not matching:
            if named and not where[0].settings.installation_id and not tx.sources.of_space(where[0].space.id):
                raise refusal(FilerReason.NO_INSTALLATION)
            raise refusal(FilerReason.NO_FOLDER_IN_GROUP if named else FilerReason.NO_FOLDER)
        processed = [
            each
            for group, root in matching
            if (each := self._add_to(tx, visit, notes, group, root, addition))
        ]
        if len(processed) == 1:
            notes.warn(Remark.PROCESSED)
        elif processed:
            notes.warn(Remark.PROCESSED_IN_SEVERAL, str(len(processed)))
        return {}

    def _add_to(
        self, tx: Tx, visit: Visit, notes: Notes, group: FileGroup, root: Root, addition: _Addition
    ) -> bool:
        """Queue the file in one group; whether it was processed there before."""
        if not _takes_requests(tx, root):
            notes.warn(Remark.NOT_BY_API, group.name)
            return False
        if root.source.method != Method.REQUESTED:
            notes.warn(Remark.SERVICE_NOT_BY_API, group.name)
            return False
        there = places.at(tx, group, addition.path, KNOWN)
        item = tx.items.get(there.id) if there is not None else None
        owner = namer.file_of(tx, group.space.id, addition.custom_id) if addition.custom_id else None
        if owner is not None and (there is None or owner != there.id):
            in_use = FilerReason.CUSTOM_ID_IN_GROUP if addition.named else FilerReason.CUSTOM_ID_IN_USE
            raise refusal(in_use)
        queued = there is not None and item is not None and item.queued_at is not None
        if owner is not None:
            notes.warn(Remark.CUSTOM_ID_QUEUED if queued else Remark.CUSTOM_ID_KNOWN)
        elif queued:
            notes.warn(Remark.QUEUED)
        folder, name = places.split(addition.path)
        where = _canonical(folder, root)
        key = "/".join(filter(None, (paths.below(where, root.path), name)))
        file = self._keeper.request(
            tx, visit.caller, root.source, (where, name, key), addition.said, addition.priority
        )
        if addition.custom_id and owner is None:
            namer.give_id(tx, group.space.id, file.id, addition.custom_id)
        return there is not None and not queued and owner is None

    def change(self, tx: Tx, visit: Visit, notes: Notes) -> Reply:
        """Put other text, metadata and tags in the place of what was said of a file."""
        sought, said = visit.parameters.target(), visit.parameters.annotations
        where, named = group_or_all(tx, visit)
        found = places.named(tx, where, sought, PRESENT)
        if not found:
            _require_covered(tx, sought.path, where, named=named)
            notes.warn(Remark.NOT_IN_GROUP if named else Remark.NOT_ANYWHERE)
        for each in found:
            files.annotate(tx, visit.caller, each.file, said)
            item = tx.items.get(each.file.id)
            if item is not None and item.queued_at is not None:
                notes.warn(Remark.QUEUED)
        return {}

    def rename(self, tx: Tx, visit: Visit, notes: Notes) -> Reply:
        """Let a file be found under another path, with all that is known of it."""
        parameters = visit.parameters
        if not parameters.text("FilePathNew").strip():
            raise refusal(FilerReason.PATH_MISSING, "FilePathNew")
        sought, target = parameters.target(), parameters.path("FilePathNew")
        assert target is not None
        where, named = group_or_all(tx, visit)
        if sought.path == target:
            raise refusal(FilerReason.SAME_NAME)
        found = places.named(tx, where, sought, PRESENT)
        if not found:
            notes.warn(Remark.NOTHING_TO_RENAME_IN_GROUP if named else Remark.NOTHING_TO_RENAME)
            return {}
        _require_covered(tx, target, [each.group for each in found], named=named)
        for each in found:
            self._rename_in(tx, visit, each, target)
        return {}

    def _rename_in(self, tx: Tx, visit: Visit, found: Found, target: str) -> None:
        folder, name = places.split(target)
        there = places.at(tx, found.group, target, KNOWN)
        if there is not None and there.id != found.file.id:
            raise refusal(FilerReason.NAME_IN_USE)
        if there is not None and there.name == name:
            raise refusal(FilerReason.SAME_NAME)
        root = places.root_of(places.roots(tx, found.group), folder)
        if root is None:
            in_group = fold(folder) == fold(found.group.name)
            files.move(tx, visit.caller, found.file, "" if in_group else folder, name)
            return
        where = _canonical(folder, root)
        files.move(tx, visit.caller, found.file, where, name)
        item = tx.items.get(found.file.id)
        if item is not None:
            key = "/".join(filter(None, (paths.below(where, root.path), name)))
            try:
                tx.items.change(item._replace(source_id=root.source.id, key=key))
            except KeyError as error:
                raise refusal(FilerReason.NAME_IN_USE) from error

    def delete(self, tx: Tx, visit: Visit, notes: Notes) -> Reply:
        """Remove a file: to the trash where the group keeps deleted files, else, or when forced, for good."""
        parameters = visit.parameters
        sought = parameters.target()
        by_id = sought.path is None
        forced = parameters.boolean("Forced") or by_id
        where, named = group_or_all(tx, visit)
        found = places.named(tx, where, sought, KNOWN if forced else PRESENT)
        if not found:
            notes.warn(Remark.NOT_IN_GROUP if named else Remark.NOT_ANYWHERE)
            return {}
        remove: Callable[..., bool] = files.purge if forced else files.remove
        for each in found:
            held = each.file.state == FileState.HELD  # nobody has seen it yet: there is nothing to keep
            (files.purge if held else remove)(tx, visit.caller, each.file)
        if by_id:
            notes.warn(Remark.FORCED)
        return {}


def _takes_requests(tx: Tx, root: Root) -> bool:
    every: list[Installation] = tx.sources.installations(root.service.tenant_id)
    found = next((each for each in every if each.id == root.service.installation_id), None)
    if found is None:
        raise KadeError(SourceReason.UNKNOWN, root.service.installation_id)
    return found.takes_requests


def _canonical(folder: str, root: Root) -> str:
    """The folder with the source's own spelling at its beginning."""
    return "/".join(filter(None, (root.path, paths.below(folder, root.path))))


def _require_covered(tx: Tx, path: str | None, where: list[FileGroup], *, named: bool) -> None:
    """A path that no folder of a group contains is a mistake; a file that is not there may be none."""
    if path is None:
        return
    folder, _ = places.split(path)
    if not any(places.covers(tx, group, folder) for group in where):
        raise refusal(FilerReason.NO_FOLDER_IN_GROUP if named else FilerReason.NO_FOLDER)

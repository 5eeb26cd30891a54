"""``GET /File/Information/``, ``/File/Content/`` and ``/File/List/Changes/`` (spec 2(a), 2(c) 23)."""

from typing import Any

from kade.core.clock import Millis, now
from kade.core.files import File, FileState
from kade.core.ports import Tx
from kade.dialects.filer import namer, paths, places, shapes
from kade.dialects.filer.codes import FilerReason, Remark, refusal
from kade.dialects.filer.door import Notes, Visit, many_groups, required_group, target_in_group
from kade.services import readings, searching
from kade.services.searching import Entry

Reply = dict[str, Any]
_MINUTE_MS = 60_000
_WINDOW = (1, 1440)  # minutes
_MOST = 10_000


def information(tx: Tx, visit: Visit, notes: Notes) -> Reply:
    """All that is known of a file, once for each group."""
    target = visit.parameters.target()
    groups = many_groups(tx, visit, notes)
    found = places.named(tx, groups, target)
    if not found:
        raise refusal(FilerReason.NOTHING_FOUND)
    shelf = shapes.Shelf(tx, {each.group.space.id: each.group for each in found})
    items = tx.items.get_many([each.file.id for each in found])
    entries = _described(tx, [each.file for each in found])
    for each in entries:
        for limit in shapes.limits(each, items.get(each.file.id)):
            notes.warn(Remark.GENERAL, f"{each.file.name}: {limit}")
    return {"Information": [shapes.information(tx, shelf, each, items.get(each.file.id)) for each in entries]}


def content(tx: Tx, visit: Visit, notes: Notes) -> Reply:
    """The text that was read in a file."""
    target = target_in_group(visit)
    found = places.named(tx, [required_group(tx, visit)], target)
    if not found:
        raise refusal(FilerReason.UNKNOWN_FILE)
    entries = _described(tx, [found[0].file])
    for limit in shapes.limits(entries[0], tx.items.get(found[0].file.id)):
        notes.warn(Remark.GENERAL, f"{found[0].file.name}: {limit}")
    return {"Content": readings.text_of(tx, found[0].file.id)}


def changes(tx: Tx, visit: Visit, notes: Notes) -> Reply:
    """What was changed within some minutes, trashed files too, longest ago first."""
    parameters = visit.parameters
    minutes = parameters.number("MinuteWindow", *_WINDOW, FilerReason.OUT_OF_RANGE)
    if minutes is None:
        raise refusal(FilerReason.OUT_OF_RANGE, "MinuteWindow")
    limit = parameters.number("Limit", 1, _MOST, FilerReason.OUT_OF_RANGE) or _MOST
    since = parameters.moment("TimeOffset")
    if since is None:
        before = Millis(now() + 1)
        since = Millis(before - minutes * _MINUTE_MS)
    else:
        before = Millis(since + minutes * _MINUTE_MS)
    groups = {group.space.id: group for group in many_groups(tx, visit, notes)}
    found: list[File] = []
    for space_id in groups:
        found += tx.files.changed(space_id, since, before, limit)
    found.sort(key=lambda file: (file.changed_at, file.id))
    folders = tx.folders.get_many([file.folder_id for file in found[:limit] if file.folder_id is not None])
    return {
        "Files": [
            {
                "CustomID": namer.custom_id(tx, file.id),
                "FileGroup": groups[file.space_id].name,
                "FilePath": paths.unc(
                    paths.of_file(
                        file,
                        folders.get(file.folder_id) if file.folder_id is not None else None,
                        groups[file.space_id].name,
                    )
                ),
                "LastModified": shapes.time(file.modified_at or file.arrived_at or file.created_at),
                "UpdatedOn": shapes.time(file.changed_at),
            }
            for file in found[:limit]
        ]
    }


def _described(tx: Tx, files: list[File]) -> list[Entry]:
    """Those that wait in the queue as well."""
    return searching.described(tx, files, states=(FileState.LIVE, FileState.TRASHED, FileState.HELD))

"""``/Directory/Information/``, ``/Directory/Synchronize/`` and ``/Directory/List/`` (spec 2(a), 2(c) 22)."""

from typing import Any

from kade.core.clock import Millis, now
from kade.core.customers import FileGroup
from kade.core.files import FileState
from kade.core.names import fold
from kade.core.ports import Tx
from kade.core.sources import Method, Source, SyncRun
from kade.dialects.filer import paths, places, shapes
from kade.dialects.filer.codes import FilerReason, Remark, refusal
from kade.dialects.filer.door import Notes, Visit, many_groups
from kade.dialects.filer.parameters import is_all
from kade.dialects.filer.places import Root
from kade.services import sources

Reply = dict[str, Any]
_AUTOMATICALLY, _BY_API = "Automatically", "API"


def information(tx: Tx, visit: Visit, notes: Notes) -> Reply:
    """How the sources that contain a folder, or lie in it, are kept up."""
    directory = visit.parameters.directory()
    found = {group.name: _touching(tx, group, directory) for group in many_groups(tx, visit, notes)}
    if not any(found.values()):
        raise refusal(FilerReason.UNKNOWN_DIRECTORY)
    return {
        "Directories": {name: [_told(tx, root.source) for root in roots] for name, roots in found.items()}
    }


def synchronize(tx: Tx, visit: Visit, notes: Notes) -> Reply:
    """Have the sources that contain a folder, or lie in it, walked soon."""
    directory = visit.parameters.directory()
    if any(is_all(name) for name in visit.parameters.many("FileGroups")):
        raise refusal(FilerReason.ALL_NOT_ALLOWED)
    chosen = many_groups(tx, visit, notes)
    if not any(group.settings.installation_id or places.roots(tx, group) for group in chosen):
        raise refusal(FilerReason.NO_INSTALLATION)
    found = [(group, _touching(tx, group, directory)) for group in chosen]
    if not any(roots for _, roots in found):
        raise refusal(FilerReason.UNKNOWN_DIRECTORY)
    for group, roots in found:
        automatic = [root for root in roots if root.source.method == Method.AUTOMATIC]
        if roots and not automatic:
            notes.warn(Remark.GROUP_BY_API, group.name)
        for root in automatic:
            sources.request_run(tx, visit.caller, root.source)
    return {}


def contents(tx: Tx, visit: Visit, notes: Notes) -> Reply:
    """The folders and files that are directly in a folder."""
    directory = visit.parameters.directory()
    deleted = visit.parameters.boolean("LoadDeleted") or False
    chosen = many_groups(tx, visit, notes)
    if not any(_contains(tx, group, directory) for group in chosen):
        raise refusal(FilerReason.UNKNOWN_DIRECTORY)
    subdirectories, files = {}, {}
    for group in chosen:
        states = [FileState.LIVE, *([FileState.TRASHED] if deleted and group.keeps_deleted else [])]
        subdirectories[group.name] = [
            paths.unc(each.path) for each in tx.folders.below(group.space.id, fold(directory))
        ]
        files[group.name] = _names(tx, group, directory, states)
    return {"Subdirectories": subdirectories, "Files": files}


def _touching(tx: Tx, group: FileGroup, directory: str) -> list[Root]:
    return [
        root
        for root in places.roots(tx, group)
        if paths.below(directory, root.path) is not None or paths.below(root.path, directory) is not None
    ]


def _contains(tx: Tx, group: FileGroup, directory: str) -> bool:
    above = any(paths.below(root.path, directory) is not None for root in places.roots(tx, group))
    return above or places.covers(tx, group, directory)


def _names(tx: Tx, group: FileGroup, directory: str, states: list[FileState]) -> list[str]:
    """Names of files, each once; of the folder by the group's own name those that lie in none."""
    folder = tx.folders.at(group.space.id, fold(directory))
    found = tx.files.in_folder(group.space.id, folder.id, states) if folder is not None else []
    if fold(directory) == fold(group.name):
        found = [*found, *tx.files.in_folder(group.space.id, None, states)]
    return list(dict.fromkeys(file.name for file in found))


def _told(tx: Tx, source: Source) -> Reply:
    run = next((each for each in tx.sources.runs(source.id, 2) if each.ended_at is not None), None)
    current = tx.sources.run(source.run_id) if source.run_id is not None else None
    automatic = source.method == Method.AUTOMATIC
    return {
        "Type": _AUTOMATICALLY if automatic else _BY_API,
        "Synchronization": {
            "Started": shapes.time(_started(current or run)),
            "Completed": shapes.time(run.ended_at if run is not None else None),
            "Duration": _duration(run),
            "Next": shapes.time(_next(source)) if automatic else None,
            "Requested": int(source.requested_at is not None),
        },
    }


def _started(run: SyncRun | None) -> Millis | None:
    return run.started_at if run is not None else None


def _duration(run: SyncRun | None) -> int | None:
    """Whole seconds of the last run that ended."""
    if run is None or run.ended_at is None:
        return None
    return round((run.ended_at - run.started_at) / 1000)


def _next(source: Source) -> Millis | None:
    """When the next run begins; of one that is asked for: now."""
    return now() if source.requested_at is not None else source.due_at

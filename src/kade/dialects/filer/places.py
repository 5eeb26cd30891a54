"""Where a file stands: by its path or its CustomID in a group; which source of a group its path lies in."""

from typing import NamedTuple

from kade.core.customers import FileGroup
from kade.core.files import File, FileState
from kade.core.names import fold
from kade.core.ports import Tx
from kade.core.sources import Service, Source
from kade.dialects.filer import namer, paths
from kade.dialects.filer.codes import FilerReason, refusal
from kade.dialects.filer.parameters import Target
from kade.services import files

KNOWN = (FileState.LIVE, FileState.HELD, FileState.TRASHED)
PRESENT = (FileState.LIVE, FileState.HELD)


class Found(NamedTuple):
    """A file in one of the groups."""

    group: FileGroup
    file: File


class Root(NamedTuple):
    """A source of a group, and the path at which what it brings begins."""

    source: Source
    service: Service
    path: str

    @property
    def shown(self) -> str:
        """What people are shown for it: what was chosen, or the last name of its path."""
        return self.source.shown or self.path.rpartition("/")[2]


def roots(tx: Tx, group: FileGroup) -> list[Root]:
    """The sources of a group."""
    found = []
    for source in tx.sources.of_space(group.space.id):
        service = tx.sources.service(source.service_id)
        if service is not None:
            path = f"{service.name}/{source.path}" if source.path else service.name
            found.append(Root(source, service, path))
    return found


def root_of(every: list[Root], path: str) -> Root | None:
    """The innermost of them that *path* lies in, or is."""
    containing = [each for each in every if paths.below(path, each.path) is not None]
    return max(containing, key=lambda each: len(each.path), default=None)


def covers(tx: Tx, group: FileGroup, folder: str) -> bool:
    """Whether a folder is one of the group's: of its sources, its own, or one in which something lies."""
    if root_of(roots(tx, group), folder) is not None or fold(folder) == fold(group.name):
        return True
    return tx.folders.at(group.space.id, fold(folder)) is not None


def split(path: str) -> tuple[str, str]:
    """A file's folder and its name."""
    folder, _, name = path.rpartition("/")
    return folder, name


def at(tx: Tx, group: FileGroup, path: str, states: tuple[FileState, ...]) -> File | None:
    """The file at that path of a group; one that lies in no folder stands in one of the group's name."""
    folder, name = split(path)
    found = files.at(tx, group.space.id, folder, name, states)
    if found is None and fold(folder) == fold(group.name):
        found = files.at(tx, group.space.id, "", name, states)
    return found


def named(
    tx: Tx, where: list[FileGroup], target: Target, states: tuple[FileState, ...] = KNOWN
) -> list[Found]:
    """The files that are meant; at most one of each group, and only one by its id."""
    path, custom_id = target
    found = []
    for group in where:
        if path is not None:
            file = at(tx, group, path, states)
        else:
            file_id = namer.file_of(tx, group.space.id, custom_id)
            file = tx.files.get(file_id) if file_id is not None else None
        if file is not None and file.state in states:
            found.append(Found(group, file))
    if path is None and len(found) > 1:
        raise refusal(FilerReason.SEVERAL_FILES)
    return found

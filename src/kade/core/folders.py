"""Folder: where in a space a file lies, when the space has any order at all."""

from typing import NamedTuple

from kade.core import names
from kade.core.errors import FileReason, KadeError
from kade.core.ids import Id

DEEPEST = 64  # names
LONGEST = 4096  # characters


class Folder(NamedTuple):
    """A folder at *path*, names with slashes between; *parent_folded* is the folded path above, or empty."""

    id: Id
    space_id: Id
    path: str
    path_folded: str
    parent_folded: str


def clean(path: str) -> str:
    """*path* with every name in its canonical form, without slashes around or doubled.

    Raises:
        KadeError: ``FileReason.BAD_NAME`` for what is no name, or too deep or long.
    """
    parts = [names.clean(part, FileReason.BAD_NAME) for part in path.split("/") if part]
    cleaned = "/".join(parts)
    if len(parts) > DEEPEST or len(cleaned) > LONGEST:
        raise KadeError(FileReason.BAD_NAME, ascii(path[:80]))
    return cleaned


def above(path: str) -> str:
    """The path of the folder that this one is in; empty at the top."""
    return path.rpartition("/")[0]

"""Paths as users write them, with any number of backslashes or slashes before, and as the house has them."""

from kade.core import folders
from kade.core.errors import KadeError
from kade.core.files import File
from kade.core.folders import Folder
from kade.core.names import fold


def parsed(text: str) -> str:
    """The path with slashes between its names, none around. Raises ValueError for what is no path."""
    names = text.replace("\\", "/").lstrip("/").split("/")
    if len(names) > 1 and not names[-1]:
        names.pop()  # a folder may end with a slash
    if not all(names):
        raise ValueError(text)
    try:
        return folders.clean("/".join(names))
    except KadeError as error:
        raise ValueError(text) from error


def unc(path: str) -> str:
    """As it stands in a list: ``\\\\\\\\server\\\\folder\\\\name``."""
    return "\\\\" + path.replace("/", "\\")


def real(path: str) -> str:
    """As it stands in a search result: without the backslashes before it."""
    return path.replace("/", "\\")


def below(path: str, root: str) -> str | None:
    """What follows *root* in *path*, in whatever case; empty: it is the root; None: it is not below it."""
    if not root or fold(path) == fold(root):
        return "" if root else path
    return path[len(root) + 1 :] if fold(path).startswith(fold(root) + "/") else None


def of_file(file: File, folder: Folder | None, group: str) -> str:
    """A file's path; one that lies in no folder stands in one of the group's name."""
    return f"{folder.path if folder is not None else group}/{file.name}"

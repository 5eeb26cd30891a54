"""Where an index lies: a folder per generation, and the file ``current`` that says which one counts.

    <folder>/current            "1 g-6fH3…": the format, and the folder of the generation
    <folder>/lock               who holds it, and how, is below
    <folder>/g-6fH3…/           files of the index; ``building`` is locked while somebody fills it

``current`` is replaced as a whole, so that there is always exactly one. Changes of the current generation
share the lock, and whoever says which one is current has it alone: a change is made wholly before or after.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kade import durable
from kade.core.ids import new_token

_PREFIX = "g-"


class Generations:
    """The generations of one index; *form* is the format that this program reads and writes."""

    def __init__(self, folder: Path, form: int) -> None:
        self.folder = folder
        self._form = form

    def current(self) -> Path | None:
        """The folder of the current generation; None when there is none, or one of another format."""
        try:
            said = (self.folder / "current").read_text(encoding="ascii").split()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        if len(said) != 2 or said[0] != str(self._form) or not said[1].startswith(_PREFIX):
            return None
        folder = self.folder / Path(said[1]).name
        return folder if folder.is_dir() else None

    def begin(self) -> "Building":
        """A new folder, which nobody drops while it is being filled. The lock must be had alone."""
        folder = self.folder / f"{_PREFIX}{new_token(12)}"
        folder.mkdir()
        return Building(folder)

    def publish(self, building: "Building") -> None:
        """Make it the current generation and drop the others. The lock must be had alone."""
        durable.sync_folder(building.folder)
        durable.sync_folder(self.folder)
        durable.write(self.folder / "current", f"{self._form} {building.folder.name}\n".encode())
        building.release()
        self.drop_others()

    def drop_others(self) -> None:
        """Drop what is neither current nor being filled: older ones, and what a crash left."""
        current = self.current()
        for folder in self.folder.glob(f"{_PREFIX}*"):
            if folder != current and not _is_locked(folder / "building"):
                shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self, *, alone: bool) -> Iterator[None]:
        """Hold the lock, alone or shared with others."""
        with (self.folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield


class Building:
    """The lock on a generation that is being filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: IO[str] = (folder / "building").open("a")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def release(self) -> None:
        """It is filled, or nobody wants it any more."""
        self._file.close()


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False

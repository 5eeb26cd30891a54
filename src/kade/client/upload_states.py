"""What `kade put` remembers of unfinished uploads: a small file for each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kade import durable
from kade.client.local_file import LocalFile


class UploadState(msgspec.Struct, frozen=True):
    """What must be remembered so that another run goes on: the URL, and which file it was made for."""

    upload: str
    size: int
    modified: int


@dataclass(frozen=True)
class UploadStates:
    """A folder with one small file per unfinished upload, named by where it goes and what is sent."""

    folder: Path

    def of(self, creation_url: str, file: LocalFile) -> FileMemory:
        """The memory of the upload of this file to there."""
        name = hashlib.sha256(f"{creation_url}\n{file.path.absolute()}".encode()).hexdigest()
        return FileMemory(self.folder / f"{name[:32]}.json", file)


@dataclass(frozen=True)
class FileMemory:
    """Implements ``ports.UploadMemory``; a changed file is another file. All raise OSError."""

    path: Path
    file: LocalFile

    async def find(self) -> str | None:
        try:
            state = msgspec.json.decode(self.path.read_bytes(), type=UploadState)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        same = (state.size, state.modified) == (self.file.size, self.file.modified)
        return state.upload if same else None

    async def keep(self, url: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        state = UploadState(url, self.file.size, self.file.modified)
        durable.write(self.path, msgspec.json.encode(state), 0o600)

    async def forget(self) -> None:
        self.path.unlink(missing_ok=True)

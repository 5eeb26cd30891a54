"""Downloads into files and uploads of files, for `kade get` and `kade put`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from kade.client import download as downloads
from kade.client import tus_upload
from kade.client.errors import TransferError
from kade.client.local_file import LocalFile
from kade.client.part_file import PartFile
from kade.client.peer import RemotePeer
from kade.client.progress import Progress
from kade.client.upload_states import UploadStates


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched; `sha256` is set when the server offered one and it was equal."""

    path: Path
    size: int
    sha256: str | None


async def fetch(
    peer: RemotePeer,
    url: str,
    target: Path,
    *,
    expected: downloads.Expected | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Fetch `url` into `target`, which appears when all bytes are there, verified and synced, and not before.

    Raises TransferError; the bytes so far are kept beside it for a later run, wrong ones are dropped.
    """
    try:
        with PartFile(target) as part:
            done = await downloads.download(peer, url, part, expected=expected, progress=progress)
            await asyncio.to_thread(part.finish)
            return Fetched(target, done.size, done.digests.get("sha256"))
    except OSError as error:
        raise TransferError(f"{error.filename or target}: {error.strerror}") from None


async def send(
    peer: RemotePeer,
    creation_url: str,
    file: Path,
    *,
    states: UploadStates,
    name: str | None = None,
    media_type: str | None = None,
    part_size: int | None = None,
    progress: Progress | None = None,
) -> tus_upload.Uploaded:
    """Send a file to a tus endpoint under `name` (None: its own), as one PATCH or several of `part_size`.

    An earlier run's unfinished upload of the same, unchanged file goes on. Raises TransferError.
    """
    try:
        with LocalFile(file, name, media_type) as outgoing:
            memory = states.of(creation_url, outgoing)
            sent = await tus_upload.upload(
                peer, creation_url, outgoing, memory, part_size=part_size, progress=progress
            )
            await memory.forget()
            return sent
    except OSError as error:
        raise TransferError(f"{error.filename or file}: {error.strerror}") from None

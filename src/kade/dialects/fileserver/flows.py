"""What the service does with files, for both of its faces: each flow owns its transactions."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Sequence

from kade.core.errors import FileReason, KadeError, UploadReason
from kade.core.events import Event
from kade.core.ports import Source, Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload
from kade.dialects.fileserver import files
from kade.dialects.fileserver.files import Found
from kade.dialects.fileserver.namer import INSTANCE
from kade.dialects.fileserver.settings import Settings
from kade.dialects.fileserver.wire import FileInfo, NewFileFromFs
from kade.services.receiving import Closing
from kade.web import share
from kade.web.dialect import Kit
from kade.web.grote_berichten.checksums import ALGORITHMS
from kade.web.grote_berichten.names import name_of
from kade.web.grote_berichten.references import Reference
from kade.web.service_api import values
from kade.web.streaming import read_whole

_MOST_REFERENCES = 100  # files in one reference


class FileFlows:
    """Files in the boxes of all users (spec 1.1, 1.4)."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings

    async def paths(self, caller: Caller) -> list[str]:
        """The path of every file in reach, ascending."""
        return await self._kit.catalog.read(files.paths, caller)

    async def deposit(
        self,
        caller: Caller,
        number: str,
        name: str,
        media_type: str | None,
        source: Source,
        checks: Closing,
    ) -> str:
        """A file for the user of that number, wholly or not at all; its path.

        Raises:
            KadeError: ``PrincipalReason.UNKNOWN``, a bad name or media type, what *source* and *checks*
                raise, and what ``Appending.deposit_whole`` does.
        """
        kit = self._kit
        paths: list[str] = []

        def begin(tx: Tx) -> Upload:
            upload, path = files.begin(tx, caller, kit.namers, kit.rules, number, name, media_type)
            paths[:] = [path]
            return upload

        await kit.appending.deposit_whole(caller, begin, source, checks)
        return paths[0]

    async def deposit_from_share(self, caller: Caller, number: str, new: NewFileFromFs) -> str:
        """``deposit`` of a file of the upload share. Raises as that and ``share.opened`` do."""
        checks = files.closing_with(
            values.sha256(new.sha256_checksum), values.time_frame(new.start_date, new.end_date)
        )
        name = share.base_name(new.name)
        media_type = mimetypes.guess_type(name)[0]
        async with share.opened(self._settings.upload_share, new.name) as source:
            return await self.deposit(caller, number, name, media_type, source, checks)

    async def found(self, caller: Caller, path: str, *, md5: bool = False) -> Found:
        """A complete file with its SHA-256, and with its MD5 when that is asked for.

        Raises:
            KadeError: ``FileReason.UNKNOWN`` or ``INCOMPLETE``.
        """
        found = await self._kit.catalog.read(files.find, caller, path)
        content = await self._kit.digesting.ensure(found.content.id, md5=md5)
        return found._replace(content=content)

    async def info(self, caller: Caller, path: str) -> FileInfo:
        """What is told of a file. Raises as ``found`` does."""
        return files.info(await self.found(caller, path, md5=True))

    def pieces(self, caller: Caller, found: Found) -> AsyncIterator[bytes]:
        """The file's bytes, while the caller has a right to them."""
        kit = self._kit
        return read_whole(kit.store, kit.transfers, caller, found.content, found.extents)

    async def hand_over(self, caller: Caller, path: str, name: str) -> str:
        """Copy a file into the download share under *name*; its SHA-256 in upper-case hex.

        Raises as ``found`` and ``share.hand_over`` do.
        """
        found = await self.found(caller, path)
        sha256 = found.content.sha256
        assert sha256 is not None
        await share.hand_over(self._settings.download_share, name, self.pieces(caller, found), sha256)
        self._kit.audit.note(Event.by(caller, "file.handed_over", found.file.id, name=name))
        return sha256.upper()

    async def delete(self, caller: Caller, path: str, force: bool) -> bool:
        """Remove a file, complete or not; whether its bytes go now. Whoever is writing to it ends first.

        Raises:
            KadeError: ``FileReason.UNKNOWN``.
        """
        kit = self._kit
        try:
            await kit.appending.settled(caller, lambda tx: files.upload_behind(tx, caller, path))
        except KadeError as error:
            if error.reason is not UploadReason.UNKNOWN:
                raise
        return await kit.catalog.write(files.delete, caller, path, force)


class ReferenceFlows:
    """References by which partners fetch files (spec 3)."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings

    async def of(self, caller: Caller, paths: Sequence[str]) -> list[Reference]:
        """What a reference says of each file, in that order.

        Raises:
            KadeError: ``FileReason.UNKNOWN``, also for more than a hundred; ``INCOMPLETE``.
        """
        if len(paths) > _MOST_REFERENCES:
            raise KadeError(FileReason.UNKNOWN, f"{len(paths)} paths")
        return await asyncio.gather(*(self._reference(caller, path) for path in paths))

    async def _reference(self, caller: Caller, path: str) -> Reference:
        kind = self._settings.reference_checksum
        found = await self._kit.catalog.read(files.find, caller, path)
        checksum = await self._kit.digesting.hexdigest(found.content.id, ALGORITHMS[kind])
        return Reference(
            await name_of(self._kit.catalog, INSTANCE, found.file),
            found.file.media_type,
            found.content.length,
            kind,
            checksum.upper(),
            found.file.valid_from,
            found.file.valid_until,
            f"{self._base_url()}/download/{path}",
        )

    def _base_url(self) -> str:
        return self._settings.base_url.rstrip("/") or self._kit.bases["exchange"] + self._settings.path

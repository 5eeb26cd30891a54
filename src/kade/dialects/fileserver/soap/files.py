"""FileService by SOAP (spec 1.4); files travel as attachments (MTOM) or inline, and stream either way."""

from collections.abc import Sequence

import msgspec

from kade.core.ports import Tx
from kade.core.uploads import Upload
from kade.dialects.fileserver import files
from kade.dialects.fileserver.files import UNNAMED
from kade.dialects.fileserver.flows import FileFlows
from kade.dialects.fileserver.settings import Settings
from kade.dialects.fileserver.wire import FileInfo, NewFileFromFs
from kade.services.receiving import Closing
from kade.services.uploads import Arrived
from kade.web.dialect import Kit
from kade.web.service_api import values
from kade.web.soap import Call, Nothing, Outgoing, SoapOperation

_INSTANTS = ("timestamp", "start_date", "end_date", "last_modified")


class NewFile(msgspec.Struct, frozen=True, rename="camel"):
    """Besides its ``content``, which is handed on as it comes."""

    sha256_checksum: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class NewFileHolder(msgspec.Struct, frozen=True, rename="camel"):
    user_id: int
    file: NewFile


class NewFileFromFsHolder(msgspec.Struct, frozen=True, rename="camel"):
    user_id: int
    file: NewFileFromFs


class Path(msgspec.Struct, frozen=True):
    path: str


class PathList(msgspec.Struct, frozen=True):
    path: list[str]


class Target(msgspec.Struct, frozen=True):
    path: str
    filename: str


class Deletion(msgspec.Struct, frozen=True):
    path: str
    force: bool = False


class DownloadedFile(msgspec.Struct, frozen=True, rename="camel"):
    sha256_checksum: str | None
    content: Outgoing


class DownloadedFileHolder(msgspec.Struct, frozen=True):
    file: DownloadedFile


class Checksum(msgspec.Struct, frozen=True, rename="camel"):
    sha256_checksum: str


class FileInfoHolder(msgspec.Struct, frozen=True, rename="camel"):
    file_info: FileInfo


class Deleted(msgspec.Struct, frozen=True):
    at_once: bool = msgspec.field(name="return")


class FileService:
    """Files in the boxes of all users."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._flows = FileFlows(kit, settings)

    def operations(self) -> Sequence[SoapOperation]:
        """The aliases are the names of the manual (``downloadFileFromFs``) and of earlier versions."""
        return (
            SoapOperation("uploadFile", NewFileHolder, self.upload, streamed=("file", "content")),
            SoapOperation("uploadFileFromFs", NewFileFromFsHolder, self.upload_from_fs),
            SoapOperation("downloadFile", Path, self.download, aliases=("getFile",), reads="file.read"),
            SoapOperation("downloadFileToFs", Target, self.download_to_fs, aliases=("downloadFileFromFs",)),
            SoapOperation("getFiles", Nothing, self.get_files, reads="file.listed"),
            SoapOperation("getFileInfo", Path, self.get_info, reads="file.described"),
            SoapOperation("deleteFile", Deletion, self.delete),
        )

    async def upload(self, call: Call) -> Path:
        """Name and type are the attachment's; what stands behind the content counts as well."""
        name = call.incoming.name or UNNAMED
        number = str(call.body.user_id)
        path = await self._flows.deposit(
            call.caller, number, name, call.incoming.media_type, call.content, _closing(call)
        )
        return Path(path)

    async def upload_from_fs(self, call: Call) -> Path:
        number = str(call.body.user_id)
        return Path(await self._flows.deposit_from_share(call.caller, number, call.body.file))

    async def download(self, call: Call) -> DownloadedFileHolder:
        found = await self._flows.found(call.caller, call.body.path)
        assert found.content.sha256 is not None
        pieces = self._flows.pieces(call.caller, found)
        content = Outgoing(found.content.length, found.file.name, found.file.media_type, pieces)
        return DownloadedFileHolder(DownloadedFile(found.content.sha256.upper(), content))

    async def download_to_fs(self, call: Call) -> Checksum:
        return Checksum(await self._flows.hand_over(call.caller, call.body.path, call.body.filename))

    async def get_files(self, call: Call) -> PathList:
        return PathList(await self._flows.paths(call.caller))

    async def get_info(self, call: Call) -> FileInfoHolder:
        return FileInfoHolder(
            values.plain_seconds(await self._flows.info(call.caller, call.body.path), _INSTANTS)
        )

    async def delete(self, call: Call) -> Deleted:
        return Deleted(await self._flows.delete(call.caller, call.body.path, call.body.force))


def _closing(call: Call) -> Closing:
    def checks(tx: Tx, upload: Upload, arrived: Arrived) -> None:
        new = call.whole().file
        frame = values.time_frame(new.start_date, new.end_date)
        files.closing(tx, upload, arrived, values.sha256(new.sha256_checksum), frame)

    return checks

"""FileService by SOAP (spec 2.2)."""

from collections.abc import Sequence

import msgspec

from kade.dialects.fileclient.flows import FileFlows
from kade.dialects.fileclient.wire import FileInfo
from kade.web.service_api import values
from kade.web.soap import Call, Nothing, Outgoing, SoapOperation

_INSTANTS = ("timestamp", "last_modified")


class FileId(msgspec.Struct, frozen=True):
    id: int


class Target(msgspec.Struct, frozen=True):
    id: int
    filename: str


class DownloadedFile(msgspec.Struct, frozen=True, rename="camel"):
    id: int
    sha256_checksum: str
    content: Outgoing


class DownloadedFileHolder(msgspec.Struct, frozen=True):
    file: DownloadedFile


class HandedOver(msgspec.Struct, frozen=True):
    file: FileInfo


class FileInfoHolder(msgspec.Struct, frozen=True, rename="camel"):
    file_info: FileInfo


class FileInfoList(msgspec.Struct, frozen=True, rename="camel"):
    file_info: list[FileInfo]


class FileService:
    """Files that were fetched or are being sent; they go with their tasks."""

    def __init__(self, flows: FileFlows) -> None:
        self._flows = flows

    def operations(self) -> Sequence[SoapOperation]:
        """``getFile`` is the name of earlier versions."""
        return (
            SoapOperation("downloadFile", FileId, self.download, aliases=("getFile",), reads="file.read"),
            SoapOperation("downloadFileToFs", Target, self.download_to_fs),
            SoapOperation("getFileInfo", FileId, self.get_info, reads="file.described"),
            SoapOperation("getFiles", Nothing, self.list, reads="file.listed"),
        )

    async def download(self, call: Call) -> DownloadedFileHolder:
        found = await self._flows.found(call.caller, str(call.body.id))
        assert found.content.sha256 is not None
        pieces = self._flows.pieces(call.caller, found)
        content = Outgoing(found.content.length, found.file.name, found.file.media_type, pieces)
        return DownloadedFileHolder(DownloadedFile(found.number, found.content.sha256.upper(), content))

    async def download_to_fs(self, call: Call) -> HandedOver:
        number, name = str(call.body.id), call.body.filename
        return HandedOver(_told(await self._flows.hand_over(call.caller, number, name)))

    async def get_info(self, call: Call) -> FileInfoHolder:
        return FileInfoHolder(_told(await self._flows.info(call.caller, str(call.body.id))))

    async def list(self, call: Call) -> FileInfoList:
        return FileInfoList([_told(each) for each in await self._flows.infos(call.caller)])


def _told(info: FileInfo) -> FileInfo:
    return values.plain_seconds(info, _INSTANTS)

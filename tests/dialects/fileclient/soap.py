"""How the File Client is spoken to by SOAP."""

from __future__ import annotations

from pathlib import Path

from tests.dialects.fileclient.house import ClientHouse
from tests.dialects.soap import MTOM, Reply, Speaker, Speech, enveloped, file_part, include, related

from kade.dialects import fileclient

FILE = "http://luin.dev/file/client/1.0"
GB = "http://luin.dev/digikoppeling/gb/client/1.0"
SPEECH = Speech(
    {"download": FILE, "upload": FILE, "file": FILE, "gb": GB}, Path(fileclient.__file__).parent / "schema"
)


class Soap(Speaker):
    """An application that speaks SOAP to a File Client."""

    def __init__(self, house: ClientHouse) -> None:
        super().__init__(house, SPEECH)

    async def send(
        self, url: str, data: bytes, name: str = "a.bin", before: str = "", after: str = ""
    ) -> Reply:
        """A file as an attachment, as CXF sends it; *before* its content, *after* what is called ``file``."""
        content = f"{before}<content>{include('content%40client')}</content>"
        inner = f"<creationUrl>{url}</creationUrl><file>{content}</file>{after}"
        envelope = enveloped(SPEECH.wrapped("upload", "uploadFile", inner))
        return await self.post("upload", related(envelope, file_part(data, name)), {"Content-Type": MTOM})

"""HEAD: how far an upload is (Core Protocol)."""

from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.web.tus.endpoint import TusParts, key_in, progress


class Inspect:
    operation = "upload.inspect"
    reads = "upload.inspected"

    def __init__(self, parts: TusParts) -> None:
        self._parts = parts

    async def handle(self, request: Request, caller: Caller) -> Response:
        """200 with the durable offset; a request that is writing ends first, so that the offset stands."""
        key = key_in(request, self._parts.door)
        upload = await self._parts.appending.settled(
            caller, lambda tx: self._parts.door.upload_of(tx, caller, key)
        )
        return Response(status_code=200, headers={"Cache-Control": "no-store", **_state(upload)})


def _state(upload: Upload) -> dict[str, str]:
    told = progress(upload)
    if upload.kind == UploadKind.FINAL and upload.state == UploadState.JOINING:
        del told["Upload-Offset"]  # Concatenation: not before the parts are joined
    if upload.length is not None:
        told["Upload-Length"] = str(upload.length)
    elif upload.kind != UploadKind.FINAL:
        told["Upload-Defer-Length"] = "1"
    if upload.metadata:
        told["Upload-Metadata"] = upload.metadata
    if upload.concat:
        told["Upload-Concat"] = upload.concat
    return told
